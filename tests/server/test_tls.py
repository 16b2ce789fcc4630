import asyncio
import hashlib
import logging
import socket
import ssl
import stat
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from aiohttp import ClientSession, WSMsgType, web
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from server.config import ConfigError
from server.http.tls import load, renew, self_signed
from signaling import websocket
from signaling.errors import ProtocolError
from signaling.messages import SpeakerMessage
from signaling.protocol import SPEAKER

NAMES = ["localhost", "127.0.0.1", "::1", "hall.local"]
NOW = datetime.now(UTC)


def kept(state: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate((state / "self-signed.pem").read_bytes())


def handshake(server: ssl.SSLContext, client: ssl.SSLContext, name: str) -> None:
    """A whole handshake in memory."""
    ways = [ssl.MemoryBIO(), ssl.MemoryBIO()]
    ends = [
        client.wrap_bio(ways[0], ways[1], server_hostname=name),
        server.wrap_bio(ways[1], ways[0], server_side=True),
    ]
    done: set[ssl.SSLObject] = set()
    for _ in range(6):
        for end in ends:
            try:
                end.do_handshake()
                done.add(end)
            except ssl.SSLWantReadError:
                pass
    assert len(done) == 2


def pair(folder: Path, now: datetime = NOW) -> tuple[Path, Path]:
    """A certificate and its key in two files."""
    self_signed(folder, ["localhost"], now)
    pem = (folder / "self-signed.pem").read_text()
    start = pem.index("-----BEGIN CERTIFICATE")
    certificate, key = folder / "cert.pem", folder / "key.pem"
    certificate.write_text(pem[start:])
    key.write_text(pem[:start])
    return certificate, key


@pytest.mark.parametrize("name", NAMES)
def test_clients_that_trust_the_certificate_connect_by_every_name(
    tmp_path: Path, name: str
) -> None:
    made = self_signed(tmp_path, NAMES)
    client = ssl.create_default_context()
    client.load_verify_locations(tmp_path / "self-signed.pem")
    handshake(made.context, client, name)


def test_clients_that_do_not_trust_the_certificate_refuse(tmp_path: Path) -> None:
    made = self_signed(tmp_path, NAMES)
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(made.context, ssl.create_default_context(), "localhost")


def test_the_certificate_is_valid_for_825_days_and_the_given_names(tmp_path: Path) -> None:
    self_signed(tmp_path, NAMES, NOW)
    certificate = kept(tmp_path)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert set(names.get_values_for_type(x509.DNSName)) == {"localhost", "hall.local"}
    addresses = names.get_values_for_type(x509.IPAddress)
    assert set(addresses) == {ip_address("127.0.0.1"), ip_address("::1")}
    held = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    assert held == timedelta(days=825)
    assert isinstance(certificate.public_key(), ec.EllipticCurvePublicKey)


def test_the_fingerprint_is_that_of_the_certificate(tmp_path: Path) -> None:
    made = self_signed(tmp_path, NAMES)
    der = kept(tmp_path).public_bytes(serialization.Encoding.DER)
    assert made.fingerprint.replace(":", "").lower() == hashlib.sha256(der).hexdigest()
    assert made.fingerprint.count(":") == 31


def test_the_key_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    self_signed(tmp_path / "state", NAMES)
    assert stat.S_IMODE((tmp_path / "state" / "self-signed.pem").stat().st_mode) == 0o600
    assert [path.name for path in (tmp_path / "state").iterdir()] == ["self-signed.pem"]


def test_the_certificate_is_reused_for_the_same_or_fewer_names(tmp_path: Path) -> None:
    first = self_signed(tmp_path, NAMES)
    assert self_signed(tmp_path, NAMES[:1]).fingerprint == first.fingerprint


@pytest.mark.parametrize("days", [-2, 795, 2000])
def test_an_expired_or_expiring_certificate_is_renewed(tmp_path: Path, days: int) -> None:
    first = self_signed(tmp_path, NAMES, NOW)
    later = self_signed(tmp_path, NAMES, NOW + timedelta(days=days))
    assert later.fingerprint != first.fingerprint


def test_a_valid_certificate_is_reused(tmp_path: Path) -> None:
    first = self_signed(tmp_path, NAMES, NOW)
    assert self_signed(tmp_path, NAMES, NOW + timedelta(days=793)).fingerprint == first.fingerprint


def test_the_certificate_is_renewed_for_a_further_name(tmp_path: Path) -> None:
    first = self_signed(tmp_path, NAMES)
    assert self_signed(tmp_path, [*NAMES, "192.168.1.2"]).fingerprint != first.fingerprint


@pytest.mark.parametrize("left", [0, 10, 300])
def test_a_damaged_certificate_is_renewed(tmp_path: Path, left: int) -> None:
    first = self_signed(tmp_path, NAMES)
    path = tmp_path / "self-signed.pem"
    path.write_bytes(path.read_bytes()[:left])
    assert self_signed(tmp_path, NAMES).fingerprint != first.fingerprint


def test_a_certificate_with_another_key_is_renewed(tmp_path: Path) -> None:
    first = self_signed(tmp_path, NAMES)
    certificate, _ = pair(tmp_path / "a")
    _, key = pair(tmp_path / "b")
    (tmp_path / "self-signed.pem").write_text(key.read_text() + certificate.read_text())
    made = self_signed(tmp_path, NAMES[:1])
    assert made.fingerprint != first.fingerprint


def test_names_beyond_ascii_and_zones_of_addresses_are_accepted(tmp_path: Path) -> None:
    self_signed(tmp_path, ["zaal-één.local", "fe80::1%eth0"])
    names = kept(tmp_path).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["xn--zaal-n-fvaa.local"]
    assert names.get_values_for_type(x509.IPAddress) == [ip_address("fe80::1")]


def test_an_invalid_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no host name"):
        self_signed(tmp_path, ["a" * 300])


def test_an_unusable_state_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    with pytest.raises(ConfigError, match="state"):
        self_signed(tmp_path / "state", NAMES)


def test_the_host_s_own_certificate_and_key_are_used(tmp_path: Path) -> None:
    certificate, key = pair(tmp_path)
    client = ssl.create_default_context()
    client.load_verify_locations(certificate)
    handshake(load(certificate, key), client, "localhost")


def test_a_missing_file_is_named_with_its_option(tmp_path: Path) -> None:
    certificate, key = pair(tmp_path)
    with pytest.raises(ConfigError, match="--tls-cert: .*none.pem: No such file"):
        load(tmp_path / "none.pem", key)
    with pytest.raises(ConfigError, match="--tls-key: .*none.pem: No such file"):
        load(certificate, tmp_path / "none.pem")


def test_invalid_files_are_named(tmp_path: Path) -> None:
    certificate, key = pair(tmp_path)
    with pytest.raises(ConfigError, match="--tls-cert: .*key.pem holds no PEM certificate"):
        load(key, key)
    with pytest.raises(ConfigError, match="--tls-key: .*cert.pem holds no PEM private key"):
        load(certificate, certificate)


def test_the_key_of_another_certificate_is_refused(tmp_path: Path) -> None:
    certificate, _ = pair(tmp_path)
    _, key = pair(tmp_path / "other")
    with pytest.raises(ConfigError, match="is not the key of"):
        load(certificate, key)


def test_an_encrypted_key_is_refused_without_asking_for_a_password(tmp_path: Path) -> None:
    certificate, key = pair(tmp_path)
    private = serialization.load_pem_private_key(key.read_bytes(), password=None)
    key.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"password"),
        )
    )
    with pytest.raises(ConfigError, match="is encrypted"):
        load(certificate, key)


@pytest.mark.parametrize(("days", "warned"), [(0, False), (900, True), (-30, True)])
def test_an_invalid_certificate_is_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, days: int, warned: bool
) -> None:
    certificate, key = pair(tmp_path)
    with caplog.at_level(logging.WARNING):
        load(certificate, key, NOW + timedelta(days=days))
    assert ("browsers will refuse it" in caplog.text) is warned


class Conversations:
    """A server of conversations over TLS; keeps how each ended."""

    def __init__(self, runner: web.AppRunner, trusting: ssl.SSLContext) -> None:
        self.runner = runner
        self.trusting = trusting
        self.begun: asyncio.Queue[websocket.Connection[SpeakerMessage]] = asyncio.Queue()
        self.ended: asyncio.Queue[ProtocolError | None] = asyncio.Queue()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        async with websocket.accept(request, role=SPEAKER) as connection:
            self.begun.put_nowait(connection)
            await connection.receive()
        self.ended.put_nowait(connection.error)
        return connection.response


@pytest.fixture
async def conversations(tmp_path: Path) -> AsyncIterator[Conversations]:
    app = web.Application()
    runner = web.AppRunner(app)
    context = self_signed(tmp_path, NAMES).context
    served = Conversations(runner, ssl.create_default_context(cafile=tmp_path / "self-signed.pem"))
    app.router.add_get("/ws", served.handle)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    yield served
    await runner.cleanup()


async def test_a_conversation_over_tls_ends_in_order(conversations: Conversations) -> None:
    address = f"wss://localhost:{conversations.runner.addresses[0][1]}/ws"
    async with ClientSession() as session:
        async with session.ws_connect(address, ssl=conversations.trusting) as client:
            await client.send_json({"type": "join", "language": "nl"})
            async with asyncio.timeout(10):
                assert (await client.receive()).type is WSMsgType.CLOSE
                assert await conversations.ended.get() is None


async def test_a_conversation_over_tls_ends_even_if_the_client_does_not_read(
    conversations: Conversations, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websocket, "GOODBYE_S", 0.1)
    narrow = socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    narrow.setblocking(False)
    await asyncio.get_running_loop().sock_connect(narrow, conversations.runner.addresses[0])
    _, writer = await asyncio.open_connection(
        sock=narrow, ssl=conversations.trusting, server_hostname="localhost"
    )
    writer.write(
        b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    connection = await conversations.begun.get()
    writer.transport.pause_reading()  # type: ignore[attr-defined]
    async with asyncio.timeout(20):
        while connection.outbox.dropped_audio == 0:
            connection.send_audio(bytes(1200))
            await asyncio.sleep(0)
        connection.close(ProtocolError("replaced", "this session went on elsewhere"))
        error = await conversations.ended.get()
    assert error is not None and error.code == "replaced"
    writer.close()


def test_files_that_are_gone_when_they_are_loaded_change_nothing(tmp_path: Path) -> None:
    class Gone(ssl.SSLContext):
        def load_cert_chain(self, *files: object, **more: object) -> None:
            raise FileNotFoundError(2, "No such file or directory")

    self_signed(tmp_path, ["localhost"])
    pair = tmp_path / "self-signed.pem"
    with pytest.raises(ConfigError, match="No such file"):
        renew(Gone(ssl.PROTOCOL_TLS_SERVER), pair, pair)
