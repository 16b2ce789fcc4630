"""DTLS records after the handshake: none that aiortc does not read may stay in OpenSSL."""

import asyncio
import hashlib
import hmac
import socket
import struct
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest
from aiortc import RTCDtlsParameters
from aiortc.rtcdtlstransport import SRTP_PROFILES
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from OpenSSL import SSL

from server.media.ice import Address, Ice, Path
from server.media.transport import DtlsTransport, SharedCertificate
from server.media.turns import Turns
from tests.helpers.hall import Out
from tests.helpers.waiting import until

ALERT, HANDSHAKE = 21, 22
CLOSE_NOTIFY, NO_RENEGOTIATION = b"\x01\x00", b"\x01\x64"


class Participant(Out):
    """A participant's end of DTLS, and the server's, between which nothing is lost."""

    def __init__(self, out: socket.socket) -> None:
        super().__init__(out)
        self._number = 1000
        certificate = SharedCertificate.generateCertificate()
        self.ssl: Any = SSL.Connection(certificate._create_ssl_context(SRTP_PROFILES))
        self.ssl.set_connect_state()
        self.dropped = Counter[str]()
        self.ice = Ice("them", "p" * 22, lambda: None)
        self.ice.selected = Path(self, ("192.0.2.1", 9))
        self.dtls = DtlsTransport(
            self.ice,
            Turns(),
            self.dropped,
            is_client=False,
            on_rtp=lambda _: None,
            on_rtcp=lambda _: None,
        )
        self._fingerprints = certificate.getFingerprints()

    async def connect(self) -> None:
        connecting = asyncio.ensure_future(self.dtls.start(RTCDtlsParameters(self._fingerprints)))
        self._go_on()
        await connecting
        assert self.dtls.state == "connected"

    def send(self, data: bytes, address: Address) -> None:
        """Take a datagram of the server."""
        self.ssl.bio_write(data)
        self._go_on()

    def _go_on(self) -> None:
        with suppress(SSL.Error):
            self.ssl.do_handshake()
        for each in self.written():
            self.ice.take_data(each)

    def written(self) -> list[bytes]:
        found = []
        with suppress(SSL.WantReadError):
            while True:
                found.append(self.ssl.bio_read(1500))
        return found

    def sealed(self, kind: int, body: bytes) -> bytes:
        """A record that is authentic, of any kind (RFC 5246, 6.3; RFC 5288)."""
        assert self.ssl.get_cipher_name() == "ECDHE-ECDSA-AES128-GCM-SHA256"
        secret, block = self.ssl.master_key(), b""
        seed = b"key expansion" + self.ssl.server_random() + self.ssl.client_random()
        step = seed
        while len(block) < 40:
            step = hmac.digest(secret, step, hashlib.sha256)
            block += hmac.digest(secret, step + seed, hashlib.sha256)
        self._number += 1
        number = struct.pack("!HHI", 1, 0, self._number)
        kind_and_version = struct.pack("!BH", kind, 0xFEFD)
        hidden = AESGCM(block[:16]).encrypt(
            block[32:36] + number, body, number + kind_and_version + struct.pack("!H", len(body))
        )
        size = struct.pack("!H", len(number + hidden))
        return kind_and_version + number + size + number + hidden

    async def says(self, *datagrams: bytes) -> None:
        """Send, and wait until all is read."""
        for data in datagrams:
            assert self.ice.take_data(data) == ""
        await until(lambda: not self.ice._datagrams)
        await asyncio.sleep(0)


@pytest.fixture
async def participant() -> AsyncIterator[Participant]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        participant = Participant(out)
        async with asyncio.timeout(10):
            await participant.connect()
        yield participant
        await participant.dtls.stop()
        participant.ice.close()


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch, participant: Participant) -> list[bytes]:
    """What OpenSSL gets from now on."""
    given, write = list[bytes](), SSL.Connection.bio_write

    def noted(connection: SSL.Connection, data: bytes) -> int:
        if connection is participant.dtls._ssl:
            given.append(data)
        return write(connection, data)

    monkeypatch.setattr(SSL.Connection, "bio_write", noted)
    return given


async def test_application_data_does_not_stay_in_openssl(participant: Participant) -> None:
    """aiortc reads one record of a datagram; the others would stay as long as the connection."""
    for _ in range(50):
        for _ in range(40):
            participant.ssl.send(b"x")
        await participant.says(b"".join(participant.written()))
    ssl: Any = participant.dtls._ssl
    with pytest.raises(SSL.WantReadError):
        ssl.recv(1500)
    assert participant.dropped == {"dtls": 50}
    assert participant.dtls.state == "connected"


async def test_application_data_behind_another_record_does_not_either(
    participant: Participant, given: list[bytes]
) -> None:
    ignored = participant.sealed(ALERT, b"\x01\x5a")  # user_canceled
    participant.ssl.send(b"x")
    data = b"".join(participant.written())
    await participant.says(ignored + data + data)
    assert given == [ignored] and participant.dropped == {"dtls": 1}


async def test_nothing_is_given_to_openssl_after_a_fatal_error(
    participant: Participant, given: list[bytes]
) -> None:
    """It would read none of it, and keep all."""
    fatal = participant.sealed(ALERT, NO_RENEGOTIATION)
    others = [participant.sealed(HANDSHAKE, bytes(1000)) for _ in range(60)]
    await participant.says(fatal, *others)
    assert given == [fatal] and participant.dropped == {"dtls": 60}
    assert participant.dtls.state == "connected"  # sound goes on


async def test_a_goodbye_is_heard_after_other_records(participant: Participant) -> None:
    participant.ssl.send(b"x")
    await participant.says(
        *participant.written(),
        participant.sealed(HANDSHAKE, b"\x14" + bytes(11)),
        participant.sealed(ALERT, b"\x01\x5a"),
        b"\x16\xfe\xfd forged",
        participant.sealed(ALERT, CLOSE_NOTIFY),
    )
    await until(lambda: participant.dtls.state == "closed")
