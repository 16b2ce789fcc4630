"""Phrases with numbers, a hundred for each of twelve directions. Their forms are in no training
text. Numbers are in words, as a recogniser writes them, or in figures."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from num2words import num2words  # type: ignore[import-untyped]

from server.interpretation.numerals import Kind, Numeral, masked
from server.interpretation.spelled_numbers import in_figures

LANGUAGES: Final = ("en", "nl", "de", "fr")
COUNT: Final = 100
#: Phrases by language. ``{0}`` and ``{1}`` are numbers.
FORMS: Final[tuple[tuple[Kind, dict[str, str]], ...]] = (
    ("n", {
        "en": "They bought {0} chairs for the hall.", "nl": "Ze kochten {0} stoelen voor de zaal.",
        "de": "Sie kauften {0} Stühle für den Saal.",
        "fr": "Ils ont acheté {0} chaises pour la salle.",
    }),
    ("n", {
        "en": "The price went up by {0} percent.", "nl": "De prijs steeg met {0} procent.",
        "de": "Der Preis stieg um {0} Prozent.", "fr": "Le prix a augmenté de {0} pour cent.",
    }),
    ("n", {
        "en": "In {0} the bridge was closed.", "nl": "In {0} werd de brug gesloten.",
        "de": "Im Jahr {0} wurde die Brücke geschlossen.", "fr": "En {0}, le pont a été fermé.",
    }),
    ("n", {
        "en": "We paid {0} euros for it.", "nl": "We betaalden er {0} euro voor.",
        "de": "Wir haben dafür {0} Euro bezahlt.", "fr": "Nous l'avons payé {0} euros.",
    }),
    ("n", {
        "en": "From {0} to {1} people live there.", "nl": "Er wonen {0} tot {1} mensen.",
        "de": "Dort wohnen {0} bis {1} Menschen.", "fr": "Il y vit de {0} à {1} personnes.",
    }),
    ("n", {
        "en": "The house stands {0} metres from the road.",
        "nl": "Het huis staat {0} meter van de weg.",
        "de": "Das Haus steht {0} Meter von der Straße.",
        "fr": "La maison est à {0} mètres de la route.",
    }),
    ("t", {
        "en": "The doors open at {0}.", "nl": "De deuren gaan open om {0} uur.",
        "de": "Die Türen öffnen um {0} Uhr.", "fr": "Les portes ouvrent à {0}.",
    }),
    ("t", {
        "en": "He slept until {0} this morning.", "nl": "Hij sliep vanmorgen tot {0} uur.",
        "de": "Er schlief heute Morgen bis {0} Uhr.", "fr": "Il a dormi jusqu'à {0} ce matin.",
    }),
    ("o", {
        "en": "That happened in the {0} century.", "nl": "Dat gebeurde in de {0} eeuw.",
        "de": "Das geschah im {0} Jahrhundert.", "fr": "Cela s'est passé au {0} siècle.",
    }),
    ("v", {
        "en": "Listen to John {0}.", "nl": "Luister naar Johannes {0}.",
        "de": "Hört auf Johannes {0}.", "fr": "Écoutez Jean {0}.",
    }),
)  # fmt: skip
VERSE: Final = {"en": "{} verse {}", "nl": "{} vers {}", "de": "{} Vers {}", "fr": "{} verset {}"}


@dataclass(frozen=True)
class Case:
    """``numerals``: the numbers that a translation must have, and no others."""

    text: str
    numerals: tuple[Numeral, ...]

    def is_right(self, translation: str, language: str) -> bool:
        found = masked(in_figures(translation, language), language).numerals.values()
        return sorted(each.parts for each in found) == sorted(each.parts for each in self.numerals)


def cases(source: str) -> Iterator[Case]:
    """COUNT cases in one language. The numbers are the same in every language."""
    rng = random.Random(17)
    for at in range(COUNT):
        kind, forms = FORMS[at % len(FORMS)]
        numerals = tuple(_draw(kind, rng) for _ in range(forms["en"].count("{")))
        write = _said if at // len(FORMS) % 2 else _written
        yield Case(forms[source].format(*(write(each, source) for each in numerals)), numerals)


def _draw(kind: Kind, rng: random.Random) -> Numeral:
    counts = (rng.randint(4, 99), rng.randint(100, 9999), 1000 * rng.randint(10, 99))
    draws: dict[Kind, Callable[[], tuple[str, ...]]] = {
        "n": lambda: (str(rng.choice(counts)),),
        "t": lambda: (str(rng.randint(6, 12)), f"{rng.choice((15, 30, 45, 20)):02}"),
        "o": lambda: (str(rng.randint(4, 21)),),
        "v": lambda: (str(rng.randint(4, 21)), str(rng.randint(4, 60))),
    }  # fmt: skip
    return Numeral(kind, draws[kind]())


def _written(numeral: Numeral, language: str) -> str:
    return numeral.written(language)


def _said(numeral: Numeral, language: str) -> str:
    """A number in words; but a time of day in figures, as Whisper writes it."""
    if numeral.kind == "t":
        return numeral.written(language)
    if numeral.kind == "o":
        word = str(num2words(int(numeral.parts[0]), lang=language, to="ordinal"))
        return word + "n" if language == "de" else word
    words = [str(num2words(int(part), lang=language)).replace(",", "") for part in numeral.parts]
    return VERSE[language].format(*words) if numeral.kind == "v" else words[0]
