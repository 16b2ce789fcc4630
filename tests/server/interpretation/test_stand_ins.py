import pytest

from server.interpretation.glossary import spelled
from server.interpretation.stand_ins import MANY, NAMES, THINGS, stand_ins


def first(term: str, source: str, becomes: str, target: str, before: str = "") -> tuple[str, str]:
    found = stand_ins(spelled(term, source), source, spelled(becomes, target), target, before)
    spoken, written = next(iter(found))
    return spoken.written, written.written


@pytest.mark.parametrize(
    ("term", "source", "becomes", "target", "before", "expected"),
    [
        ("gemeente", "nl", "congregation", "en", "de", ("stad", "city")),
        ("verbond", "nl", "covenant", "en", "het", ("probleem", "problem")),
        ("verbond", "nl", "covenant", "en", "ons", ("probleem", "problem")),
        ("het verbond", "nl", "covenant", "en", "", ("probleem", "problem")),
        ("covenant", "en", "het verbond", "nl", "the", ("problem", "probleem")),
        ("covenant", "en", "der Bund", "de", "the", ("table", "Tisch")),
        ("covenant", "en", "das Werk", "de", "the", ("problem", "Problem")),
        ("covenant", "en", "l'alliance", "fr", "the", ("city", "ville")),
        ("covenant", "en", "le pacte", "fr", "the", ("garden", "jardin")),
        ("het verbond", "nl", "die Gemeinde", "de", "", ("stad", "Stadt")),
        ("ouderlingen", "nl", "elders", "en", "de", ("boeken", "books")),
        ("elders", "en", "ouderlingen", "nl", "the", ("books", "boeken")),
        ("het congres", "nl", "congress", "en", "", ("probleem", "problem")),
        ("Van der Steen", "nl", "Van der Steen", "en", "met", ("Tom", "Tom")),
        ("Verbond", "nl", "Covenant", "en", "het", ("probleem", "problem")),
        ("verbond", "nl", "Covenant", "en", "", ("stad", "city")),
        ("alianza", "es", "covenant", "en", "la", ("Tom", "Tom")),
    ],
)
def test_placeholders_resemble_what_they_stand_for(
    term: str, source: str, becomes: str, target: str, before: str, expected: tuple[str, str]
) -> None:
    assert first(term, source, becomes, target, before) == expected


def test_there_are_several_distinct_placeholders() -> None:
    for rows in (THINGS, MANY):
        for language in ("nl", "en", "de", "fr"):
            words = [row[language].written for row in rows]
            assert len(set(words)) == len(words) >= 4
    assert len(set(NAMES)) == 4
