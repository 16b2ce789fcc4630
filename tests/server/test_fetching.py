"""Better models are fetched while the server runs. A short script stands in for the fetcher."""

import asyncio
import errno
import functools
import io
import json
import os
import sys
from pathlib import Path

import pytest
from tqdm import tqdm

from server import app
from server.client.participants import Speaker
from server.config import STARTER_MODELS, Config
from server.models import fetching, moving, telling
from server.models.catalogue import Catalogue, Model
from server.models.current import Current
from server.models.fetching import better_models
from server.models.installed import fetched_into
from server.models.moving import Moves
from signaling import messages as wire
from tests.helpers.running import STAND_IN
from tests.helpers.waiting import until
from tests.server.test_moving import install

WHISPER = Model(
    name="whisper-base",
    kind="recognizer",
    path="",
    licence="MIT",
    files={"a": ""},
    languages=["nl"],
    format="whisper",
)
PLAN = {
    "event": "plan",
    "model": "whisper-base",
    "total": 145_000_000,
    "source": "models.example",
    "licence": "MIT",
}


def script(*events: object, then: str = "") -> list[str]:
    """A command that prints these events or other lines, and then runs the code ``then``."""
    lines = [each if isinstance(each, str) else json.dumps(each) for each in events]
    return [sys.executable, "-c", f"for line in {lines!r}: print(line, flush=True)\n{then}"]


def progress(part: float) -> object:
    total = PLAN["total"]
    assert isinstance(total, int)
    return {"event": "progress", "model": PLAN["model"], "bytes": int(part * total), "total": total}


class GoneTerminal(io.StringIO):
    """Standard error where nothing can be written any more."""

    def __init__(self, at_terminal: bool) -> None:
        super().__init__()
        self.isatty = lambda: at_terminal  # type: ignore[method-assign]

    def write(self, text: str) -> int:
        raise OSError(errno.EIO, os.strerror(errno.EIO))


class Fetched:
    """Runs a fetch, and checks that moving to other models is not held afterwards."""

    def __init__(self, tmp_path: Path, *models: Model, **settings: object) -> None:
        catalogue = Catalogue(STARTER_MODELS, list(models))
        current = Current(catalogue)
        self.moves = Moves(current, lambda message: None, None, tmp_path / "s", lambda: None)
        self._config = Config(state=str(tmp_path), **settings)  # type: ignore[arg-type]
        self._catalogue = catalogue

    async def run(self, command: list[str]) -> None:
        async with asyncio.timeout(20):
            await better_models(self._config, self._catalogue, lambda: True, self.moves, command)
        assert not self.moves.held


async def test_without_a_terminal_progress_is_printed_in_lines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = [progress(part / 100) for part in range(0, 101, 2)]
    installed = {"event": "installed", "model": "whisper-base"}
    await Fetched(tmp_path).run(script(PLAN, *told, installed, {"event": "done"}))
    plan, *parts, last = capsys.readouterr().err.splitlines()
    for part in ("whisper-base", "145 MB", "models.example", "licence MIT"):
        assert part in plan
    assert parts == [f"whisper-base: {percent} %" for percent in range(10, 101, 10)]
    assert last.startswith("whisper-base is installed")


async def test_at_a_terminal_progress_is_shown_as_a_bar(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr(telling, "tqdm", functools.partial(tqdm, mininterval=0))
    await Fetched(tmp_path).run(script(PLAN, progress(0.1), progress(0.5)))
    said = capsys.readouterr().err
    assert "72.5M/145M" in said
    assert "25 %" not in said


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (
            script({"event": "failed", "message": "there is no network"}, then="exit(1)"),
            "fetched: there is no network. Tolk continues",
        ),
        (
            script({"event": "failed", "model": "m", "message": "404"}, then="exit(1)"),
            "fetched: m: 404. Tolk continues",
        ),
        (script("Traceback", "ValueError: odd", then="exit(3)"), "the log says why"),
        (script("x" * 100_000), "limit"),
        (["/does/not/exist"], "No such file"),
    ],
)
async def test_a_failed_fetch_is_reported_once_with_what_to_do(
    tmp_path: Path,
    command: list[str],
    reason: str,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    await Fetched(tmp_path).run(command)
    (line,) = capsys.readouterr().err.splitlines()
    assert reason in line
    assert "models pull --recommended" in line
    assert ("odd" in caplog.text) == ("the log says why" in line)


@pytest.mark.parametrize("at_terminal", [False, True])
@pytest.mark.parametrize("fetch", ["auto", "never"])
async def test_models_are_fetched_although_the_terminal_is_gone(
    tmp_path: Path, fetch: str, at_terminal: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = tmp_path / "done"
    monkeypatch.setattr(sys, "stderr", GoneTerminal(at_terminal))
    monkeypatch.setattr(telling, "tqdm", functools.partial(tqdm, mininterval=0))
    events = script(PLAN, progress(0.1), progress(0.5), then=f"open({str(done)!r}, 'w')")
    await Fetched(tmp_path, fetch=fetch).run(events)
    assert done.exists() == (fetch == "auto")


async def test_a_silent_fetcher_is_killed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "SILENCE_S", 0.3)
    pid = tmp_path / "pid"
    then = f"import os, time; open({str(pid)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    await Fetched(tmp_path).run(script(PLAN, then=then))
    assert "nothing was heard" in capsys.readouterr().err
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)


async def test_with_fetch_never_nothing_is_fetched(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await Fetched(tmp_path, fetch="never").run(["/does/not/exist"])
    (line,) = capsys.readouterr().err.splitlines()
    assert "models pull --recommended" in line


@pytest.mark.parametrize("models", ["starter", "some/folder"])
async def test_nothing_is_fetched_if_models_were_chosen(
    tmp_path: Path, models: str, capsys: pytest.CaptureFixture[str]
) -> None:
    await Fetched(tmp_path, models=models).run(["/does/not/exist"])
    assert capsys.readouterr().err == ""


async def test_nothing_is_fetched_if_better_models_are_installed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await Fetched(tmp_path, WHISPER).run(["/does/not/exist"])
    assert capsys.readouterr().err == ""


async def test_a_running_server_changes_to_fetched_models_once_all_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moving, "LOOK_S", 0.05)
    looks, stamp = list[Path](), moving._stamp

    def look(folder: Path, *before: tuple[int, ...]) -> tuple[int, ...]:
        looks.append(folder)
        return stamp(folder, *before)

    monkeypatch.setattr(moving, "_stamp", look)
    folder = fetched_into(tmp_path)
    install(folder)
    go, half = tmp_path / "go", tmp_path / "half"
    code = f"""
import os, time
from pathlib import Path
from tests.server.test_moving import install
install(Path({str(folder)!r}), targets=["en", "de"])
Path({str(half)!r}).touch()
while not os.path.exists({str(go)!r}): time.sleep(0.01)
install(Path({str(folder)!r}), targets=["en", "de", "fr"])
"""
    interpreter = [*STAND_IN, "--models", str(folder)]
    async with (
        app.running(Config(port=0, state=str(tmp_path)), interpreter, script(then=code)) as server,
        Speaker(server.url, "hall", "nl") as speaker,
    ):
        await until(half.exists)
        seen = len(looks)
        await until(lambda: len(looks) >= seen + 5)
        assert server.models.catalogue.targets("nl") == ["en"]
        go.touch()
        await speaker.expect(wire.State, lambda state: "fr" in state.channels)
    told = [each.channels for _, each in speaker.received if isinstance(each, wire.State)]
    assert all(("de" in channels) == ("fr" in channels) for channels in told)


async def test_the_fetcher_ends_with_the_server(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    then = f"import os, time; open({str(pid)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    config = Config(port=0, state=str(tmp_path))
    async with app.running(config, STAND_IN, script(PLAN, then=then)):
        await until(lambda: pid.exists() and bool(pid.read_text()))
        assert os.getpriority(os.PRIO_PROCESS, int(pid.read_text())) > 0
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)
