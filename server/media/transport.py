"""DTLS and SRTP. The only file that uses private names of aiortc, aioice and pylibsrtp, as they are
in aiortc 1.16, aioice 0.13 and pylibsrtp 1.0: check_internals() reports those that have changed.

- DtlsTransport is aiortc's DTLS and SRTP over our own ICE. It hands over RTP and RTCP, and drops
  forgeable records that would end a handshake, and application data.
- SharedCertificate is one certificate for all connections of this process: its key, fingerprints
  and TLS context are made once. Browsers compare its fingerprint with the one in the answer.
- ``ffi``, ``lib`` and srtp_pointer() give access to libsrtp, to encrypt packets together.
- The last part is for headless clients, which use stock aiortc.
"""

import asyncio
import importlib.metadata
import struct
import time
import weakref
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Final, cast

import aioice
from aioice.ice import StunProtocol
from aiortc import (
    RTCCertificate,
    RTCConfiguration,
    RTCDtlsTransport,
    RTCIceTransport,
    RTCPeerConnection,
    RTCRtpReceiver,
    RTCRtpTransceiver,
)
from aiortc.rtcdtlstransport import RTCDtlsFingerprint, SRTPProtectionProfile
from aiortc.rtp import AnyRtcpPacket, RtcpPacket, RtpPacket
from OpenSSL import SSL
from pylibsrtp import Error as SrtpError
from pylibsrtp import Session

from server.media.guard import IN_A_ROW, RTCP_BYTES_PER_S, RateLimit, is_dtls, without_unwanted
from server.media.ice import Ice
from server.media.turns import Turns

try:
    from pylibsrtp._binding import ffi as ffi
    from pylibsrtp._binding import lib as lib
except ImportError:  # check_internals() reports it
    ffi = lib = None

#: aiortc's certificates are valid for 30 days.
RENEWED_BEFORE: Final = timedelta(days=15)
#: aiortc's own ciphers are only for participants with ECDSA certificates, as in browsers.
_CIPHERS: Final = ":".join(
    f"ECDHE-{key}-{cipher}"
    for cipher in ("AES128-GCM-SHA256", "CHACHA20-POLY1305", "AES128-SHA", "AES256-SHA")
    for key in ("ECDSA", "RSA")
).encode()
DTLS_1_2: Final = 0xFEFD
#: What aiortc may raise on malformed RTCP.
MALFORMED_RTCP: Final = (ValueError, LookupError, struct.error)


class SharedCertificate(RTCCertificate):
    """A certificate whose TLS context and fingerprints are made once."""

    @classmethod
    def of_this_process(cls) -> "SharedCertificate":
        """The certificate for new connections. It is replaced after some weeks."""
        if _certificate().expires - datetime.now(UTC) < RENEWED_BEFORE:
            _certificate.cache_clear()
        return _certificate()

    def getFingerprints(self) -> list[RTCDtlsFingerprint]:
        """See RTCCertificate."""
        if not hasattr(self, "_fingerprints"):
            self._fingerprints = super().getFingerprints()
        return self._fingerprints

    def _create_ssl_context(self, srtp_profiles: list[SRTPProtectionProfile]) -> SSL.Context:
        if not hasattr(self, "_context"):
            self._context = super()._create_ssl_context(srtp_profiles)
            self._context.set_cipher_list(_CIPHERS)
            # Nobody resumes a session, and a cache would hold every participant's certificate.
            self._context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
            self._context.set_max_proto_version(DTLS_1_2)  # whose records the guard reads
            self._context.set_options(SSL.OP_NO_RENEGOTIATION)  # RFC 8827, 6.5: there is none
        return self._context


@cache
def _certificate() -> SharedCertificate:
    return SharedCertificate.generateCertificate()


class DtlsTransport(RTCDtlsTransport):
    """aiortc's DTLS transport, with its states, start() and stop(). ``is_client``: this end is the
    DTLS client. ``on_rtp`` gets decrypted packets, ``on_rtcp`` each RTCP packet of a compound."""

    def __init__(
        self,
        ice: Ice,
        turns: Turns,
        dropped: Counter[str],
        *,
        is_client: bool,
        on_rtp: Callable[[bytes], None],
        on_rtcp: Callable[[AnyRtcpPacket], None],
    ) -> None:
        below = _IceAdapter(ice, turns, dropped, self, is_client)
        super().__init__(cast(RTCIceTransport, below), [SharedCertificate.of_this_process()])
        self._set_role("client" if is_client else "server")
        self._ice = ice
        self._dropped = dropped
        self._on_rtp, self._on_rtcp = on_rtp, on_rtcp
        self._rtcp = RateLimit(RTCP_BYTES_PER_S)

    @property
    def session(self) -> Session:
        """The SRTP session for sending, once connected."""
        return self._tx_srtp

    @property
    def waits_for_records(self) -> bool:
        """Whether OpenSSL has read all that it got, and waits for more."""
        return self._ssl is not None and bool(self._ssl.want_read())

    def send_rtcp(self, data: bytes) -> None:
        """Encrypt and send RTCP, if that is possible now. A lost report is followed by others."""
        if self.state == "connected":
            try:
                self._ice.send(self._tx_srtp.protect_rtcp(data))
            except (ConnectionError, SrtpError):
                self._dropped["rtcp_not_sent"] += 1

    async def _handle_rtp_data(self, data: bytes, arrival_time_ms: int) -> None:
        self._on_rtp(data)

    async def _handle_rtcp_data(self, data: bytes) -> None:
        if not self._rtcp.allows(time.monotonic(), len(data)):
            self._dropped["too_much_rtcp"] += 1
            return
        try:
            packets = RtcpPacket.parse(data)
        except MALFORMED_RTCP:
            self._dropped["malformed_rtcp"] += 1
            return
        for packet in packets:
            self._on_rtcp(packet)


class _IceAdapter:
    """Our ICE with the names that aiortc's DTLS uses: ``role``, ``_recv`` and ``_send``."""

    role = "controlled"

    def __init__(
        self, ice: Ice, turns: Turns, dropped: Counter[str], dtls: DtlsTransport, is_client: bool
    ) -> None:
        self._ice, self._turns, self._dropped = ice, turns, dropped
        self._dtls, self._is_client = weakref.proxy(dtls), is_client
        self._read = 0
        self._handed_over = False  # a record after the handshake

    async def _recv(self) -> bytes:
        """The next datagram. Each datagram of a handshake waits for a turn, as it costs a
        millisecond. Later the loop has a turn after some: aiortc asks for one after the other, and
        while datagrams wait nothing else would run. No datagram is lost if the caller gives up
        waiting, to send its own again."""
        while True:
            await self._ice.arrived()
            self._read += 1
            if not self._dtls.encrypted:
                await self._turns.wait()
            elif self._read % IN_A_ROW == 0:
                await asyncio.sleep(0)
            if kept := self._wanted(self._ice.read()):
                return kept

    def _wanted(self, data: bytes) -> bytes:
        """What aiortc shall get of a datagram. It gives all of that to OpenSSL, which keeps what
        it does not read: after a fatal error of the participant's, everything."""
        kept = without_unwanted(data, self._is_client)
        if self._dtls.encrypted and is_dtls(data):
            if self._handed_over and not self._dtls.waits_for_records:
                kept = b""
            self._handed_over |= bool(kept)
        if kept != data:
            self._dropped["dtls" if self._dtls.encrypted else "handshake"] += 1
        return kept

    async def _send(self, data: bytes) -> None:
        self._ice.send(data)


def srtp_pointer(session: Session) -> Any:
    """libsrtp's pointer to a session."""
    return session._srtp[0]


# --- for clients, which use stock aiortc ----------------------------------------------------


def new_connection() -> RTCPeerConnection:
    """A client's connection, without STUN and TURN servers, with the shared certificate."""
    connection: Any = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    connection._RTCPeerConnection__certificates = [SharedCertificate.of_this_process()]
    return cast(RTCPeerConnection, connection)


def agent_of(transceiver: RTCRtpTransceiver) -> aioice.Connection:
    """The ICE agent of a client's connection: see use_hosts()."""
    return transceiver.receiver.transport.transport._connection


def sockets_of(agent: aioice.Connection) -> Sequence[StunProtocol]:
    """The sockets that the agent has opened."""
    return agent._protocols


def use_hosts(agent: aioice.Connection, hosts: Sequence[str]) -> None:
    """Make the agent gather candidates on these addresses only. aioice would use all addresses of
    this machine but 127.0.0.1. Addresses that this machine does not have are ignored; gathering
    raises OSError if none is left."""

    async def gather_candidates() -> None:
        if not agent._local_candidates_start:
            agent._local_candidates_start = True
            agent._local_candidates += await agent.get_component_candidates(1, list(hosts))
            agent._local_candidates_end = True
            if not agent._local_candidates:
                raise OSError(f"no UDP socket could be opened on {', '.join(hosts)}")

    agent.gather_candidates = gather_candidates  # type: ignore[method-assign]


def trust_server(agent: aioice.Connection) -> None:
    """Never treat the server as gone. aioice does so if answers take more than half a second. A
    client learns it from signaling."""

    async def wait_for_ever() -> None:
        await asyncio.Event().wait()

    agent.query_consent = wait_for_ever  # type: ignore[method-assign]


def take_packets(receiver: RTCRtpReceiver, take: Callable[[RtpPacket], None]) -> None:
    """Give a client's RTP packets to ``take`` instead of aiortc's jitter buffer and decoder."""

    async def handle(packet: RtpPacket, arrival_time_ms: int) -> None:
        take(packet)

    receiver._handle_rtp_packet = handle  # type: ignore[method-assign]


# --- whether all these names are there ------------------------------------------------------

#: Names that constructors set.
_ATTRIBUTES: Final[tuple[tuple[type, Iterable[str]], ...]] = (
    (RTCDtlsTransport, ("_ssl", "_tx_srtp")),
    (RTCPeerConnection, ("_RTCPeerConnection__certificates",)),
    (aioice.Connection, ("_local_candidates", "_local_candidates_start", "_local_candidates_end")),
    (aioice.Connection, ("_protocols",)),
    (Session, ("_srtp",)),
)
_METHODS: Final[tuple[tuple[type, Iterable[str]], ...]] = (
    (RTCDtlsTransport, ("_handle_rtp_data", "_handle_rtcp_data", "_set_role")),
    (RTCCertificate, ("_create_ssl_context",)),
    (RTCRtpReceiver, ("_handle_rtp_packet",)),
    (aioice.Connection, ("gather_candidates", "get_component_candidates", "query_consent")),
)


def check_internals() -> None:
    """Raise RuntimeError if aiortc, aioice or pylibsrtp differ from what this file relies on."""
    problems = []
    version = importlib.metadata.version("aiortc")
    if not version.startswith("1.16."):
        problems.append(f"aiortc is {version}, not 1.16")
    problems += [
        f"{owner.__name__} has no {name}"
        for owner, names in _ATTRIBUTES
        for name in names
        if name not in owner.__init__.__code__.co_names  # type: ignore[misc]
    ]
    problems += [
        f"{owner.__name__} has no {name}"
        for owner, names in _METHODS
        for name in names
        if not hasattr(owner, name)
    ]
    if lib is None:
        problems.append("pylibsrtp has no _binding")
    if problems:
        raise RuntimeError(
            f"{'; '.join(problems)}. Install the versions that requirements.txt names."
        )
