"""Words that stand in for a term while a model translates.

A model mangles words that it has not seen, and the rest of the sentence with them. So in place of
a term it gets a word that every model knows, and the term takes the place of what that became.
A stand-in is like what it stands for: a name or a noun, one or many, and of the same gender, so
that articles and what else agrees with it are right.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from server.interpretation.glossary import ARTICLES, Spelled


@dataclass(frozen=True, slots=True)
class StandIn:
    """A word of one language. ``others``: what else it may look like in a sentence."""

    written: str
    gender: str = ""
    others: tuple[str, ...] = ()


#: One thing by language.
Row = dict[str, StandIn]


def _row(nl: str, en: str, de: str, fr: str) -> Row:
    """Each as "gender word other forms"."""
    row = {}
    for language, text in (("nl", nl), ("en", en), ("de", de), ("fr", fr)):
        gender, word, *others = text.split()
        row[language] = StandIn(word, gender.strip("-"), tuple(others))
    return row


#: The order, and what is not here, is from trying fifty words in twenty sentences each way with
#: the starter model: these came through best (nine times in ten and more).
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
#: More than one of a thing.
MANY: Final = (
    _row("- boeken boek", "- books book", "- Bücher Büchern", "- livres livre"),
    _row("- kinderen kind", "- children child", "- Kinder Kindern", "- enfants enfant"),
    _row("- vrienden vriend", "- friends friend", "- Freunde Freunden", "- amis ami"),
    _row("- vragen vraag", "- questions question", "- Fragen", "- questions question"),
)
#: Names that models leave alone, in all languages.
NAMES: Final = ("Tom", "Boston", "Mary", "John")
#: The genders of words that come before a noun, where they tell.
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
    """What may stand in for ``term`` after the word ``before``, and what that is in the target
    language; what fits best comes first."""
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
