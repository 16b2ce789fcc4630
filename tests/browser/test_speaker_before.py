"""Before and beside speaking: the test of the microphone, rehearsing, the monitor, handing over."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import opener
from tests.browser.people import (
    OpenPage,
    ask_to_speak,
    begin_listening,
    begin_speaking,
    hears,
    sees,
    wait_for,
)
from tests.browser.serving import ServerProcess
from tests.browser.test_speaker import SENT
from tests.browser.test_states import UNPLUG

pytestmark = pytest.mark.browser

#: A microphone that says "laag" about every second, not too loud.
SAYS = """
navigator.mediaDevices.getUserMedia = async () => {
  const context = new AudioContext();
  const tone = new OscillatorNode(context, { frequency: 300 });
  const words = new GainNode(context, { gain: 0 });
  const output = context.createMediaStreamDestination();
  tone.connect(words).connect(output);
  tone.start();
  for (let at = context.currentTime; at < 200; at += 1.2) {
    words.gain.setValueAtTime(0.4, at);
    words.gain.setValueAtTime(0, at + 0.5);
  }
  return output.stream;
};
"""
#: Firefox, where the device cannot be started.
CANNOT_START = """
navigator.mediaDevices.getUserMedia = async () => {
  throw new DOMException("Starting audioinput failed", "AbortError");
};
"""
#: A browser that names no microphone before one was allowed, in this page.
NAMES_LATE = """
const { mediaDevices } = navigator;
const [get, list] = [mediaDevices.getUserMedia, mediaDevices.enumerateDevices];
let allowed = false;
mediaDevices.getUserMedia = async (...wanted) => {
  const media = await get.apply(mediaDevices, wanted);
  allowed = true;
  return media;
};
mediaDevices.enumerateDevices = async () => (await list.apply(mediaDevices)).map(
  (device) => allowed ? device : { kind: device.kind, deviceId: "", label: "" });
"""
#: A microphone with a plug: while "unplugged" is its id it can neither be listed nor opened.
PLUG = """
window.unplugged = "";
const { mediaDevices } = navigator;
const [get, list] = [mediaDevices.getUserMedia, mediaDevices.enumerateDevices];
mediaDevices.getUserMedia = async (wanted) => {
  if (unplugged && wanted.audio.deviceId?.exact === unplugged) {
    throw new DOMException("not there", "OverconstrainedError");
  }
  return get.call(mediaDevices, wanted);
};
mediaDevices.enumerateDevices = async () =>
  (await list.call(mediaDevices)).filter(({ deviceId }) => deviceId !== unplugged);
"""
#: What the page says of the test, and whether the meter was there then.
NOTED = """
() => {
  window.noted = [];
  const [said, meter] = ["test_state", "meter_box"].map((id) => document.getElementById(id));
  const note = () => {
    const now = said.textContent;
    const before = noted.at(-1) ?? "";
    if (now && !before.startsWith(now)) noted.push(now);
    if (!meter.hidden && !noted.at(-1).endsWith(", metered")) {
      noted[noted.length - 1] += ", metered";
    }
  };
  const all = { attributes: true, childList: true, characterData: true, subtree: true };
  for (const each of [said, meter]) new MutationObserver(note).observe(each, all);
}"""


@pytest.fixture(scope="module")
def open_pages(staged: ServerProcess, browser: Browser) -> Iterator[OpenPage]:
    """Pages of the server with the stand-in interpreter."""
    yield from opener(staged, browser)


def test_the_microphone_is_heard_back_and_nothing_is_sent(open_pages: OpenPage) -> None:
    page = open_pages("/speak/test", SAYS)
    page.evaluate(NOTED)
    page.click("#test")
    state = page.locator("#test_state")
    expect(state).to_contain_text("Then the microphone is ready.")
    expect(page.locator("#meter_box")).to_be_hidden()
    assert page.evaluate("noted") == [
        "Say something: three seconds are recorded, and stay on this device., metered",
        "This is how you sound.",
        "Did you hear yourself well? Then the microphone is ready.",
    ]
    assert page.evaluate("[offers, sockets.length]") == [0, 1], "only the socket that counts"


@pytest.mark.parametrize("path", ["/speak/chosen", "/interpret/chosen/en"])
def test_the_microphone_that_is_shown_is_the_one_that_is_open(
    open_pages: OpenPage, path: str
) -> None:
    gone = 'localStorage["tolk.microphone"] ??= "unplugged since";'
    page = open_pages(path, NAMES_LATE + gone)
    page.on("dialog", lambda dialog: dialog.accept())
    shown, sent = page.locator("#microphone"), f"{SENT}.getSettings().deviceId"
    open_microphone(page)
    expect(shown.locator("option")).to_have_count(3)
    assert page.evaluate(sent) == "default"
    chosen = shown.locator("option").nth(2).get_attribute("value")
    assert chosen
    for wanted, device in ((chosen, chosen), ("", "default")):
        choose(page, wanted)
        wait_for(page, f"(device) => {sent} === device", device)
        page.reload()
        expect(shown.locator("option")).to_have_count(1)  # none is listed before one is allowed
        open_microphone(page)
        expect(shown.locator("option")).to_have_count(3)
        expect(shown).to_have_value(wanted)
        assert page.evaluate(sent) == device


@pytest.mark.parametrize("path", ["/speak/dead", "/interpret/dead/en"])
def test_a_microphone_that_does_not_start_is_said(open_pages: OpenPage, path: str) -> None:
    page = open_pages(path, CANNOT_START)
    if page.locator("#setup #name").count():
        page.fill("#name", "Ann")
        page.press("#name", "Enter")
    else:
        page.select_option("#language", "nl")
        page.click("#button")
    sees(page, "busy")
    expect(page.locator("#hint")).to_contain_text("Perhaps another program is using it.")


@pytest.mark.parametrize("path", ["/speak/loose", "/interpret/loose/en"])
def test_a_microphone_with_a_loose_plug_is_taken_again(open_pages: OpenPage, path: str) -> None:
    page = open_pages(path, PLUG)
    page.on("dialog", lambda dialog: dialog.accept())
    sent = f"{SENT}.getSettings().deviceId"
    open_microphone(page)
    shown = page.locator("#microphone option")
    expect(shown).to_have_count(3)
    chosen = shown.nth(2).get_attribute("value")
    assert chosen
    choose(page, chosen)
    wait_for(page, f"(device) => {sent} === device", chosen)
    page.evaluate("(device) => { unplugged = device; }", chosen)
    page.evaluate(UNPLUG)
    wait_for(page, f"() => {sent} === 'default'")
    label = page.evaluate(f"{SENT}.label")
    expect(page.locator("#notice")).to_contain_text(f"You speak through another one: {label}.")
    page.evaluate("navigator.mediaDevices.dispatchEvent(new Event('devicechange'))")
    expect(shown).to_have_count(2)
    assert page.evaluate(sent) == "default"
    page.evaluate("unplugged = ''")
    page.evaluate("navigator.mediaDevices.dispatchEvent(new Event('devicechange'))")
    wait_for(page, f"(device) => {sent} === device", chosen)
    expect(page.locator("#notice")).not_to_contain_text("another one")


def open_microphone(page: Page) -> None:
    """Begins to speak, or enters the booth."""
    if page.locator("#setup #name").count():
        page.fill("#name", "Ann")
        page.press("#name", "Enter")
        sees(page, "machine")
    else:
        begin_speaking(page)


def choose(page: Page, microphone: str) -> None:
    """Chooses a microphone, also where its list is out of sight."""
    page.locator("#microphone").evaluate(
        "(list, value) => (list.value = value, list.dispatchEvent(new Event('change')))", microphone
    )


def test_a_rehearsal_is_understood_and_nobody_hears_it(open_pages: OpenPage) -> None:
    listener = open_pages("/listen/rehearsed")
    begin_listening(listener)
    speaker = open_pages("/speak/rehearsed", SAYS)
    speaker.select_option("#language", "nl")
    speaker.click("#rehearse")
    sees(speaker, "rehearsing")
    expect(speaker.locator("#captions .lines p").first).to_have_text("laag")
    expect(speaker.locator("#audience_total")).to_have_text("1 person is waiting for you.")
    sees(listener, "waiting")
    speaker.click("#button")
    sees(speaker, "ready")
    begin_speaking(speaker)
    sees(listener, "live")
    hears(listener)


def test_the_speaker_follows_the_interpretation(open_pages: OpenPage) -> None:
    speaker = open_pages("/speak/monitored", SAYS)
    begin_speaking(speaker)
    assert speaker.evaluate("document.querySelector('#sound').srcObject") is None, "off at first"
    speaker.select_option("#monitor_language", "en")
    line = speaker.locator("#monitor_captions .lines p").first
    expect(line).to_have_text("low")
    speaker.check("#monitor_sound")
    hears(speaker)
    expect(speaker.locator("#monitor_state")).to_contain_text("s behind you")
    expect(speaker.locator("#audience_total")).to_have_text("Nobody is listening yet.")
    sees(speaker, "live")


def test_one_speaker_hands_over_to_another(open_pages: OpenPage) -> None:
    first, second = open_pages("/speak/panel", SAYS), open_pages("/speak/panel", SAYS)
    begin_speaking(first)
    listener = open_pages("/listen/panel")
    begin_listening(listener)
    sees(listener, "live")
    count = listener.evaluate("sockets.length")
    ask_to_speak(second, "nl")
    expect(first.locator("#asking")).to_contain_text("Somebody asks to speak (Dutch).")
    first.click("#asking .primary")
    sees(second, "live")
    sees(first, "handed_over")
    expect(first.locator("#alarm")).to_be_empty()
    expect(second.locator("#captions .lines p").first).to_have_text("laag")
    hears(listener)
    assert listener.evaluate("[offers, sockets.length]") == [1, count], "the listener stayed"
    first.click("#button")
    expect(second.locator("#asking")).to_contain_text("Somebody asks")
    second.click("#asking button:not(.primary)")
    sees(first, "handed_over")
    expect(first.locator("#notice")).to_have_text("The other speaker goes on for now.")
