"""The vocabulary, and how espeak-ng pronounces each word, alone and in sentences."""

import json
import random
from collections import Counter, defaultdict
from pathlib import Path

import wordfreq
from tqdm import tqdm

from training import phrases
from training.espeak import Espeak
from training.recognizer import phones, speech, text

_QUICK_WPM = 380
#: Debian's word lists (packages wdutch and wamerican), and how many of the commonest words of a
#: language are looked for in them.
_LISTS: dict[phrases.Language, tuple[str, int]] = {
    "nl": ("/usr/share/dict/dutch", 40_000),
    "en": ("/usr/share/dict/american-english", 25_000),
}
_ALONE: dict[phones.Language, dict[str, int]] = {
    "en": {"en-us": 4, "en": 2},
    "nl": {"nl": 1},
    "de": {"de": 1},
}


def vocabulary(data: Path, language: phrases.Language, extra: list[str], most: int) -> list[str]:
    """The words to recognise, sorted: those of the grammar, of Tatoeba's training sentences, of the
    occasions that Tolk is for (words/), of `extra` (what people said); those that occur twice in
    books; and the commonest of Debian's word list. `most`: only this many, the commonest; 0:
    all."""
    sentences = [said for said in text.tatoeba(data, language) if not text.is_dev(said)]
    counts = Counter(word for said in sentences for word in phrases.normalise(said).split())
    in_books = Counter(word for line in text.books(data, language) for word in line.split())
    for word, n in in_books.items():
        if n + counts[word] > 1:
            counts[word] += n
    known = {word for word, n in counts.most_common(most or None) if n > 0}
    known |= set(phrases.vocabulary(language)) | _of_occasions(language) | set(extra)
    if not most:
        known |= _common(language)
    return sorted(word for word in known if word.strip("'"))


def _of_occasions(language: phrases.Language) -> set[str]:
    text = (Path(__file__).parent / "words" / f"{language}.txt").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return set(phrases.normalise(" ".join(lines)).split())


def _common(language: phrases.Language) -> set[str]:
    path, count = _LISTS[language]
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    listed = {phrases.normalise(line) for line in lines}
    return {
        word
        for word in wordfreq.top_n_list(language, count)
        if word in listed and word.replace("'", "").isalpha()
    }


def frequencies(words: list[str], language: phrases.Language) -> list[float]:
    """The share of each word in what people write (wordfreq: Speer 2022); never zero."""
    return [max(1e-8, wordfreq.word_frequency(word, language)) for word in words]


def read(path: Path) -> speech.Lexicon:
    """Read what `pronounce` wrote."""
    kept = json.loads(path.read_text(encoding="utf-8"))
    lexicon: speech.Lexicon = defaultdict(Counter)
    for word, row in kept.items():
        lexicon[word].update({tuple(said.split()): n for said, n in row.items()})
    return lexicon


def pronounce(
    path: Path, data: Path, language: phrases.Language, words: list[str], sentences: int
) -> speech.Lexicon:
    """Count the pronunciations of all `words` in so many spoken sentences; rare words are spoken
    alone. Writes the result to `path`."""
    espeak, rng = Espeak(), random.Random(4)
    wanted = set(words)
    heard = _in_context(espeak, data, language, rng, sentences)
    lexicon: speech.Lexicon = defaultdict(Counter)
    for word in tqdm(words, desc="pronunciations", unit="word"):
        lexicon[word] = alone(word, language, espeak) if word not in heard else heard[word]
        if not lexicon[word]:
            del lexicon[word]
    rows = {word: {" ".join(p): n for p, n in row.items()} for word, row in lexicon.items()
            if word in wanted}  # fmt: skip
    path.write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8")
    return lexicon


def alone(word: str, language: phones.Language, espeak: Espeak) -> Counter[tuple[str, ...]]:
    """Pronunciations of a word spoken alone, in the commonest accents; none if espeak-ng has no
    phones for it."""
    found: Counter[tuple[str, ...]] = Counter()
    for voice, weight in _ALONE[language].items():
        try:
            utterance = espeak.synthesise(word, voice, words_per_minute=_QUICK_WPM)
            spoken = speech.from_utterance(utterance, word, voice)
        except KeyError:
            continue
        made = tuple(s.phone for s in spoken.segments if s.phone != phones.SILENCE)
        if made:
            found[made] += weight
    return found


def _in_context(
    espeak: Espeak, data: Path, language: phrases.Language, rng: random.Random, sentences: int
) -> speech.Lexicon:
    counted: speech.Lexicon = defaultdict(Counter)
    draw = text.Draw(data, language)
    for _ in tqdm(range(sentences), desc="words in sentences", unit="sentence"):
        sentence, voice = draw.sentence(rng), rng.choice(speech.ACCENTS[language])
        try:
            utterance = espeak.synthesise(sentence, voice, words_per_minute=_QUICK_WPM)
            speech.count_pronunciations(speech.from_utterance(utterance, sentence, voice), counted)
        except KeyError:
            continue
    espeakless = {word: row for word, row in counted.items() if sum(row.values()) >= 8}
    return defaultdict(Counter, espeakless)
