"""The headless speaker and listeners as commands, against a running server."""

import asyncio
import json
import os
import sys
import wave
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from server import app
from server.config import STARTER_MODELS
from server.media.opus import RATE_HZ
from tests.helpers.running import STAND_IN, tolk
from tests.helpers.starter import demo_clip, error_rate
from tests.helpers.waiting import until
from tests.helpers.webrtc import tone
from tools.listen import recognized

DEADLINE_S = 60


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[app.Server]:
    async with tolk(tmp_path, STAND_IN) as running:
        yield running


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """A tone of 2 s."""
    path = tmp_path / "clip.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE_HZ, 0, "NONE", ""))
        file.writeframes(tone(440, 2).tobytes())
    return path


@asynccontextmanager
async def tool(name: str, *arguments: str) -> AsyncIterator[Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", f"tools.{name}", *arguments),
        stdout=PIPE,
        stderr=PIPE,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONWARNINGS": "error"},
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def run(name: str, *arguments: str) -> tuple[int | None, str, str]:
    """A tool's exit status, and what it wrote."""
    async with tool(name, *arguments) as process, asyncio.timeout(DEADLINE_S):
        out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


async def test_a_file_is_spoken_and_heard(server: app.Server, clip: Path, tmp_path: Path) -> None:
    saved = tmp_path / "heard.wav"
    at = ("--url", server.url, "--stream", "a")
    async with tool("speak", *at, "--loop", str(clip)) as speaking:
        await until(lambda: "a" in server.manager.streams)
        listening = ("--listeners", "3", "--seconds", "2", "--captions", "en", "nl")
        status, out, err = await run("listen", *at, *listening, "--save", str(saved), "--json")
        assert speaking.returncode is None
    said = json.loads(out)
    figures = {each["name"]: each for each in said["figures"]}
    assert figures["listen.silent_listeners"]["value"] == 0
    assert figures["listen.sequence_gaps"]["value"] == 0
    assert figures["listen.packets"]["value"] > 3 * 50
    assert status == (1 if any(each["holds"] is False for each in said["figures"]) else 0), err
    assert said["run"]["command"].startswith("python -m tools.listen")
    with wave.open(str(saved)) as heard:
        assert heard.getframerate() == RATE_HZ
        assert heard.getnframes() > 1.5 * RATE_HZ


async def test_speaking_ends_with_the_file_and_the_stream_if_asked(
    server: app.Server, clip: Path
) -> None:
    at = ("--url", server.url, "--stream", "a", "--audio", "socket")
    status, _, err = await run("speak", *at, "--end", str(clip))
    assert (status, err) == (0, "")
    assert server.manager.streams["a"].state == "ended"


async def test_without_a_server_the_tools_end_with_a_message(clip: Path) -> None:
    at = ("--url", "http://127.0.0.1:9", "--stream", "a")
    for name, arguments in (("speak", (*at, str(clip))), ("listen", at)):
        status, out, err = await run(name, *arguments)
        assert (status, out) == (1, "")
        assert "http://127.0.0.1:9" in err
        assert "Traceback" not in err


async def test_a_refusal_is_reported_in_the_servers_words(server: app.Server, clip: Path) -> None:
    at = ("--url", server.url, "--stream", "a", "--language", "xx")
    for name, arguments in (("speak", (*at, str(clip))), ("listen", at)):
        status, _, err = await run(name, *arguments)
        assert status == 1
        assert "unknown_" in err
        assert "Traceback" not in err


async def test_a_file_without_sound_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_text("Dear all,")
    status, _, err = await run("speak", "--url", "http://127.0.0.1:9", "--stream", "a", str(path))
    assert status == 2
    assert "letter.txt" in err
    assert "Traceback" not in err


def test_heard_speech_is_recognised() -> None:
    clip = demo_clip("en")
    heard = recognized(clip.pcm.repeat(3), STARTER_MODELS, "en")
    assert heard is not None
    assert error_rate(clip.text, heard) < 0.9  # at a wrong pace nothing is recognised


def test_without_a_model_nothing_is_recognised() -> None:
    assert recognized(tone(440, 0.1), STARTER_MODELS, "tlh") is None
