"""The interpreter's page: a person takes over from the machine, coughs, hands over, gives back."""

from itertools import product

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Page, expect

from tests.browser.people import OpenPage, begin_listening, begin_speaking, hears, sees, wait_for
from tests.browser.test_access import SCHEMES
from tests.browser.test_any_browser import NO_WEBRTC
from tests.browser.test_speaker import SENT
from tests.browser.test_speaker import TONE as BUSY_TONE
from tests.browser.test_spoken_language import TONE
from tests.browser.test_states import REFUSE_MICROPHONE, UNPLUG

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

PATH = "/interpret/{}/en"
#: The page's microphone, whose switch the cough button is.
NOTE_MICROPHONE = """
const ask = navigator.mediaDevices.getUserMedia;
navigator.mediaDevices.getUserMedia = async (...wanted) => {
  const media = await ask.call(navigator.mediaDevices, ...wanted);
  window.microphone = media.getAudioTracks()[0];
  return media;
};
"""


def enter(page: Page, name: str) -> None:
    """Goes into the booth."""
    page.fill("#name", name)
    page.press("#name", "Enter")
    sees(page, "machine", "colleague")


def test_a_person_takes_over_coughs_and_gives_back(open_staged: OpenPage) -> None:
    begin_speaking(open_staged("/speak/booth", TONE))
    listener = open_staged("/listen/booth")
    begin_listening(listener, "en")
    sees(listener, "live")
    page = open_staged(PATH.format("booth"), TONE + NOTE_MICROPHONE)
    expect(page.locator("#into")).to_have_text("Into English")
    enter(page, "Ann")
    expect(page.locator("#light")).to_have_text("OFF AIR")
    expect(page.locator("#air")).to_be_focused()
    expect(page.locator("#listeners")).to_have_text("1 person hears this language.")
    hears(page)
    page.click("#air")
    sees(page, "on_air")
    expect(page.locator("#light")).to_have_attribute("data-on", "true")
    expect(listener.locator("#hint")).to_contain_text("English, interpreted by Ann.")
    hears(listener)
    page.locator("#cough").hover()
    page.mouse.down()
    sees(page, "coughing")
    assert not page.evaluate("microphone.enabled")
    page.mouse.up()
    sees(page, "on_air")
    assert page.evaluate("microphone.enabled")
    for focused in ("#cough", "#air", "body"):
        page.locator(focused).evaluate(
            "(element) => (document.activeElement.blur(), element.focus())"
        )
        page.keyboard.down("Space")
        sees(page, "coughing")
        page.keyboard.up("Space")
        sees(page, "on_air")
    page.click("#air")
    sees(page, "machine")
    expect(listener.locator("#hint")).to_have_text("You hear: English.")
    assert listener.evaluate("offers") == 1, "a listener negotiates once"


def test_a_microphone_that_was_lost_is_heard_again(open_staged: OpenPage) -> None:
    begin_speaking(open_staged("/speak/lost", TONE))
    listener = open_staged("/listen/lost")
    begin_listening(listener, "en")
    page = open_staged(PATH.format("lost"), BUSY_TONE)
    enter(page, "Ann")
    page.click("#air")
    sees(page, "on_air")
    first = page.evaluate(UNPLUG)
    wait_for(page, f"id => {SENT} && {SENT}.id !== id && {SENT}.readyState === 'live'", first)
    sees(page, "on_air")
    page.evaluate(f"busy = true, {SENT}.dispatchEvent(new Event('mute'))")
    sees(page, "mic_lost")
    expect(page.locator("#hint")).to_contain_text("nobody hears you")
    expect(page.locator("#light")).to_have_text("OFF AIR")
    page.evaluate("busy = false")
    sees(page, "on_air")
    expect(listener.locator("#hint")).to_contain_text("English, interpreted by Ann.")
    hears(listener)


def test_a_microphone_that_is_refused_later_is_explained(open_staged: OpenPage) -> None:
    page = open_staged(PATH.format("refusal"), BUSY_TONE)
    enter(page, "Ann")
    page.evaluate(f"() => {{ {REFUSE_MICROPHONE} }}")
    page.evaluate(UNPLUG)
    sees(page, "denied")
    expect(page.locator("#setup")).to_be_visible()


@pytest.mark.parametrize("script", ["", NO_WEBRTC["missing"]], ids=["webrtc", "socket"])
def test_a_floor_that_was_paused_is_heard_again_at_a_press(
    open_staged: OpenPage, script: str
) -> None:
    page = open_staged(PATH.format("halted"), TONE + script)
    enter(page, "Ann")
    playing = "() => !document.querySelector('audio').paused"
    wait_for(page, playing)
    expect(page.locator("#notice")).to_be_empty()
    page.evaluate("document.querySelector('audio').pause()")  # as the button of a headset does
    expect(page.locator("#notice")).to_contain_text("You do not hear the speaker")
    page.click("#listeners")
    wait_for(page, playing)
    expect(page.locator("#notice")).to_be_empty()


def test_two_share_a_booth_and_whoever_reconnects_is_on_air_again(open_staged: OpenPage) -> None:
    ann = open_staged(PATH.format("shared"), TONE)
    enter(ann, "Ann")
    ann.click("#air")
    sees(ann, "on_air")
    bob = open_staged(PATH.format("shared"), TONE)
    enter(bob, "Bob")
    expect(bob.locator("#state")).to_have_text("Ann interprets")
    bob.click("#air")
    sees(bob, "asked")
    expect(ann.locator("#notice")).to_have_text("Bob would like to take over.")
    expect(ann.locator("#air")).to_have_text("Hand over to Bob")
    ann.click("#air")
    sees(bob, "on_air")
    sees(ann, "colleague")
    ann.click("#air")
    sees(ann, "asked")
    expect(ann.locator("#air")).to_have_text("Take over now")
    ann.click("#air")
    sees(ann, "on_air")
    ann.evaluate("sockets.at(-1).close(4999)")
    wait_for(ann, "() => sockets.length === 2")
    sees(ann, "on_air")
    ann.click("#leave")
    sees(ann, "ready")
    expect(ann.locator("#name")).to_be_focused()
    sees(bob, "machine")


def test_without_webrtc_an_interpreter_hears_and_is_heard_over_the_socket(
    open_staged: OpenPage,
) -> None:
    page = open_staged(PATH.format("bare"), TONE + NO_WEBRTC["missing"])
    begin_speaking(open_staged("/speak/bare", TONE))
    enter(page, "Ann")
    expect(page.locator("#way")).to_contain_text("this browser allows no direct one")
    page.click("#air")
    sees(page, "on_air")
    wait_for(page, "() => given() > 0")


def test_the_page_is_for_everyone(open_staged: OpenPage) -> None:
    phone = {"width": 320, "height": 640}
    page = open_staged(PATH.format("axe"), TONE, viewport=phone, reduced_motion="reduce")
    entered = open_staged(PATH.format("axe"), TONE, viewport=phone, locale="de-DE")
    enter(entered, "Ann")
    entered.click("#air")
    sees(entered, "on_air")
    for each, scheme in product((page, entered), SCHEMES):
        each.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        found = Axe().run(each)
        assert found.violations_count == 0, found.generate_report()
        assert each.evaluate("document.documentElement.scrollWidth") <= phone["width"]
