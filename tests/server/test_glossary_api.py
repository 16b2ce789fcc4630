import io
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from server.app import Server
from server.client.participants import Listener, Speaker
from tests.helpers.running import STAND_IN, tolk, tone
from tests.helpers.waiting import until

PATH = "/api/streams/hall/glossary"
EMPTY: dict[str, object] = {"terms": [], "names": [], "words": {}, "problems": []}


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    async with tolk(tmp_path, STAND_IN, ready=False) as running:
        yield running


@pytest.fixture
async def http(server: Server) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(server.url) as session:
        yield session


async def test_it_is_put_read_and_deleted(http: aiohttp.ClientSession) -> None:
    terms = [{"nl": "het verbond", "en": "covenant"}]
    async with http.get(PATH) as response:
        assert await response.json() == EMPTY
    async with http.put(PATH, json={"terms": [*terms, {"nl": "wet", "xx": "y"}]}) as response:
        assert response.status == 200
        put = await response.json()
    assert put["terms"] == terms
    assert [each["entry"] for each in put["problems"]] == ["terms[2]", "terms[2]"]
    async with http.get(PATH) as response:
        assert await response.json() == put
    async with http.delete(PATH) as response:
        assert await response.json() == EMPTY
    async with http.get(PATH) as response:
        assert await response.json() == EMPTY


@pytest.mark.parametrize(
    "body", [b"", b"\xff", b"[]", b'{"terms": [{"nl": 5}]}', b'{"nimes": []}', b" " * 100_000]
)
async def test_what_is_no_glossary_is_refused(http: aiohttp.ClientSession, body: bytes) -> None:
    async with http.put(PATH, data=body) as response:
        assert response.status == 400
        answer = await response.json()
    assert answer["code"] == "bad_glossary"
    assert "glossary" in answer["message"] or "UTF-8" in answer["message"]


async def test_five_megabytes_are_refused(http: aiohttp.ClientSession) -> None:
    async with http.put(PATH, data=io.BytesIO(b" " * 5_000_000)) as response:
        assert response.status == 413
    async with http.get(PATH) as response:
        assert await response.json() == EMPTY


async def test_an_address_that_names_no_stream_is_not_found(http: aiohttp.ClientSession) -> None:
    async with http.get("/api/streams/a.b/glossary") as response:
        assert response.status == 404


@pytest.mark.parametrize(
    ("rights", "status"),
    [
        (None, 403),
        ({"listen": True}, 403),
        ({"speak": True, "stream": "garden"}, 403),
        ({"speak": True, "stream": "hall"}, 200),
        ({"admin": True}, 200),
    ],
)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_it_is_the_speaker_s_and_the_administrator_s(
    tmp_path: Path, method: str, rights: dict[str, object] | None, status: int
) -> None:
    async with (
        tolk(tmp_path, STAND_IN, ready=False, speak_token="required") as server,
        aiohttp.ClientSession(server.url) as http,
    ):
        headers = {}
        if rights:
            token = server.access.issue(valid_s=60, **rights)  # type: ignore[arg-type]
            headers["Authorization"] = f"Bearer {token}"
        async with http.request(method, PATH, json={}, headers=headers) as response:
            assert response.status == status


async def test_a_page_of_another_origin_may_not_put_one(http: aiohttp.ClientSession) -> None:
    """A browser asks first, and is not allowed."""
    headers = {"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "PUT"}
    async with http.options(PATH, headers=headers) as response:
        assert response.status == 405
        assert "Access-Control-Allow-Origin" not in response.headers


async def test_what_is_put_while_a_stream_is_live_is_read_from_the_next_clause_on(
    tmp_path: Path,
) -> None:
    async with (
        tolk(tmp_path, STAND_IN) as server,
        aiohttp.ClientSession(server.url) as http,
        Listener(server.url, "hall", "en", captions=["en"], audio="none") as listener,
        Speaker(server.url, "hall", "nl") as speaker,
    ):
        read = []
        for change in (None, {"names": ["LAAG"]}, {}):
            if change is not None:
                async with http.put(PATH, json=change) as response:
                    assert response.status == 200
            before = len(listener.captions)
            await speaker.play(tone(300))
            await until(lambda before=before: len(listener.captions) > before)  # type: ignore[misc]
            read.append(listener.captions[-1][1].text)
        assert read == ["low", "LAAG", "low"]
