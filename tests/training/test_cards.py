import pytest

from training.cards import HEADING, renewed, section

CARD = "# voice-nl\n\n## Measured\n\n| 1 |\n\n## What it cannot do\n\n- Sing.\n"


def figure(name: str, value: float | None, bound: float | None = None) -> dict[str, object]:
    return {"name": name, "value": value, "unit": "%", "bound": bound, "better": "lower"}


MEASURED = {
    "figures": [
        figure("voice.nl.read_back_wrong_at_1.0", 4.777, 15),
        figure("voice.nl.read_back_wrong_at_0.7", None, 25),
        figure("voice.en.read_back_wrong_at_1.0", 7.5, 15),
    ],
    "run": {"date": "2026-11-23T16:50:48+00:00", "machine": "a machine"},
}


def test_a_model_is_beside_what_is_asked_of_it() -> None:
    written = section("voice-nl", MEASURED)
    assert "reads back wrong | 4.78 % | at most 15 % |" in written
    assert "7.5" not in written
    assert "0.7" not in written


def test_of_what_was_not_measured_nothing_is_said() -> None:
    assert section("voice-fr", MEASURED) == ""


def test_the_section_stands_once_before_what_it_cannot_do() -> None:
    written = section("voice-nl", MEASURED)
    once = renewed(CARD, written)
    assert once.index("## Measured") < once.index(HEADING) < once.index("## What it cannot do")
    assert renewed(once, written) == once
    assert once.endswith("- Sing.\n")


def test_a_card_without_a_place_for_it_is_refused() -> None:
    with pytest.raises(ValueError, match="What it cannot do"):
        renewed("# voice-nl\n", "")
