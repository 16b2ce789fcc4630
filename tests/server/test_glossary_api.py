import io
from itertools import product
from pathlib import Path

import aiohttp

from server.client.participants import Listener, Speaker
from tests.helpers.running import STAND_IN, tolk, tone
from tests.helpers.waiting import until

PATH = "/api/streams/hall/glossary"
NOT_GLOSSARIES = (
    *(b"", b"\xff", b"[]", b'{"terms": [{"nl": 5}]}', b'{"nimes": []}', b" " * 100_000),
)
EMPTY: dict[str, object] = {"terms": [], "names": [], "words": {}, "problems": []}


async def test_a_glossary_is_put_read_and_deleted(http: aiohttp.ClientSession) -> None:
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


async def test_what_was_put_is_there_after_a_restart_until_it_is_deleted(tmp_path: Path) -> None:
    found = []
    for change in ("PUT", "GET", "DELETE", "GET"):
        async with (
            tolk(tmp_path, STAND_IN, ready=False) as server,
            aiohttp.ClientSession(server.url) as http,
            http.request(change, PATH, json={"names": ["Ede"]}) as response,
        ):
            found.append((await response.json())["names"])
    assert found == [["Ede"], ["Ede"], [], []]


async def test_one_that_cannot_be_written_counts_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "glossaries").write_text("a file in the folder's place")
    async with (
        tolk(tmp_path, STAND_IN, ready=False) as server,
        aiohttp.ClientSession(server.url) as http,
    ):
        async with http.put(PATH, json={"names": ["Ede"]}) as response:
            assert [each["reason"] for each in (await response.json())["problems"]] == [
                "after a restart it is as before: File exists"
            ]
        async with http.get(PATH) as response:
            assert await response.json() == {**EMPTY, "names": ["Ede"]}


async def test_an_invalid_glossary_is_refused(http: aiohttp.ClientSession) -> None:
    for body in NOT_GLOSSARIES:
        async with http.put(PATH, data=body) as response:
            answer = await response.json()
            assert (response.status, answer["code"]) == (400, "bad_glossary"), body[:100]
        assert "glossary" in answer["message"] or "UTF-8" in answer["message"]


async def test_five_megabytes_are_refused(http: aiohttp.ClientSession) -> None:
    async with http.put(PATH, data=io.BytesIO(b" " * 5_000_000)) as response:
        assert response.status == 413
    async with http.get(PATH) as response:
        assert await response.json() == EMPTY


async def test_an_address_that_names_no_stream_is_not_found(http: aiohttp.ClientSession) -> None:
    async with http.get("/api/streams/a.b/glossary") as response:
        assert response.status == 404


async def test_only_speakers_and_administrators_may_read_and_change_a_glossary(
    tmp_path: Path,
) -> None:
    rights: list[tuple[dict[str, object], int]] = [
        ({}, 401),
        ({"speak": True, "valid_s": -60}, 401),
        ({"listen": True}, 403),
        ({"speak": True, "stream": "garden"}, 403),
        ({"speak": True, "stream": "hall"}, 200),
        ({"admin": True}, 200),
    ]
    async with (
        tolk(tmp_path, STAND_IN, ready=False, speak_token="required") as server,
        aiohttp.ClientSession(server.url) as http,
    ):
        for (granted, status), method in product(rights, ("GET", "PUT", "DELETE")):
            headers = {}
            if granted:
                token = server.access.issue(**{"valid_s": 60, **granted})  # type: ignore[arg-type]
                headers["Authorization"] = f"Bearer {token}"
            async with http.request(method, PATH, json={}, headers=headers) as response:
                assert response.status == status, (method, granted)
                assert ("WWW-Authenticate" in response.headers) == (status == 401)


async def test_a_page_of_another_origin_may_not_put_one(http: aiohttp.ClientSession) -> None:
    """The browser's preflight request is refused."""
    headers = {"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "PUT"}
    async with http.options(PATH, headers=headers) as response:
        assert response.status == 405
        assert "Access-Control-Allow-Origin" not in response.headers


async def test_a_glossary_put_during_a_stream_applies_from_the_next_clause(
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
