"""Captions over a picture, in a program and in a player."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.people import OpenPage, begin_speaking, wait_for

pytestmark = pytest.mark.browser

#: Whether the text is in the last fifth of the picture, inside it, and in the middle.
AT_THE_BOTTOM = """() => {
  const box = [...document.querySelectorAll(".captions p")].at(-1).getBoundingClientRect();
  const low = box.bottom > innerHeight * 0.8 && box.bottom <= innerHeight;
  return low && Math.abs((box.left + box.right) / 2 - innerWidth / 2) < 2;
}"""
LINES = """() => {
  const box = document.querySelector(".captions");
  return box.clientHeight / parseFloat(getComputedStyle(box).lineHeight);
}"""
#: The id and the text of the first final line that an EventSource is given.
FIRST_FINAL = """() => new Promise((resolve, reject) => {
  const source = new EventSource("/api/streams/overlay/captions?language=nl");
  source.onerror = () => reject(new Error("no connection"));
  source.addEventListener("caption", ({ data, lastEventId }) => {
    const { status, number, text } = JSON.parse(data);
    if (status === "final") resolve([lastEventId, String(number), text]);
  });
})"""
ADD_TRACK = """() => {
  const player = document.createElement("video");
  player.innerHTML = '<track src="/captions/overlay/nl.vtt">';
  document.body.append(player);
  player.textTracks[0].mode = "hidden";
}"""
#: Whether a player has lines of a WebVTT whose end has not come.
GROWS = """() => {
  const track = document.querySelector("track");
  return track.readyState === HTMLTrackElement.LOADING && track.track.cues?.length > 0;
}"""


@pytest.fixture(scope="module")
def speaker(open_pages: OpenPage) -> Page:
    page = open_pages("/speak/overlay")
    begin_speaking(page)
    return page


def test_an_overlay_is_text_at_the_bottom_and_nothing_else(
    speaker: Page, open_page: OpenPage
) -> None:
    page = open_page("/captions/overlay?overlay=1&language=nl&lines=2")
    wait_for(page, "() => document.querySelectorAll('.captions p').length > 0", within_s=30)
    for element in ("#join", "#chooser", "#state"):
        expect(page.locator(element)).to_be_hidden()
    for element in ("html", "body"):
        colour = f"getComputedStyle(document.querySelector('{element}')).backgroundColor"
        assert page.evaluate(colour) == "rgba(0, 0, 0, 0)"
    for width in (1920, 320):
        page.set_viewport_size({"width": width, "height": width * 9 // 16})
        wait_for(page, AT_THE_BOTTOM)
        assert page.evaluate(LINES) <= 2.01
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_address_chooses_the_look(open_page: OpenPage) -> None:
    page = open_page("/captions/overlay?overlay=1&language=nl&place=top&colour=gold&lines=3")
    panel = page.locator(".captions")
    expect(panel).to_have_css("color", "rgb(255, 215, 0)")
    assert page.evaluate("getComputedStyle(document.querySelector('main')).justifyContent") == (
        "flex-start"
    )


def test_whoever_sets_it_up_sees_what_is_wrong(open_page: OpenPage) -> None:
    page = open_page("/captions/overlay?overlay=1&language=xx,en_US,,%20nl&size=huge&colour=red")
    expect(page.locator("#state")).to_contain_text("size=huge, language=en_US, language=xx")
    expect(page.locator(".captions .lines").last).to_have_attribute("lang", "nl")


def test_a_browser_reads_the_events(speaker: Page, open_page: OpenPage) -> None:
    event_id, number, text = open_page("/").evaluate(FIRST_FINAL)
    assert event_id == number
    assert text


def test_a_player_shows_lines_while_they_come(speaker: Page, open_page: OpenPage) -> None:
    page = open_page("/")
    page.evaluate(ADD_TRACK)
    wait_for(page, GROWS, within_s=30)
