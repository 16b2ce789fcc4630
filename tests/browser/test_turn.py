"""A listener whose network lets no UDP through, and a real coturn.

The browser is on a machine of its own, a network namespace whose UDP goes nowhere. Where the rights
for that are missing, Chromium is told to use no UDP.
"""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Page, Playwright, expect

from tests.browser.conftest import OPTIONS, chromium, opener
from tests.browser.people import (
    PATIENCE_S,
    begin_listening,
    hears,
    hears_over_the_socket,
    wait_for,
)
from tests.browser.serving import ROOT, ServerProcess
from tests.helpers.coturn import Coturn, expired
from tests.helpers.programs import free_port, program
from tools.namespaces import Network, network

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180), pytest.mark.slow]

HALL, RELAY, PHONE = "hall", "relay", "phone"
START_S = 30.0
#: How the connection in use reaches the relay: "tcp" or "tls"; nothing if it does not.
RELAYED_BY = """async (way) => {
  const stats = [...(await connections.at(-1).getStats()).values()];
  const used = stats.find((each) => each.type === "candidate-pair" && each.nominated);
  return stats.find((each) => each.id === used?.localCandidateId)?.relayProtocol === way;
}"""


@dataclass(frozen=True)
class Site:
    """Three machines. Without a ``network`` they are this one. ``running``: the programs there."""

    network: Network | None
    folder: Path
    running: ExitStack

    def address(self, machine: str) -> str:
        return "127.0.0.1" if self.network is None else self.network.address(machine)

    @contextmanager
    def inside(self, machine: str) -> Iterator[None]:
        with nullcontext() if self.network is None else self.network.inside(machine):
            yield

    def starts(self, *command: str, log: Path) -> None:
        with log.open("wb") as out:
            process = subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=out)
        self.running.callback(process.wait)
        self.running.callback(process.kill)

    def browser(self) -> tuple[Path, list[str]]:
        """A Chromium that gets no UDP through, and the options for that."""
        if self.network is None:
            policy = "webrtc-ip-handling-policy=disable_non_proxied_udp"
            return Path(chromium()), [f"--{policy}", f"--force-{policy}"]  # one in each release
        path = self.folder / "chromium"
        path.write_text(f'#!/bin/sh\nexec {" ".join(self.network.on(PHONE))} {chromium()} "$@"\n')
        path.chmod(0o700)
        return path, []


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with ExitStack() as stack:
        machines: Network | None = None
        try:
            machines = stack.enter_context(network(HALL, RELAY, PHONE))
            machines.block_udp(PHONE)
        except OSError:
            pass
        running = stack.enter_context(ExitStack())
        yield Site(machines, tmp_path_factory.mktemp("site"), running)


@pytest.fixture(scope="module")
def coturn(site: Site) -> Coturn:
    here = site.address(RELAY)
    (folder := site.folder / "coturn").mkdir()
    with site.inside(RELAY):
        running = Coturn(folder, free_port(), free_port(), here, here, site.address(HALL))
        name, *options = running.command()
        site.starts(program(name), *options, log=running.log)
        deadline = time.monotonic() + START_S
        while not _accepts(here, running.tls_port):
            assert time.monotonic() < deadline, running.log.read_text(errors="replace")
            time.sleep(0.05)
    return running


def _accepts(address: str, port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((address, port)) == 0


Listen = Callable[..., tuple[Page, Path]]


@pytest.fixture
def listen(site: Site, playwright: Playwright, tmp_path: Path) -> Iterator[Listen]:
    """Starts a server with these settings, where somebody speaks, and a listener's page there.
    Returns the page, and the server's log."""
    path, options = site.browser()
    with ExitStack() as stack:

        def started(**settings: object) -> tuple[Page, Path]:
            settings["host"] = site.address(HALL)
            given = ("--settings", json.dumps(settings))
            server = ServerProcess(tmp_path, *given, module="tests.helpers.staged")
            server.url = f"http://{site.address(HALL)}:{server.port}"
            with site.inside(HALL):
                server.start()
                stack.callback(server.stop)
                site.starts(
                    *(sys.executable, "-m", "tools.speak", "--url", server.url, "--stream", "hall"),
                    *("--language", "nl", "--loop", "server/demo/nl.opus"),
                    *("--token", server.token(speak=True)),
                    log=tmp_path / "speaking.log",
                )
            secure = f"--unsafely-treat-insecure-origin-as-secure={server.url}"
            browser = playwright.chromium.launch(
                executable_path=path,
                args=[*OPTIONS, *options, secure, "--ignore-certificate-errors"],
            )
            stack.callback(browser.close)
            page = stack.enter_context(contextmanager(opener)(server, browser))("/listen/hall")
            begin_listening(page)
            return page, tmp_path / "server.log"

        yield started


@pytest.mark.parametrize("way", ["tcp", "tls"])
def test_a_listener_without_udp_hears_through_the_relay(
    coturn: Coturn, listen: Listen, way: str
) -> None:
    url = coturn.urls[1 if way == "tcp" else 2]
    page, _ = listen(ice_servers=[url], turn_secret_file=str(coturn.folder / "secret"))
    wait_for(page, RELAYED_BY, way)
    hears(page)
    expect(page.locator("#way")).to_be_empty()


@pytest.mark.parametrize("password", ["expired", "wrong"])
def test_a_refused_password_is_told_to_the_listener_and_the_host(
    coturn: Coturn, listen: Listen, password: str
) -> None:
    """The sound comes over the WebSocket."""
    username, of_1970 = expired()
    given = {"turn_secret_file": str(coturn.folder / "other")}
    if password == "expired":
        given = {"turn_username": username, "turn_password": of_1970}
    page, log = listen(ice_servers=coturn.urls[1:2], **given)
    way = page.locator("#way")
    expect(way).to_contain_text("refuses its password", timeout=1000 * PATIENCE_S)
    hears_over_the_socket(page)
    assert f"refuses the passwords of participants ({coturn.urls[1]})" in log.read_text()
