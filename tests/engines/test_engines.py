"""Every page in Firefox and in WebKit: it opens without an error, and listens the way it can.

Chromium does everything else (see ``tests.browser``). What was tried in which browser is told in
docs/browsers.md."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, suppress
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from server.client.conversation import alongside
from server.client.participants import Speaker
from tests.browser.serving import ServerProcess
from tests.engines.engines import Missing, Page, firefox, webkit
from tests.helpers.running import tone

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.asyncio(loop_scope="module"),
]

ENGINES: dict[str, Callable[[Path], AbstractAsyncContextManager[Page]]] = {
    "firefox": firefox,
    "webkit": webkit,
}
PAGES = ("/", "/listen/talk", "/speak/talk", "/captions/talk?language=en", "/interpret/talk/en")
PATIENCE_S = 120.0
SITUATION = "document.body.dataset.situation"
#: What the page tells of its own errors, and what it could not load.
FAULTS = """[
  document.querySelector("#failure").textContent,
  ...performance.getEntriesByType("resource")
    .filter(({ responseStatus = 200 }) => responseStatus >= 400).map(({ name }) => name),
].filter(Boolean)"""
#: Whether the page's <audio> plays, and plays sound. Where the browser lets a script listen only in
#: a gesture, that it plays has to do.
PLAYS = """(() => {
  const audio = document.querySelector("audio");
  window.ears ??= (() => {
    const context = new AudioContext();
    const analyser = new AnalyserNode(context, { fftSize: 8192 });
    context.createMediaStreamSource(audio.srcObject).connect(analyser);
    context.resume();
    return analyser;
  })();
  const samples = new Float32Array(8192);
  ears.getFloatTimeDomainData(samples);
  const sounds = ears.context.state !== "running" || samples.some((each) => Math.abs(each) > 0.01);
  return sounds && !audio.paused && audio.currentTime > 1;
})()"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A server of Dutch and English with the stand-in interpreter."""
    process = ServerProcess(tmp_path_factory.mktemp("staged"), module="tests.helpers.staged")
    process.start()
    yield process
    process.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=ENGINES)
async def page(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Page]:
    """A browser with one page."""
    engine = ENGINES[request.param]
    try:
        async with engine(tmp_path_factory.mktemp(request.param)) as opened:
            yield opened
    except Missing as missing:
        if os.environ.get("TOLK_CI"):
            pytest.fail(str(missing))
        pytest.skip(str(missing))


async def until(page: Page, condition: str) -> None:
    """Wait until an expression in the page is true."""
    async with asyncio.timeout(PATIENCE_S):
        while not await page.run(condition):
            await asyncio.sleep(0.25)


async def speaking(speaker: Speaker) -> None:
    while True:
        with suppress(TimeoutError):  # a busy machine is late
            await speaker.play(tone(300))


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_opens_without_an_error(server: ServerProcess, page: Page, path: str) -> None:
    await page.open(server.url + path)
    await until(page, "document.documentElement.lang !== '' && document.title.length > 0")
    await until(page, f"{SITUATION} !== 'connecting'")
    assert [*page.errors, *await page.run(FAULTS)] == []


async def test_a_listener_hears_the_way_the_browser_can(server: ServerProcess, page: Page) -> None:
    async with (
        Speaker(server.url, "heard", "nl", audio="socket") as speaker,
        alongside(speaking(speaker), "speaks"),
    ):
        await page.open(f"{server.url}/listen/heard")
        await until(page, f"{SITUATION} === 'ready'")
        await page.click("#button")
        await until(page, f"['live', 'held'].includes({SITUATION})")
        if await page.run(f"{SITUATION} === 'held'"):
            await page.click("#button")  # Firefox asks for it if sound comes late
        await until(page, f"{SITUATION} === 'live'")
        await until(page, PLAYS)
        assert await page.run("document.querySelector('#way').textContent") != "", "no socket?"
        assert await page.run("document.querySelector('#captions .lines p') !== null")
        assert [*page.errors, *await page.run(FAULTS)] == []
