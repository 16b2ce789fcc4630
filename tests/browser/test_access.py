"""Everyone can use the pages: on a phone, by keyboard, with a screen reader, in their language."""

from itertools import product
from typing import Literal
from urllib.parse import urljoin

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Page, expect

from tests.browser.people import OpenPage, begin_speaking, sees
from tests.browser.serving import ServerProcess

pytestmark = pytest.mark.browser

PATHS = ("/", "/speak/access", "/listen/access", "/captions/access?language=en&language=nl")
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
LOCALES = {"en-GB": "en", "nl-BE": "nl", "de-AT": "de", "fr-CA": "fr", "pl-PL": "en"}
OVER = "Interpretation, with the original softly underneath"
WORDS = {"en": "Listen", "nl": "Luisteren", "de": "Zuhören", "fr": "Écouter"}
#: A note in the largest captions.
LONG_NOTE = """() => {
  document.documentElement.style.setProperty("--caption-scale", 2);
  window.captions = document.querySelector("#captions");
  captions.innerHTML = "<div><p>Oui <small>peut-être dit autrement</small></p></div>";
}"""
#: The files of texts that a page asked for.
LOADED = """() => performance.getEntriesByType("resource")
    .map(({ name }) => name.match(/texts\\/(\\w+)\\.js$/)?.[1]).filter(Boolean)"""


def test_axe_finds_no_fault_with_any_page(open_page: OpenPage) -> None:
    # During a fade text has too little contrast.
    pages = [open_page(path, reduced_motion="reduce") for path in PATHS]
    _, speaker, listener, projector = pages
    begin_speaking(speaker)
    listener.click("#button")
    sees(listener, "live")
    listener.click("summary")
    projector.click("#shown")
    for page, scheme in product(pages, SCHEMES):
        page.emulate_media(color_scheme=scheme)
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("locale", LOCALES)
def test_pages_are_in_the_reader_s_language_and_load_no_other(
    open_page: OpenPage, locale: str
) -> None:
    page = open_page("/listen/words", locale=locale)
    expect(page.locator("#button")).to_have_text(WORDS[LOCALES[locale]])
    expect(page.locator("html")).to_have_attribute("lang", LOCALES[locale])
    assert page.evaluate(LOADED) == [LOCALES[locale]]


@pytest.mark.parametrize("locale", ["de", "fr", "nl"])
def test_pages_fit_the_width_of_a_small_phone(open_page: OpenPage, locale: str) -> None:
    # Not in English, because its words are shorter.
    page = open_page("/", locale=locale, viewport={"width": 320, "height": 568})
    for path in PATHS:
        page.goto(urljoin(page.url, path))
        expect(page.locator("html")).to_have_attribute("lang", locale)
        page.wait_for_load_state("networkidle")
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, path


def test_on_a_small_phone_a_long_note_wraps_and_the_slider_has_room(open_page: OpenPage) -> None:
    page = open_page("/listen/narrow", locale="fr", viewport={"width": 320, "height": 568})
    expect(page.locator("#button")).to_have_text("Écouter")
    assert page.evaluate("document.querySelector('#balance').offsetWidth") > 200
    page.evaluate(LONG_NOTE)
    assert page.evaluate("captions.scrollWidth <= captions.clientWidth")


def tab_to(page: Page, name: str) -> None:
    """Presses Tab until the element with this id has the focus, visibly."""
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == name:
            style = "getComputedStyle(document.activeElement).outlineStyle"
            assert page.evaluate(style) != "none", f"nothing shows that #{name} has the focus"
            return
    raise AssertionError(f"Tab does not reach #{name}")


def test_speaking_and_listening_need_no_mouse(open_page: OpenPage) -> None:
    speaker, listener = open_page("/speak/keys"), open_page("/listen/keys")
    tab_to(listener, "button")
    listener.keyboard.press("Enter")
    sees(listener, "waiting")
    tab_to(speaker, "language")
    speaker.keyboard.type("Dutch")
    tab_to(speaker, "button")
    speaker.keyboard.press("Space")
    sees(speaker, "live")
    sees(listener, "live")
    tab_to(speaker, "pause")
    speaker.keyboard.press("Space")
    sees(listener, "paused")
    tab_to(speaker, "end")
    speaker.keyboard.press("Enter")
    expect(speaker.locator("#end_dialog [value=no]")).to_be_focused()
    speaker.keyboard.press("Escape")
    expect(speaker.locator("#end")).to_be_focused()
    tab_to(listener, "language")
    tab_to(listener, "captions")


def test_choices_are_remembered(open_page: OpenPage) -> None:
    page = open_page("/listen/memory")
    page.select_option("#language", "en")
    page.fill("#balance", "1")
    page.click("summary")
    page.click("#larger")
    page.fill("#volume", "40")
    page.reload()
    expect(page.locator("#language")).to_have_value("en")
    expect(page.locator("#balance")).to_have_value("1")
    expect(page.locator("#balance")).to_have_attribute("aria-valuetext", OVER)
    expect(page.locator("#volume")).to_have_value("40")
    assert page.evaluate("document.documentElement.style.getPropertyValue('--caption-scale')") == (
        "1.2"
    )


def test_an_invitation_that_fails_at_first_comes_later(
    server: ServerProcess, open_page: OpenPage
) -> None:
    """Whoever has a token may need one in the address for listeners, which the server makes."""
    page = open_page("/")
    failing = True
    page.route("**/qr/**", lambda route: route.abort() if failing else route.continue_())
    with page.expect_event("requestfailed"):
        page.goto(f"{server.url}/speak/invited#token={server.token(speak=True)}")
    with page.expect_event("requestfailed"):  # it is asked again
        pass
    expect(page.locator("#address")).to_be_hidden()
    expect(page.locator("#qr")).to_be_hidden()
    failing = False
    expect(page.locator("#address")).to_be_visible()


def test_the_captions_page_is_for_a_hall(open_page: OpenPage) -> None:
    page = open_page("/captions/hall?language=en,nl", viewport={"width": 1280, "height": 720})
    expect(page.locator(".captions")).to_have_count(2)
    expect(page.locator("#qr")).to_be_visible()
    expect(page.locator("#address")).to_contain_text("/listen/hall")
    assert page.evaluate("document.querySelector('#qr').naturalWidth") > 0
    page.click("#shown")
    page.get_by_role("checkbox", name="Nederlands").uncheck()
    expect(page.locator(".captions")).to_have_count(1)
    assert page.url.endswith("?language=en")
