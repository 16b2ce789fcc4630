"""A speaker's page, and the language that is spoken: low tones are Dutch."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import opener
from tests.browser.people import OpenPage, sees
from tests.browser.serving import ServerProcess

pytestmark = [pytest.mark.browser, pytest.mark.slow]
#: Six seconds of speech, and the time a slow machine takes.
TONE = """
navigator.mediaDevices.getUserMedia = async () => {
  const context = new AudioContext();
  const tone = new OscillatorNode(context, { frequency: 300 });
  const output = context.createMediaStreamDestination();
  tone.connect(output);
  tone.start();
  return output.stream;
};
"""


@pytest.fixture(scope="module")
def open_pages(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenPage]:
    """Pages of a server with the stand-in interpreter."""
    process = ServerProcess(tmp_path_factory.mktemp("staged"), module="tests.helpers.staged")
    process.start()
    try:
        yield from opener(process, browser)
    finally:
        process.stop()


def test_the_language_is_detected_and_the_button_changes_it(open_pages: OpenPage) -> None:
    page = open_pages("/speak/spoken", TONE, viewport={"width": 320, "height": 640})
    page.select_option("#language", "auto")
    page.click("#button")
    sees(page, "live")
    expect(page.locator("#spoken")).to_have_text("You speak Dutch.")
    assert page.get_attribute("#captions .lines", "lang") == "nl"
    page.click("#setup summary")
    page.select_option("#language", "en")
    expect(page.locator("#captions .lines")).to_have_attribute("lang", "en")
    expect(page.locator("#spoken")).to_have_text("You seem to speak Dutch.")
    button = page.locator("#change_language")
    expect(button).to_have_text("Change to Dutch")
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    button.focus()
    page.keyboard.press("Enter")
    expect(button).to_be_hidden()
    expect(page.locator("#spoken")).to_have_text("You speak Dutch.")
    expect(page.locator("#captions .lines")).to_have_attribute("lang", "nl")
    assert page.input_value("#language") == "nl"
    assert page.evaluate("[offers, sockets.length]") == [1, 2], (
        "one before they began, one to speak"
    )
