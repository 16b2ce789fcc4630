"""The one file that uses private names of aiortc, aioice and pylibsrtp, as they are in aiortc
1.16, aioice 0.13 and pylibsrtp 1.0: check_internals() tells which of them has moved.

- DtlsTransport is aiortc's DTLS and SRTP over our own ICE. It hands over RTP and RTCP, and keeps
  from a handshake what ends it and can be forged.
- SharedCertificate is one certificate for all connections of this process: a key, three digests
  and a TLS context are made once. Browsers compare its fingerprint with the one in the answer.
- ``ffi``, ``lib`` and srtp_pointer() are libsrtp itself, for packets that are encrypted together.
- The last part is for headless clients, which are stock aiortc.
"""

import asyncio
import importlib.metadata
import struct
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

from server.media.guard import without_forgeable
from server.media.ice import Ice
from server.media.turns import Turns

try:
    from pylibsrtp._binding import ffi as ffi
    from pylibsrtp._binding import lib as lib
except ImportError:  # check_internals() says so
    ffi = lib = None

#: aiortc's certificates are valid for 30 days.
RENEWED_BEFORE: Final = timedelta(days=15)
#: aiortc's ciphers are for participants with ECDSA certificates only, as browsers have.
_CIPHERS: Final = ":".join(
    f"ECDHE-{key}-{cipher}"
    for cipher in ("AES128-GCM-SHA256", "CHACHA20-POLY1305", "AES128-SHA", "AES256-SHA")
    for key in ("ECDSA", "RSA")
).encode()
#: What aiortc may raise on malformed RTCP.
_MALFORMED = (ValueError, LookupError, struct.error)


class SharedCertificate(RTCCertificate):
    """A certificate that makes its TLS context and its fingerprints once."""

    @classmethod
    def of_this_process(cls) -> "SharedCertificate":
        """The one for new connections; another after some weeks."""
        if _certificate().expires - datetime.now(UTC) < RENEWED_BEFORE:
            _certificate.cache_clear()
        return _certificate()

    def getFingerprints(self) -> list[RTCDtlsFingerprint]:
        """See RTCCertificate; made once."""
        if not hasattr(self, "_fingerprints"):
            self._fingerprints = super().getFingerprints()
        return self._fingerprints

    def _create_ssl_context(self, srtp_profiles: list[SRTPProtectionProfile]) -> SSL.Context:
        if not hasattr(self, "_context"):
            self._context = super()._create_ssl_context(srtp_profiles)
            self._context.set_cipher_list(_CIPHERS)
            # Nobody resumes: a cache would hold every participant's certificate.
            self._context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
        return self._context


@cache
def _certificate() -> SharedCertificate:
    return SharedCertificate.generateCertificate()


class DtlsTransport(RTCDtlsTransport):
    """aiortc's, whose states and whose start() and stop() it has. ``is_client``: this end says
    hello. ``on_rtp`` gets packets as they are after decryption, ``on_rtcp`` each part of one."""

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

    @property
    def session(self) -> Session:
        """Encrypts what is sent, once connected."""
        return self._tx_srtp

    def send_rtcp(self, data: bytes) -> None:
        """Encrypt and send it, if that can be done now: what RTCP tells it tells again."""
        if self.state == "connected":
            try:
                self._ice.send(self._tx_srtp.protect_rtcp(data))
            except (ConnectionError, SrtpError):
                self._dropped["rtcp_not_sent"] += 1

    async def _handle_rtp_data(self, data: bytes, arrival_time_ms: int) -> None:
        self._on_rtp(data)

    async def _handle_rtcp_data(self, data: bytes) -> None:
        try:
            packets = RtcpPacket.parse(data)
        except _MALFORMED:
            self._dropped["malformed_rtcp"] += 1
            return
        for packet in packets:
            self._on_rtcp(packet)


class _IceAdapter:
    """Our ICE as aiortc's DTLS asks for it: ``role``, ``_recv`` and ``_send`` are its names."""

    role = "controlled"

    def __init__(
        self, ice: Ice, turns: Turns, dropped: Counter[str], dtls: DtlsTransport, is_client: bool
    ) -> None:
        self._ice, self._turns, self._dropped = ice, turns, dropped
        self._dtls, self._is_client = weakref.proxy(dtls), is_client

    async def _recv(self) -> bytes:
        """A handshake's datagrams are taken in turn, for each costs a millisecond. Whoever gives
        up waiting, to repeat its own, finds them here when it asks again."""
        await self._ice.arrived()
        while not self._dtls.encrypted:  # from then on OpenSSL tells what is forged
            await self._turns.wait()
            if kept := without_forgeable(self._ice.read(), self._is_client):
                return kept
            self._dropped["handshake"] += 1
            await self._ice.arrived()
        return self._ice.read()

    async def _send(self, data: bytes) -> None:
        self._ice.send(data)


def srtp_pointer(session: Session) -> Any:
    """libsrtp's own pointer to a session."""
    return session._srtp[0]


# --- clients, which are stock aiortc --------------------------------------------------------


def new_connection() -> RTCPeerConnection:
    """A client's connection, which asks no STUN or TURN server, with the shared certificate."""
    connection: Any = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    connection._RTCPeerConnection__certificates = [SharedCertificate.of_this_process()]
    return cast(RTCPeerConnection, connection)


def agent_of(transceiver: RTCRtpTransceiver) -> aioice.Connection:
    """The ICE agent of a client's connection, which may be given to use_hosts()."""
    return transceiver.receiver.transport.transport._connection


def sockets_of(agent: aioice.Connection) -> Sequence[StunProtocol]:
    """What the agent has opened."""
    return agent._protocols


def use_hosts(agent: aioice.Connection, hosts: Sequence[str]) -> None:
    """Make the agent gather candidates on these addresses only. aioice would list all addresses
    of this machine, and leave out 127.0.0.1. Addresses that are not this machine's are passed
    over; gathering raises OSError when none is left."""

    async def gather_candidates() -> None:
        if not agent._local_candidates_start:
            agent._local_candidates_start = True
            agent._local_candidates += await agent.get_component_candidates(1, list(hosts))
            agent._local_candidates_end = True
            if not agent._local_candidates:
                raise OSError(f"no UDP socket could be opened on {', '.join(hosts)}")

    agent.gather_candidates = gather_candidates  # type: ignore[method-assign]


def trust_server(agent: aioice.Connection) -> None:
    """Never count the server as gone: aioice does, where answers take more than half a second.
    A client is told by its signaling."""

    async def wait_for_ever() -> None:
        await asyncio.Event().wait()

    agent.query_consent = wait_for_ever  # type: ignore[method-assign]


def take_packets(receiver: RTCRtpReceiver, take: Callable[[RtpPacket], None]) -> None:
    """Hand over a client's RTP packets, in the place of aiortc's jitter buffer and decoder."""

    async def handle(packet: RtpPacket, arrival_time_ms: int) -> None:
        take(packet)

    receiver._handle_rtp_packet = handle  # type: ignore[method-assign]


# --- whether all of it is there -------------------------------------------------------------

#: Names that are set when an object is made.
_ATTRIBUTES: Final[tuple[tuple[type, Iterable[str]], ...]] = (
    (RTCDtlsTransport, ("_tx_srtp",)),
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
    """Raise RuntimeError when aiortc, aioice or pylibsrtp are not as this file relies on."""
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
