"""The form in which measuring tools report."""

import json
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest

from server.interpretation.engines import ModelError
from tools.figures import Figure, command, exit_status, report, table

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


def test_numpys_numbers_can_be_printed_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    report([Figure("a", np.float64(1.5), "", bound=np.float64(2))], as_json=True)
    (row,) = json.loads(capsys.readouterr().out)["figures"]
    assert (row["value"], row["holds"]) == (1.5, True)


def test_all_bounds_hold(capsys: pytest.CaptureFixture[str]) -> None:
    assert report([FINE, Figure("a", None, "")], as_json=False) == 0
    assert "listen.gaps" in capsys.readouterr().out


def test_a_quick_run_is_marked(capsys: pytest.CaptureFixture[str]) -> None:
    report([FINE], as_json=True, quick=True)
    assert json.loads(capsys.readouterr().out)["run"]["quick"] is True


def test_the_table_shows_every_figure() -> None:
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


def no_material() -> int:
    raise FileNotFoundError("no material in /data: set TOLK_DATA")


def no_file() -> int:
    with open("/nonexistent/clip.wav", "rb"):
        return 0


def no_program() -> int:
    return subprocess.run(["no-such-program"], check=True).returncode


def no_model_in_a_task() -> int:
    raise ExceptionGroup("tasks", [ExceptionGroup("of a task", [ModelError("no model in /m")])])


@pytest.mark.parametrize(
    ("main", "said"),
    [
        (no_material, "no material in /data: set TOLK_DATA"),
        (no_file, "/nonexistent/clip.wav is missing"),
        (no_program, "no-such-program is missing"),
        (no_model_in_a_task, "no model in /m"),
    ],
)
def test_a_missing_file_or_model_is_reported_in_a_sentence(
    main: Callable[[], int], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_status("tools.some", main) == 2
    assert capsys.readouterr().err == f"tools.some: {said}\n"


def test_a_bug_keeps_its_traceback() -> None:
    def main() -> int:
        raise ValueError("a bug")

    with pytest.raises(ValueError, match="a bug"):
        exit_status("tools.some", main)


def test_the_exit_status_is_that_of_the_tool() -> None:
    assert exit_status("tools.some", lambda: 1) == 1


def test_a_tool_that_is_told_to_end_cleans_up() -> None:
    """As with Ctrl-C, so that it also ends the processes that it started."""
    script = (
        "import asyncio, sys\n"
        "from tools.figures import exit_status\n"
        "async def measure():\n"
        "    try:\n"
        "        print('begun', flush=True)\n"
        "        await asyncio.sleep(60)\n"
        "    finally:\n"
        "        print('cleaned up')\n"
        "sys.exit(exit_status('tool', lambda: asyncio.run(measure())))\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as tool:
        assert tool.stdout is not None
        assert tool.stdout.readline() == b"begun\n"
        tool.terminate()
        assert tool.stdout.read() == b"cleaned up\n"
    assert tool.returncode == 130
