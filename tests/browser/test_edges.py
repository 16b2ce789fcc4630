"""A listener's page at an edge: it goes on at another one when its own is gone. Nobody presses
anything."""

import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Browser

from tests.browser.conftest import opener
from tests.browser.people import OpenPage, begin_listening, begin_speaking, hears, sees, wait_for
from tests.browser.serving import ServerProcess
from tests.helpers.nats import nats_server


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[ServerProcess]]:
    """A hub and two edges."""
    with ExitStack() as stack:
        nats = stack.enter_context(nats_server(tmp_path_factory.mktemp("nats")))
        started = []
        for command in ("serve", "edge", "edge"):
            options = ("--bus", nats.server.url, "--models", "starter", "--fetch", "never")
            process = ServerProcess(
                *(tmp_path_factory.mktemp(command), *options, "--public-url", "{url}"),
                command=command,
            )
            process.start()
            stack.callback(process.stop)
            started.append(process)
        # A page may connect only to the edges that were known when it was loaded.
        while started[2].url.replace("http", "ws") not in _policy(started[1]):
            time.sleep(0.1)
        yield started


def _policy(machine: ServerProcess) -> str:
    with urllib.request.urlopen(f"{machine.url}/listen/stop") as response:
        return str(response.headers["Content-Security-Policy"])


@pytest.fixture
def open_at(machines: list[ServerProcess], browser: Browser) -> Iterator[list[OpenPage]]:
    """What opens a page at each of the machines."""
    with ExitStack() as stack:
        openers = [opener(each, browser) for each in machines]
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
    wait_for(listener, "(url) => sockets.at(-1).url.startsWith(url)", there)
    sees(listener, "live")
    # The microphone's clip may have ended by now.
    wait_for(listener, "async (most) => (await inbound())?.packetsReceived > most", 1)
    machines[1].start()
