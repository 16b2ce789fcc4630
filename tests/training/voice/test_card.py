from pathlib import Path

import pytest

from training.data import Language
from training.voice.card import card, row, understood_rows
from training.voice.history import History


def history(language: Language, teacher: str, start: str = "") -> History:
    return History(language, teacher, start, 45, language == "nl", 0.2, 2500, 1_300_000, 24, {})


def text(of: History, figures: dict[str, float]) -> str:
    return card(of, figures, {}, others=60, megabytes=4.2)


def test_a_history_is_read_as_it_was_written(tmp_path: Path) -> None:
    kept = history("de", "recordings:kerstin-de", "de.checkpoint")
    kept.write(tmp_path / "out")
    assert History.read(tmp_path / "out") == kept


@pytest.mark.parametrize(
    ("language", "teacher", "said"),
    [
        ("fr", "espeak:fr", "espeak-ng 1.51's French voice"),
        ("en", "flite:slt", "CMU ARCTIC"),
        ("de", "recordings:kerstin-de", "Kerstin, a German woman"),
        ("nl", "recordings:nathalie-nl", "CC0"),
    ],
)
def test_a_card_says_who_was_learnt_from(language: Language, teacher: str, said: str) -> None:
    assert said in text(history(language, teacher), {})


def test_only_a_copy_has_no_recordings() -> None:
    assert "No recordings" in text(history("fr", "espeak:fr"), {})
    assert "No recordings" not in text(history("de", "recordings:kerstin-de"), {})


def test_the_grammar_is_named_where_it_was_learnt_from() -> None:
    assert "grammar" in text(history("nl", "espeak:nl"), {})
    assert "grammar" not in text(history("fr", "espeak:fr"), {})


def test_the_command_names_the_voice_it_began_as() -> None:
    made = text(history("en", "recordings:kathleen-en", "en.checkpoint"), {})
    assert "--hours 0.2 --start en.checkpoint --out" in made
    assert (
        "`en.checkpoint` is what `python -m training.voice --language en --teacher flite:slt`"
        in made
    )
    assert "{" not in made


def test_what_was_measured_stands_beside_what_was_asked() -> None:
    figure = {"value": 18.234, "unit": "%", "bound": 19.0}
    rows = understood_rows("nl", {"voices.nl.read_back_wrong": figure})
    assert rows == ["| words read back wrong | 18.2 % | at most 19 % |"]


def test_what_was_not_measured_is_not_in_the_card() -> None:
    figure = {"value": None, "unit": "%", "bound": 19.0}
    assert not understood_rows("nl", {"voices.nl.read_back_wrong": figure})
    made = text(history("fr", "espeak:fr"), {"voice.peak_dbfs": -2.6})
    assert "| highest peak | -2.6 dB |" in made
    assert "level in pauses" not in made


def test_fractions_are_percentages() -> None:
    assert row("voice.real_time_factor", 0.0061).endswith("| 0.6 % |")
