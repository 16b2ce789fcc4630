"""The page's view of captions, as they arrive."""

import pytest
from playwright.sync_api import JSHandle, Page

from tests.browser.people import OpenPage

pytestmark = pytest.mark.browser

NEW_VIEW = """async () => {
  await (await import("/static/js/i18n.js")).textsLoaded;
  const { CaptionView } = await import("/static/js/captions.js");
  const box = document.createElement("div");
  document.body.append(box);
  return new CaptionView(box, "en", "Captions");
}"""


def caption(segment: int, status: str, text: str = "", revision: int = 0) -> dict[str, object]:
    return {
        "type": "caption",
        "stream": "s",
        "language": "en",
        "segment": segment,
        "revision": revision,
        "status": status,
        "start_ms": segment * 1000,
        "end_ms": segment * 1000 + 900,
        "text": text,
    }


@pytest.fixture(scope="module")
def page(open_pages: OpenPage) -> Page:
    return open_pages("/")


@pytest.fixture
def view(page: Page) -> JSHandle:
    return page.evaluate_handle(NEW_VIEW)


def show(view: JSHandle, *captions: dict[str, object]) -> None:
    for each in captions:
        view.evaluate("(view, caption) => view.show(caption)", each)


def shown(view: JSHandle, region: str) -> list[str]:
    texts: list[str] = view.evaluate(
        "(view, region) => [...view[region].children].map((p) => p.textContent)", region
    )
    return texts


def test_a_later_revision_replaces_the_earlier(view: JSHandle) -> None:
    show(view, caption(1, "partial", "good", 1), caption(1, "partial", "good morning", 2))
    assert shown(view, "partials") == ["good morning"]


def test_a_doubtful_line_is_marked(view: JSHandle) -> None:
    line = caption(1, "final", "seventeen cows", 1)
    show(view, {**line, "doubtful": True})
    show(view, {**line, "doubtful": True, "skipped": True, "revision": 2})
    (text,) = shown(view, "finals")
    assert text.startswith("seventeen cows perhaps not what was said")
    assert "not spoken" in text
    assert view.evaluate("view => view.finals.firstChild.className") == "doubtful skipped"


def test_a_line_that_grows_keeps_its_mark_as_long_as_it_has_one(view: JSHandle) -> None:
    line = caption(1, "final", "good", 1) | {"skipped": True}
    show(view, line, line | {"text": "good morning", "revision": 2})
    assert shown(view, "finals") == ["good morning not spoken"]
    show(view, caption(1, "final", "good morning all", 3))
    assert shown(view, "finals") == ["good morning all"]
    assert view.evaluate("view => view.finals.firstChild.className") == ""


def test_the_certain_words_of_a_partial_stand_out(view: JSHandle) -> None:
    line = caption(1, "partial", "good morning every", 1)
    show(view, line | {"certain": 2}, caption(2, "partial", "one"))
    assert shown(view, "partials") == ["good morning every", "one"]
    parts = """(view) => [...view.partials.children].map(
        (p) => [...p.childNodes].map((each) => [each.className ?? "", each.textContent]))"""
    assert view.evaluate(parts) == [
        [["certain", "good morning"], ["", " every"]],
        [["", "one"]],
    ]
    show(view, line | {"revision": 2, "certain": 3}, caption(2, "final", "one", 1))
    assert shown(view, "partials") == ["good morning every"]
    assert view.evaluate("(view) => view.finals.innerHTML").endswith(">one</p>")


def test_a_late_earlier_revision_is_ignored(view: JSHandle) -> None:
    show(view, caption(1, "final", "good morning", 5), caption(1, "partial", "good", 3))
    assert (shown(view, "finals"), shown(view, "partials")) == (["good morning"], [])


def test_final_lines_move_to_the_announced_region(view: JSHandle) -> None:
    show(view, caption(1, "partial", "good", 1), caption(1, "final", "good morning", 2))
    assert (shown(view, "finals"), shown(view, "partials")) == (["good morning"], [])
    live = "(view) => [view.finals.ariaLive, view.partials.ariaHidden, view.finals.lang]"
    assert view.evaluate(live) == ["polite", "true", "en"]


def test_an_unspoken_line_is_marked_in_the_reader_s_language(view: JSHandle) -> None:
    line = caption(1, "final", "good morning", 2)
    show(view, line, line | {"revision": 3, "skipped": True}, caption(2, "final", "two"))
    assert shown(view, "finals") == ["good morning not spoken", "two"]
    marked = "(view) => [...view.finals.children].map((p) => [p.className, p.lastChild.lang])"
    assert view.evaluate(marked) == [["skipped", "en"], ["", None]]


def test_a_mark_does_not_announce_the_line_again(view: JSHandle) -> None:
    show(view, caption(1, "final", "good morning", 2))
    text = view.evaluate_handle("(view) => view.finals.firstChild.firstChild")
    show(view, caption(1, "final", "good morning", 3) | {"skipped": True})
    same = "(view, text) => view.finals.firstChild.firstChild === text"
    assert view.evaluate(same, text)


def test_a_cleared_line_is_removed(view: JSHandle) -> None:
    show(view, caption(1, "partial", "uh", 1), caption(1, "clear", revision=2))
    assert shown(view, "partials") == []


def test_lines_are_in_the_order_in_which_they_were_said(view: JSHandle) -> None:
    show(view, caption(2, "final", "two"), caption(3, "final", "three"), caption(1, "final", "one"))
    assert shown(view, "finals") == ["one", "two", "three"]


def test_another_languages_lines_are_not_shown(view: JSHandle) -> None:
    show(view, caption(1, "final", "goedemorgen") | {"language": "nl"})
    assert shown(view, "finals") == []


def test_an_hour_of_captions_does_not_fill_the_page(view: JSHandle) -> None:
    show(view, *(caption(i, "final", str(i)) for i in range(500)))
    assert len(shown(view, "finals")) == 400
    assert shown(view, "finals")[-1] == "499"


def test_a_snapshot_replaces_what_was_there_without_being_announced(view: JSHandle) -> None:
    show(view, caption(900, "final", "of an earlier server"))
    view.evaluate("(view, captions) => view.restore(captions)", [caption(1, "final", "now")])
    assert shown(view, "finals") == ["now"]
    assert view.evaluate("(view) => view.finals.ariaLive") == "off"
