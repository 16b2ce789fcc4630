"""The operator's page: what it shows, and what can be done with it.

``tools.bench pages`` measures how soon it shows what happens.
"""

import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.conftest import opener
from tests.browser.people import PATIENCE_S, OpenPage, begin_speaking, sees
from tests.browser.serving import ServerProcess
from tests.browser.test_spoken_language import TONE

pytestmark = pytest.mark.browser

#: After `expire()` the token that was used first is refused, as if its time were over.
EXPIRES = """
const { fetch: ask } = window;
const end = new AbortController();
let first = null;
window.expire = () => end.abort();
window.fetch = async (address, options = {}) => {
  const token = options.headers?.Authorization;
  first ??= token;
  if (!String(address).includes("operate/events") || token !== first) return ask(address, options);
  if (end.signal.aborted) return Response.json({ code: "unauthorised" }, { status: 401 });
  return ask(address, { ...options, signal: end.signal });
};
"""
UNREACHABLE = "The server cannot be reached at the moment. Try again."
LOCALES = ("en", "nl", "de", "fr")
WIDTHS = (320, 390, 844, 1280)


@pytest.fixture(scope="module")
def open_page(staged: ServerProcess, browser: Browser) -> Iterator[OpenPage]:
    """Opens pages of one server; they stay open for all tests of this file."""
    yield from opener(staged, browser, expected="net::ERR|502")


@pytest.fixture(scope="module")
def operator(staged: ServerProcess, open_page: OpenPage) -> Page:
    return operating(staged, open_page)


def operating(staged: ServerProcess, open_page: OpenPage, **settings: Any) -> Page:
    page = open_page(f"/operate#token={staged.token(operate=True)}", "", **settings)
    expect(page.locator("#board")).to_be_visible()
    return page


def card(page: Page, stream: str) -> Any:
    return page.locator(f"article[aria-label='{stream}']")


def test_the_token_is_typed_once_and_in_no_address(
    staged: ServerProcess, open_page: OpenPage
) -> None:
    page = open_page("/operate")
    page.fill("#token", staged.token(speak=True))
    page.keyboard.press("Enter")
    expect(page.locator("#refusal")).to_contain_text("not allowed")
    page.fill("#token", staged.token(operate=True))
    page.keyboard.press("Enter")
    expect(page.locator("#connection")).to_have_text("Connected")
    page.reload()
    expect(page.locator("#board")).to_be_visible()
    assert "token" not in page.url


def test_a_join_and_a_refusal_are_seen(operator: Page, staged: ServerProcess) -> None:
    reading = f"{staged.url}/api/streams/hall/captions?language=en"
    with urllib.request.urlopen(reading, timeout=PATIENCE_S):
        expect(card(operator, "hall")).to_contain_text("1 listener")
        expect(card(operator, "hall")).to_contain_text("1 reads it")
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"{reading}&token=wrong", timeout=PATIENCE_S)
        refused.value.close()
        expect(operator.locator("#news")).to_contain_text(
            "hall: refused: 1 listener (no token, or one that is not valid)"
        )
    expect(card(operator, "hall")).to_contain_text("0 listeners")


def test_a_dead_interpreter_is_seen_and_comes_back(operator: Page, staged: ServerProcess) -> None:
    staged.kill_interpreter()
    expect(operator.locator("#news")).to_contain_text("The interpreter stopped (")
    expect(operator.locator("#news li").first).to_contain_text("ready", timeout=20_000)
    expect(operator.locator("#server_problems")).to_be_empty()


def test_a_stream_is_paused_told_and_ended(operator: Page, open_page: OpenPage) -> None:
    listener, hall = open_page("/listen/steered"), open_page("/captions/steered")
    speaker = open_page("/speak/steered", TONE)
    begin_speaking(speaker)
    steered = card(operator, "steered")
    steered.get_by_role("button", name="Pause").click()
    sees(listener, "paused")
    sees(speaker, "paused")
    steered.get_by_role("button", name="Go on").click()
    sees(speaker, "live")
    dutch = open_page("/listen/steered", locale="nl-BE")
    steered.get_by_text("In other languages, too").click()
    steered.get_by_label("Dutch").fill("Koffie!")
    steered.get_by_label("Message to the listeners").fill("Coffee!")
    operator.keyboard.press("Enter")
    for page, text, language in (
        (listener, "Coffee!", "en"),
        (hall, "Coffee!", "en"),
        (dutch, "Koffie!", "nl"),
    ):
        expect(page.locator("#announcement")).to_have_text(text)
        expect(page.locator("#announcement")).to_have_attribute("role", "status")
        expect(page.locator("#announcement")).to_have_attribute("lang", language)
    steered.get_by_role("button", name="Take it back").click()
    expect(listener.locator("#announcement")).to_be_hidden()
    steered.get_by_role("button", name="End the stream").click()
    operator.click("#end_dialog [value=yes]")
    sees(listener, "ended")
    sees(speaker, "ended")


@pytest.mark.parametrize("answer", ["none", "a proxy's"])
def test_a_press_that_the_server_does_not_answer_is_said(
    operator: Page, open_page: OpenPage, answer: str
) -> None:
    def unanswered(route: Route) -> None:
        if answer == "none":
            route.abort()
        else:
            route.fulfill(status=502, content_type="text/html", body="<h1>Bad gateway</h1>")

    open_page("/captions/unanswered")
    unheard = card(operator, "unanswered")
    unheard.get_by_label("Message to the listeners").fill("Coffee!")
    operator.route("**/unanswered/notice", unanswered)
    unheard.get_by_role("button", name="Show").click()
    expect(operator.locator("#failure")).to_have_text(UNREACHABLE)
    operator.unroute("**/unanswered/notice")
    unheard.get_by_role("button", name="Show").click()
    expect(unheard).to_contain_text("Shown now: Coffee!")
    expect(operator.locator("#failure")).to_be_empty()


def test_a_pause_outlasts_the_speakers_connection(operator: Page, open_page: OpenPage) -> None:
    speaker = open_page("/speak/outlast", TONE)
    begin_speaking(speaker)
    card(operator, "outlast").get_by_role("button", name="Pause").click()
    sees(speaker, "paused")
    speaker.evaluate("sockets.at(-1).close(4999)")
    sees(speaker, "reconnecting")
    sees(speaker, "paused")
    speaker.click("#button")
    sees(speaker, "ready")
    speaker.click("#button")  # whoever begins waits for the operator, too
    sees(speaker, "paused")
    expect(card(operator, "outlast")).to_have_attribute("data-state", "paused")
    card(operator, "outlast").get_by_role("button", name="Go on").click()
    sees(speaker, "live")


def test_a_new_token_counts_for_what_was_there_before(
    staged: ServerProcess, open_page: OpenPage
) -> None:
    begin_speaking(open_page("/speak/renewed", TONE))
    page = open_page(f"/operate#token={staged.token(operate=True)}", EXPIRES)
    expect(card(page, "renewed")).to_be_visible()
    page.evaluate("expire()")
    expect(page.locator("#refusal")).not_to_be_empty()
    token = staged.token(operate=True, subject="newer")
    page.fill("#token", token)
    page.keyboard.press("Enter")
    steered = card(page, "renewed")
    expect(steered).to_have_count(1)
    with page.expect_request("**/pause") as asked:
        steered.get_by_role("button", name="Pause").click()
    assert asked.value.headers["authorization"] == f"Bearer {token}"


def test_a_glossary_is_edited_and_its_problems_are_shown(operator: Page) -> None:
    operator.fill("#name", "words")
    operator.click("#glossary_box summary")
    operator.fill("#glossary_names", "Jan\n" + 70 * "x")
    operator.click("#add_term")
    operator.keyboard.type("kerk")
    operator.get_by_role("button", name="Save").click()
    result = operator.locator("#glossary_result")
    expect(result).to_contain_text("Saved")
    expect(result.locator("li")).to_have_count(2)
    operator.fill("#glossary_names", "")
    operator.click("#glossary_box summary")
    operator.click("#glossary_box summary")
    expect(operator.locator("#glossary_names")).to_have_value("Jan")


def test_one_streams_glossary_is_not_saved_as_anothers(operator: Page) -> None:
    names = operator.locator("#glossary_names")
    with operator.expect_response("**/streams/first/glossary"):
        name_stream(operator, "first", "glossary_box")
    expect(names).to_be_enabled()
    operator.fill("#glossary_names", "Jan")
    operator.get_by_role("button", name="Save").click()
    expect(operator.locator("#glossary_result")).to_contain_text("Saved")
    operator.route("**/streams/second/glossary", lambda route: route.abort())
    with operator.expect_event("requestfailed"):
        name_stream(operator, "second", "glossary_box")
    expect(operator.locator("#glossary_result")).to_have_text(UNREACHABLE)
    expect(names).to_have_value("")
    expect(names).to_be_disabled()
    expect(operator.get_by_role("button", name="Save")).to_be_disabled()
    operator.unroute_all()
    operator.click("#glossary_box summary")
    operator.click("#glossary_box summary")
    expect(names).to_be_enabled()


def test_one_streams_recording_is_not_shown_as_anothers(operator: Page) -> None:
    text = operator.get_by_label("Record the captions")
    with operator.expect_response("**/streams/recorded/recording"):
        name_stream(operator, "recorded", "recording_box")
    with operator.expect_response("**/streams/recorded/recording"):
        text.check()
    asked: list[Route] = []
    for name in ("late", "never"):
        operator.route(f"**/streams/{name}/recording", lambda route: asked.append(route))
    for name in ("late", "never"):
        with operator.expect_request(f"**/streams/{name}/recording"):
            name_stream(operator, name, "recording_box")
    expect(text).to_be_disabled()
    late, never = asked
    late.fulfill(json={"recording": ["text"]})
    never.abort()
    expect(operator.locator("#recording_result")).to_have_text(UNREACHABLE)
    expect(text).not_to_be_checked()
    expect(text).to_be_disabled()
    name_stream(operator, "recorded", "recording_box")
    expect(text).to_be_checked()
    operator.route("**/streams/recorded/recording", lambda route: route.abort())
    text.focus()
    operator.keyboard.press("Space")
    expect(operator.locator("#recording_result")).to_have_text(UNREACHABLE)
    expect(text).to_be_checked()
    operator.unroute_all()
    text.uncheck()
    operator.click("#recording_box summary")


def name_stream(page: Page, name: str, box: str) -> None:
    """Names the stream that is prepared, and opens a box if it is not open."""
    page.fill("#name", name)
    page.press("#name", "Tab")
    if page.locator(f"#{box}").get_attribute("open") is None:
        page.click(f"#{box} summary")


def test_a_sheet_has_a_code_for_each_language(operator: Page) -> None:
    operator.fill("#name", "sheet")
    operator.click("#addresses_box summary")
    operator.get_by_role("button", name="Make addresses").click()
    codes = operator.locator("#codes figure")
    expect(codes).to_have_count(3)
    expect(codes.filter(has_text="Nederlands")).to_contain_text("Scan deze code")
    assert operator.evaluate("document.querySelector('#codes img').naturalWidth") > 0
    operator.emulate_media(media="print")
    expect(operator.locator("#streams")).to_be_hidden()
    expect(codes.first).to_be_visible()
    operator.emulate_media(media="screen")


def test_recording_is_switched_and_models_are_listed(operator: Page) -> None:
    operator.fill("#name", "kept")
    operator.click("#recording_box summary")
    operator.get_by_label("Record the captions").check()
    operator.reload()
    operator.fill("#name", "kept")
    operator.click("#recording_box summary")
    expect(operator.get_by_label("Record the captions")).to_be_checked()
    operator.get_by_label("Record the captions").uncheck()
    operator.click("#models_box summary")
    expect(operator.locator("#models li").first).to_contain_text("recognizer")
    expect(operator.locator("#available")).to_contain_text("whisper-base")


def test_axe_finds_no_fault_and_it_fits_all_widths(
    staged: ServerProcess, open_page: OpenPage
) -> None:
    reading = f"{staged.url}/api/streams/axe/captions?language=en"
    for locale in LOCALES:
        page = operating(staged, open_page, locale=locale, reduced_motion="reduce")
        expect(page.locator("html")).to_have_attribute("lang", locale)
        with urllib.request.urlopen(reading, timeout=PATIENCE_S):
            expect(card(page, "axe")).to_be_visible()
        for box in page.locator("details[id] > summary").all():
            box.click()
        page.click("#add_term")
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 700})
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (locale, width)
        looks: list[dict[str, Any]] = [
            {"color_scheme": "light"},
            {"color_scheme": "dark"},
            {"color_scheme": "light", "forced_colors": "active"},
        ]
        for look in looks if locale == "en" else looks[:1]:
            page.emulate_media(**look)
            found = Axe().run(page)
            assert found.violations_count == 0, (locale, look, found.generate_report())
