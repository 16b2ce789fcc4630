"""Reads German ordinals, which are written "3." and bend: der dritte, am dritten, ein dritter."""

import re
from typing import Final

from num2words import num2words  # type: ignore[import-untyped]

from server.interpretation import bible_books

_MASCULINE: Final = (
    "Januar|Februar|März|April|Mai|Juni|Juli|August|September|Oktober|November|Dezember|"
    f"{bible_books.shared_names('de')}|Vers|Advent|Adventssonntag|Tag|Brief|Platz|"
    "Montag|Dienstag|Mittwoch|Donnerstag|Freitag|Samstag|Sonntag"
)
_FEMININE: Final = "Strophe|Klasse"
_NEUTER: Final = "Jahrhundert|Kapitel|Mal|Buch"
#: Nouns before which "3." is an ordinal only after an article or the like: otherwise it may as well
#: be the end of a sentence.
_MORE_MASCULINE: Final = (
    "Weltkrieg|Geburtstag|Jahrestag|Feiertag|Weihnachtstag|Weihnachtsfeiertag|Monat|Teil|Punkt|"
    "Schritt|Satz|Psalm|Artikel|Abschnitt|Stock|Vortrag"
)
_MORE_FEMININE: Final = "Woche|Reihe|Seite|Stunde|Generation|Etage|Hälfte|Bitte|Frage|Stufe|Stelle"
_MORE_NEUTER: Final = "Gebot|Lied|Jahr|Jahrtausend|Gebet|Beispiel|Thema"

_ALONE: Final = "|".join((_MASCULINE, _FEMININE, _NEUTER))
_ANY: Final = "|".join((_ALONE, _MORE_MASCULINE, _MORE_FEMININE, _MORE_NEUTER))
_ENDS: Final = r"(?:e?s|e?n|e)?\b"
_LINKS: Final = ("und", "oder", "bis", "sowie")
_LINKED: Final = rf"(?: (?:{'|'.join(_LINKS)}) | ?[-–] ?)\d{{1,3}}\."
_ORDINAL: Final = re.compile(
    r"(?:\b(?P<before>[^\W\d]+) )?(?<![\w.,])(?P<n>\d{1,3})\."
    rf"(?=(?:{_LINKED})? (?P<noun>{_ANY}){_ENDS})(?P<dash> ?[-–] ?(?=\d))?"
)
#: Words that make it "dritten".
_WEAK: Final = re.compile(
    "am|vom|zum|zur|im|beim|dem|des|den|ab|bis|(?:jede|diese|jene)[nm]|"
    "(?:[mdsk]?ein|unser|eur|ihr)(?:en|em|er|es)"
)
_ARTICLE: Final = re.compile("der|jeder|dieser|jener")
#: Words that make it "dritte".
_NOMINATIVE: Final = re.compile(
    "die|das|ins|ans|aufs|fürs|durchs|(?:jede|diese|jene)s?|(?:[mdsk]?ein|unser|eur|ihr)e"
)
#: Words that make it "dritter" or "drittes".
_BARE: Final = re.compile("[mdsk]?ein|unser|euer|ihr")
#: Words with a dative; "der" after them is feminine.
_PREPOSITIONS: Final = frozenset(
    "in mit von nach zu bei aus seit an auf vor hinter über unter neben zwischen ab".split()
)
#: After these a number is a cardinal.
_CARDINAL: Final = re.compile(
    f"{bible_books.names('de')}|Verse?|Kapitel|Seite|Nummer|Lied|Platz|Strophe"
)


def ordinals(text: str) -> str:
    """``text`` with its ordinals in words, in the case that the words around them ask for."""
    end, ending = -1, ""  # of the last ordinal

    def said(match: re.Match[str]) -> str:
        nonlocal end, ending
        before, noun = match["before"] or "", match["noun"]
        linked = match.start() == end or (before in _LINKS and end >= 0)
        bent = ending if linked else _ending(before, noun, match.string[: match.start()])
        if bent is None:
            return match[0]
        end, ending = match.end(), bent
        word = str(num2words(int(match["n"]), lang="de", to="ordinal")) + bent
        return f"{before} {word}".lstrip() + (" bis " if match["dash"] else "")

    return _ORDINAL.sub(said, text)


def _ending(before: str, noun: str, earlier: str) -> str | None:
    """The ending after "dritte", from the word before it, and what stands ``earlier``. None if the
    number is no ordinal."""
    word = before.lower()
    feminine = noun in f"{_FEMININE}|{_MORE_FEMININE}".split("|")
    neuter = noun in f"{_NEUTER}|{_MORE_NEUTER}".split("|")
    if _WEAK.fullmatch(word):
        return "n"
    if _ARTICLE.fullmatch(word):
        prepositions = _PREPOSITIONS.intersection(earlier.lower().split()[-1:])
        return "n" if feminine or prepositions else ""
    if _NOMINATIVE.fullmatch(word):
        return ""
    if not _BARE.fullmatch(word) and (noun not in _ALONE.split("|") or _CARDINAL.fullmatch(before)):
        return None
    return "" if feminine else "s" if neuter else "r"
