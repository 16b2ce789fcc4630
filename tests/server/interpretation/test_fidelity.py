"""What tells that a translation may be wrong."""

import pytest

from server.interpretation.fidelity import doubts
from training.translation.library import rooms


@pytest.mark.parametrize(
    ("text", "translation", "source", "target", "why"),
    [
        ("We did not see him.", "Wij hebben hem gezien.", "en", "nl", ["denial"]),
        ("Wij zagen hem.", "We never saw him.", "nl", "en", ["denial"]),
        ("Costs rose by 7 percent.", "De kosten stegen met 17 procent.", "en", "nl", ["numbers"]),
        ("Er zijn tienduizend mensen.", "There are people.", "nl", "en", ["numbers"]),
        ("There are <n1> people.", "Er zijn mensen.", "en", "nl", ["numbers"]),
        ("The bridge was closed for a long time.", "De brug.", "en", "nl", ["length"]),
        ("I spoke with Anna and Willem.", "Ik sprak met hem.", "en", "nl", ["names"]),
        ("Come in.", "", "en", "nl", ["length"]),
    ],
)
def test_translations_that_do_not_fit_are_doubted(
    text: str, translation: str, source: str, target: str, why: list[str]
) -> None:
    assert doubts(text, translation, source, target) == why


@pytest.mark.parametrize(
    ("text", "translation", "source", "target"),
    [
        ("Johannes drie vers zestien", "John 3:16", "nl", "en"),
        ("It costs 1,250.50 euros.", "Es kostet 1.250,50 Euro.", "en", "de"),
        ("Nobody came.", "Er kwam niemand.", "en", "nl"),
        ("Je ne sais pas.", "I don't know.", "fr", "en"),
        ("", "", "en", "nl"),
        ("Uno due tre.", "One two three.", "it", "en"),
    ],
)
def test_translations_that_fit_are_not_doubted(
    text: str, translation: str, source: str, target: str
) -> None:
    assert doubts(text, translation, source, target) == []


def test_hardly_any_translation_by_people_is_doubted() -> None:
    sides = rooms()
    pairs = [
        (text, other, source, target)
        for source in sides
        for target in sides
        if source != target
        for text, other in zip(sides[source], sides[target], strict=True)
    ]
    doubted = sum(bool(doubts(*pair)) for pair in pairs)
    assert doubted <= 0.02 * len(pairs)
