"""All text to learn from, by its two languages. Imports no PyTorch.

Pairs with English come from files. Pairs of two other languages are made of sentences that
translate the same English sentence in two files.
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
#: The kind of text, by the beginning of a file's name in ``text/more``.
KINDS: Final = {
    "bible": "verses",
    "libreoffice": "manuals", "gnome": "manuals", "mozilla": "manuals", "wesnoth": "manuals",
    "freedict": "dictionary",
}  # fmt: skip
#: Texts in old spelling. The model learns to understand it, not to write it.
ARCHAIC: Final = ("bible-statenvertaling",)
NEVER_LEARNT: Final = ("ntrex",)
#: Pairs with a side longer than this are left out: few spoken sentences are so long.
MOST_LETTERS: Final = 400
#: If one side of a pair is this many times as long as the other, the pair is badly aligned.
MOST_UNLIKE: Final = 2.5


@dataclass(frozen=True)
class Text:
    """Pairs of (``languages[0]``, ``languages[1]``), in the order of LANGUAGES. ``archaic``: use
    them only as sources in the second language."""

    name: str
    kind: str
    languages: tuple[Language, Language]
    pairs: list[Pair]
    archaic: bool = False


@dataclass(frozen=True)
class Verses:
    """Held-out (English, other) pairs, by language."""

    dev: dict[Foreign, list[Pair]]
    test: dict[Foreign, list[Pair]]


def rooms() -> dict[Language, list[str]]:
    """Sentences of services, tours, lectures and meetings for tests, the same in each language."""
    lines = Path(__file__).with_name("room_sentences.txt").read_text("utf-8").splitlines()
    rows = [line.split(" | ") for line in lines if not line.startswith("#")]
    return {language: [row[at] for row in rows] for at, language in enumerate(LANGUAGES)}


def read(data: Path, corpora: Mapping[Foreign, Corpus], most: int | None = None) -> list[Text]:
    """All texts in ``data``, without what ``corpora`` hold out of Tatoeba, the held-out verses and
    news, and the sentences of ``rooms``. ``most``: how many pairs of each file to read."""
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
    """The verses of the first version in each language's first file; for Dutch that is Canisius."""
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
    """For each kind and each two foreign languages, the sentences that translate the same English
    one."""
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
    """The foreign sides that have the same English; each of the first language once."""
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
