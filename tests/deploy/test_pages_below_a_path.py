"""The pages in a real Chromium, below a path of nginx's: start, listen, and captions."""

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Response, async_playwright, expect

from server.client.participants import Speaker
from tests.browser.conftest import OPTIONS, chromium
from tests.helpers.programs import free_port
from tests.helpers.proxies import BELOW, nginx
from tests.helpers.running import STAND_IN, tolk, tone

pytestmark = pytest.mark.browser


async def test_a_listener_comes_from_the_start_page_and_reads(tmp_path: Path) -> None:
    path, port = chromium(), free_port()
    url = f"https://localhost:{port}{BELOW}"
    proxied: dict[str, Any] = {
        "trusted_proxies": ["127.0.0.1/32"],
        "public_url": url,
        "speak_token": "open",
    }
    errors: list[str] = []
    (tmp_path / "proxy").mkdir()
    async with (
        tolk(tmp_path, STAND_IN, **proxied) as server,
        nginx(tmp_path / "proxy", port, server.port, BELOW),
        Speaker(server.url, "hall", "nl", audio="socket") as speaker,
        async_playwright() as playwright,
        await playwright.chromium.launch(executable_path=path, args=OPTIONS) as browser,
    ):
        page = await browser.new_page(ignore_https_errors=True, locale="en-GB")

        def note(answer: Response) -> None:
            if answer.status >= 400:
                errors.append(answer.url)

        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("response", note)
        await page.goto(f"{url}/")
        await page.fill("#name", "hall")
        await page.click("[value=listen]")
        await page.wait_for_url(f"{url}/listen/hall")
        await page.select_option("#language", "en")
        await page.click("#button")
        await expect(page.locator("body")).to_have_attribute("data-situation", "live")
        await speaker.play(tone(300))
        await expect(page.locator("#captions")).to_contain_text("low")
        await page.goto(f"{url}/captions/hall")
        await expect(page.locator("#qr")).to_have_attribute("src", re.compile("^data:"))
    assert not errors
