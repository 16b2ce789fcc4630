"""What people do with the pages, and waiting for what they then see or hear."""

from collections.abc import Callable

from playwright.sync_api import Page

from server.media.opus import RATE_HZ

#: The fixtures ``open_page`` and ``open_pages``; see ``opener``.
OpenPage = Callable[..., Page]

#: Squared level times seconds (1 is full scale): half a second of quiet speech.
AUDIBLE = 2e-4
#: The longest wait for something that a page shows or plays.
PATIENCE_S = 20.0
#: When captions have not changed for SETTLED_S, no more are to come. That is so within LAST_S.
SETTLED_S, LAST_S = 2.0, 60.0
#: Calls ``condition`` every 50 ms until it returns, or resolves to, something true.
WAIT = """async ([arg, within_ms]) => {
  const condition = CONDITION;
  const deadline = performance.now() + within_ms;
  while (!(await condition(arg))) {
    if (performance.now() > deadline) throw new Error(`not within ${within_ms} ms`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}"""


def begin_speaking(page: Page, language: str = "nl") -> None:
    """Presses the button of a speaker's page; returns when it says that one is live."""
    page.select_option("#language", language)
    page.click("#button")
    sees(page, "live")


def ask_to_speak(page: Page, language: str) -> None:
    """Presses the button of a page where somebody speaks already, and asks that speaker."""
    page.select_option("#language", language)
    page.click("#button")
    page.click("#take_over [value=ask]")
    sees(page, "asking")


def begin_listening(page: Page, language: str = "floor", over: bool = False) -> None:
    """Chooses what to hear on a listener's page and presses its button."""
    page.select_option("#language", language)
    if language != "floor":
        page.fill("#balance", "1" if over else "2")
    page.click("#button")


def sees(page: Page, *situations: str) -> str:
    """Waits until the page shows one of these situations; returns which."""
    page.wait_for_function(
        "situations => situations.includes(document.body.dataset.situation)", arg=situations
    )
    return str(page.evaluate("document.body.dataset.situation"))


def hears(page: Page) -> None:
    """Waits until speech (not silence) has reached the page's newest connection, from now on."""
    _hears(page, "inbound().then((sound) => sound?.totalAudioEnergy ?? 0)")


def hears_over_the_socket(page: Page) -> None:
    """The same for a page without a connection: waits until speech comes to be played."""
    _hears(page, "given()")


def _hears(page: Page, energy: str) -> None:
    before = page.evaluate(energy)
    wait_for(page, f"async (wanted) => (await {energy}) >= wanted", before + AUDIBLE)


def wait_for(page: Page, condition: str, arg: object = None, within_s: float = PATIENCE_S) -> None:
    """Waits until a function in JavaScript returns something true for ``arg``. It may be async;
    ``Page.wait_for_function`` takes any promise for true."""
    page.evaluate(WAIT.replace("CONDITION", condition), [arg, 1000 * within_s])


def wait_until_unchanged(
    pages: list[Page], value: str, seconds: float, within_s: float = LAST_S
) -> None:
    """Waits until ``value``, JavaScript, has been the same for so long on each page."""
    for page in pages:
        page.evaluate(f"async () => unchanged(await {value}, 0)")
    for page in pages:
        condition = f"async (seconds) => unchanged(await {value}, seconds)"
        wait_for(page, condition, seconds, within_s)


def wait_for_sound(page: Page, seconds: float) -> None:
    """Waits until the page's browser has played so much more of what the newest connection
    receives, silence included."""
    before = page.evaluate("inbound().then((sound) => sound?.totalSamplesReceived ?? 0)")
    wait_for(
        page,
        "async (wanted) => (await inbound())?.totalSamplesReceived >= wanted",
        before + seconds * RATE_HZ,
        seconds + PATIENCE_S,
    )


def wait_until_spoken(page: Page, seconds: float) -> None:
    """Waits until the newest connection of a speaker's page has been given so much by the
    microphone, all in all."""
    wait_for(page, "async (wanted) => (await spoken()) >= wanted", seconds, seconds + PATIENCE_S)


def lines(page: Page, box: str = "#captions") -> list[str]:
    """The final captions that the page shows."""
    return page.locator(f"{box} .lines p").all_text_contents()


def wait_for_last_line(pages: list[Page], settled_s: float = SETTLED_S) -> None:
    """Waits until the captions of all pages have been the same for so long."""
    wait_until_unchanged(pages, "captions()", settled_s)
