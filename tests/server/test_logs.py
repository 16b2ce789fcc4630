"""Nothing that is secret or said gets into a log, whatever is sent and whatever fails."""

import asyncio
import base64
import contextlib
import json
import logging
from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web

from server.app import Server
from server.client.participants import Listener, Refused, Speaker
from server.http.malformed import LINES_AT_ONCE, request_log, well_formed
from server.process import log_without_content
from signaling import messages as wire
from tests.helpers.running import final, shared_server, tone

pytestmark = pytest.mark.asyncio(loop_scope="module")

CANARY = "kanarie7token"


class Written(logging.Handler):
    """All log records as text, as any formatter could write them."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(logging.Formatter("%(name)s %(message)s %(args)s").format(record))

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


@pytest_asyncio.fixture(loop_scope="module")
async def log() -> AsyncIterator[Written]:
    written, root = Written(), logging.getLogger()
    level = root.level
    root.setLevel(logging.DEBUG)
    for name in ("aioice", "aiortc"):
        logging.getLogger(name).setLevel(logging.WARNING)  # as the command does
    root.addHandler(written)
    yield written
    root.removeHandler(written)
    root.setLevel(level)


server = shared_server(
    ready=True,
    speak_token="required",
    trusted_proxies=["127.0.0.1"],
    log_level="debug",
)


async def sent(server: Server, data: bytes) -> bytes:
    """The start of the answer to raw bytes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(data)
    async with asyncio.timeout(10):
        answer = await reader.read(2000)
    writer.close()
    return answer


MALFORMED = [
    f"GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {CANARY}\x01\r\n\r\n",
    f"GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization Bearer {CANARY}\r\n\r\n",
    f"GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization: {CANARY * 1000}\r\n\r\n",
    f"GET /whip/hall?token={CANARY} HTTP/{CANARY}\r\n\r\n",
    f"GET /?token={CANARY * 1000} HTTP/1.1\r\n\r\n",
    f"GET http://[{CANARY}/ HTTP/1.1\r\nHost: localhost\r\n\r\n",
    f"{CANARY} / HTTP/1.1\r\n\r\n",
    f"G@T /{CANARY} HTTP/1.1\r\nHost: localhost\r\n\r\n",
    f"GET / HTTP/1.1\r\nHost: localhost\r\nHost: {CANARY}\r\n\r\n",
    f"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {CANARY}\r\n\r\n",
    f"GET / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: {CANARY}\r\n\r\n",
    f"PUT /api/streams/hall/glossary HTTP/1.1\r\nHost: localhost\r\n"
    f"Authorization: Bearer TOKEN\r\nTransfer-Encoding: chunked\r\n\r\n{CANARY}\r\n",
    f"POST /whip/hall?language=nl HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/sdp\r\n"
    f"Transfer-Encoding: chunked\r\n\r\n5\r\n{CANARY}\r\n",
    f"PUT /api/streams/hall/glossary HTTP/1.1\r\nHost: localhost\r\n"
    f"Authorization: Bearer TOKEN\r\nContent-Encoding: gzip\r\nContent-Length: 13\r\n\r\n{CANARY}",
]


@pytest.mark.parametrize("request_text", MALFORMED, ids=range(len(MALFORMED)))
async def test_a_malformed_request_is_at_most_one_line(
    server: Server, log: Written, request_text: str
) -> None:
    token = server.access.issue(subject=CANARY, speak=True, valid_s=60)
    answer = await sent(server, request_text.replace("TOKEN", token).encode())
    assert answer.startswith((b"HTTP/1.1 4", b"HTTP/1.0 4")), answer
    lines = [line for line in log.lines if "server.http" in line or "aiohttp" in line]
    assert len(lines) <= 1
    assert not any("Traceback" in line or "\n" in line for line in lines)
    assert CANARY not in log.text
    assert token not in log.text


async def test_a_flood_of_malformed_requests_does_not_fill_the_log(
    server: Server, log: Written
) -> None:
    for _ in range(LINES_AT_ONCE + 20):
        await sent(server, b"GET / HTTP/1.1\r\nbroken\r\n\r\n")
    assert 0 < len([line for line in log.lines if "malformed" in line]) <= LINES_AT_ONCE + 10


async def test_no_way_in_logs_a_token(server: Server, log: Written) -> None:
    good = server.access.issue(subject=CANARY, speak=True, listen=True, valid_s=60)
    basic = base64.b64encode(f"host:{CANARY}".encode()).decode()
    for token in (good, CANARY, f"{good[:-8]}{CANARY}", "%ff" + CANARY):
        given = (
            {"Authorization": f"Bearer {token}"},
            {"Authorization": token},
            {"Authorization": f"Basic {basic}", "Cookie": f"token={CANARY}"},
            {"X-Forwarded-For": CANARY, "X-Forwarded-Proto": CANARY, "X-Forwarded-Host": CANARY},
            {"X-Forwarded-For": f"::1%{CANARY}", "Origin": f"http://{CANARY}"},
            {"Host": CANARY, "Referer": CANARY, "If-None-Match": CANARY, "Range": CANARY},
        )
        async with aiohttp.ClientSession(server.url) as http:
            for headers in given:
                for method, path in (
                    ("GET", "/"),
                    ("GET", f"/speak/{CANARY}?token={token}"),
                    ("GET", "/qr/hall.svg"),
                    ("GET", "/api/streams"),
                    ("GET", "/metrics"),
                    ("GET", f"/api/streams/hall/glossary?token={token}"),
                    ("PUT", "/api/streams/hall/glossary"),
                    ("DELETE", "/api/streams/hall/glossary"),
                    ("HEAD", f"/api/streams/hall/captions?language=en&token={token}"),
                    ("HEAD", f"/captions/hall/en.vtt?token={token}"),
                    ("HEAD", f"/listen/hall/floor.ogg?token={token}"),
                    ("POST", f"/whip/hall?language=nl&token={token}"),
                    ("POST", f"/whep/hall?language=en&token={token}"),
                    ("PATCH", f"/whep/hall/{CANARY}"),
                    ("DELETE", f"/whep/hall/{CANARY}"),
                ):
                    sdp = {"Content-Type": "application/sdp"} if method == "POST" else {}
                    body = f"v=0 a={CANARY}" if sdp else f'{{"names": ["{CANARY}"'
                    await http.request(method, path, headers=headers | sdp, data=body)
        for resume in (CANARY, None):
            with contextlib.suppress(Refused, aiohttp.WSServerHandshakeError):
                async with Speaker(server.url, "hall", "nl", token=token, resume=resume):
                    pass
    assert CANARY not in log.text
    assert good not in log.text


@pytest.mark.parametrize("path", ["/ws", "/ws/speak/hall", "/ws/listen/hall"])
async def test_no_fault_on_a_socket_logs_what_was_sent(
    server: Server, log: Written, path: str
) -> None:
    token = server.access.issue(subject="host", speak=True, listen=True, valid_s=60)
    joined = {"/ws": {"language": "nl", "target": "en"}, "/ws/speak/hall": {"language": "nl"}}
    join = {"type": "join", "token": token, **joined.get(path, {"channel": "floor"})}
    offer = {"type": "offer", "sdp": CANARY}
    async with aiohttp.ClientSession(server.url) as http:
        for first in ({"type": CANARY}, {"type": "join", "token": CANARY}, join):
            async with http.ws_connect(path) as connection:
                for each in (first, offer, {"type": "select", "channel": CANARY}, CANARY):
                    await connection.send_str(json.dumps(each))
                await connection.send_bytes(CANARY.encode())
                await connection.send_str(CANARY)
                await connection.close()
    assert CANARY not in log.text
    assert token not in log.text


async def test_nothing_that_is_said_is_logged(
    server: Server, log: Written, capfd: pytest.CaptureFixture[str]
) -> None:
    token = server.access.issue(subject="host", speak=True, listen=True, valid_s=60)
    async with (
        Speaker(server.url, "hall", "nl", token=token, audio="socket") as speaker,
        Listener(server.url, "hall", "en", audio="none", captions=("nl", "en")) as listener,
    ):
        await speaker.play(tone(300))
        heard = await listener.expect(wire.Caption, final("nl", "laag"))
    assert heard.text not in log.text
    assert heard.text not in capfd.readouterr().err


async def test_a_bug_is_logged_without_its_message(log: Written) -> None:
    async def fail(request: web.Request) -> web.Response:
        raise ValueError(await request.text())

    application = web.Application()
    application.router.add_post("/", fail)
    runner = web.AppRunner(application, access_log=None, logger=request_log())
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"http://127.0.0.1:{port}/", data=CANARY) as response,
    ):
        assert response.status == 500
        assert CANARY not in await response.text()
    await runner.cleanup()
    assert "ValueError" in log.text
    assert "in fail" in log.text
    assert CANARY not in log.text


async def test_a_bug_that_happens_again_and_again_does_not_fill_the_log(log: Written) -> None:
    logger = request_log()
    for _ in range(LINES_AT_ONCE + 50):
        try:
            raise ValueError
        except ValueError:
            logger.exception("Error handling request")
    assert 0 < len([line for line in log.lines if "ValueError" in line]) <= LINES_AT_ONCE + 10


async def test_a_client_that_leaves_before_its_answer_is_not_logged(log: Written) -> None:
    left = asyncio.Event()

    async def slow(request: web.Request) -> web.StreamResponse:
        while request.transport is not None:
            await asyncio.sleep(0.005)
        try:
            await web.WebSocketResponse().prepare(request)
        finally:
            left.set()
        raise AssertionError

    application = web.Application(middlewares=[well_formed])
    application.router.add_get("/", slow)
    runner = web.AppRunner(application, access_log=None, logger=request_log())
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    _, writer = await asyncio.open_connection("127.0.0.1", runner.addresses[0][1])
    writer.write(
        b"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MTIzNDU2Nzg5MDEyMzQ1Ng==\r\n\r\n"
    )
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    await asyncio.wait_for(left.wait(), 10)
    await runner.cleanup()
    assert "Error handling request" not in log.text


async def test_an_error_that_nobody_handles_is_logged_without_its_message(log: Written) -> None:
    loop = asyncio.get_running_loop()
    before = loop.get_exception_handler()
    log_without_content()

    def fail() -> None:
        raise ValueError(CANARY)

    loop.call_soon(fail)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    loop.set_exception_handler(before)
    assert "ValueError" in log.text
    assert CANARY not in log.text
