"""A stream's glossary: terms with their translations, names that are not translated, and words for
the recogniser to expect.

    names = ["Van der Steen"]
    [words]
    nl = ["kwartiermaker"]
    [[terms]]
    nl = "het verbond"
    en = "covenant"

or the same as JSON. A file that is not a glossary raises GlossaryError. An entry that cannot be
used is left out and reported as a Problem; the others are used. An article before a term
("het verbond") is not part of the term, but tells its gender.
"""

import re
import tomllib
import unicodedata
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Final, Literal

import msgspec

MAX_BYTES: Final = 64_000
MAX_ENTRIES: Final = 500
MAX_CHARACTERS: Final = 60
#: Problems that are reported; of further ones only their number.
MAX_PROBLEMS: Final = 100
#: Articles, and the gender that each implies ("" for none).
ARTICLES: Final[dict[str, dict[str, str]]] = {
    "nl": {"de": "c", "het": "n", "een": ""},
    "en": {"the": "", "a": "", "an": ""},
    "de": {"der": "m", "die": "f", "das": "n", "ein": "", "eine": "f"},
    "fr": {"le": "m", "la": "f", "les": "", "un": "m", "une": "f", "l'": ""},
}
#: A word. "Anna's" is split into "Anna" and "'s"; in French, "l'eau" into "l'" and "eau".
_WORD: Final = re.compile(r"['’]s\b|\w+(?:['’](?!s\b)\w+)*")
_FRENCH_WORD: Final = re.compile(r"\w+['’]|\w+")


class GlossaryError(Exception):
    """The file is not a glossary. The message says what is wrong, where, and what to do."""


class Problem(msgspec.Struct, frozen=True):
    """An entry that cannot be used, and why. ``entry``: its place, such as "terms[3]"."""

    entry: str
    text: str
    reason: str


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    names: list[str] = []
    words: dict[str, list[str]] = {}
    terms: list[dict[str, str]] = []


@dataclass(frozen=True, slots=True)
class Glossary:
    """``terms``: each a term and its translations, by language. ``names``: not translated.
    ``words``: words for the recogniser to expect, by language."""

    terms: tuple[dict[str, str], ...] = ()
    names: tuple[str, ...] = ()
    words: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def expected(self, language: str) -> tuple[str, ...]:
        """The single words of the glossary that a speaker of ``language`` is likely to say, in
        lower case and spelled as given: a recogniser knows "weißensee", not "weissensee"."""
        terms = (term[language] for term in self.terms if language in term)
        said = (*self.words.get(language, ()), *self.names, *terms)
        written = (spelled(text, language).written for text in said)
        found = (
            text[start:end].lower().replace("’", "'")
            for text in written
            for _, start, end in words_of(text, language)
        )
        return tuple(dict.fromkeys(word for word in found if word[:1].isalpha()))


@dataclass(frozen=True, slots=True)
class Spelled:
    """A term without its article. ``written``: as given. ``words``: case-folded, to find it in a
    text. ``gender``: as its article implies, or ""."""

    written: str
    words: tuple[str, ...]
    gender: str


def read(
    data: bytes, form: Literal["toml", "json"], languages: Collection[str]
) -> tuple[Glossary, list[Problem]]:
    """Parse ``data``. Returns the glossary, and the entries that a server with these ``languages``
    cannot use. Raises GlossaryError."""
    if len(data) > MAX_BYTES:
        raise GlossaryError(
            f"the glossary has {len(data)} bytes, more than {MAX_BYTES}: remove terms that are "
            "not needed in this stream"
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise GlossaryError(f"line {line} is not UTF-8: save the glossary as UTF-8") from error
    try:
        raw = tomllib.loads(text) if form == "toml" else msgspec.json.decode(text)
        file = msgspec.convert(raw, _File)
    except (tomllib.TOMLDecodeError, msgspec.DecodeError, RecursionError) as error:
        raise GlossaryError(
            f"this is not a glossary: {error}; it has names (a list), words (lists by language) "
            "and terms (texts by language)"
        ) from error
    return _Reader(languages).read(file)


def spelled(term: str, language: str) -> Spelled:
    """Split an article off ``term``."""
    words = [word for word, _, _ in words_of(term, language)]
    article = ARTICLES.get(language, {}).get(words[0]) if len(words) > 1 else None
    if article is None:
        return Spelled(term, tuple(words), "")
    start = next(start for _, start, _ in list(words_of(term, language))[1:])
    return Spelled(term[start:], tuple(words[1:]), article)


def words_of(text: str, language: str) -> Iterator[tuple[str, int, int]]:
    """Each word of ``text``, case-folded, with its start and end index in ``text``."""
    for match in (_FRENCH_WORD if language == "fr" else _WORD).finditer(text):
        yield match[0].casefold().replace("’", "'"), match.start(), match.end()


class _Reader:
    """Checks the entries of a glossary, and collects the problems."""

    def __init__(self, languages: Collection[str]) -> None:
        self._languages = languages
        self._entries = 0
        self._problems: list[Problem] = []
        self._untold = 0
        #: The translations seen so far: by language and words, then by the other language.
        self._known: dict[tuple[str, tuple[str, ...]], dict[str, str]] = {}

    def read(self, file: _File) -> tuple[Glossary, list[Problem]]:
        terms = [self._term(each, f"terms[{i}]") for i, each in enumerate(file.terms, 1)]
        glossary = Glossary(
            tuple(term for term in terms if term),
            self._expressions(file.names, "names", "en"),
            {
                language: self._expressions(words, f"words.{language}", language)
                for language, words in file.words.items()
                if self._is_known(language, "words")
            },
        )
        if self._untold:
            self._problems.append(Problem("", "", f"{self._untold} more entries cannot be used"))
        return glossary, self._problems

    def _term(self, entry: dict[str, str], place: str) -> dict[str, str]:
        """The usable translations of ``entry``: none, or those of at least two languages."""
        texts = {
            language: text
            for language, given in entry.items()
            if self._is_known(language, place)
            and (text := self._text(given, language, f"{place}.{language}"))
        }
        if len(texts) < 2:
            self._tell(place, " ".join(entry.values()), "is not given in two languages")
            return {}
        for language, text in texts.items():
            known = self._known.get((language, spelled(text, language).words), {})
            for other in known.keys() & texts.keys():
                if known[other].casefold() != texts[other].casefold():
                    reason = f"is already translated as {known[other]!r} in {other!r}: remove one"
                    self._tell(place, text, reason)
                    return {}
        if not self._fits(place, " ".join(texts.values())):
            return {}
        for language, text in texts.items():
            others = {other: texts[other] for other in texts if other != language}
            key = (language, spelled(text, language).words)
            self._known.setdefault(key, {}).update(others)
        return texts

    def _expressions(self, given: list[str], place: str, language: str) -> tuple[str, ...]:
        """Those of ``given`` that can be used, without duplicates."""
        texts = {
            text: None
            for number, each in enumerate(given, 1)
            if (text := self._text(each, language, f"{place}[{number}]"))
            and self._fits(f"{place}[{number}]", text)
        }
        return tuple(texts)

    def _text(self, given: str, language: str, place: str) -> str:
        """``given`` with Unicode and spaces normalised; "" if it cannot be used."""
        text = " ".join(unicodedata.normalize("NFC", given).split())
        if len(text) > MAX_CHARACTERS:
            reason = f"has {len(text)} characters, more than {MAX_CHARACTERS}: shorten it"
        elif not text.isprintable():
            reason = "has characters that cannot be printed: remove them"
        elif not any(map(str.isalpha, "".join(spelled(text, language).words))):
            reason = "has no letters, so it cannot be recognised in speech"
        else:
            return text
        self._tell(place, text, reason)
        return ""

    def _is_known(self, language: str, place: str) -> bool:
        if language in self._languages:
            return True
        languages = ", ".join(sorted(self._languages))
        self._tell(place, language, f"is not a language of this server; it has {languages}")
        return False

    def _fits(self, place: str, text: str) -> bool:
        self._entries += 1
        if self._entries > MAX_ENTRIES:
            self._tell(place, text, f"is beyond the limit of {MAX_ENTRIES} entries")
        return self._entries <= MAX_ENTRIES

    def _tell(self, place: str, text: str, reason: str) -> None:
        if len(self._problems) < MAX_PROBLEMS:
            shown = "".join(each if each.isprintable() else "\ufffd" for each in text)
            self._problems.append(Problem(place, shown[:MAX_CHARACTERS], reason))
        else:
            self._untold += 1
