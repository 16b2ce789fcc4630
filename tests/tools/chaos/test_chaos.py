"""A row of the scorecard, small: what is counted must hold. Times are for a quiet machine."""

import pytest

from tools.chaos import stopping
from tools.chaos.__main__ import ROWS, main
from tools.chaos.interpreters import words_lost


async def test_a_reload_costs_nobody_a_packet_or_a_connection() -> None:
    figures = {each.name: each for each in await stopping.reload(quick=True, busy=False)}
    for name in ("packets_lost", "silent", "reconnects"):
        assert figures[f"reload.{name}"].holds, figures[f"reload.{name}"]


def test_words_that_are_missing_are_counted_and_others_are_not() -> None:
    assert words_lost("a b c d".split(), "a b c d".split()) == 0
    assert words_lost("a b c d".split(), "a x c d d".split()) == 0
    assert words_lost("a b c d".split(), "a d".split()) == 2


def test_an_unknown_row_ends_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["tools.chaos", "--only", "flood"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert "there is no 'flood'; there are: " in said
    assert all(name in said for name in ROWS)
