"""What people do with the pages, and what they then see."""

import time
from collections.abc import Callable

from playwright.sync_api import Page

#: The fixtures ``open_page`` and ``open_pages``; see ``opener``.
OpenPage = Callable[..., Page]

#: Squared level times seconds (1 is full scale): half a second of quiet speech.
AUDIBLE = 2e-4
#: Tests wait for what a page shows, or lets hear, for at most this long.
PATIENCE_S = 12.0
#: No new caption for so long: there is none to come, nor after LAST_S.
SETTLED_S, LAST_S = 2.0, 20.0


def begin_speaking(page: Page, language: str = "nl") -> None:
    """Presses the button of a speaker's page; returns when it says that one is live."""
    page.select_option("#language", language)
    page.click("#button")
    sees(page, "live")


def begin_listening(page: Page, language: str = "floor", over: bool = False) -> None:
    """Chooses what to hear on a listener's page and presses its button."""
    page.select_option("#language", language)
    if language != "floor":
        page.set_checked("#over", over)
    page.click("#button")


def sees(page: Page, *situations: str) -> str:
    """Waits until the page says one of these situations; returns which."""
    page.wait_for_function(
        "situations => situations.includes(document.body.dataset.situation)", arg=situations
    )
    return str(page.evaluate("document.body.dataset.situation"))


def hears(page: Page) -> None:
    """Waits until speech (not silence) has reached the page's newest connection, from now on."""
    # Asked again and again from here: wait_for_function takes any promise for a yes.
    _hears(page, "inbound().then((sound) => sound?.totalAudioEnergy ?? 0)")


def hears_over_the_socket(page: Page) -> None:
    """The same for a page without a connection: waits until speech comes to be played."""
    _hears(page, "given()")


def _hears(page: Page, energy: str) -> None:
    before = page.evaluate(energy)
    deadline = time.monotonic() + PATIENCE_S
    while page.evaluate(energy) < before + AUDIBLE:
        assert time.monotonic() < deadline, "no speech is heard"
        page.wait_for_timeout(50)


def lines(page: Page, box: str = "#captions") -> list[str]:
    """The final captions that the page shows."""
    return page.locator(f"{box} .lines p").all_text_contents()


def wait_for_last_line(pages: list[Page], settled_s: float = SETTLED_S) -> None:
    """Until the captions of all pages have been the same for so long."""
    deadline = time.monotonic() + LAST_S
    shown: list[list[str]] = []
    since = time.monotonic()
    while time.monotonic() < min(deadline, since + settled_s):
        now = [page.locator(".captions p").all_text_contents() for page in pages]
        if now != shown:
            shown, since = now, time.monotonic()
        pages[0].wait_for_timeout(100)
