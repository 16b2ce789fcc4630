"""Silence is hardly sent. The browser's statistics count it as silence, not as loss."""

import time
from typing import Any

import pytest
from playwright.sync_api import Page

from server.media.opus import RATE_HZ
from tests.browser.people import (
    OpenPage,
    begin_listening,
    begin_speaking,
    hears,
    sees,
    wait_for_sound,
)

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120), pytest.mark.slow]

SILENCE_S = 8
CHANNELS = ("floor", "en")


def heard(page: Page) -> dict[str, Any]:
    found: dict[str, Any] = page.evaluate("inbound()")
    return found


def test_listeners_who_join_in_silence_hear_silence_then_the_first_words(
    open_page: OpenPage,
) -> None:
    """On two channels at once: what the speaker says, and its interpretation."""
    listeners = [open_page("/listen/silent") for _ in CHANNELS]
    for listener, channel in zip(listeners, CHANNELS, strict=True):
        begin_listening(listener, channel)
        sees(listener, "waiting")
    for listener in listeners:
        wait_for_sound(listener, 0.5)  # the connection is there
    began = [(heard(listener), time.monotonic()) for listener in listeners]
    for listener in listeners:
        wait_for_sound(listener, SILENCE_S / 2)
    for listener, (before, began_s) in zip(listeners, began, strict=True):
        after, took_s = heard(listener), time.monotonic() - began_s
        packets, samples, concealed = (
            after[name] - before[name]
            for name in ("packetsReceived", "totalSamplesReceived", "concealedSamples")
        )
        assert packets / took_s <= 3
        assert samples >= 0.9 * took_s * RATE_HZ
        assert concealed <= 0.02 * samples
    begin_speaking(open_page("/speak/silent"))
    for listener in listeners:
        hears(listener)
