"""If the network blocks UDP, sound goes over the WebSocket, and the page says so."""

import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Launch, opener
from tests.browser.people import (
    PATIENCE_S,
    OpenPage,
    begin_listening,
    begin_speaking,
    hears,
    hears_over_the_socket,
    lines,
    sees,
    wait_for,
    wait_for_last_line,
)
from tests.browser.serving import ServerProcess
from tests.browser.test_any_browser import NO_WEBRTC
from tests.browser.test_hearing import decoded, recognised, wrong
from tests.browser.test_speaker import duplicate

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

#: Changes the server's answer to a closed port: packets are sent and nothing comes back.
BLOCK_UDP = r"""
window.accept = RTCPeerConnection.prototype.setRemoteDescription;
RTCPeerConnection.prototype.setRemoteDescription = function ({ type, sdp }) {
  const nowhere = sdp.replace(/^(a=candidate:\S+ 1 \S+ \d+ \S+) \d+/gm, "$1 9");
  return accept.call(this, { type, sdp: nowhere });
};
"""
#: Imitates browsers that try none of the candidates, as Firefox does with 127.0.0.1.
NOTHING_TO_TRY = """
const accept = RTCPeerConnection.prototype.setRemoteDescription;
RTCPeerConnection.prototype.setRemoteDescription = function ({ type, sdp }) {
  const nothing = sdp.replace(/^a=(candidate:.*|end-of-candidates)\\r\\n/gm, "");
  return accept.call(this, { type, sdp: nothing });
};
"""
#: Timers of five seconds never fire.
NO_PATIENCE_NEEDED = """
const later = window.setTimeout;
window.setTimeout = (call, after, ...rest) => (after === 5000 ? 0 : later(call, after, ...rest));
"""
#: Timers of five seconds fire when "wait_no_longer()" is called.
FIVE_SECONDS_LATER = """
const setLater = window.setTimeout;
const waiting = [];
window.setTimeout = (call, after, ...rest) =>
  (after === 5000 ? (waiting.push(call), 0) : setLater(call, after, ...rest));
window.wait_no_longer = () => waiting.splice(0).forEach((call) => call());
"""
#: Imitates a configured TURN server, which does not exist.
TURN_SERVER = """
const parse = JSON.parse;
const ice_servers = [{ urls: ["turn:127.0.0.1:9"], username: "u", credential: "p" }];
JSON.parse = (text) => {
  const message = parse(text);
  return message.type === "joined" ? { ...message, ice_servers } : message;
};
"""
#: Imitates browsers that allow sound only within seconds after a tap.
HOLD_WEB_AUDIO_UNTIL_A_SECOND_TAP = """
let taps = 0;
addEventListener("click", () => (taps += 1), true);
const state = Object.getOwnPropertyDescriptor(BaseAudioContext.prototype, "state");
Object.defineProperty(BaseAudioContext.prototype, "state", {
  get() { return taps < 2 ? "suspended" : state.get.call(this); },
});
"""
NO_WEB_CODECS = "delete window.AudioDecoder; delete window.AudioEncoder;"
#: Once "failing" is true, a module of the audio thread cannot be fetched at the first attempt, and
#: comes at the second when "goOn" is called. Playwright does not see these requests.
FETCH_FAILS = """
window.failing = false;
window.goOn = null;
const { addModule } = AudioWorklet.prototype;
let attempts = 0;
AudioWorklet.prototype.addModule = async function (...rest) {
  if (failing) attempts += 1;
  if (attempts === 1) throw new DOMException("not fetched", "AbortError");
  if (attempts === 2) await new Promise((resolve) => (window.goOn = resolve));
  return addModule.apply(this, rest);
};
"""
#: Counts the encoders of sound, each of which fails soon; notes when they are made, in
#: milliseconds, and how things stood.
FAILING_ENCODER = """
window.made = [];
window.stood = [];
window.AudioEncoder = class extends AudioEncoder {
  constructor(init) {
    super(init);
    made.push(performance.now());
    setTimeout(() => init.error(new DOMException("no codec", "EncodingError")), 0);
  }
};
addEventListener("DOMContentLoaded", () => new MutationObserver(
  () => stood.push(document.body.dataset.situation)).observe(document.body, { attributes: true }));
"""
#: So many phrases of the clip are spoken.
PHRASES = 6
#: When captions have not changed for so long, the clip is over and all of it has been heard.
OVER_S = 4.0


def goes_the_slow_way(page: Page) -> None:
    way = page.locator("#way")
    expect(way).to_contain_text("Connected the slow way", timeout=1000 * PATIENCE_S)


def test_a_listener_over_the_socket_hears_changes_channel_and_reconnects(
    open_page: OpenPage,
) -> None:
    begin_speaking(open_page("/speak/slow-listener"))
    listener = open_page("/listen/slow-listener", script=BLOCK_UDP)
    begin_listening(listener)
    goes_the_slow_way(listener)
    hears_over_the_socket(listener)
    listener.select_option("#language", "en")
    expect(listener.locator("#hint")).to_have_text("You hear: English.")
    hears_over_the_socket(listener)
    expect(listener.locator("#captions .lines p").first).to_be_attached(timeout=1000 * PATIENCE_S)
    listener.evaluate("sockets.at(-1).close(4999)")
    sees(listener, "reconnecting")
    goes_the_slow_way(listener)
    hears_over_the_socket(listener)


def test_a_listener_who_went_on_in_another_tab_stays_there(
    server: ServerProcess, open_page: OpenPage
) -> None:
    begin_speaking(open_page("/speak/slow-tabs"))
    first = open_page("/listen/slow-tabs", script=BLOCK_UDP + FIVE_SECONDS_LATER)
    begin_listening(first)
    wait_for(first, "() => connections.at(-1)?.remoteDescription")
    second = duplicate(first, f"{server.url}/listen/slow-tabs")
    sees(first, "refused")
    sees(second, "ready")
    count = first.evaluate("sockets.length")
    assert first.evaluate("connections.at(-1).connectionState") == "closed"
    first.evaluate("wait_no_longer()")
    sees(first, "refused")
    assert first.evaluate("sockets.length") == count
    expect(first.locator("#button")).to_have_text("Continue here")


def test_without_a_candidate_to_try_the_socket_is_used_at_once(open_page: OpenPage) -> None:
    begin_speaking(open_page("/speak/slow-untried"))
    listener = open_page("/listen/slow-untried", script=NOTHING_TO_TRY + NO_PATIENCE_NEEDED)
    begin_listening(listener)
    goes_the_slow_way(listener)
    hears_over_the_socket(listener)


def test_a_listener_who_starts_again_tries_webrtc_again(open_page: OpenPage) -> None:
    begin_speaking(open_page("/speak/slow-again"))
    listener = open_page("/listen/slow-again", script=BLOCK_UDP)
    begin_listening(listener)
    goes_the_slow_way(listener)
    listener.evaluate("() => { RTCPeerConnection.prototype.setRemoteDescription = accept; }")
    listener.click("#button")
    expect(listener.locator("#way")).to_be_empty()
    listener.click("#button")
    sees(listener, "live")
    expect(listener.locator("#way")).to_be_empty()
    hears(listener)


@pytest.fixture
def open_talk(
    server: ServerProcess,
    launch: Launch,
    microphone: Path,
    clip: list[dict[str, Any]],
    tmp_path: Path,
) -> Iterator[OpenPage]:
    """Opens pages of a browser whose microphone plays the first phrases of the clip."""
    path = tmp_path / "microphone.wav"
    with wave.open(str(microphone)) as whole, wave.open(str(path), "wb") as part:
        part.setparams(whole.getparams())
        end_s = clip[PHRASES - 1]["end_s"] + 0.5
        part.writeframes(whole.readframes(round(end_s * whole.getframerate())))
    browser = launch(path)
    yield from opener(server, browser)
    browser.close()


@pytest.mark.slow
def test_a_talk_over_sockets_is_heard_as_it_was_said(
    open_talk: OpenPage, clip: list[dict[str, Any]]
) -> None:
    """The listener is there before the speaker, and so hears everything."""
    listener = open_talk("/listen/slow-talk", script=BLOCK_UDP)
    begin_listening(listener)
    goes_the_slow_way(listener)
    listener.evaluate("record()")
    speaker = open_talk("/speak/slow-talk", script=BLOCK_UDP)
    speaker.check("#line_in")
    begin_speaking(speaker)
    goes_the_slow_way(speaker)
    expect(speaker.locator("#connection")).to_have_text("Connected the slow way")
    expect(speaker.locator("#captions .lines p").first).to_be_attached(timeout=1000 * PATIENCE_S)
    wait_for_last_line([speaker, listener], OVER_S)
    heard = recognised(decoded(listener.evaluate("recorded()")), "nl")
    said = " ".join(phrase["text"] for phrase in clip[:PHRASES])
    assert wrong(said, heard) <= 0.15, heard
    assert wrong(said, " ".join(lines(speaker))) <= 0.15


def test_a_speaker_over_the_socket_can_pause_and_reconnects(open_page: OpenPage) -> None:
    speaker = open_page("/speak/slow-speaker", script=BLOCK_UDP)
    begin_speaking(speaker)
    goes_the_slow_way(speaker)
    speaker.click("#pause")
    sees(speaker, "paused")
    expect(speaker.get_by_role("button", name="Go on", exact=True)).to_be_visible()
    expect(speaker.locator("#pause")).not_to_have_attribute("aria-pressed", "true")
    speaker.evaluate("sockets.at(-1).close(4999)")
    sees(speaker, "reconnecting")
    sees(speaker, "paused")
    speaker.click("#pause")
    sees(speaker, "live")
    listener = open_page("/listen/slow-speaker")
    begin_listening(listener)
    hears(listener)


def test_a_speaker_is_live_over_the_socket_only_when_sound_is_sent(open_page: OpenPage) -> None:
    """A part of the page is fetched for each connection, and this time it does not come."""
    speaker = open_page("/speak/slow-fetch", script=BLOCK_UDP + FETCH_FAILS)
    begin_speaking(speaker)
    goes_the_slow_way(speaker)
    listener = open_page("/listen/slow-fetch")
    begin_listening(listener)
    hears(listener)
    speaker.evaluate("failing = true")
    speaker.evaluate("sockets.at(-1).close(4999)")
    wait_for(speaker, "() => goOn !== null")
    expect(speaker.locator("#connection")).to_have_text("Reconnecting…")
    sees(speaker, "reconnecting")
    speaker.evaluate("goOn()")
    sees(speaker, "live")
    hears(listener)


def test_an_encoder_that_fails_is_made_again_after_a_pause(open_page: OpenPage) -> None:
    speaker = open_page("/speak/slow-encoder", script=NO_WEBRTC["missing"] + FAILING_ENCODER)
    speaker.select_option("#language", "nl")
    speaker.click("#button")
    wait_for(speaker, "() => made.length >= 4")
    assert speaker.evaluate("made[3] - made[0]") > 3 * 900
    assert "live" not in speaker.evaluate("stood")


def test_sound_blocked_by_the_browser_starts_with_another_tap(open_page: OpenPage) -> None:
    begin_speaking(open_page("/speak/slow-held"))
    script = BLOCK_UDP + HOLD_WEB_AUDIO_UNTIL_A_SECOND_TAP
    listener = open_page("/listen/slow-held", script=script)
    begin_listening(listener)
    sees(listener, "held")
    listener.click("#button")
    sees(listener, "live")
    hears_over_the_socket(listener)


def test_a_listener_without_web_codecs_is_told_what_is_missing(open_page: OpenPage) -> None:
    begin_speaking(open_page("/speak/shut-out"))
    listener = open_page("/listen/shut-out", script=BLOCK_UDP + NO_WEB_CODECS)
    begin_listening(listener)
    sees(listener, "shut_out")
    expect(listener.locator("#hint")).to_contain_text("newer browser")
    expect(listener.locator("#captions .lines p").first).to_be_attached(timeout=1000 * PATIENCE_S)


def test_a_speaker_without_web_codecs_is_told_what_is_missing(open_page: OpenPage) -> None:
    speaker = open_page("/speak/shut-out-too", script=BLOCK_UDP + NO_WEB_CODECS)
    speaker.select_option("#language", "nl")
    speaker.click("#button")
    sees(speaker, "shut_out")
    expect(speaker.locator("#hint")).to_contain_text("Nobody hears you now.")


def test_the_host_s_turn_server_is_given_to_the_connection(open_page: OpenPage) -> None:
    speaker = open_page("/speak/turn", script=TURN_SERVER)
    begin_speaking(speaker)
    listener = open_page("/listen/turn", script=TURN_SERVER)
    begin_listening(listener)
    for page in (speaker, listener):
        sees(page, "live")
        (used,) = page.evaluate("connections.at(-1).getConfiguration().iceServers")
        assert (used["urls"], used["username"]) == (["turn:127.0.0.1:9"], "u")
    hears(listener)
