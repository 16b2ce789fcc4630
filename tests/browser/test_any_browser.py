"""Browsers that lack something, and sound that is paused outside the page."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.people import (
    PATIENCE_S,
    OpenPage,
    begin_listening,
    begin_speaking,
    hears_over_the_socket,
    sees,
    wait_for,
)
from tests.browser.test_spoken_language import TONE

pytestmark = pytest.mark.browser

#: Two ways in which companies and settings turn WebRTC off.
NO_WEBRTC = {
    "missing": "window.RTCPeerConnection = undefined;",
    "throws": """window.RTCPeerConnection = class {
        constructor() { throw new DOMException("by policy", "NotAllowedError"); }
    };""",
}
NO_WEB_CODECS = "delete window.AudioDecoder; delete window.AudioEncoder;"
#: What the browser tells a page of an error in a click.
THROWN = 'new ErrorEvent("error", { error: new Error("out of paper") })'
NOTE_HANDLERS = """
window.handlers = {};
navigator.mediaSession.setActionHandler = (name, call) => (handlers[name] = call);
"""
NOTE_WAKE_LOCKS = """
window.awake = 0;
Object.defineProperty(navigator, "wakeLock", { value: { request: async () => {
  awake += 1;
  return { release: async () => (awake -= 1) };
} } });
"""
#: A microphone with a tone of a second, a pause of a second, and so on.
SAYS = """
navigator.mediaDevices.getUserMedia = async () => {
  const context = new AudioContext();
  const rate = context.sampleRate;
  const buffer = context.createBuffer(1, 2 * rate, rate);
  const samples = buffer.getChannelData(0);
  for (let i = 0; i < rate; i += 1) samples[i] = 0.2 * Math.sin((2 * Math.PI * 300 * i) / rate);
  const source = new AudioBufferSourceNode(context, { buffer, loop: true });
  const output = context.createMediaStreamDestination();
  source.connect(output);
  source.start();
  return output.stream;
};
"""
PAUSED = "document.querySelector('audio').paused"


@pytest.mark.parametrize("kind", NO_WEBRTC)
def test_without_webrtc_speaking_and_listening_go_over_the_socket_at_once(
    open_staged: OpenPage, kind: str
) -> None:
    stream = f"no-webrtc-{kind}"
    speaker = open_staged(f"/speak/{stream}", TONE + NO_WEBRTC[kind])
    begin_speaking(speaker)
    count = speaker.evaluate("sockets.length")
    listener = open_staged(f"/listen/{stream}", NO_WEBRTC[kind])
    begin_listening(listener)
    sees(listener, "live")
    hears_over_the_socket(listener)
    for page in (speaker, listener):
        expect(page.locator("#way")).to_contain_text("this browser allows no direct one")
        assert page.evaluate("offers") == 0
    assert speaker.evaluate("sockets.length") == count, "none was lost meanwhile"


def test_where_there_is_no_way_the_page_names_browsers_and_captions_go_on(
    open_staged: OpenPage,
) -> None:
    script = NO_WEBRTC["missing"] + NO_WEB_CODECS
    listener = open_staged("/listen/no-way", script)
    begin_listening(listener)
    begin_speaking(open_staged("/speak/no-way", SAYS))
    sees(listener, "unable")
    expect(listener.locator("#hint")).to_contain_text("Firefox, Chrome, Edge or Safari")
    lines = listener.locator("#captions p")
    expect(lines.first).to_be_attached(timeout=1000 * PATIENCE_S)
    other = open_staged("/speak/no-way-either", TONE + script)
    other.select_option("#language", "nl")
    other.click("#button")
    sees(other, "unable")
    expect(other.locator("#hint")).to_contain_text("Nobody hears you.")


@pytest.mark.parametrize("path", ["/", "/listen/broken", "/speak/broken", "/captions/broken"])
def test_what_is_thrown_is_said(open_staged: OpenPage, path: str) -> None:
    page = open_staged(path)
    page.evaluate(f"dispatchEvent({THROWN})")
    expect(page.locator("#failure")).to_contain_text("out of paper")


def halt(page: Page) -> None:
    """Imitates a call, or another program that takes the sound."""
    page.evaluate("document.querySelector('audio').pause()")
    sees(page, "halted")


def test_sound_paused_outside_the_page_is_told_and_goes_on_with_one_tap(
    open_staged: OpenPage,
) -> None:
    page = open_staged("/listen/halted")
    begin_listening(page)
    sees(page, "waiting")
    wait_for(page, f"() => !{PAUSED}")
    count = page.evaluate("sockets.length")
    halt(page)
    expect(page.locator("#state")).to_have_text("The sound is paused")
    expect(page.locator("#button")).to_have_text("Go on listening")
    page.click("#button")
    sees(page, "waiting")
    assert not page.evaluate(PAUSED)
    assert page.evaluate("sockets.length") == count


def test_a_headset_pauses_and_plays(open_staged: OpenPage) -> None:
    page = open_staged("/listen/headset", NOTE_HANDLERS)
    begin_listening(page)
    sees(page, "waiting")
    wait_for(page, f"() => !{PAUSED}")
    assert page.evaluate("navigator.mediaSession.metadata.title") == "headset"
    page.evaluate("handlers.pause()")
    sees(page, "halted")
    assert page.evaluate("navigator.mediaSession.playbackState") == "paused"
    page.evaluate("handlers.play()")
    sees(page, "waiting")
    assert page.evaluate("navigator.mediaSession.playbackState") == "playing"


def test_the_screen_stays_on_while_captions_are_read(open_staged: OpenPage) -> None:
    listener = open_staged("/listen/awake", NOTE_WAKE_LOCKS)
    sees(listener, "waiting")
    assert listener.evaluate("awake") == 0
    speaker = open_staged("/speak/awake", TONE)
    begin_speaking(speaker)
    sees(listener, "ready")
    wait_for(listener, "() => awake === 1")
    speaker.click("#end")
    speaker.click("#end_dialog [value=yes]")
    sees(listener, "ended")
    wait_for(listener, "() => awake === 0")
