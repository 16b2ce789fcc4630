"""QR codes for everybody, while the server has other things to do."""

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import segno

from server.http import codes


class Drawing:
    """Drawing that waits for ``goes_on``. ``released``: whether that came in time, each time."""

    def __init__(self) -> None:
        self.goes_on = threading.Event()
        self.began = asyncio.Event()
        self.released: list[bool] = []


@pytest.fixture
async def drawing(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Drawing]:
    made, own, loop = Drawing(), segno.make, asyncio.get_running_loop()

    def make(*content: Any, **options: Any) -> segno.QRCode:
        loop.call_soon_threadsafe(made.began.set)
        made.released.append(made.goes_on.wait(5))
        return own(*content, **options)

    monkeypatch.setattr(segno, "make", make)
    yield made
    made.goes_on.set()


async def got(http: aiohttp.ClientSession, path: str) -> tuple[int, str]:
    async with http.get(path) as response:
        return response.status, await response.text()


async def test_the_server_does_not_wait_for_a_code(
    http: aiohttp.ClientSession, drawing: Drawing
) -> None:
    asked = asyncio.create_task(got(http, "/qr/slowly.svg"))
    await drawing.began.wait()
    assert (await got(http, "/healthz"))[0] == 200
    drawing.goes_on.set()
    status, image = await asked
    assert (status, drawing.released) == (200, [True])
    assert "/listen/slowly</title>" in image


async def test_a_code_is_drawn_once(http: aiohttp.ClientSession, drawing: Drawing) -> None:
    drawing.goes_on.set()
    assert await got(http, "/qr/often.svg") == await got(http, "/qr/often.svg")
    assert len(drawing.released) == 1
    await got(http, "/qr/often.svg?language=en")
    assert len(drawing.released) == 2


async def test_codes_with_tokens_are_not_kept(drawing: Drawing) -> None:
    drawing.goes_on.set()
    drawn = codes.Codes()
    for _ in range(2):
        await drawn.drawn("https://a.example/listen/a#token=b", secret=True)
    assert len(drawing.released) == 2


async def test_only_so_many_wait(
    http: aiohttp.ClientSession, drawing: Drawing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(codes, "MOST_WAITING", 1)
    asked = asyncio.create_task(got(http, "/qr/first.svg"))
    await drawing.began.wait()
    async with http.get("/qr/second.svg") as response:
        assert response.status == 503
        assert response.headers["Retry-After"] == "2"
    drawing.goes_on.set()
    assert (await asked)[0] == 200
    assert (await got(http, "/qr/second.svg"))[0] == 200
