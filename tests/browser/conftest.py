"""Pages of a real server in a real Chromium, whose microphone plays the bundled clip.

The server and Chromium are separate processes, so tests do not delay their sound.
"""

import json
import os
import re
import wave
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Playwright,
    expect,
    sync_playwright,
)

from tests.browser.people import PATIENCE_S, OpenPage
from tests.browser.serving import ROOT, ServerProcess
from tools.chromium import find_chromium

DEMO = ROOT / "server" / "demo"
RECORDING = Path(__file__).with_name("recording.js")
OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
]
expect.set_options(timeout=1000 * PATIENCE_S)


def chromium() -> str:
    """Chromium's path. Skips the test where there is none; fails it in continuous integration."""
    try:
        return find_chromium()
    except FileNotFoundError as error:
        if os.environ.get("TOLK_CI"):
            pytest.fail(str(error))
        pytest.skip(str(error))


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A running server with the shipped models. Its address can be passed on."""
    process = ServerProcess(
        *(tmp_path_factory.mktemp("server"), "--public-url", "http://tolk.example"),
        *("--speak-token", "open"),
    )
    process.start()
    yield process
    process.stop()


@pytest.fixture(scope="package")
def staged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server of Dutch and English with the stand-in interpreter, which takes less to run."""
    process = ServerProcess(tmp_path_factory.mktemp("staged"), module="tests.helpers.staged")
    process.start()
    yield process
    process.stop()


@pytest.fixture(scope="session")
def clip() -> list[dict[str, Any]]:
    """The phrases of the clip: ``text``, ``translation``, ``start_s``, ``end_s``."""
    phrases: list[dict[str, Any]] = json.loads((DEMO / "nl.json").read_text())["phrases"]
    return phrases


@pytest.fixture(scope="session")
def microphone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The clip in the format of Chromium's fake microphone: 48 kHz mono 16-bit WAV."""
    path = tmp_path_factory.mktemp("microphone") / "nl.wav"
    resampler = av.AudioResampler(format="s16", layout="mono", rate=48000)
    with av.open(str(DEMO / "nl.opus")) as sound, wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(48000)
        for frame in [*sound.decode(audio=0), None]:
            for piece in resampler.resample(frame):
                file.writeframes(piece.to_ndarray().tobytes())
    return path


Launch = Callable[[Path], Browser]


@pytest.fixture(scope="package")
def playwright() -> Iterator[Playwright]:
    """Playwright, which runs once a process."""
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="package")
def launch(playwright: Playwright) -> Launch:
    """Starts a Chromium whose microphone plays a WAV file."""
    path = chromium()

    def started(microphone: Path) -> Browser:
        return playwright.chromium.launch(
            executable_path=path,
            args=[*OPTIONS, f"--use-file-for-fake-audio-capture={microphone}%noloop"],
        )

    return started


@pytest.fixture(scope="package")
def browser(launch: Launch, microphone: Path) -> Iterator[Browser]:
    started = launch(microphone)
    yield started
    started.close()


@pytest.fixture(scope="module")
def open_pages(server: ServerProcess, browser: Browser) -> Iterator[OpenPage]:
    """Opens pages of the server, each in its own context; see ``opener``."""
    yield from opener(server, browser)


@pytest.fixture
def open_page(server: ServerProcess, browser: Browser) -> Iterator[OpenPage]:
    """The same, but pages are closed after the test."""
    yield from opener(server, browser)


@pytest.fixture
def open_staged(staged: ServerProcess, browser: Browser) -> Iterator[OpenPage]:
    """The same for pages of the server with the stand-in interpreter."""
    yield from opener(staged, browser)


def opener(
    server: ServerProcess, browser: Browser, *, expected: str = "net::ERR"
) -> Iterator[OpenPage]:
    """Yields a function that opens ``path`` in a new context with the given settings (locale,
    viewport ...). ``script`` runs before the page's scripts. Fails at the end if a page had
    errors besides those whose text has ``expected`` in it, a regular expression."""
    contexts: list[BrowserContext] = []
    errors: list[str] = []

    def note(message: ConsoleMessage) -> None:
        # Chromium reports every connection that is refused while offline.
        if message.type == "error" and not re.search(expected, message.text):
            errors.append(f"{message.location['url']}: {message.text}")

    def open_one(path: str, script: str = "", **settings: Any) -> Page:
        context = browser.new_context(**{"locale": "en-GB", **settings})
        contexts.append(context)
        context.set_default_timeout(1000 * PATIENCE_S)
        context.add_init_script(path=RECORDING)
        context.add_init_script(script=script)
        page = context.new_page()
        page.on("console", note)
        page.on("pageerror", lambda error: errors.append(f"{page.url}: {error}"))
        page.goto(server.url + path)
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert not errors, "\n".join(errors)
