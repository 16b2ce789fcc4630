"""How well the voices are understood by a recogniser of people: Whisper base.

    python -m tools.evaluate voices --whisper FOLDER [--json] [--quick] [--models FOLDER]
        [--languages nl …] [--development]

Half of the sentences are Tatoeba's test sentences, half are from meetings and services
(``library.rooms``). No voice was trained on them. ``--development``: other sentences, to choose
between voices. Whisper takes the likeliest word each time. Numbers are compared in figures.
"""

import argparse
import random
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

import jiwer
import numpy as np
import soxr

from server.config import STARTER_MODELS
from server.interpretation.piper_synthesizer import PiperSynthesizer
from server.interpretation.spelled_numbers import in_figures
from server.interpretation.types import Pcm
from server.interpretation.whisper_model import LONGEST_S, WhisperModel
from server.models.catalogue import Catalogue
from tools.evaluate import material
from tools.evaluate.hearing_engines import BASE, found
from tools.evaluate.material import RATE_HZ, Clip
from tools.evaluate.people import plain
from tools.figures import Figure, measuring_parser, report
from training.data import LANGUAGES, Language
from training.recognizer import augment
from training.translation.corpus import Foreign, read_corpora
from training.translation.library import rooms
from training.voice.audio import speech_level_dbfs
from training.voice.history import PERSON
from training.voice.languages import TONGUES
from training.voice.sentences import is_held_out

SENTENCES, QUICK = 100, 10
#: The highest word error rate allowed, in percent.
BOUNDS: Final[dict[Language, float]] = {"nl": 19, "de": 28, "en": 6}
#: So many percentage points more are allowed if the voice speaks faster or over a poor line.
MORE: Final = 8
FASTER: Final = 0.8
#: The word error rate of the voice, divided by that of the person whose recordings it learnt from.
TIMES_THE_PERSON: Final = 1.4
RTF_PERCENT, FIRST_MS, ALL_MB, UNEVEN_DB = 3, 60, 40, 1.5
BIT_RATE, LOST, FLOOR_GAIN = 24_000, 0.05, 10 ** (-18 / 20)
PAUSE: Final = np.zeros(RATE_HZ // 4, np.int16)
LEAST_WORDS, CLAUSE_WORDS = 3, 8
#: The speaker on the floor: English, or Dutch if the voice is English.
FLOORS: Final = (("en", "corpora/librispeech-test-clean-part"), ("nl", "corpora/flemishguy-nl"))
FLOOR_CLIPS: Final = 40


def main(words: Sequence[str]) -> int:
    """Run it. Returns the exit status: 1 if a bound does not hold."""
    options = _parser().parse_args(words)
    catalogue = Catalogue.load(options.models)
    listener = Listener(found(BASE, [options.whisper]))
    made: list[Figure] = []
    levels: list[float] = []
    for language in options.languages:
        if language not in catalogue.voices:
            continue
        voice = PiperSynthesizer(catalogue.path(catalogue.voices[language]), language)
        count = QUICK if options.quick else SENTENCES
        texts = sentences(language, count, options.development)
        spoken = [said(voice, text, 1.0) for text in texts]
        levels += [speech_level_dbfs(clip.pcm / 32768.0) for clip in spoken]
        made += understood(voice, language, spoken, listener)
        made += cost(voice, language, texts)
    spread = float(np.std(levels)) if levels else None
    made.append(Figure("voices.level_spread", spread, "dB", UNEVEN_DB))
    folders = {catalogue.path(model) for model in catalogue.voices.values()}
    size = sum(file.stat().st_size for folder in folders for file in folder.rglob("*")) / 1e6
    made.append(Figure("voices.size_of_all", size, "MB", ALL_MB))
    return report(made, as_json=options.json, quick=options.quick)


class Listener:
    """Whisper, hearing whole clips at once, in the window of 30 s that it learnt from: in a shorter
    one it misreads twice as many words of short clips."""

    def __init__(self, folder: Path) -> None:
        self._model = WhisperModel(folder)

    def words_wrong(self, clips: Sequence[Clip], language: Language) -> float:
        """The word error rate of the clips, in percent."""
        heard = self.heard(clips, language)
        return 100 * float(jiwer.wer([text for text, _ in heard], [text for _, text in heard]))

    def heard(self, clips: Sequence[Clip], language: Language) -> list[tuple[str, str]]:
        """The text of each clip and what was heard, in the form in which they are compared."""
        return [(_compared(text, language), self._heard(pcm, language)) for text, pcm in clips]

    def _heard(self, pcm: Pcm, language: Language) -> str:
        sound = self._model.encode(np.concatenate((PAUSE, pcm)), LONGEST_S)
        decoded = self._model.decode(sound, language)
        return _compared(self._model.text(decoded.ids), language)


def understood(
    voice: PiperSynthesizer, language: Language, spoken: Sequence[Clip], listener: Listener
) -> Iterator[Figure]:
    """Word error rates: of the voice, of the voice in harder conditions, and of the person."""
    name = f"voices.{language}.read_back_wrong"
    wrong = listener.words_wrong(spoken, language)
    yield Figure(name, wrong, "%", BOUNDS.get(language))
    fast = [said(voice, clip.text, FASTER) for clip in spoken]
    yield Figure(f"{name}_at_{FASTER}", listener.words_wrong(fast, language), "%", wrong + MORE)
    poor = list(over_a_poor_line(spoken, language))
    yield Figure(
        f"{name}_over_a_poor_line", listener.words_wrong(poor, language), "%", wrong + MORE
    )
    person = list(recordings(language, len(spoken)))
    if person:
        own = listener.words_wrong(person, language)
        yield Figure(f"voices.{language}.person_read_back_wrong", own, "%")
        times = wrong / own if own else None
        yield Figure(f"voices.{language}.times_the_person", times, "", TIMES_THE_PERSON)
        poor_own = listener.words_wrong(list(over_a_poor_line(person, language)), language)
        yield Figure(f"voices.{language}.person_over_a_poor_line", poor_own, "%")


def cost(voice: PiperSynthesizer, language: Language, texts: Sequence[str]) -> Iterator[Figure]:
    """The processor time of speech, and the time until a clause can be heard."""
    began_s = time.process_time()
    samples = sum(len(voice.synthesize(text, 1.0)) for text in texts)
    share = 100 * (time.process_time() - began_s) * voice.rate_hz / samples
    yield Figure(f"voices.{language}.cpu", share, "%", RTF_PERCENT)
    took = []
    for text in texts:
        clause = " ".join(text.split()[:CLAUSE_WORDS])
        began_s = time.perf_counter()
        voice.synthesize(clause, 1.0)
        took.append(1000 * (time.perf_counter() - began_s))
    yield Figure(f"voices.{language}.first_sound", float(np.median(took)), "ms", FIRST_MS)


def sentences(language: Language, count: int, development: bool) -> list[str]:
    """Half of them are Tatoeba's, half of ``rooms``; for development all are Tatoeba's."""
    rng = random.Random(31)
    foreign: Foreign = "nl" if language == "en" else language
    corpus = read_corpora(material.folder())[foreign]
    pairs = corpus.dev if development else corpus.test
    tatoeba = _sayable(pair[0 if language == "en" else 1] for pair in pairs)
    if development:
        return rng.sample(tatoeba, count)
    said = _sayable(rooms()[language])
    return rng.sample(tatoeba, count // 2) + rng.sample(said, count - count // 2)


def _sayable(texts: Iterable[str]) -> list[str]:
    """The texts of three words or more without figures."""
    long_enough = {text for text in texts if len(text.split()) >= LEAST_WORDS}
    return sorted(text for text in long_enough if not any(map(str.isdigit, text)))


def recordings(language: Language, count: int) -> Iterator[Clip]:
    """Recordings of the person whom the voice learnt from, of sentences that it did not learn."""
    kind, _, corpus = TONGUES[language].teacher.partition(":")
    if kind == PERSON:
        yield from material.clips(f"corpora/{corpus}", language, count, is_held_out)


def over_a_poor_line(spoken: Sequence[Clip], language: Language) -> Iterator[Clip]:
    """Speech over the quiet floor, where somebody else speaks, through Opus with lost packets."""
    rng = np.random.default_rng(7)
    other, corpus = FLOORS[language == "en"]
    floor = np.concatenate([clip.pcm for clip in material.clips(corpus, other, FLOOR_CLIPS)])
    for text, pcm in spoken:
        start = int(rng.integers(len(floor) - len(pcm)))
        mixed = pcm.astype(np.float64) + FLOOR_GAIN * floor[start : start + len(pcm)]
        heard = augment.lost(augment.opus(mixed, BIT_RATE), rng, LOST)
        yield Clip(text, np.clip(np.round(heard), -32768, 32767).astype(np.int16))


def said(voice: PiperSynthesizer, text: str, scale: float) -> Clip:
    pcm = voice.synthesize(text, scale)
    return Clip(text, soxr.resample(pcm, voice.rate_hz, RATE_HZ).astype(np.int16))


def _compared(text: str, language: Language) -> str:
    return " ".join(plain(in_figures(text, language), language))


def _parser() -> argparse.ArgumentParser:
    parser = measuring_parser("tools.evaluate voices", __doc__)
    parser.add_argument("--models", type=Path, default=STARTER_MODELS, help="other models")
    parser.add_argument(
        "--whisper", type=Path, required=True, help=f"the folder of {BASE}, or one with it"
    )
    parser.add_argument("--languages", nargs="+", default=LANGUAGES, choices=LANGUAGES)
    parser.add_argument("--development", action="store_true", help="other sentences")
    return parser
