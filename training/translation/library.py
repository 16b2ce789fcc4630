"""All text to learn from, by the two languages that it is in. Imports no PyTorch.

Pairs with English come from files; pairs of two other languages from sentences that two files
translate the same English sentence with.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from training.data import LANGUAGES, Language
from training.tatoeba import read_pairs
from training.translation.corpus import FOREIGN, Corpus, Foreign, Pair, held_out, key
from training.translation.verses import DEV_BOOK, TEST_BOOKS, Passages, verses_of

TATOEBA: Final = "tatoeba"
#: By the beginning of a file's name in ``text/more``: the kind of text.
KINDS: Final = {
    "bible": "verses",
    "libreoffice": "manuals", "gnome": "manuals", "mozilla": "manuals", "wesnoth": "manuals",
    "freedict": "dictionary",
}  # fmt: skip
#: Old spelling: it is learnt to be understood, and not to be written.
ARCHAIC: Final = ("bible-statenvertaling",)
NEVER_LEARNT: Final = ("ntrex",)
#: What is longer than this on either side is left out: hardly anybody says it in one sentence.
MOST_LETTERS: Final = 400
#: A pair one side of which is so many times as long as the other one is badly aligned.
MOST_UNLIKE: Final = 2.5


@dataclass(frozen=True)
class Text:
    """Pairs of (``languages[0]``, ``languages[1]``), in the order of LANGUAGES. ``archaic``: only
    to be translated from the second language."""

    name: str
    kind: str
    languages: tuple[Language, Language]
    pairs: list[Pair]
    archaic: bool = False


@dataclass(frozen=True)
class Verses:
    """(English, other) pairs held out, by language."""

    dev: dict[Foreign, list[Pair]]
    test: dict[Foreign, list[Pair]]


def rooms() -> dict[Language, list[str]]:
    """Sentences of services, tours, lectures and meetings to test with, the same in each."""
    lines = Path(__file__).with_name("room_sentences.txt").read_text("utf-8").splitlines()
    rows = [line.split(" | ") for line in lines if not line.startswith("#")]
    return {language: [row[at] for row in rows] for at, language in enumerate(LANGUAGES)}


def read(data: Path, corpora: Mapping[Foreign, Corpus], most: int | None = None) -> list[Text]:
    """All texts in ``data`` but what ``corpora`` hold out of Tatoeba, held-out verses, news and the
    sentences of ``rooms``. ``most``: pairs of each file that are looked at."""
    folder = data / "text" / "more"
    files = sorted(folder.glob("*.tsv.xz"))
    news = [
        pair for file in files if file.name.startswith(NEVER_LEARNT) for pair in read_pairs(file)
    ]
    kept_apart = held_out(dict(corpora)) | {key(side) for pair in news for side in pair}
    kept_apart |= {key(text) for texts in rooms().values() for text in texts}
    books = [file for file in files if file.name.startswith("bible")]
    passages = Passages(_english_of_held_out(books))
    texts = [
        Text(f"{TATOEBA}-en-{foreign}", TATOEBA, ("en", foreign), corpus.train[:most])
        for foreign, corpus in corpora.items()
    ]
    for file in files:
        name = file.name.removesuffix(".tsv.xz")
        kind = next((KINDS[start] for start in KINDS if name.startswith(start)), None)
        foreign = next(
            each for each in FOREIGN if name.endswith(f"-en-{each}") or name.endswith(each)
        )
        if kind is None:
            continue
        pairs = [pair for pair in read_pairs(file)[:most] if _fits(pair)]
        pairs = [pair for pair in pairs if kept_apart.isdisjoint(map(key, pair))]
        if kind == "verses":
            pairs = [pair for pair in pairs if not passages.hold(pair[0])]
        texts.append(Text(name, kind, ("en", foreign), pairs, name.startswith(ARCHAIC)))
    return [*texts, *_without_english(texts)]


def held_out_verses(data: Path) -> Verses:
    """Of the first version in each language's first file; Dutch: Canisius."""
    dev: dict[Foreign, list[Pair]] = {}
    test: dict[Foreign, list[Pair]] = {}
    for foreign in FOREIGN:
        files = sorted((data / "text" / "more").glob(f"bible-*{foreign}.tsv.xz"))
        if files:
            pairs = read_pairs(files[0])
            dev[foreign] = verses_of(DEV_BOOK, pairs)[0]
            found = (verses_of(book, pairs) for book in TEST_BOOKS)
            test[foreign] = [pair for versions in found if versions for pair in versions[0]]
    return Verses(dev, test)


def _english_of_held_out(files: Sequence[Path]) -> Iterable[str]:
    for file in files:
        pairs = read_pairs(file)
        for book in (*TEST_BOOKS, DEV_BOOK):
            for version in verses_of(book, pairs):
                yield from (english for english, _ in version)


def _without_english(texts: Sequence[Text]) -> Iterable[Text]:
    """Of each kind and two foreign languages what translates the same English."""
    for at, first in enumerate(FOREIGN):
        for second in FOREIGN[at + 1 :]:
            for kind in (TATOEBA, "verses", "manuals"):
                one, other = (
                    [pair for text in texts if _is_new(text, kind, foreign) for pair in text.pairs]
                    for foreign in (first, second)
                )
                pairs = _joined(one, other)
                if pairs:
                    yield Text(f"{kind}-{first}-{second}", kind, (first, second), pairs)


def _is_new(text: Text, kind: str, foreign: Foreign) -> bool:
    return text.kind == kind and text.languages[1] == foreign and not text.archaic


def _joined(one: Iterable[Pair], other: Iterable[Pair]) -> list[Pair]:
    """The foreign sides whose English is the same; each of the first once."""
    translated: defaultdict[str, list[str]] = defaultdict(list)
    for english, text in other:
        translated[key(english)].append(text)
    made = []
    for at, (english, text) in enumerate(dict.fromkeys(one)):
        if candidates := translated.get(key(english)):
            made.append((text, candidates[at % len(candidates)]))
    return made


def _fits(pair: Pair) -> bool:
    lengths = [len(side) for side in pair]
    alike = max(lengths) <= MOST_UNLIKE * min(lengths) + 20
    return alike and min(lengths) > 0 and max(lengths) <= MOST_LETTERS and pair[0] != pair[1]


assert LANGUAGES[1:] == FOREIGN
