"""A participant's PeerConnection: the only place where one is made.

- The server answers; it never probes. Candidates are taken out of the offer before aiortc
  sees it, so it sends only to addresses that sent it an authenticated STUN check, and no
  .local name is ever looked up. End-of-candidates goes with them: aioice would give up.
- Nothing waits for ever: a connection that is not up in time counts as gone, and close() has
  its own deadline after which it frees what aiortc did not.
- aiortc's internals are used here and in guard.py: check_internals() says at start-up whether
  they are still what they were.
"""

import asyncio
import contextlib
import importlib.metadata
import inspect
import logging
from collections.abc import AsyncGenerator

from aioice import Connection
from aioice.ice import StunProtocol, get_host_addresses
from aiortc import (
    RTCPeerConnection,
    RTCRtpTransceiver,
    RTCSessionDescription,
)
from aiortc.codecs import get_capabilities

from server.media import consent, direct, libopus, uplink
from server.media import receive as plain
from server.media.broadcast import SubscriberTrack
from server.media.direct import DirectSender, heed
from server.media.guard import guard_dtls, use_hosts
from server.media.identity import new_connection
from server.media.plane import MediaPlane
from server.media.sdp import (
    SDP_ERRORS,
    OfferError,
    checked_offer,
    completed,
    red_type,
    said,
)

__all__ = ["OfferError", "Peer", "PeerGone", "answer", "check_internals", "host_addresses"]

log = logging.getLogger(__name__)

CONNECT_S = 15.0
CLOSE_S = 5.0


class PeerGone(Exception):
    """The connection did not come up, or is up no longer; the message says why."""


class Peer:
    """One participant's connection. Whoever made it must close() it.

    ``sdp`` is the answer, with all candidates.
    """

    def __init__(
        self,
        connection: RTCPeerConnection,
        transceiver: RTCRtpTransceiver,
        send: SubscriberTrack | None,
        plane: MediaPlane,
    ) -> None:
        self.sdp = ""
        self._plane = plane
        self._connection = connection
        self._transceiver = transceiver
        self._uplink: uplink.Uplink | None = None
        self._send = send
        self._changed = asyncio.Event()
        self._gone: str | None = None
        self._deadline = asyncio.get_running_loop().call_later(CONNECT_S, self._not_in_time)
        connection.on("connectionstatechange", self._on_change)
        plane.peers.add(self)

    @property
    def state(self) -> str:
        """aiortc's: "new", "connecting", "connected", "failed" or "closed"."""
        return self._connection.connectionState

    @property
    def heard_from(self) -> bool:
        """Whether an authenticated check of the participant's has come."""
        ice = self._transceiver.receiver.transport.transport._connection
        return bool(ice._check_list or ice._early_checks)

    def give_up(self, reason: str) -> None:
        """Count it as gone."""
        self._end(reason)

    async def connected(self) -> None:
        """Wait until sound can flow. Raises PeerGone, after CONNECT_S at the latest."""
        while self._gone is None and self.state != "connected":
            await self._change()
        if self._gone is not None:
            raise PeerGone(self._gone)

    async def closed(self) -> str:
        """Wait until the connection is gone; why it is. A participant who vanishes without a
        word is noticed after some 35 s, one who never connects after CONNECT_S."""
        while self._gone is None:
            await self._change()
        return self._gone

    def hear_by(self, way: uplink.Uplink) -> None:
        """Receive by this, not by aiortc's own ways."""
        self._uplink = way

    def sounds(self) -> AsyncGenerator[plain.Sound, None]:
        """The participant's sound from its first packet on; to be read all the time. It ends, if
        at all, when the connection does."""
        if self._uplink is not None:
            return self._uplink.sounds()
        return plain.receive(self._transceiver.receiver.track)

    async def close(self) -> None:
        """Free sockets, tasks and threads, within some CLOSE_S. May be called again."""
        self._plane.peers.discard(self)
        self._end("closed by the server")
        self._deadline.cancel()
        if self._send is not None:
            self._send.stop()  # aiortc stops only what it had started to send
        # Whoever is cancelled in here must not leave aiortc half closed, and would cancel the
        # future by which its own closing, under way since the participant left, is awaited.
        loop = asyncio.get_running_loop()
        closing = loop.create_task(self._close(), name="peer-close")
        deadline = loop.time() + CLOSE_S
        cancelled: asyncio.CancelledError | None = None
        while not closing.done() and loop.time() < deadline:
            try:
                await asyncio.wait([closing], timeout=deadline - loop.time())
            except asyncio.CancelledError as error:  # noqa: ASYNC103 (raised below)
                cancelled = error
        if not closing.done():
            log.warning("a connection did not close within %.0f s; forcing it", CLOSE_S)
            closing.cancel()
            await self._force_close()
        elif not cancelled:
            closing.result()
        if cancelled:
            raise cancelled

    async def _close(self) -> None:
        await self._plane.turns.wait()
        await self._connection.close()

    async def _force_close(self) -> None:
        """What aiortc's close() does, each step with a deadline of its own."""
        receiver, sender = self._transceiver.receiver, self._transceiver.sender
        receiver._handle_disconnect()  # ends the decoder's thread
        for stop in (sender.stop, receiver.transport.stop, receiver.transport.transport.stop):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await stop()

    async def _change(self) -> None:
        self._changed.clear()
        await self._changed.wait()

    def _on_change(self) -> None:
        if self.state == "connected":
            self._deadline.cancel()
        elif self.state in ("failed", "closed"):
            self._end("it was closed or lost at the participant's end")
        self._changed.set()

    def _not_in_time(self) -> None:
        self._end(f"no connection within {CONNECT_S:.0f} s")

    def _end(self, reason: str) -> None:
        if self._gone is None:
            self._gone = reason
        self._changed.set()


async def answer(
    offer_sdp: str,
    plane: MediaPlane,
    *,
    send: SubscriberTrack | None = None,
    receive: bool = False,
) -> Peer:
    """Answer an offer of one audio section: send a track, receive the participant's, or both.

    Raises OfferError; OSError when no socket can be had.
    """
    assert send or receive
    await plane.turns.wait()
    offer = checked_offer(offer_sdp, sends=send is not None, receives=receive)
    connection = new_connection()
    direction = "sendrecv" if send and receive else "sendonly" if send else "recvonly"
    transceiver = connection.addTransceiver(send or "audio", direction=direction)
    transceiver.setCodecPreferences(
        [codec for codec in get_capabilities("audio").codecs if codec.mimeType == "audio/opus"]
    )
    dtls = transceiver.receiver.transport
    guard_dtls(dtls, plane.dropped)
    plane.turns.pace_handshake(dtls)
    ice = dtls.transport._connection
    consent.keep(ice)
    if plane.port is not None:
        plane.port.use(ice)
    else:
        use_hosts(ice, plane.hosts, plane.dropped)
    knows_red = (send is None or plane.fan_out is not None) and not (receive and uplink.missing())
    red = red_type(offer) if knows_red else None
    async with contextlib.AsyncExitStack() as undo:
        peer = Peer(connection, transceiver, send, plane)
        if send is not None and plane.fan_out is not None:
            DirectSender(transceiver.sender, send, plane.fan_out, red)
        elif send is not None:
            heed(transceiver.sender, send)
        if receive and not uplink.missing():
            peer.hear_by(
                uplink.Uplink(transceiver.receiver, plane.dropped, plane.jitter, red_type=red)
            )
        undo.push_async_callback(peer.close)
        try:
            await connection.setRemoteDescription(RTCSessionDescription(offer, "offer"))
            await plane.turns.wait()
            await connection.setLocalDescription()
        except SDP_ERRORS as exc:
            raise OfferError(f"this offer cannot be answered: {said(exc)}") from exc
        peer.sdp = completed(connection.localDescription.sdp, red, red_first=receive)
        undo.pop_all()
    return peer


def host_addresses(bind: str) -> list[str]:
    """The addresses of this machine at which a server bound to ``bind`` can be reached."""
    if bind == "localhost":
        return ["127.0.0.1"]
    if bind in ("", "0.0.0.0", "::"):
        return [*get_host_addresses(use_ipv4=True, use_ipv6=bind != "0.0.0.0"), "127.0.0.1"]
    return [bind]


def check_internals() -> None:
    """Raise RuntimeError when aiortc or aioice are not as this package relies on; warn where it
    can do without."""
    if reason := direct.missing():
        log.warning("listeners are sent to by aiortc itself, at several times the cost: %s", reason)
    if reason := libopus.dtx_missing():
        log.warning("silence is sent to listeners as sound is: %s", reason)
    if reason := uplink.missing():
        log.warning("speakers are heard through aiortc's own jitter buffer: %s", reason)
    problems = []
    version = importlib.metadata.version("aiortc")
    if not version.startswith("1.16."):
        problems.append(f"aiortc is {version}, not 1.16")
    if tuple(inspect.signature(Connection.gather_candidates).parameters) != ("self",):
        problems.append("aioice gathers candidates in another way")
    connection = Connection(ice_controlling=False)
    for owner, names in (
        (connection, ("_check_list", "_early_checks", "_protocols", "_local_username")),
        (connection, ("_local_candidates", "_local_candidates_start", "_local_candidates_end")),
        (connection, ("_queue", "data_received", "request_received")),
        (connection, ("query_consent", "_query_consent_task", "_nominated", "build_request")),
        (StunProtocol, ("datagram_received", "connection_lost", "send_stun")),
    ):
        problems += [f"aioice has no {name}" for name in names if not hasattr(owner, name)]
    if problems:
        raise RuntimeError(
            f"{'; '.join(problems)}. Install the versions that requirements.txt names."
        )
