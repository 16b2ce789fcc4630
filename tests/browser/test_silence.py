"""Silence is not sent; by the browser's account it is silence all the same, and no loss."""

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

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

SILENCE_S = 6


def heard(page: Page) -> dict[str, Any]:
    found: dict[str, Any] = page.evaluate("inbound()")
    return found


@pytest.mark.parametrize("language", ["floor", "en"])
def test_who_joins_in_silence_hears_silence_then_the_first_words(
    open_page: OpenPage, language: str
) -> None:
    listener = open_page(f"/listen/silent-{language}")
    begin_listening(listener, language)
    sees(listener, "waiting")
    wait_for_sound(listener, 0.5)  # the connection is there
    before, began_s = heard(listener), time.monotonic()
    wait_for_sound(listener, SILENCE_S)
    after, took_s = heard(listener), time.monotonic() - began_s
    packets, samples, concealed = (
        after[name] - before[name]
        for name in ("packetsReceived", "totalSamplesReceived", "concealedSamples")
    )
    assert packets / took_s <= 3
    assert samples >= 0.9 * took_s * RATE_HZ
    assert concealed <= 0.02 * samples
    begin_speaking(open_page(f"/speak/silent-{language}"))
    hears(listener)
