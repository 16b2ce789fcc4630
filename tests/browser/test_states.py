"""Pages show their state and reconnect by themselves."""

import json
import time

import pytest
from playwright.sync_api import Page, expect

from tests.browser.people import OpenPage, begin_listening, begin_speaking, hears, sees, wait_for
from tests.browser.serving import ServerProcess

pytestmark = pytest.mark.browser

#: From the network's return until sound is there again.
BACK_S = 3.0
#: A page's first attempt to come back is made within so long.
LONGEST_RETRY_MS = 1000


def test_a_listener_sees_the_speaker_come_pause_and_end(open_page: OpenPage) -> None:
    listener = open_page("/listen/states")
    begin_listening(listener)
    sees(listener, "waiting")
    speaker = open_page("/speak/states")
    begin_speaking(speaker)
    sees(listener, "live")
    speaker.click("#pause")
    sees(speaker, "paused")
    sees(listener, "paused")
    speaker.click("#pause")
    sees(listener, "live")
    speaker.click("#button")
    sees(listener, "waiting")
    begin_speaking(speaker)
    speaker.click("#end")
    speaker.click("#end_dialog [value=yes]")
    sees(speaker, "ended")
    sees(listener, "ended")
    begin_speaking(speaker)
    speaker.click("#end")
    # As Escape does in browsers that keep a dialog's last answer.
    speaker.evaluate("document.querySelector('#end_dialog').close()")
    speaker.click("#pause")
    sees(speaker, "paused")
    sees(listener, "paused")


def test_a_speaker_who_has_ended_does_not_come_back(open_page: OpenPage) -> None:
    speaker = open_page("/speak/over")
    begin_speaking(speaker)
    speaker.clock.install()
    speaker.click("#end")
    speaker.click("#end_dialog [value=yes]")
    sees(speaker, "ended")
    speaker.wait_for_function(
        "() => sockets.every(({ readyState }) => readyState === WebSocket.CLOSED)"
    )
    speaker.clock.run_for(LONGEST_RETRY_MS)
    assert speaker.evaluate("sockets.length") == 2, "one before they began, one to speak"


def test_a_late_listener_hears_the_speaker(open_page: OpenPage) -> None:
    begin_speaking(open_page("/speak/late"))
    listener = open_page("/listen/late")
    sees(listener, "ready")
    begin_listening(listener)
    sees(listener, "live")
    hears(listener)


def test_another_language_is_heard_over_the_same_connection(open_page: OpenPage) -> None:
    begin_speaking(open_page("/speak/switch"))
    listener = open_page("/listen/switch")
    begin_listening(listener)
    hint = listener.locator("#hint")
    expect(hint).to_have_text("You hear the original.")
    count = listener.evaluate("sockets.length")
    listener.select_option("#language", "en")
    expect(hint).to_have_text("You hear: English.")
    listener.fill("#balance", "1")
    expect(hint).to_have_text("You hear: English, over the original.")
    hears(listener)
    assert listener.evaluate("[offers, sockets.length]") == [1, count]


def test_a_listener_is_back_soon_after_the_socket_is_lost(open_page: OpenPage) -> None:
    begin_speaking(open_page("/speak/socket"))
    listener = open_page("/listen/socket")
    begin_listening(listener)
    sees(listener, "live")
    lost = time.monotonic()
    listener.evaluate("sockets.at(-1).close(4999)")
    sees(listener, "reconnecting")
    sees(listener, "live")
    hears(listener)
    assert time.monotonic() - lost < BACK_S


def test_a_listener_is_back_soon_after_the_network_returns(open_page: OpenPage) -> None:
    begin_speaking(open_page("/speak/network"))
    listener = open_page("/listen/network")
    begin_listening(listener)
    sees(listener, "live")
    lose_network(listener)
    returned = time.monotonic()
    listener.context.set_offline(False)
    sees(listener, "live")
    hears(listener)
    assert time.monotonic() - returned < BACK_S


def test_a_speaker_is_back_soon_after_the_network_returns(open_page: OpenPage) -> None:
    speaker = open_page("/speak/dropped")
    listener = open_page("/listen/dropped")
    begin_listening(listener)
    begin_speaking(speaker)
    lose_network(speaker)
    returned = time.monotonic()
    speaker.context.set_offline(False)
    sees(speaker, "live")
    assert time.monotonic() - returned < BACK_S
    sees(listener, "live")
    hears(listener)


def lose_network(page: Page) -> None:
    """Returns when the page has noticed, and has tried to come back twice, in vain."""
    page.context.set_offline(True)
    sees(page, "reconnecting")
    tries = page.evaluate("sockets.length")
    wait_for(page, "(wanted) => sockets.length >= wanted", tries + 2)


def test_everybody_reconnects_after_a_restart_of_the_server(
    open_page: OpenPage, server: ServerProcess
) -> None:
    speaker, listener = open_page("/speak/restart"), open_page("/listen/restart")
    begin_listening(listener)
    begin_speaking(speaker)
    sees(listener, "live")
    server.stop()
    sees(speaker, "reconnecting")
    expect(speaker.get_by_role("alert").filter(has_text="Nobody hears you")).to_be_visible()
    assert speaker.title().startswith("⚠")
    sees(listener, "reconnecting")
    server.start()
    sees(speaker, "live")
    expect(speaker.locator("#alarm")).to_be_empty()
    sees(listener, "live")


def test_another_speaker_may_take_over_with_a_token_that_grants_it(
    open_page: OpenPage, server: ServerProcess
) -> None:
    token = server.token(stream="twice", speak=True, take_over=True)
    first, second = open_page("/speak/twice"), open_page(f"/speak/twice#token={token}")
    begin_speaking(first)
    second.select_option("#language", "nl")
    second.click("#button")
    second.click("#take_over [value=yes]")
    sees(second, "live")
    expect(first.locator("#hint")).to_have_text("Another speaker has taken over.")
    expect(first.locator("#alarm")).to_have_text("Nobody hears you")
    expect(first.locator("#button")).to_have_text("Start speaking")


def test_another_speaker_without_a_token_is_told_that_somebody_speaks(
    open_page: OpenPage,
) -> None:
    begin_speaking(open_page("/speak/taken"))
    second = open_page("/speak/taken")
    second.select_option("#language", "nl")
    second.click("#button")
    expect(second.locator("#hint")).to_contain_text("Somebody is already speaking here.")


LATE = {"type": "error", "code": "timeout", "message": "", "fatal": False}
NEWER_ERROR = {"type": "error", "code": "from_2030", "message": "The stream moved to Mars."}


@pytest.mark.parametrize(
    ("path", "shown_in"), [("listen", "#hint"), ("speak", "#hint"), ("captions", "#state")]
)
def test_an_error_that_only_a_newer_server_knows_is_shown_in_its_own_words(
    open_page: OpenPage, path: str, shown_in: str
) -> None:
    page = open_page(f"/{path}/newer")
    page.route_web_socket(
        "**/ws/*/newer",
        lambda socket: socket.on_message(lambda _: socket.send(json.dumps(NEWER_ERROR))),
    )
    page.reload()
    if path == "speak":
        page.select_option("#language", "nl")
        page.click("#button")
    expect(page.locator(shown_in)).to_have_text(NEWER_ERROR["message"])


def test_a_late_connection_is_no_fault_of_a_live_stream(open_page: OpenPage) -> None:
    """The server gave up on an earlier connection of the session."""
    speaker = open_page("/speak/timeout")
    begin_speaking(speaker)
    speaker.evaluate(f"sockets.at(-1).onmessage({{ data: '{json.dumps(LATE)}' }})")
    sees(speaker, "live")
    expect(speaker.locator("#state")).to_have_text("You are live")


def test_a_speaker_who_rejoins_replaces_their_own_dead_session(open_page: OpenPage) -> None:
    ghost = open_page("/speak/ghost")
    begin_speaking(ghost)
    kept = ghost.evaluate("JSON.stringify(sessionStorage)")
    begin_speaking(open_page("/speak/ghost", script=f"Object.assign(sessionStorage, {kept})"))
    expect(ghost.locator("#button")).to_have_text("Start speaking")


def test_a_speaker_may_reload_the_page(open_page: OpenPage) -> None:
    speaker = open_page("/speak/reload")
    speaker.on("dialog", lambda dialog: dialog.accept())
    begin_speaking(speaker)
    speaker.reload()
    begin_speaking(speaker)


def test_a_token_leaves_the_address_and_lasts_for_the_tab(open_page: OpenPage) -> None:
    page = open_page("/speak/token?token=abc.def#x=1")
    assert page.url.endswith("/speak/token#x=1")
    sent: list[str] = []
    page.on("websocket", lambda ws: ws.on("framesent", lambda frame: sent.append(str(frame))))
    page.reload()
    page.select_option("#language", "nl")
    page.click("#button")
    page.wait_for_function("() => sockets.length > 0 && sockets[0].readyState > 0")
    expect(page.locator("#state")).to_have_text("Something is in the way")
    assert '"token":"abc.def"' in sent[0]


#: The track that a speaker's page sends.
SENT = "connections.at(-1).getSenders()[0].track"
#: Imitates unplugging: the track of the device ends.
UNPLUG = f"() => {{ const t = {SENT}; t.stop(); t.onended(new Event('ended')); return t.id; }}"
REFUSE_MICROPHONE = """
navigator.mediaDevices.getUserMedia = () =>
  Promise.reject(new DOMException("refused", "NotAllowedError"));
"""
NO_MICROPHONES = 'Object.defineProperty(navigator, "mediaDevices", { value: undefined });'
REFUSE_TO_PLAY_ONCE = """
const play = HTMLMediaElement.prototype.play;
HTMLMediaElement.prototype.play = function () {
  HTMLMediaElement.prototype.play = play;
  return Promise.reject(new DOMException("refused", "NotAllowedError"));
};
"""


def test_a_refused_microphone_is_explained_and_leaves_the_stream(open_page: OpenPage) -> None:
    listener = open_page("/listen/refused")
    speaker = open_page("/speak/refused", script=REFUSE_MICROPHONE)
    speaker.select_option("#language", "nl")
    speaker.click("#button")
    sees(speaker, "denied")
    expect(speaker.locator("#hint")).to_contain_text("Allow the microphone for this page")
    sees(listener, "waiting")


def test_another_microphone_takes_over_when_one_is_unplugged(open_page: OpenPage) -> None:
    listener = open_page("/listen/unplugged")
    begin_listening(listener)
    speaker = open_page("/speak/unplugged")
    begin_speaking(speaker)
    hears(listener)
    first = speaker.evaluate(UNPLUG)
    speaker.wait_for_function(f"id => {SENT}?.id !== id", arg=first)
    expect(speaker.locator("#notice")).to_contain_text("The microphone was away for a moment.")
    hears(listener)
    sees(speaker, "live")


def test_an_insecure_page_says_why_there_is_no_microphone(open_page: OpenPage) -> None:
    speaker = open_page("/speak/insecure", script=NO_MICROPHONES)
    expect(speaker.locator("#hint")).to_contain_text("https://")
    expect(speaker.locator("#button")).to_be_disabled()


def test_sound_blocked_by_the_browser_starts_with_another_tap(open_page: OpenPage) -> None:
    begin_speaking(open_page("/speak/held"))
    listener = open_page("/listen/held", script=REFUSE_TO_PLAY_ONCE)
    begin_listening(listener)
    sees(listener, "held")
    listener.click("#button")
    sees(listener, "live")
    assert listener.evaluate("!document.querySelector('audio').paused")
