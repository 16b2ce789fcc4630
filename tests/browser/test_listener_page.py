"""What the listener's page offers besides the sound, and what it says when there is none."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
from playwright.sync_api import Browser, Page, WebSocketRoute, expect

from tests.browser.conftest import opener
from tests.browser.people import (
    LAST_S,
    PATIENCE_S,
    OpenPage,
    begin_listening,
    begin_speaking,
    lines,
    sees,
    wait_for,
)
from tests.browser.serving import ServerProcess
from tests.browser.test_any_browser import SAYS

pytestmark = pytest.mark.browser

LANDSCAPE = {"width": 844, "height": 390}
#: A notice like that of a page whose scripts do not start, after the wait for them.
OLD = """() => {
  document.body.insertAdjacentHTML("afterbegin", "<p id=old class=unstarted>old</p>");
  document.getElementById("old").getAnimations().forEach((animation) => animation.finish());
}"""


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kept")


def test_who_is_refused_reads_why(open_staged: OpenPage) -> None:
    page = open_staged("/listen/refused#token=not.a.token", locale="nl")
    assert sees(page, "refused")
    expect(page.locator("#state")).to_have_text("Er staat iets in de weg")
    expect(page.locator("#hint")).to_contain_text("Gebruik het volledige adres")


@pytest.fixture
def open_lost(staged: ServerProcess, browser: Browser) -> Iterator[OpenPage]:
    """The same as ``open_staged``, for addresses that the server answers with 404."""
    yield from opener(staged, browser, expected="status of 404")


@pytest.mark.parametrize("path", ["listen/50%", "captions/%E0", "interpret/50%/en"])
def test_an_address_that_is_no_name_leads_to_the_start_page(open_lost: OpenPage, path: str) -> None:
    """Scripts of the page read its address, too."""
    page = open_lost(f"/{path}")
    expect(page.locator("#missing")).not_to_be_empty()
    expect(page.locator("#failure")).to_be_empty()


def test_a_name_that_nobody_uses_is_said_to_be_one_and_others_are_offered(
    open_staged: OpenPage,
) -> None:
    begin_speaking(open_staged("/speak/main", SAYS))
    page = open_staged("/listen/nobody", locale="de")
    sees(page, "waiting")
    expect(page.locator("#hint")).to_contain_text("„nobody“ spricht niemand")
    expect(page.locator("#streams a")).to_have_text("main")
    page.goto(page.url.replace("/listen/nobody", "/listen/"))
    page.click("#streams a")
    page.wait_for_url("**/listen/main")


#: A browser as that of an iPhone.
VOLUME_IS_FIXED = """
Object.defineProperty(HTMLMediaElement.prototype, "volume", { get: () => 1, set: () => {} });
"""
#: Regions that a screen reader would not know of, so that their first words would be lost.
HIDDEN_REGIONS = """() => [...document.querySelectorAll("[role=status]:empty, p[role=alert]:empty")]
    .filter((each) => getComputedStyle(each).display === "none" && each.id !== "failure")
    .map(({ id }) => id)"""
#: A page that gives its server ten times as long to answer.
PATIENT = """
const { setTimeout: wait } = window;
window.setTimeout = (run, ms, ...rest) => wait(run, 10 * ms, ...rest);
"""

#: Somebody who presses the button as soon as the page has a socket.
EAGER = """
let pressed = false;
window.WebSocket = class extends WebSocket {
  constructor(...rest) {
    super(...rest);
    if (!pressed) queueMicrotask(() => document.querySelector("#button").click());
    pressed = true;
  }
};
"""


class SlowJoin:
    """Between a page and its server: ``sent``, what the page sends, decoded; the first "joined"
    waits for ``release``, and whatever comes after it."""

    def __init__(self, page: Page) -> None:
        self.sent: list[Any] = []
        self._held: list[str | bytes] | None = []
        self._release: Callable[[], None] | None = None
        page.route_web_socket("**/ws/listen/*", self._route)

    def _route(self, socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()

        def from_page(message: str | bytes) -> None:
            self.sent.append(json.loads(message))
            server.send(message)

        def from_server(message: str | bytes) -> None:
            if self._held is None:
                socket.send(message)
            else:
                self._held.append(message)

        def release() -> None:
            held, self._held = self._held or [], None
            for message in held:
                socket.send(message)

        socket.on_message(from_page)
        server.on_message(from_server)
        self._release = release

    def wait(self, page: Page, kind: str) -> Any:
        """The first message of this kind that the page sends."""
        deadline = time.monotonic() + PATIENCE_S
        while not (found := [each for each in self.sent if each["type"] == kind]):
            assert time.monotonic() < deadline, self.sent
            page.wait_for_timeout(20)  # lets the route do its work
        return found[0]

    def release(self) -> None:
        assert self._release is not None
        self._release()


def test_a_language_chosen_while_the_page_joins_is_asked_for(open_staged: OpenPage) -> None:
    page = open_staged("/listen/hasty", PATIENT, locale="de")
    join = SlowJoin(page)
    page.reload()
    assert join.wait(page, "join")["channel"] == "floor"
    page.select_option("#language", "en")
    join.release()
    assert join.wait(page, "select") == {"type": "select", "channel": "en", "captions": ["en"]}


def test_sound_asked_for_while_the_page_connects_comes_over_the_same_connection(
    open_staged: OpenPage,
) -> None:
    begin_speaking(open_staged("/speak/eager", SAYS))
    listener = open_staged("/listen/eager", EAGER)
    sees(listener, "held")  # a script's press allows no sound
    assert listener.evaluate("sockets.length") == 1


def test_captions_chosen_while_the_page_joins_are_asked_for(open_staged: OpenPage) -> None:
    page = open_staged("/captions/hasty?language=en", PATIENT)
    join = SlowJoin(page)
    page.reload()
    assert join.wait(page, "join")["captions"] == ["en"]
    page.click("#shown")
    page.get_by_role("checkbox", name="Nederlands").check()
    join.release()
    assert join.wait(page, "select") == {"type": "select", "captions": ["en", "nl"]}


def test_a_refusal_is_over_with_the_next_choice(
    open_staged: OpenPage, staged: ServerProcess
) -> None:
    token = staged.token(listen=True, languages=["en"])
    page = open_staged(f"/listen/allowed#token={token}")
    hint = page.locator("#hint")
    sees(page, "waiting")
    page.select_option("#language", "nl")
    expect(hint).to_have_text("You are not allowed to do this here.")
    page.select_option("#language", "en")
    expect(hint).to_contain_text("it starts by itself")
    begin_listening(page, "en")
    page.click("summary")
    page.check("#source")
    begin_speaking(open_staged("/speak/allowed", SAYS))
    sees(page, "live")
    expect(page.locator("#captions .lines")).to_have_attribute("lang", "en")
    expect(hint).to_have_text("You hear: English.")


def test_captions_are_searched_copied_and_kept_and_do_not_talk_over_the_sound(
    open_staged: OpenPage, words: Path
) -> None:
    begin_speaking(open_staged("/speak/kept", SAYS))
    page = open_staged(
        "/listen/kept?language=en", permissions=["clipboard-write", "clipboard-read"]
    )
    log = page.locator("#captions .lines")
    expect(log).to_have_attribute("aria-live", "polite")
    wait_for(page, "() => document.querySelector('#captions .lines p') !== null", within_s=LAST_S)
    word = lines(page)[0]
    page.click("summary")
    page.fill("#search", word.upper())
    expect(page.locator("#captions .lines p").first).to_be_visible()
    page.fill("#search", "something else")
    expect(page.locator("#found")).to_have_text("Nothing found.")
    expect(page.locator("#captions .lines p").first).to_be_hidden()
    page.fill("#search", "")
    page.click("#copy")
    expect(page.locator("#kept")).to_have_text("Copied.")
    assert word in page.evaluate("navigator.clipboard.readText()")
    with page.expect_download() as download:
        page.click("#save")
    assert download.value.suggested_filename.startswith("kept ")
    download.value.save_as(words / "kept.txt")
    assert word in (words / "kept.txt").read_text(encoding="utf8")
    page.click("#button")
    sees(page, "live")
    expect(log).to_have_attribute("aria-live", "off")
    page.check("#announce")
    expect(log).to_have_attribute("aria-live", "polite")
    page.fill("#balance", "0")
    expect(page.locator("#hint")).to_have_text("You hear the original.")
    assert lines(page)
    page.click("#fullscreen")
    expect(page.locator("#button")).to_be_hidden()
    expect(page.locator("#state")).to_be_hidden()
    expect(page.locator(".controls")).to_be_hidden()
    for told in ("#announcement", "#failure"):
        expect(page.locator(told)).to_be_hidden()
        page.evaluate("(id) => { document.querySelector(id).textContent = 'Coffee!'; }", told)
        expect(page.locator(told)).to_be_visible()
        expect(page.locator("#button")).to_be_hidden()
        expect(page.locator("#state")).to_be_hidden()
        page.evaluate("(id) => { document.querySelector(id).textContent = ''; }", told)
    page.click("#fullscreen")
    expect(page.locator("#button")).to_be_visible()
    page.click("#only_captions")
    page.wait_for_url("**/captions/kept?language=en")
    expect(page.locator(".captions")).to_have_count(1)


def test_a_phone_on_its_side_shows_captions(open_staged: OpenPage) -> None:
    page = open_staged("/listen/landscape", viewport=LANDSCAPE)
    box = page.locator("#captions").bounding_box()
    assert box is not None
    assert box["y"] + box["height"] <= LANDSCAPE["height"]
    assert box["height"] >= LANDSCAPE["height"] / 2


def test_a_volume_that_cannot_be_set_is_not_offered(open_staged: OpenPage) -> None:
    for script, offered in (("", True), (VOLUME_IS_FIXED, False)):
        page = open_staged("/listen/volume", script)
        page.click("summary")
        expect(page.locator("#contrast")).to_be_visible()
        expect(page.locator("#volume")).to_be_visible(visible=offered)


def test_what_is_announced_is_there_before_it_is_written(open_staged: OpenPage) -> None:
    for path in ("/listen/regions", "/captions/regions", "/speak/regions", "/interpret/regions/en"):
        page = open_staged(path)
        hidden = page.evaluate(HIDDEN_REGIONS)
        assert hidden == [], path


def test_switches_are_seen_in_the_system_s_colours(open_staged: OpenPage) -> None:
    page = open_staged("/listen/forced", forced_colors="active")
    style = "getComputedStyle(document.querySelector('#source')).appearance"
    assert page.evaluate(style) == "auto"


def test_without_scripts_a_notice_is_seen(open_staged: OpenPage) -> None:
    page = open_staged("/", java_script_enabled=False)
    for path in ("/", "/listen/old", "/speak/old", "/captions/old"):
        page.goto(urljoin(page.url, path))
        expect(page.locator("#unstarted")).to_be_visible()
        expect(page.locator("#unstarted [lang=fr]")).to_contain_text("navigateur récent")
    started = open_staged("/listen/new", reduced_motion="reduce")
    sees(started, "waiting")
    expect(started.locator("#unstarted")).to_have_count(0)
    started.evaluate(OLD)
    expect(started.locator("#old")).to_be_visible()
