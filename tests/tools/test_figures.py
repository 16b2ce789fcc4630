"""The form in which measuring tools say what they measured."""

import json

import numpy as np
import pytest

from tools.figures import Figure, command, report, table

FINE = Figure("listen.gaps", 0, "packets", bound=0)
LATE = Figure("listen.late", 12.5, "ms", bound=10)


@pytest.mark.parametrize(
    ("figure", "holds"),
    [
        (Figure("a", 1, ""), None),
        (Figure("a", None, ""), None),
        (Figure("a", 1, "", bound=1), True),
        (Figure("a", 1.1, "", bound=1), False),
        (Figure("a", None, "", bound=1), False),
        (Figure("a", 1, "", bound=1, better="higher"), True),
        (Figure("a", 0.9, "", bound=1, better="higher"), False),
    ],
)
def test_a_bound_holds_or_not(figure: Figure, holds: bool | None) -> None:
    assert figure.holds is holds


def test_json_is_one_object(capsys: pytest.CaptureFixture[str]) -> None:
    status = report([FINE, LATE], as_json=True, more={"channel": "en"})
    said = json.loads(capsys.readouterr().out)
    assert status == 1
    assert said["figures"][1] == {
        "name": "listen.late",
        "value": 12.5,
        "unit": "ms",
        "bound": 10,
        "better": "lower",
        "holds": False,
    }
    assert said["channel"] == "en"
    assert set(said["run"]) == {"command", "commit", "date", "machine"}


def test_numbers_of_numpy_are_numbers_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    report([Figure("a", np.float64(1.5), "", bound=np.float64(2))], as_json=True)
    (row,) = json.loads(capsys.readouterr().out)["figures"]
    assert (row["value"], row["holds"]) == (1.5, True)


def test_all_bounds_hold(capsys: pytest.CaptureFixture[str]) -> None:
    assert report([FINE, Figure("a", None, "")], as_json=False) == 0
    assert "listen.gaps" in capsys.readouterr().out


def test_a_quick_run_is_marked(capsys: pytest.CaptureFixture[str]) -> None:
    report([FINE], as_json=True, quick=True)
    assert json.loads(capsys.readouterr().out)["run"]["quick"] is True


def test_the_table_is_for_people() -> None:
    assert table([FINE, LATE, Figure("n", None, "")]).splitlines() == [
        "listen.gaps     0  packets  ≤ 0   holds",
        "listen.late  12.5  ms       ≤ 10  DOES NOT HOLD",
        "n               -",
    ]


@pytest.mark.parametrize(
    "arguments", [["--token", "s3cret", "--json"], ["--token=s3cret", "--json"]]
)
def test_the_command_keeps_secrets(arguments: list[str]) -> None:
    said = command(["/somewhere/tools/listen.py", *arguments])
    assert "s3cret" not in said
    assert said.endswith("--json")
    assert "/somewhere" not in said
