"""Common words that replace the terms of a glossary while a model translates.

A model translates words that it has not seen badly, and the rest of the sentence with them. So each
term is replaced by a stand-in, a word that every model knows; in the translation, the stand-in's
translation is replaced by the term's. A stand-in is like its term: a name or a noun, singular or
plural, of the same gender, so that articles and other words agree with the term.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from server.interpretation.glossary import ARTICLES, Spelled


@dataclass(frozen=True, slots=True)
class StandIn:
    """A word of one language. ``others``: its other forms in a sentence."""

    written: str
    gender: str = ""
    others: tuple[str, ...] = ()


#: The same word in each language.
Row = dict[str, StandIn]


def _row(nl: str, en: str, de: str, fr: str) -> Row:
    """Parse a row. Each argument is "gender word other-forms…"; "-" for no gender."""
    row = {}
    for language, text in (("nl", nl), ("en", en), ("de", de), ("fr", fr)):
        gender, word, *others = text.split()
        row[language] = StandIn(word, gender.strip("-"), tuple(others))
    return row


#: Nouns in the singular, the best first. Fifty words were tried in twenty sentences each way with
#: the starter model; these were translated correctly at least nine times in ten.
THINGS: Final = (
    _row("c stad steden", "- city cities", "f Stadt Städte", "f ville villes"),
    _row("c deur deuren", "- door doors", "f Tür Türen", "f porte portes"),
    _row("c tafel tafels", "- table tables", "m Tisch Tisches Tischs Tische", "f table tables"),
    _row("c tuin tuinen", "- garden gardens", "m Garten Gartens Gärten", "m jardin jardins"),
    _row("c hond honden", "- dog dogs", "m Hund Hundes Hunds Hunde", "m chien chiens"),
    _row(
        "n probleem problemen", "- problem problems", "n Problem Problems", "m problème problèmes"
    ),
    _row("n water", "- water", "n Wasser Wassers", "f eau"),
    _row("n boek boeken", "- book books", "n Buch Buches Buchs Bücher", "m livre livres"),
    _row("n raam ramen", "- window windows", "n Fenster Fensters", "f fenêtre fenêtres"),
    _row("c kat katten", "- cat cats", "f Katze Katzen", "m chat chats"),
    _row("c leraar", "- teacher teachers", "m Lehrer Lehrers", "m professeur professeurs"),
    _row("c brief brieven", "- letter letters", "m Brief Briefes Briefs", "f lettre lettres"),
)
#: Nouns in the plural.
MANY: Final = (
    _row("- boeken boek", "- books book", "- Bücher Büchern", "- livres livre"),
    _row("- kinderen kind", "- children child", "- Kinder Kindern", "- enfants enfant"),
    _row("- vrienden vriend", "- friends friend", "- Freunde Freunden", "- amis ami"),
    _row("- vragen vraag", "- questions question", "- Fragen", "- questions question"),
)
#: Names that models do not change, in any language.
NAMES: Final = ("Tom", "Boston", "Mary", "John")
#: Words that come before a noun, and the gender that each implies ("" for none).
DETERMINERS: Final[dict[str, dict[str, str]]] = {
    "nl": ARTICLES["nl"]
    | dict.fromkeys(("deze", "die", "onze", "elke", "iedere", "welke"), "c")
    | dict.fromkeys(("dit", "dat", "ons", "elk", "ieder", "welk"), "n")
    | dict.fromkeys(("mijn", "jouw", "zijn", "haar", "jullie", "hun", "geen"), ""),
    "en": ARTICLES["en"]
    | dict.fromkeys(("this", "that", "our", "my", "your", "his", "her", "their", "its"), ""),
    "de": ARTICLES["de"],
    "fr": ARTICLES["fr"] | {"ce": "m", "cette": "f", "mon": "m", "ma": "f", "notre": ""},
}
_PLURAL: Final = {
    "nl": re.compile(r"(en|s)$"),
    "en": re.compile(r"[^sui]s$|people$|men$|children$"),
    "de": re.compile(r"(en?|er|n|s)$"),
    "fr": re.compile(r"[sx]$"),
}


def stand_ins(
    term: Spelled, source: str, becomes: Spelled, target: str, before: str
) -> Iterator[tuple[StandIn, StandIn]]:
    """The possible stand-ins for ``term``, each with its translation into ``target``, best first.
    ``becomes``: the term's translation. ``before``: the word before the term in the text."""
    determiners = DETERMINERS.get(source, {})
    named = term.written[:1].isupper() and becomes.written[:1].isupper()
    if named and before not in determiners or not {source, target} <= THINGS[0].keys():
        for name in NAMES:
            yield StandIn(name), StandIn(name)
        return
    if _is_plural(term, source) and _is_plural(becomes, target):
        yield from ((row[source], row[target]) for row in MANY)
    gender = term.gender or determiners.get(before, "")

    def unlike(row: Row) -> tuple[bool, bool]:
        return _differ(becomes.gender, row[target].gender), _differ(gender, row[source].gender)

    yield from ((row[source], row[target]) for row in sorted(THINGS, key=unlike))


def _is_plural(term: Spelled, language: str) -> bool:
    plural = _PLURAL.get(language)
    return bool(not term.gender and plural and plural.search(term.words[-1]))


def _differ(wanted: str, gender: str) -> bool:
    return bool(wanted and gender and wanted != gender)
