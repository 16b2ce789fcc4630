"""SIGHUP to a real process, a server or an edge: new certificates, secrets, glossaries and limits,
and nobody is dropped."""

import asyncio
import os
import signal
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from server import reloading
from server.client.participants import Listener, Refused
from server.http.access import Access
from server.http.tls import self_signed
from signaling import messages as wire
from tests.helpers.nats import nats_server
from tests.helpers.programs import free_port
from tests.helpers.running import STAND_IN, tolk
from tests.helpers.waiting import until

START_S = 40.0
NEW, OLD = "n" * 64, "o" * 64


def certificate(folder: Path, name: str) -> str:
    """Put a new certificate into ``folder``; returns it."""
    made = folder / name
    self_signed(made, ["localhost"])
    text = (made / "self-signed.pem").read_text()
    (folder / "pair.pem").write_text(text)
    return text


@asynccontextmanager
async def served(
    folder: Path, port: int, *arguments: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    """``python -m server`` with the certificate and the secret in ``folder``, once it answers."""
    pair, log = str(folder / "pair.pem"), folder / "log"
    with log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "server", *arguments),
            *("--port", str(port), "--state", str(folder), "--config", str(folder / "tolk.toml")),
            *("--tls-cert", pair, "--tls-key", pair, "--secret-file", str(folder / "secret")),
            *("--listen-token", "required"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=out,
            stderr=out,
        )
    try:
        await until(lambda: b"Tolk is listening" in log.read_bytes(), START_S)
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(START_S):
            await process.wait()


async def shown(port: int) -> str:
    """The certificate that a new connection sees."""
    _, writer = await asyncio.open_connection(
        "127.0.0.1", port, ssl=ssl._create_unverified_context()
    )
    try:
        seen = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        return ssl.DER_cert_to_PEM_cert(seen)
    finally:
        writer.transport.abort()


def token(secret: str) -> str:
    return Access(secret.encode()).issue(valid_s=60, listen=True)


async def refusal(url: str, stream: str, shown: str) -> str:
    """The code of the error with which a listener with this token is refused; "" if it is not."""
    try:
        async with Listener(url, stream, audio="socket", token=shown, tls=False):
            return ""
    except Refused as refused:
        return refused.error.code if refused.error else "closed"


async def names(url: str) -> object:
    """The names in the glossary of the hall."""
    admin = Access(NEW.encode()).issue(valid_s=60, admin=True)
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {admin}"}) as http,
        http.get(f"{url}/api/streams/hall/glossary", ssl=False) as response,
    ):
        return (await response.json())["names"]


async def test_the_server_goes_on_while_glossaries_are_read(tmp_path: Path) -> None:
    """Hundreds of terms take time, and so may a disk."""
    folder = tmp_path / "terms"
    folder.mkdir()
    async with tolk(tmp_path, STAND_IN, ready=False, glossaries=str(folder)) as server:
        pipe = folder / "hall.toml"
        os.mkfifo(pipe)  # who reads it waits until somebody writes
        reading = asyncio.create_task(reloading.reload(lambda: server.config, server))
        async with aiohttp.ClientSession() as http, http.get(server.url + "/healthz") as response:
            assert response.status == 200
        assert not reading.done()
        pipe.write_text('names = ["Epe"]')
        await asyncio.wait_for(reading, START_S)
        assert server.given.glossaries.of("hall").glossary.names == ("Epe",)


async def test_new_files_count_and_bad_ones_do_not(tmp_path: Path) -> None:
    port, log = free_port(), tmp_path / "log"
    certificate(tmp_path, "first")
    (tmp_path / "secret").write_text(OLD)
    terms = str(tmp_path / "terms")
    (tmp_path / "terms").mkdir()
    (tmp_path / "terms" / "hall.toml").write_text('names = ["Ede"]')
    (tmp_path / "tolk.toml").write_text("max_streams = 2")
    url = f"https://localhost:{port}"
    async with (
        served(tmp_path, port, "--spare", "never", "--glossaries", terms) as process,
        Listener(url, "hall", audio="socket", token=token(OLD), tls=False) as listener,
    ):
        second = certificate(tmp_path, "second")
        (tmp_path / "secret").write_text(NEW)
        (tmp_path / "terms" / "hall.toml").write_text('names = ["Epe"]')
        (tmp_path / "tolk.toml").write_text("max_streams = 1\nmax_languages = 3\npolicy = 'clause'")
        process.send_signal(signal.SIGHUP)
        await until(lambda: b"read again: the glossaries" in log.read_bytes())
        assert await shown(port) in second
        assert b"count after a restart only: policy" in log.read_bytes()
        assert await names(url) == ["Epe"]
        async with Listener(url, "hall", audio="socket", token=token(NEW), tls=False):
            pass
        assert await refusal(url, "hall", token(OLD)) == "unauthorised"
        assert await refusal(url, "annex", token(NEW)) == "limit"

        (tmp_path / "pair.pem").write_text("nonsense")
        process.send_signal(signal.SIGHUP)
        await until(lambda: b"the certificate stays as it was" in log.read_bytes())
        assert await shown(port) in second
        await listener.ask(wire.Ping(), wire.Pong)


async def test_an_edge_too_reads_again(tmp_path: Path) -> None:
    port, log = free_port(), tmp_path / "log"
    certificate(tmp_path, "first")
    (tmp_path / "secret").write_text(OLD)
    (tmp_path / "tolk.toml").write_text("max_listeners = 2")
    url = f"https://localhost:{port}"
    with nats_server(tmp_path) as nats:
        async with (
            served(tmp_path, port, "edge", "--bus", nats.server.url) as process,
            Listener(url, "hall", audio="socket", token=token(OLD), tls=False) as listener,
        ):
            second = certificate(tmp_path, "second")
            (tmp_path / "secret").write_text(NEW)
            (tmp_path / "tolk.toml").write_text("max_listeners = 1")
            process.send_signal(signal.SIGHUP)
            await until(lambda: b"read again: the limits" in log.read_bytes())
            assert b"glossaries" not in log.read_bytes()
            assert await shown(port) in second
            assert await refusal(url, "hall", token(OLD)) == "unauthorised"
            assert await refusal(url, "hall", token(NEW)) == "limit"
            await listener.ask(wire.Ping(), wire.Pong)
