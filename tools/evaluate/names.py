"""Sentences with names and figures that a translation must keep unchanged."""

from itertools import cycle

PEOPLE = (
    "Maria Thomas Anna Peter Fatima Daniel Sophie Ahmed Laura Willem "
    "Emma Jan Eva Simon Rosa Bach Rembrandt Mozart Einstein Vermeer"
).split()
PLACES = "Amsterdam Berlin Utrecht Boston Rotterdam Madrid Delft Oslo Leiden Chicago".split()
FIGURES = "1953 12 2024 7 300 1648 45 1000 18 1789 250 3 1900 60 99 2015 14 500 1066 8".split()

#: (English, Dutch) with a place for a name or figure.
WITH_PEOPLE = (
    ("{} is waiting outside.", "{} wacht buiten."),
    ("I spoke to {} this morning.", "Ik heb vanmorgen met {} gesproken."),
    ("This is the house of {}.", "Dit is het huis van {}."),
    ("Please ask {} to come in.", "Vraag {} alsjeblieft om binnen te komen."),
)
WITH_PLACES = (
    ("We are going to {} tomorrow.", "We gaan morgen naar {}."),
    ("She was born in {}.", "Zij is in {} geboren."),
)
WITH_FIGURES = (
    ("The church was built in {}.", "De kerk is gebouwd in {}."),
    ("The meeting is in room {}.", "De vergadering is in zaal {}."),
    ("There are {} people in the hall.", "Er zijn {} mensen in de zaal."),
    ("Open your book at page {}.", "Sla je boek open op bladzijde {}."),
    ("We sing hymn number {}.", "We zingen lied nummer {}."),
)


def cases() -> list[tuple[str, str, str]]:
    """200 cases: (English, Dutch, the name or figure to keep in both directions)."""
    filled = []
    for values, templates, count in (
        (PEOPLE, WITH_PEOPLE, 80),
        (PLACES, WITH_PLACES, 20),
        (FIGURES, WITH_FIGURES, 100),
    ):
        # Each template gets all values in turn.
        for number, value in zip(range(count), cycle(values), strict=False):
            english, dutch = templates[number // len(values) % len(templates)]
            filled.append((english.format(value), dutch.format(value), value))
    return filled
