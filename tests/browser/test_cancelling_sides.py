"""A microphone whose two sides cancel each other, as a balanced line in a stereo socket."""

import wave
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Launch, opener
from tests.browser.people import begin_listening, begin_speaking, hears
from tests.browser.serving import ServerProcess

pytestmark = pytest.mark.browser


@pytest.fixture
def cancelling(microphone: Path, tmp_path: Path) -> Path:
    """The clip on the left, and inverted on the right."""
    path = tmp_path / "cancelling.wav"
    with wave.open(str(microphone)) as clip, wave.open(str(path), "wb") as file:
        mono = np.frombuffer(clip.readframes(clip.getnframes()), np.int16) // 2
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(clip.getframerate())
        file.writeframes(np.stack((mono, -mono), axis=1).tobytes())
    return path


def test_the_speaker_is_told_and_one_side_is_sent(
    staged: ServerProcess, launch: Launch, cancelling: Path
) -> None:
    browser = launch(cancelling)
    try:
        for open_page in opener(staged, browser):
            page, listener = (open_page(f"/{kind}/cancelling") for kind in ("speak", "listen"))
            page.evaluate("document.getElementById('setup').open = true")
            page.check("#line_in")
            begin_listening(listener)
            begin_speaking(page)
            expect(page.locator("#notice")).to_contain_text("cancel each other", timeout=30_000)
            hears(listener)
    finally:
        browser.close()
