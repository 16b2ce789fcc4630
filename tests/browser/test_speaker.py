"""What the speaker's page says and asks, so that nobody speaks to nobody unawares."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Dialog, Page, expect

from tests.browser.conftest import opener
from tests.browser.people import (
    OpenPage,
    ask_to_speak,
    begin_listening,
    begin_speaking,
    hears,
    sees,
)
from tests.browser.serving import ServerProcess

pytestmark = pytest.mark.browser

ALARM = "Nobody hears you"
#: A microphone that gives a tone, or refuses while `busy`.
TONE = """
window.busy = false;
navigator.mediaDevices.getUserMedia = async () => {
  if (busy) throw new DOMException("in a call", "NotReadableError");
  const context = new AudioContext();
  const tone = new OscillatorNode(context, { frequency: 300 });
  const output = context.createMediaStreamDestination();
  tone.connect(output);
  tone.start();
  return output.stream;
};
"""
#: A microphone into which somebody speaks, or says nothing.
VOICE = TONE.replace(
    "tone.connect(output);",
    """
  const mouth = new GainNode(context, { gain: 0 });
  window.speak = (on) => { mouth.gain.value = on ? 0.5 : 0; };
  tone.connect(mouth).connect(output);
""",
)
#: The track that a speaker's page sends.
SENT = "connections.at(-1).getSenders()[0].track"
OFFLINE = {"offline": True, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}


@pytest.fixture(scope="module")
def open_pages(staged: ServerProcess, browser: Browser) -> Iterator[OpenPage]:
    """Pages of the server with the stand-in interpreter."""
    yield from opener(staged, browser)


def test_the_speaker_sees_who_waits_before_they_begin(open_pages: OpenPage) -> None:
    listener = open_pages("/listen/lobby")
    begin_listening(listener)
    speaker = open_pages("/speak/lobby")
    expect(speaker.locator("#audience_total")).to_have_text("1 person is waiting for you.")
    sees(listener, "waiting")
    begin_speaking(speaker)
    expect(speaker.locator("#audience_total")).to_have_text("1 person is listening.")
    other = open_pages("/speak/lobby")
    expect(other.locator("#hint")).to_have_text("Somebody else is speaking here now.")


def test_nothing_sounds_good_during_a_pause(open_pages: OpenPage) -> None:
    speaker = open_pages("/speak/quiet", TONE)
    begin_speaking(speaker)
    expect(speaker.locator("#level_hint")).not_to_be_empty()
    speaker.click("#pause")
    expect(speaker.locator("#level_hint")).to_be_empty()
    expect(speaker.locator("#alarm")).to_be_empty()


def test_a_live_page_asks_before_it_is_left(open_pages: OpenPage) -> None:
    speaker = open_pages("/speak/leave")
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    speaker.on("dialog", stay)
    begin_speaking(speaker)
    with speaker.expect_event("dialog"):
        speaker.evaluate("setTimeout(() => location.reload())")
    assert asked == ["beforeunload"]
    sees(speaker, "live")
    speaker.click("#button")
    speaker.reload()
    assert asked == ["beforeunload"], "who has stopped is not asked"


def test_a_microphone_that_a_call_takes_is_told_and_opened_again(open_pages: OpenPage) -> None:
    listener = open_pages("/listen/call")
    begin_listening(listener)
    speaker = open_pages("/speak/call", TONE)
    begin_speaking(speaker)
    hears(listener)
    speaker.evaluate(f"busy = true, {SENT}.dispatchEvent(new Event('mute'))")
    sees(speaker, "mic_lost")
    expect(speaker.locator("[role=alert]").filter(has_text=ALARM)).to_be_visible()
    sees(listener, "paused")
    speaker.evaluate("busy = false")
    sees(speaker, "live")
    expect(speaker.locator("#alarm")).to_be_empty()
    expect(speaker.locator("#notice")).to_contain_text("Listeners hear you again.")
    sees(listener, "live")
    hears(listener)


def test_a_duplicated_tab_keeps_the_stream(open_pages: OpenPage, staged: ServerProcess) -> None:
    first = open_pages("/speak/tabs")
    begin_speaking(first)
    second = duplicate(first, f"{staged.url}/speak/tabs")
    network = first.context.new_cdp_session(first)
    network.send("Network.enable")
    network.send("Network.emulateNetworkConditions", OFFLINE)
    first.evaluate("sockets.at(-1).close(4999)")
    sees(first, "reconnecting")
    begin_speaking(second)
    expect(first.locator("#hint")).to_have_text(
        "You went on in another window or on another device."
    )
    expect(first.locator("#alarm")).to_have_text(ALARM)
    network.send("Network.emulateNetworkConditions", OFFLINE | {"offline": False})
    expect(first.locator("#audience_total")).to_be_visible()
    sees(first, "ready")
    sees(second, "live")


def duplicate(page: Page, address: str) -> Page:
    """Another tab with the same session storage, as browsers duplicate one."""
    kept = page.evaluate("JSON.stringify(sessionStorage)")
    copy = page.context.new_page()
    copy.add_init_script(f"Object.assign(sessionStorage, {kept})")
    copy.goto(address)
    return copy


def test_the_language_is_asked_for_remembered_and_changed_while_live(
    open_pages: OpenPage,
) -> None:
    speaker = open_pages("/speak/asked", TONE)
    expect(speaker.locator("#language option")).to_have_count(4)
    speaker.click("#button")
    expect(speaker.get_by_role("alert").filter(has_text="Choose the language")).to_be_visible()
    expect(speaker.locator("#language")).to_be_focused()
    sees(speaker, "ready")
    begin_speaking(speaker, "nl")
    expect(speaker.locator("#language_hint")).to_be_empty()
    listener = open_pages("/listen/asked")
    begin_listening(listener)
    sees(listener, "live")
    hears(listener)
    count = listener.evaluate("sockets.length")
    speaker.select_option("#language", "en")
    expect(speaker.locator("#captions .lines")).to_have_attribute("lang", "en")
    hears(listener)
    assert listener.evaluate("[offers, sockets.length]") == [1, count], "the listener stayed"
    speaker.click("#button")
    speaker.reload()
    expect(speaker.locator("#language")).to_have_value("en")


def test_in_a_discussion_whoever_speaks_is_live(open_pages: OpenPage) -> None:
    first, second = (open_pages("/speak/table", VOICE) for _ in range(2))
    begin_speaking(first)
    ask_to_speak(second, "en")
    first.check("#panel")
    sees(second, "panel")
    for speaks, rests in ((second, first), (first, second)):
        speaks.evaluate("speak(true)")
        sees(speaks, "live")
        sees(rests, "panel")
        expect(rests.locator("#alarm")).to_be_empty()
        speaks.evaluate("speak(false)")
    second.click("#pause")
    sees(second, "muted")
    assert second.evaluate(f"{SENT}.enabled") is False
    third = open_pages("/speak/table", VOICE)
    expect(third.locator("#hint")).to_have_text(
        "People are talking here now. Press the button to join in."
    )
    third.select_option("#language", "nl")
    third.click("#button")
    sees(third, "panel")
    first.uncheck("#panel")
    for each in (second, third):
        sees(each, "handed_over")
        assert each.evaluate(f"{SENT}.enabled") is False


def test_nobodys_microphone_goes_on_by_itself(open_pages: OpenPage) -> None:
    first, second = (open_pages("/speak/shut", VOICE) for _ in range(2))
    begin_speaking(first)
    ask_to_speak(second, "en")
    first.click("#asking .primary")
    sees(first, "handed_over")
    second.check("#panel")
    sees(first, "muted")
    assert first.evaluate(f"{SENT}.enabled") is False
    first.click("#pause")
    sees(first, "panel")
