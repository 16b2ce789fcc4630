"""A listener's page at an edge: it goes on at another one when its own is gone. Nobody presses
anything.

A page may connect only to the edges that were known when it was loaded; at others it loads itself.
"""

import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import opener
from tests.browser.people import (
    PATIENCE_S,
    OpenPage,
    begin_listening,
    begin_speaking,
    hears,
    sees,
    wait_for,
)
from tests.browser.serving import ServerProcess
from tests.browser.test_spoken_language import TONE
from tests.helpers.nats import nats_server


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[ServerProcess]]:
    """A hub and two edges, which believe the same tokens."""
    with ExitStack() as stack:
        nats = stack.enter_context(nats_server(tmp_path_factory.mktemp("nats")))
        started = []
        for command in ("serve", "edge", "edge"):
            folder = tmp_path_factory.mktemp(command)
            (folder / "secret").touch(mode=0o600)
            (folder / "secret").write_text(64 * "5")
            options = ("--bus", nats.server.url, "--models", "starter", "--fetch", "never")
            process = ServerProcess(
                *(folder, *options, "--public-url", "{url}", "--speak-token", "open"),
                command=command,
            )
            stack.callback(process.stop)
            process.start()
            started.append(process)
        _wait_until_known(started[2], at=started[1])
        yield started


def _wait_until_known(edge: ServerProcess, *, at: ServerProcess, known: bool = True) -> None:
    """Waits until pages of the machine ``at`` may connect to ``edge``, or may not any more."""
    deadline = time.monotonic() + PATIENCE_S
    while (edge.url.replace("http", "ws") in _policy(at)) != known:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def _start_again(edge: ServerProcess, *, other: ServerProcess) -> None:
    """Starts an edge for the next test. Pages that it serves before it knows ``other`` would have
    to be loaded there, not connect."""
    edge.start()
    _wait_until_known(other, at=edge)


def _policy(machine: ServerProcess) -> str:
    with urllib.request.urlopen(f"{machine.url}/listen/stop") as response:
        return str(response.headers["Content-Security-Policy"])


@pytest.fixture
def open_at(machines: list[ServerProcess], browser: Browser) -> Iterator[list[OpenPage]]:
    """What opens a page at each of the machines."""
    with ExitStack() as stack:
        # Chromium reports the attempt at an edge to which the page may not connect.
        expected = "net::ERR|Content Security Policy"
        openers = [opener(each, browser, expected=expected) for each in machines]
        for each in openers:
            stack.callback(next, each, None)
        yield [next(each) for each in openers]


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_listener_goes_on_at_another_edge(
    machines: list[ServerProcess], open_at: list[OpenPage], end: str
) -> None:
    at_hub, at_edge, _ = open_at
    begin_speaking(at_hub(f"/speak/{end}"))
    listener = at_edge(f"/listen/{end}")
    begin_listening(listener)
    sees(listener, "live")
    hears(listener)
    getattr(machines[1], end)()
    there = machines[2].url.replace("http", "ws")
    try:
        wait_for(listener, "(url) => sockets.at(-1).url.startsWith(url)", there)
        sees(listener, "live")
        # The microphone's clip may have ended by now.
        wait_for(listener, "async (most) => (await inbound())?.packetsReceived > most", 1)
    finally:
        _start_again(machines[1], other=machines[2])


#: A browser that plays nothing before something was pressed in the page.
WANTS_A_PRESS = """
  const play = HTMLMediaElement.prototype.play;
  HTMLMediaElement.prototype.play = function () {
    if (navigator.userActivation.hasBeenActive) return play.call(this);
    return Promise.reject(new DOMException("press something first", "NotAllowedError"));
  };
"""


@pytest.mark.parametrize("plays", [True, False])
def test_a_page_loads_itself_at_an_edge_that_began_later(
    machines: list[ServerProcess], open_at: list[OpenPage], plays: bool
) -> None:
    _, first, later = machines
    at_hub, at_first, _ = open_at
    begin_speaking(at_hub("/speak/later", TONE))
    later.stop()
    _wait_until_known(later, at=first, known=False)
    token = first.token(listen=True)
    page = at_first(
        *(f"/listen/later?from=slide#token={token}", "" if plays else WANTS_A_PRESS),
        locale="de-DE",
    )
    begin_listening(page, "floor")
    hears(page)
    later.start()
    _wait_until_known(later, at=first)
    first.stop()
    try:
        page.wait_for_url(f"{later.url}/**")
        sees(page, "live" if plays else "ready")
        assert page.url == f"{later.url}/listen/later?from=slide&language=floor"
        assert page.evaluate("sessionStorage['tolk.token.later']") == token
        expect(page.locator("#language")).to_have_value("floor")
        expect(page.locator("#button_text")).to_have_text("Beenden" if plays else "Zuhören")
        if not plays:
            page.click("#button")
            sees(page, "live")
        hears(page)
    finally:
        _start_again(first, other=later)
