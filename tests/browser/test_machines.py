"""Pages where several machines are joined: the operators' list of them, and what a speaker is told
whose stream is at another one."""

import asyncio
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, Locator, Page, expect

from server.client.participants import Refused, Speaker
from tests.browser.conftest import opener
from tests.browser.people import (
    PATIENCE_S,
    OpenPage,
    begin_listening,
    begin_speaking,
    sees,
)
from tests.browser.serving import END_S, ROOT, ServerProcess
from tests.helpers.nats import nats_server

pytestmark = pytest.mark.browser

LOAD = re.compile(r"Load: \d+(\.\d)? of \d+ cores\.")
HUB, INTERPRETER = "has speakers · has listeners · interprets", "interprets"


@dataclass
class Site:
    """``hub`` interprets, and so does a machine of its own. ``other``: a hub that does not."""

    hub: ServerProcess
    other: ServerProcess
    at_hub: OpenPage
    at_other: OpenPage


@contextmanager
def interpreter(folder: Path, *options: str) -> Iterator[None]:
    """Run a machine that interprets."""
    command = [sys.executable, "-m", "server", "interpreter", "--state", str(folder), *options]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT)
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(END_S)
        finally:
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Site]:
    with ExitStack() as stack:
        folder = tmp_path_factory.mktemp
        kept = folder("nats")
        nats = stack.enter_context(nats_server(kept, jetstream={"store_dir": str(kept)}))
        models = ("--models", "starter", "--fetch", "never", "--spare", "never")
        joined = ("--bus", nats.server.url, *models)
        addressed = ("--public-url", "{url}", "--speak-token", "open")
        hub = ServerProcess(folder("hub"), *joined, *addressed)
        other = ServerProcess(folder("other"), *joined, "--roles", "hub,edge")
        stack.enter_context(interpreter(folder("interpreter"), *joined))
        for each in (hub, other):
            stack.callback(each.stop)
            each.start()
        openers = [opener(each, browser) for each in (hub, other)]
        for made in openers:
            stack.callback(next, made, None)
        yield Site(hub, other, *(next(made) for made in openers))


def machine(page: Page, roles: str) -> Locator:
    """The entry of the machine with these roles."""
    found = page.locator("#machines > li", has=page.get_by_text(roles, exact=True))
    expect(found).to_have_count(1)
    return found


def go_to(page: Page, button: Locator) -> None:
    """Press Tab until the button has the focus."""
    for _ in range(60):
        if button.evaluate("(element) => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError("the Tab key does not lead there")


def test_an_operator_sees_all_machines_and_empties_one_with_the_keyboard(site: Site) -> None:
    page = site.at_hub(f"/operate#token={site.hub.token(operate=True)}", reduced_motion="reduce")
    expect(page.locator("#machines > li")).to_have_count(2)
    rows = [machine(page, roles) for roles in (HUB, INTERPRETER)]
    for row in rows:
        expect(row).to_contain_text(LOAD)
    begin_speaking(site.at_hub("/speak/hall"))
    begin_listening(site.at_hub("/listen/hall"), "en")
    works = "Interprets hall, English."
    expect(page.locator("#machines").get_by_text(works)).to_be_visible()
    first, second = rows if works in rows[0].inner_text() else rows[::-1]

    button = first.get_by_role("button")
    expect(button).to_have_text("Empty this machine")
    go_to(page, button)
    page.keyboard.press("Enter")
    expect(button).to_have_text("Use it again")
    expect(first).to_contain_text("Emptied: it has no streams of this server any more.")
    expect(second).to_contain_text(works)
    expect(second.get_by_role("button")).to_have_text("Empty this machine")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        found = Axe().run(page)
        assert found.violations_count == 0, (scheme, found.generate_report())
    page.set_viewport_size({"width": 320, "height": 700})
    assert page.evaluate("document.documentElement.scrollWidth") <= 320

    expect(button).to_be_focused()
    page.keyboard.press("Space")
    expect(button).to_have_text("Empty this machine")
    expect(first).not_to_contain_text("Emptied")


def test_who_speaks_at_another_server_is_told_where_the_stream_is(site: Site) -> None:
    begin_speaking(site.at_hub("/speak/taken"))
    with ThreadPoolExecutor(1) as thread:  # Playwright has a loop in this one
        thread.submit(asyncio.run, _until_refused(site.other, "taken")).result()
    size = {"width": 320, "height": 640}
    for locale in ("en", "nl", "de", "fr"):
        page = site.at_other("/speak/taken", locale=locale, viewport=size)
        page.select_option("#language", "nl")
        page.click("#button")
        expect(page.locator("#hint")).to_contain_text(site.hub.url)
        expect(page.locator("#take_over")).to_be_hidden()
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, locale
    token = site.other.token(speak=True, take_over=True)
    page = site.at_other(f"/speak/taken#token={token}")
    page.select_option("#language", "nl")
    page.click("#button")
    expect(page.locator("#seize")).to_be_visible()
    expect(page.locator("#ask")).to_be_hidden()
    page.click("#seize")
    sees(page, "live")


async def _until_refused(server: ServerProcess, stream: str) -> None:
    """Until the server knows that another one has the stream."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                async with Speaker(server.url, stream, "nl", audio="socket"):
                    await asyncio.sleep(0.1)
            except Refused as refused:
                if refused.error is not None and refused.error.code == "speaker_present":
                    return
            await asyncio.sleep(0.2)
