"""A renewed certificate is taken over by itself, and plain HTTP on the HTTPS port is answered."""

import asyncio
import logging
import ssl
from pathlib import Path

import aiohttp
import pytest

from server.app import Server
from server.http import tls
from server.http.plain_http import MAX_BYTES, answer
from server.http.tls import self_signed
from tests.helpers.running import STAND_IN, shared_server, tolk
from tests.helpers.waiting import until

in_module = pytest.mark.asyncio(loop_scope="module")
shared = shared_server(tls="self")


def certificate(folder: Path, name: str) -> str:
    """Put a new certificate with its key into ``folder``; returns it."""
    self_signed(folder / name, ["localhost"])
    text = (folder / name / "self-signed.pem").read_text()
    (folder / "pair.pem").write_text(text)
    return text


async def shown(port: int) -> str:
    """The certificate that a new connection sees."""
    unchecked = ssl._create_unverified_context()
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=unchecked)
    seen = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.transport.abort()
    return ssl.DER_cert_to_PEM_cert(seen)


async def test_a_renewed_certificate_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(tls, "LOOK_S", 0.02)
    first, pair = certificate(tmp_path, "first"), str(tmp_path / "pair.pem")
    async with tolk(tmp_path, STAND_IN, ready=False, tls_cert=pair, tls_key=pair) as server:
        assert await shown(server.port) in first
        (tmp_path / "pair.pem").write_text("half of it")
        await until(lambda: "the certificate stays as it was" in caplog.text)
        assert await shown(server.port) in first
        with caplog.at_level(logging.INFO):
            second = certificate(tmp_path, "second")
            await until(lambda: "the renewed certificate is shown" in caplog.text)
        assert await shown(server.port) in second


async def said(port: int, *pieces: bytes) -> bytes:
    """What the port answers to bytes that are not TLS."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for piece in pieces:
        writer.write(piece)
        await asyncio.sleep(0.01)  # so that they arrive one by one
    if writer.can_write_eof():
        writer.write_eof()
    async with asyncio.timeout(10):
        told = await reader.read()
    writer.close()
    return told


@in_module
async def test_a_browser_is_led_to_https(shared: Server) -> None:
    async with (
        aiohttp.ClientSession() as http,
        http.get(f"http://localhost:{shared.port}/listen/hall?language=en", ssl=False) as response,
    ):
        assert str(response.url) == f"https://localhost:{shared.port}/listen/hall?language=en"
        assert response.status == 200


@in_module
@pytest.mark.parametrize(
    "pieces",
    [
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",),
        (b"GE", b"T / HTTP/1.1\r\nHo", b"st: localhost\r\n", b"\r\n"),
        (b"POST /whip/a HTTP/1.1\r\nAccept: */*\r\nHOST: localhost\r\n\r\n", b"body"),
    ],
)
async def test_requests_in_pieces_are_led_to_https(shared: Server, pieces: list[bytes]) -> None:
    assert b"Location: https://localhost/" in await said(shared.port, *pieces)


@in_module
@pytest.mark.parametrize(
    "request_",
    [
        b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /" + bytes(MAX_BYTES),
    ],
)
async def test_nobody_is_led_elsewhere(shared: Server, request_: bytes) -> None:
    told = await said(shared.port, request_)
    assert told.startswith(b"HTTP/1.1 400 ")
    assert b"Location" not in told
    assert b"evil" not in told


@in_module
@pytest.mark.parametrize("data", [b"\0" * 100, b"SSH-2.0-OpenSSH\r\n", b"\x16\x03\x01\0\x05hello"])
async def test_what_is_neither_gets_no_page(shared: Server, data: bytes) -> None:
    assert b"HTTP/1.1" not in await said(shared.port, data)


def test_a_header_cannot_be_smuggled_into_the_answer() -> None:
    told = answer(b"GET /a\rb HTTP/1.1\r\nHost: localhost\rX: y\r\n\r\n", lambda host: True)
    assert told.startswith(b"HTTP/1.1 400 ")
