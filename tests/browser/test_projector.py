"""The captions page: in the reader's language, with nothing in front of what is read."""

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from tests.browser.people import PATIENCE_S, OpenPage

pytestmark = pytest.mark.browser

SIZES: list[ViewportSize] = [
    {"width": 320, "height": 568},
    {"width": 568, "height": 320},
    {"width": 1280, "height": 720},
]
#: Fills each panel with more lines than it has room for, and shows everything there is to show.
FILL = """() => {
  for (const lines of document.querySelectorAll(".captions .lines")) {
    lines.innerHTML = "<p>Donaudampfschifffahrtsgesellschaft, and so on and on.</p>".repeat(40);
  }
  document.querySelector("#failure").textContent = "Something went wrong.";
  document.querySelector("#state").textContent = "The connection was lost, wait a moment.";
  document.querySelector("#address").textContent = "church.example.org:8443/listen/sunday-morning";
}"""
#: The boxes of whatever is shown.
BOXES = """() => ["#failure", "#state", "#panels", "#join", "#chooser"].map((name) => {
  const { left, right, top, bottom } = document.querySelector(name).getBoundingClientRect();
  return { name, left, right, top, bottom };
})"""


def panels(page: Page) -> list[str]:
    labels: list[str] = page.evaluate(
        "[...document.querySelectorAll('.captions .lines')].map((lines) => lines.lang)"
    )
    return labels


@pytest.mark.parametrize(("locale", "tag"), [("nl-BE", "nl"), ("en-GB", "en")])
def test_captions_are_in_the_reader_s_language_and_the_page_says_so(
    open_staged: OpenPage, locale: str, tag: str
) -> None:
    page = open_staged("/captions/reader", locale=locale)
    name = {"nl": "Ondertiteling: Nederlands", "en": "Captions: English"}[tag]
    expect(page.locator("#shown")).to_have_text(name)
    assert panels(page) == [tag]


def test_a_language_chosen_for_listening_is_read_too(open_staged: OpenPage) -> None:
    page = open_staged("/captions/reader", script='localStorage["tolk.language"] = "nl";')
    expect(page.locator("#shown")).to_have_text("Captions: Nederlands")


def test_boxes_and_captions_stay_where_they_are(open_staged: OpenPage) -> None:
    page = open_staged("/captions/order?language=nl")
    page.click("#shown")
    boxes = "[...document.querySelectorAll('#choices input')].map(({ value }) => value)"
    order = page.evaluate(boxes)
    assert order[0] == "nl"
    box = page.locator(f"#choices input[value={order[1]}]")
    box.focus()
    page.keyboard.press("Space")
    expect(box).to_be_checked()
    expect(box).to_be_focused()
    assert panels(page) == order[:2]
    first = page.locator("#choices input[value=nl]")
    for chosen in (order[1:2], [order[1], "nl"]):
        first.focus()
        page.keyboard.press("Space")
        expect(first).to_be_focused()
        assert (page.evaluate(boxes), panels(page)) == (order, chosen)


def test_what_is_no_language_in_the_address_is_left_out(open_staged: OpenPage) -> None:
    page = open_staged("/captions/reader?language=en_US,,a%20b&language=%20nl")
    expect(page.locator("#shown")).to_have_text("Captions: Nederlands")
    expect(page.locator("#state")).to_have_text("Waiting for the speaker")


def test_a_choice_is_in_the_address(open_staged: OpenPage) -> None:
    page = open_staged("/captions/reader")
    expect(page.locator("#shown")).to_have_text("Captions: English")
    page.click("#shown")
    page.get_by_role("checkbox", name="Nederlands").check()
    expect(page.locator("#shown")).to_have_text("Captions: English, Nederlands")
    assert page.url.endswith("?language=en&language=nl")
    assert panels(page) == ["en", "nl"]


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size['width']}x{size['height']}")
@pytest.mark.parametrize("opened", [False, True])
def test_nothing_covers_what_is_read(
    open_staged: OpenPage, size: ViewportSize, opened: bool
) -> None:
    page = open_staged("/captions/places?language=en&language=nl", locale="de", viewport=size)
    expect(page.locator(".captions")).to_have_count(2)
    page.evaluate(FILL)
    if opened:
        page.click("#shown")
    boxes = page.evaluate(BOXES)
    for i, one in enumerate(boxes):
        assert one["left"] >= 0 and one["right"] <= size["width"], one
        assert one["top"] >= 0 and one["bottom"] <= size["height"], one
        for other in boxes[i + 1 :]:
            beside = one["right"] <= other["left"] or other["right"] <= one["left"]
            apart = one["bottom"] <= other["top"] or other["bottom"] <= one["top"]
            assert beside or apart, (one, other)
    read = boxes[2]
    assert opened or read["bottom"] - read["top"] >= 0.35 * size["height"]


def test_in_full_screen_a_resting_pointer_is_hidden_with_the_chooser(open_staged: OpenPage) -> None:
    page = open_staged("/captions/full", viewport=SIZES[-1])
    chooser, body = page.locator("#chooser"), page.locator("body")
    page.click("#fullscreen")
    expect(chooser).to_be_hidden(timeout=1000 * PATIENCE_S)
    expect(body).to_have_css("cursor", "none")
    page.mouse.move(200, 200)
    expect(chooser).to_be_visible()
    expect(body).to_have_css("cursor", "auto")
