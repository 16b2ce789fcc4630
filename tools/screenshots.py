"""Pictures of every page in every language, on a small and a usual phone, on its side, and on a
screen: to be looked at. axe looks at each as well, in light, dark and forced colours.

    python -m tools.screenshots [--out screenshots] [--languages en,nl] [--widths 320,390]

The server runs with the shipped models; the bundled clip is spoken, so that there are captions.
"""

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from axe_playwright_python.async_playwright import Axe  # type: ignore[import-untyped]
from playwright.async_api import Browser, Page, ViewportSize, async_playwright

from server.client.participants import Speaker
from server.demo import clip
from static import ROOT as PAGES
from tools.bench.serving import Serving, serving
from tools.chromium import find_chromium
from tools.figures import exit_status

SIZES = {
    "320": ViewportSize(width=320, height=568),
    "390": ViewportSize(width=390, height=844),
    "844": ViewportSize(width=844, height=390),
    "1280": ViewportSize(width=1280, height=800),
}
#: The size at which axe looks: what it finds hardly depends on it.
AXE_SIZE = "390"
OPTIONS = (
    "--no-sandbox",
    "--disable-gpu",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
)


async def _as_it_is(page: Page) -> None:
    """Nothing is pressed."""


async def _opened(page: Page) -> None:
    for summary in await page.locator("summary:visible").all():
        await summary.click()


async def _operated(page: Page) -> None:
    await page.locator("#board").wait_for()


async def _named(page: Page) -> None:
    await _operated(page)
    await page.fill("#name", "main")
    await _opened(page)
    await page.click("#add_term")
    await page.locator("#glossary_names:enabled").wait_for()


async def _spoken(page: Page) -> None:
    await page.select_option("#language", "nl")
    await _begun(page)


async def _begun(page: Page) -> None:
    await page.click("#button")
    await page.wait_for_function("() => document.body.dataset.situation === 'live'")
    await _opened(page)


async def _chosen(page: Page) -> None:
    await page.click("#shown")


#: A page, and what is done there before it is looked at.
STATES: dict[str, tuple[str, Callable[[Page], Awaitable[None]]]] = {
    "start": ("/", _as_it_is),
    "missing": ("/listen/no%20name", _as_it_is),
    "speak": ("/speak/other", _as_it_is),
    "speaking": ("/speak/other", _spoken),
    "listen": ("/listen/main", _opened),
    "listening": ("/listen/main", _begun),
    "waiting": ("/listen/nobody", _as_it_is),
    "captions": ("/captions/main?language=en&language=nl", _as_it_is),
    "choosing": ("/captions/main?language=en&language=nl", _chosen),
    "interpret": ("/interpret/main/en", _as_it_is),
    "entering": ("/operate", _as_it_is),
    "operate": ("/operate#token=TOKEN", _operated),
    "preparing": ("/operate#token=TOKEN", _named),
}
TIMEOUT_MS = 120_000
#: Shown on every page once its scripts have run.
STARTED = "() => !document.getElementById('unstarted') && document.title !== ''"


async def take(folder: Path, languages: list[str], sizes: list[str]) -> int:
    """Write the pictures; returns the number of faults: pages that are wider than their screen, and
    what axe finds."""
    folder.mkdir(parents=True, exist_ok=True)
    async with (
        serving("--max-languages", "8") as server,  # however busy the machine is
        async_playwright() as playwright,
        await playwright.chromium.launch(executable_path=find_chromium(), args=OPTIONS) as browser,
        Speaker(server.url, "main", "nl") as speaker,
        asyncio.TaskGroup() as group,
    ):
        speaking = group.create_task(_speak(speaker))
        faults = 0
        for language in languages:
            for size in sizes:
                faults += await _pictures(browser, server, folder, language, size)
        speaking.cancel()
    return faults


async def _speak(speaker: Speaker) -> None:
    while True:
        await speaker.play(clip("nl"))


async def _pictures(
    browser: Browser, server: Serving, folder: Path, language: str, size: str
) -> int:
    token = server.token(operate=True)
    context = await browser.new_context(
        locale=language, viewport=SIZES[size], reduced_motion="reduce"
    )
    context.set_default_timeout(TIMEOUT_MS)
    faults = 0
    async with context:
        page = await context.new_page()
        for name, (path, do) in STATES.items():
            await page.goto("about:blank")  # or a page whose address differs by its token stays
            await page.goto(server.url + path.replace("TOKEN", token))
            await page.wait_for_function(STARTED)
            await do(page)
            faults += await _picture(page, folder / f"{name}-{language}-{size}.png", size)
            if size == AXE_SIZE:
                faults += await _looked_at(page, f"{name}, {language}")
    return faults


async def _picture(page: Page, path: Path, size: str) -> int:
    await page.screenshot(path=path, full_page="captions" not in page.url)
    width = await page.evaluate("document.documentElement.scrollWidth")
    if width > SIZES[size]["width"]:
        print(f"{path.name} is {width} pixels wide", file=sys.stderr)
        return 1
    return 0


async def _looked_at(page: Page, name: str) -> int:
    """The number of faults that axe finds."""
    faults = 0
    for colours in ("light", "dark", "forced"):
        await page.emulate_media(
            color_scheme="dark" if colours == "dark" else "light",
            forced_colors="active" if colours == "forced" else "none",
        )
        # Forced colours are the reader's own, and axe does not see them.
        rules = {"color-contrast": {"enabled": colours != "forced"}}
        found = await Axe().run(page, options={"resultTypes": ["violations"], "rules": rules})
        if found.violations_count:
            print(f"{name}, {colours} colours: {found.generate_report()}", file=sys.stderr)
        faults += found.violations_count
    await page.emulate_media(color_scheme="light", forced_colors="none")
    return faults


def main() -> int:
    """Take the pictures; returns 1 if there are faults."""
    known = sorted(path.stem for path in (PAGES / "js" / "texts").glob("*.js"))
    parser = argparse.ArgumentParser(prog="python -m tools.screenshots", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--out", type=Path, default=Path("screenshots"), metavar="FOLDER")
    parser.add_argument("--languages", default=",".join(known), help="of the pages")
    parser.add_argument("--widths", default=",".join(SIZES), help="of the screens")
    options = parser.parse_args()
    languages, sizes = options.languages.split(","), options.widths.split(",")
    if not set(languages) <= set(known) or not set(sizes) <= set(SIZES):
        parser.error(f"there are the languages {', '.join(known)}, the widths {', '.join(SIZES)}")
    return 1 if asyncio.run(take(options.out, languages, sizes)) else 0


if __name__ == "__main__":
    sys.exit(exit_status("tools.screenshots", main))
