from pathlib import Path

import pytest

from training.data import Language
from training.voice.card import LABELS, card, row
from training.voice.history import History


def history(language: Language, teacher: str, start: str = "") -> History:
    return History(language, teacher, start, 45, language == "nl", 0.2, 2500, 24, {"pitch": 0.03})


def text(of: History, figures: dict[str, float]) -> str:
    return card(of, figures, count=100, megabytes=4.2, options="")


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
    made = text(history("de", "recordings:kerstin-de", "de.checkpoint"), {})
    assert "--hours 0.2 --start de.checkpoint --out" in made
    assert (
        "`de.checkpoint` is what `python -m training.voice --language de --teacher espeak:de`"
        in made
    )
    assert "{" not in made


def test_what_was_not_measured_is_not_in_the_card() -> None:
    made = text(history("fr", "espeak:fr"), {"voice.peak_dbfs": -2.6})
    assert "| highest peak | -2.6 dB |" in made
    assert LABELS["voice.words_wrong_at_1.0"] not in made
    assert "No recogniser of this language" in made


def test_fractions_are_percentages() -> None:
    assert row("voice.real_time_factor", 0.0061).endswith("| 0.6 % |")
