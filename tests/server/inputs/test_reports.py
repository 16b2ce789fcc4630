"""The line that says what comes from a source."""

import numpy as np
import pytest

from server.inputs.address import address
from server.inputs.buffer import Buffer
from server.inputs.pieces import Kind, Request
from server.inputs.reading import Reading
from server.inputs.reports import Reports
from server.media.opus import RATE_HZ


def test_a_line_says_what_comes_and_how_loud() -> None:
    buffer = Buffer(lambda: 0.0)
    reports = Reports()
    reading = Reading(Request(address("udp://desk:5")), buffer, print, reports.heard)
    reading.kind = Kind("aac", 44_100, 2, "left")
    reading.opened = 3
    tone = 10_362 * np.sin(2 * np.pi * 440 * np.arange(RATE_HZ) / RATE_HZ)  # -13 dBFS
    reports.heard(tone.astype(np.int16))
    assert reports.line(reading, buffer, 10) == (
        "aac 44100 Hz, 2 channels (only the left), -13 dBFS, 0.00 s late, 2 reconnects, "
        "0.00 s left out, 0.00 s repeated"
    )


def test_nothing_is_said_to_last_longer_and_longer() -> None:
    buffer = Buffer(lambda: 0.0)
    reports = Reports()
    reading = Reading(Request(address("udp://desk:5")), buffer, print, reports.heard)
    lines = [reports.line(reading, buffer, 10) for _ in range(2)]
    assert lines == ["nothing came for 10 s, 0 reconnects", "nothing came for 20 s, 0 reconnects"]


def test_a_source_that_sends_zeros_is_called_silent() -> None:
    buffer = Buffer(lambda: 0.0)
    reports = Reports()
    reading = Reading(Request(address("udp://desk:5")), buffer, print, reports.heard)
    reports.heard(np.zeros(RATE_HZ, np.int16))
    assert "silent" in reports.line(reading, buffer, 10)


@pytest.mark.parametrize(("sent_hz", "told"), [(44_100, True), (48_010, False)], ids=str)
def test_a_source_that_says_a_wrong_rate_is_noticed(sent_hz: int, told: bool) -> None:
    buffer = Buffer(lambda: 0.0)
    reports = Reports()
    reading = Reading(Request(address("udp://desk:5")), buffer, print, reports.heard)
    reading.opened = 1
    reports.heard(np.ones(4 * RATE_HZ, np.int16))  # a burst at the start tells nothing
    for _ in range(15):
        reports.heard(np.ones(10 * sent_hz, np.int16))
        line = reports.line(reading, buffer, 10)
    assert ("it sends 92% of real time" in line) == told
