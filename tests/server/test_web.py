import asyncio
from contextlib import suppress
from pathlib import Path

import aiohttp
import pytest
from yarl import URL

from server import front
from server.app import Server
from server.client.participants import Listener, Speaker, Talker
from signaling import messages as wire
from static import ROOT
from tests.helpers.running import STAND_IN, tolk


async def test_pages_allow_no_content_of_other_origins(http: aiohttp.ClientSession) -> None:
    for path in ("/", "/speak/hall", "/listen/hall", "/captions/hall"):
        async with http.get(path) as response:
            assert (response.status, response.content_type) == (200, "text/html"), path
            policy = response.headers["Content-Security-Policy"]
        assert "default-src 'self'" in policy, path
        assert "unsafe-inline" not in policy, path
        assert "form-action 'self'" in policy, path


async def test_pages_reach_our_own_sockets_only(
    server: Server, http: aiohttp.ClientSession
) -> None:
    async with http.get("/listen/hall") as response:
        policy = response.headers["Content-Security-Policy"]
    own = f"127.0.0.1:{server.port}"
    allowed = policy.partition("connect-src ")[2].partition(";")[0]
    assert allowed == f"'self' ws://{own} wss://{own}"


async def test_no_other_page_holds_a_window_of_ours(http: aiohttp.ClientSession) -> None:
    async with http.get("/speak/hall") as response:
        assert response.headers["Cross-Origin-Opener-Policy"] == "same-origin"


@pytest.mark.parametrize("request_line", [b"GET / HTTP/1.1", b"GET /nowhere HTTP/1.1", b"broken"])
async def test_no_answer_names_versions(server: Server, request_line: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(request_line + b"\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    answer = await reader.read()
    writer.close()
    assert b"Server: Tolk\r\n" in answer
    assert b"aiohttp" not in answer
    assert b"Python" not in answer


async def test_a_page_is_sent_compressed_and_only_if_it_changed(
    http: aiohttp.ClientSession,
) -> None:
    path, written = "/static/js/listen.js", (ROOT / "js" / "listen.js").read_bytes()
    async with http.get(path, headers={"Accept-Encoding": "identity"}) as response:
        assert response.content_type == "text/javascript"
        assert await response.read() == written
    async with http.get(path, headers={"Accept-Encoding": "gzip"}) as response:
        assert response.headers["Content-Encoding"] == "gzip"
        assert int(response.headers["Content-Length"]) < len(written) / 2
        assert await response.read() == written  # aiohttp decompresses
        tag = response.headers["ETag"]
    async with http.get(path, headers={"If-None-Match": f'"other", {tag}'}) as response:
        assert (response.status, await response.read()) == (304, b"")
        assert response.headers["Cache-Control"] == "no-cache"
    async with http.get("/static/css/tolk.css", headers={"If-None-Match": tag}) as response:
        assert response.status == 200


async def test_pages_are_told_the_languages_that_have_texts(http: aiohttp.ClientSession) -> None:
    for path in ("/", "/listen/hall"):
        async with http.get(path) as response:
            assert '<html data-languages="de en fr nl" lang="en">' in await response.text(), path


async def test_a_page_contains_the_parts_that_pages_share(http: aiohttp.ClientSession) -> None:
    status = (ROOT / "parts" / "status.html").read_text()
    for page in ("listen", "speak"):
        async with http.get(f"/{page}/hall") as response:
            text = await response.text()
            assert status in text, page
            assert "<!-- parts/" not in text, page


async def test_only_files_of_the_pages_are_served(http: aiohttp.ClientSession) -> None:
    for path in ("js/none.js", "__init__.py", "%2e%2e/setup.cfg", "js", ""):
        async with http.get(URL(f"/static/{path}", encoded=True)) as response:
            assert response.status == 404, path


async def test_an_address_that_names_no_stream_is_not_found(http: aiohttp.ClientSession) -> None:
    for path in ("/speak/no%20name", "/listen/" + "x" * 65, "/qr/a.b.svg"):
        async with http.get(path) as response:
            assert response.status == 404, path
            assert "1 to 64" in await response.text(), path


async def test_the_qr_code_is_an_image(http: aiohttp.ClientSession) -> None:
    async with http.get("/qr/hall.svg") as response:
        assert response.content_type == "image/svg+xml"
        assert (await response.text()).startswith("<svg")


async def test_the_api_lists_languages(http: aiohttp.ClientSession) -> None:
    async with http.get("/api/languages") as response:
        languages = await response.json()
    assert "nl" in languages["sources"]
    assert "en" in languages["targets"]["nl"]
    assert languages["auto"] is False
    assert languages["unclear"] == ["fr"]


async def test_the_api_lists_streams_but_no_private_talks(
    server: Server, http: aiohttp.ClientSession
) -> None:
    async with (
        Speaker(server.url, "hall", "nl"),
        Listener(server.url, "hall", "en", audio="none"),
        Talker(server.url, "nl", "en"),
    ):
        async with http.get("/api/streams") as response:
            answer = await response.json()
    assert answer == {
        "streams": [
            {
                "id": "hall",
                "state": "live",
                "source": "nl",
                "listeners": 1,
                "channels": {"captions": 1},
            }
        ]
    }


async def test_if_listening_needs_a_token_only_operators_may_list_streams(
    tmp_path: Path,
) -> None:
    async with (
        tolk(tmp_path, STAND_IN, ready=False, listen_token="required") as server,
        aiohttp.ClientSession(server.url) as http,
    ):
        async with http.get("/api/streams") as response:
            assert response.status == 401
        token = server.access.issue(subject="host", operate=True, valid_s=60)
        headers = {"Authorization": f"Bearer {token}"}
        async with http.get("/api/streams", headers=headers) as response:
            assert response.status == 200


async def test_metrics_name_nobody(server: Server, http: aiohttp.ClientSession) -> None:
    async with Speaker(server.url, "very-secret-name", "nl"), http.get("/metrics") as response:
        text = await response.text()
    for name in (
        "tolk_listeners",
        "tolk_send_late_seconds_bucket",
        "tolk_joins_total",
        "tolk_replay_dropped_samples",
    ):
        assert name in text
    assert "very-secret-name" not in text


async def test_a_self_made_certificate_makes_pages_secure(tmp_path: Path) -> None:
    async with (
        tolk(tmp_path, STAND_IN, ready=False, tls="self") as server,
        aiohttp.ClientSession(server.url) as http,
        http.get("/healthz", ssl=False) as response,
    ):
        assert server.url.startswith("https://")
        assert response.status == 200
        assert server.addresses.fingerprint.count(":") == 31
        async with Listener(server.url, "hall", "en", tls=False):
            pass


async def test_behind_a_trusted_proxy_the_qr_code_has_its_address(tmp_path: Path) -> None:
    async def image(server: Server) -> str:
        headers = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "a.example"}
        async with (
            aiohttp.ClientSession(server.url) as http,
            http.get("/qr/hall.svg", headers=headers) as response,
        ):
            return await response.text()

    allowed = ["https://a.example"]
    async with tolk(tmp_path, STAND_IN, ready=False, allowed_origins=allowed) as server:
        assert f"<title>http://127.0.0.1:{server.port}/listen/hall</title>" in await image(server)
    async with tolk(
        tmp_path, STAND_IN, ready=False, allowed_origins=allowed, trusted_proxies=["127.0.0.0/8"]
    ) as server:
        assert "<title>https://a.example/listen/hall</title>" in await image(server)


@pytest.mark.parametrize("begun", [b"", b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: "])
async def test_a_connection_without_complete_headers_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, begun: bytes
) -> None:
    monkeypatch.setattr(front, "HEADERS_S", 0.3)
    async with tolk(tmp_path, STAND_IN, ready=False) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(begun)
        async with asyncio.timeout(10):
            while not (reader.at_eof() or writer.transport.is_closing()):
                if begun:
                    writer.write(b"x")  # one byte at a time
                await asyncio.sleep(0.05)
        assert reader.at_eof() or writer.transport.is_closing()
        writer.close()


async def test_a_conversation_outlasts_the_deadline_of_its_headers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(front, "HEADERS_S", 0.2)
    async with tolk(tmp_path, STAND_IN, ready=False) as server:
        async with Listener(server.url, "hall", audio="none") as listener:
            # Wait until a later connection, which sends no headers, is closed by the deadline.
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            async with asyncio.timeout(10):
                with suppress(ConnectionError):
                    await reader.read()
            writer.close()
            await listener.ask(wire.Ping(), wire.Pong)
