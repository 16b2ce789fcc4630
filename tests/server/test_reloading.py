"""SIGHUP to a real server process: new certificates and secrets, and nobody is dropped."""

import asyncio
import signal
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from server.client.participants import Listener, Refused
from server.http.access import Access
from server.http.tls import self_signed
from signaling import messages as wire
from tests.helpers.programs import free_port
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
async def served(folder: Path, port: int) -> AsyncIterator[asyncio.subprocess.Process]:
    """``python -m server`` with the certificate and the secret in ``folder``, once it answers."""
    pair, log = str(folder / "pair.pem"), folder / "log"
    with log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "server", "--port", str(port), "--state", str(folder)),
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


async def test_new_files_count_and_bad_ones_do_not(tmp_path: Path) -> None:
    port, log = free_port(), tmp_path / "log"
    certificate(tmp_path, "first")
    (tmp_path / "secret").write_text(OLD)
    url = f"https://localhost:{port}"
    async with (
        served(tmp_path, port) as process,
        Listener(url, "hall", audio="socket", token=token(OLD), tls=False) as listener,
    ):
        second = certificate(tmp_path, "second")
        (tmp_path / "secret").write_text(NEW)
        process.send_signal(signal.SIGHUP)
        await until(lambda: b"read again: the secret of tokens" in log.read_bytes())
        assert await shown(port) in second
        async with Listener(url, "hall", audio="socket", token=token(NEW), tls=False):
            pass
        try:
            async with Listener(url, "hall", audio="socket", token=token(OLD), tls=False):
                raise AssertionError("a token of the old secret was accepted")
        except Refused as refused:
            assert refused.error is not None
            assert refused.error.code == "unauthorised"

        (tmp_path / "pair.pem").write_text("nonsense")
        process.send_signal(signal.SIGHUP)
        await until(lambda: b"the certificate stays as it was" in log.read_bytes())
        assert await shown(port) in second
        await listener.ask(wire.Ping(), wire.Pong)
