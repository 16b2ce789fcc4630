"""Packets lost to and from a browser are repaired, by the browser's statistics."""

import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from server.media.opus import SAMPLES_PER_TICK
from tests.browser.people import OpenPage, begin_listening, begin_speaking, hears, wait_for_sound
from tests.browser.serving import ROOT, ServerProcess

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240), pytest.mark.slow]

LOSS_PERCENT = 5
SPEECH_S = 18
SCRIPT = Path(__file__).with_name("lossy.js").read_text()


@pytest.fixture
def relay(server: ServerProcess) -> Iterator[int]:
    """The port of a relay to the server that loses packets."""
    command = [sys.executable, "-m", "tools.impair", "--to", f"127.0.0.1:{server.port}"]
    options = ["--loss", str(LOSS_PERCENT), "--delay", "10", "--seed", "1"]
    process = subprocess.Popen([*command, *options], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    yield int(process.stdout.readline().rpartition(":")[2])
    process.terminate()
    process.wait(5)
    process.stdout.close()


def through(port: int, repair: bool = True) -> str:
    """A script with which a page connects through the relay."""
    return SCRIPT.replace("RELAY_PORT", str(port)).replace("REPAIR", str(repair).lower())


def heard(page: Page) -> dict[str, Any]:
    found: dict[str, Any] = page.evaluate("inbound()")
    return found


def concealed(since: dict[str, Any], now: dict[str, Any]) -> float:
    """The share of the received samples that were concealed, without those in silence."""
    made_up, silent, all_ = (
        now[name] - since[name]
        for name in ("concealedSamples", "silentConcealedSamples", "totalSamplesReceived")
    )
    return float((made_up - silent) / all_)


def counted(server: ServerProcess, name: str) -> float:
    """One of the server's metrics."""
    with urllib.request.urlopen(f"{server.url}/metrics") as response:
        (found,) = re.findall(rf"^{name} (\S+)$", response.read().decode(), re.MULTILINE)
    return float(found)


def test_lost_packets_to_a_listener_are_repaired(
    open_page: OpenPage, server: ServerProcess, relay: int
) -> None:
    near = open_page("/listen/lossy")
    repaired = open_page("/listen/lossy", script=through(relay))
    plain = open_page("/listen/lossy", script=through(relay, repair=False))
    pages = (near, repaired, plain)
    for page in pages:
        begin_listening(page)
    begin_speaking(open_page("/speak/lossy"))
    for page in pages:
        hears(page)
    since = [heard(page) for page in pages]
    wait_for_sound(near, SPEECH_S)
    now = [heard(page) for page in pages]
    _, with_repair, without = now
    assert without["packetsLost"] > LOSS_PERCENT / 2 / 100 * without["packetsReceived"]
    assert with_repair["packetsLost"] < without["packetsLost"] / 3  # the others were retransmitted
    assert counted(server, "tolk_downlink_as_red") > 0
    assert with_repair["packetsDiscarded"] > without["packetsDiscarded"] + 100  # needless copies
    shares = list(map(concealed, since, now))
    # Subtract what all pages concealed because a busy server skipped it.
    assert shares[1] - shares[0] < (shares[2] - shares[0]) / 2


def test_lost_packets_of_a_speaker_are_repaired(
    open_page: OpenPage, server: ServerProcess, relay: int
) -> None:
    names = [f"tolk_uplink_{name}" for name in ("came", "copied", "missing_samples")]
    listener = open_page("/listen/lossy-speaker")
    begin_listening(listener)
    begin_speaking(open_page("/speak/lossy-speaker", script=through(relay)))
    hears(listener)
    before = [counted(server, name) for name in names]
    wait_for_sound(listener, SPEECH_S / 2)
    came, copied, missing_samples = (
        counted(server, name) - since for name, since in zip(names, before, strict=True)
    )
    assert copied > 0.5 * LOSS_PERCENT / 100 * came
    assert missing_samples / SAMPLES_PER_TICK < copied / 2
