"""A PeerConnection that answers offers. Its methods have the names of the WebRTC standard.

``ice`` finds a path to the participant, ``transport`` encrypts. The fan-out sends an added track
together with those of all other listeners of its channel; received audio goes to an ``uplink``.
aiortc's own RTCPeerConnection would send each packet to each listener in a task of its own.
"""

import asyncio
import random
import secrets
from collections.abc import Callable
from typing import Final

from aiortc import RTCDtlsParameters, RTCSessionDescription
from aiortc.rtp import AnyRtcpPacket

from server.media import sdp
from server.media.broadcast import SubscriberTrack
from server.media.ice import Ice
from server.media.plane import MediaPlane
from server.media.port import MediaPort
from server.media.sender import Sender
from server.media.transport import DtlsTransport
from server.media.uplink import Uplink

_OVER: Final = ("failed", "closed")


class PeerConnection:
    """Used like RTCPeerConnection: addTrack(), setRemoteDescription() with the offer,
    setLocalDescription(). Then ``localDescription`` is the answer, with all candidates.

    ``connectionState``: "new", "connecting", "connected", "failed" or "closed".
    ``uplink``: the participant's audio, if ``receive`` is set and once there is an answer.
    The caller must close() it.
    """

    def __init__(self, plane: MediaPlane, *, receive: bool = False) -> None:
        self.onconnectionstatechange: Callable[[], None] = lambda: None
        self.connectionState = "new"
        self.localDescription: RTCSessionDescription | None = None
        self.uplink: Uplink | None = None
        self._plane = plane
        self._receives = receive
        self._track: SubscriberTrack | None = None
        self._offer: sdp.Offer | None = None
        self._ice: Ice | None = None
        self._port: MediaPort | None = None
        self._dtls: DtlsTransport | None = None
        self._sender: Sender | None = None
        self._connecting: asyncio.Task[None] | None = None

    @property
    def heard_from(self) -> bool:
        """Whether an authenticated ICE check of the participant has arrived."""
        return self._ice is not None and bool(self._ice.paths)

    def addTrack(self, track: SubscriberTrack) -> None:
        """Send ``track``. Must be called before setRemoteDescription(). The connection stops the
        track when it ends."""
        self._track = track

    async def setRemoteDescription(self, description: RTCSessionDescription) -> None:
        """Take an offer that was checked before."""
        self._offer = sdp.read(description.sdp)

    async def setLocalDescription(self) -> None:
        """Answer the offer, and start to connect. Raises OSError if no socket can be opened."""
        assert self._offer is not None
        offer, plane = self._offer, self._plane
        self._port = plane.port or MediaPort(plane.hosts, 0, plane.dropped)
        self._ice = ice = Ice(offer.username, offer.password, self._path_changed)
        self._dtls = dtls = DtlsTransport(
            ice,
            plane.turns,
            plane.dropped,
            is_client=not offer.is_dtls_client,
            on_rtp=self._receive_rtp,
            on_rtcp=self._receive_rtcp,
        )
        dtls.on("statechange", self._dtls_changed)
        ssrc, cname = random.getrandbits(32), secrets.token_hex(8)
        if self._track is not None:
            self._sender = Sender(self._track, plane.fan_out, ssrc, cname, offer.opus, offer.red)
        if self._receives:
            self.uplink = Uplink(
                plane.dropped,
                plane.jitter,
                opus_type=offer.opus,
                red_type=offer.red,
                send=dtls.send_rtcp,
                ssrc=ssrc,
            )
        answer = sdp.Answer(
            direction=self._direction(),
            username=ice.username,
            password=ice.password,
            candidates=self._port.admit(ice),
            fingerprints=dtls.getLocalParameters().fingerprints,
            ssrc=ssrc,
            cname=cname,
            red_first=self._receives,
        )
        self.localDescription = RTCSessionDescription(sdp.written(offer, answer), "answer")
        self._connecting = asyncio.get_running_loop().create_task(
            self._connect(ice, dtls, offer), name="connect"
        )

    def restartIce(self, username: str, password: str) -> str:
        """Take the participant's new ICE credentials, of a connection that is not closed. Returns
        ours, with all candidates, as an SDP fragment. DTLS and audio go on."""
        assert self._offer is not None and self._ice is not None and self._port is not None
        ice, former = self._ice, self._ice.username
        ice.restart(username, password)
        candidates = self._port.readmit(ice, former)
        return sdp.fragment(self._offer, ice.username, ice.password, candidates)

    async def close(self) -> None:
        """Say goodbye (RTCP BYE, DTLS alert), and free sockets and tasks. Does not wait for the
        participant. May be called again."""
        await self._hang_up()
        self._end("closed")
        if self._connecting is not None and not self._connecting.done():
            self._connecting.cancel()
            await asyncio.wait([self._connecting])
        self._release()

    def _direction(self) -> str:
        if self._track is None:
            return "recvonly"
        return "sendrecv" if self._receives else "sendonly"

    async def _connect(self, ice: Ice, dtls: DtlsTransport, offer: sdp.Offer) -> None:
        try:
            await ice.connected()
        except ConnectionError:
            return  # closed meanwhile, which was reported then
        self._set_state("connecting")
        await dtls.start(RTCDtlsParameters(fingerprints=offer.fingerprints))

    def _dtls_changed(self) -> None:
        """DTLS has connected, or ended."""
        assert self._dtls is not None and self._ice is not None
        if self._dtls.state == "connected":
            if self._sender is not None:
                self._sender.start(self._dtls.session, self._ice.selected)
            self._set_state("connected")
        elif self._dtls.state in _OVER:
            self._end(self._dtls.state)

    def _path_changed(self) -> None:
        """ICE has selected another path, or has closed."""
        assert self._ice is not None
        if self._ice.closed:
            self._end("failed")
        elif self._sender is not None and self._sender.row >= 0:
            self._sender.set_path(self._ice.selected)

    def _receive_rtp(self, data: bytes) -> None:
        if self.uplink is not None:
            self.uplink.receive_rtp(data)

    def _receive_rtcp(self, packet: AnyRtcpPacket) -> None:
        if self._sender is not None:
            self._sender.receive_rtcp(packet)
        if self.uplink is not None:
            self.uplink.receive_rtcp(packet)

    async def _hang_up(self) -> None:
        if self._sender is not None:
            self._sender.stop()
        if self._dtls is not None and self.connectionState not in _OVER:
            await self._dtls.stop()

    def _end(self, state: str) -> None:
        """Enter ``state``, and free everything that can be freed without waiting."""
        if self.connectionState in _OVER:
            return
        self._set_state(state)
        if self._track is not None:
            self._track.stop()
        if self._sender is not None:
            self._sender.set_path(None)  # nothing is sent to a participant who is gone
            self._sender.stop()
        if self._ice is not None and self._port is not None:
            self._ice.close()
            self._port.dismiss(self._ice)
            if self._port is not self._plane.port:
                self._port.close()

    def _release(self) -> None:
        """Drop all references, so that the connection is freed without a garbage collection."""
        if self._dtls is not None:
            self._dtls.remove_all_listeners()
        self.onconnectionstatechange = lambda: None
        self._ice = self._dtls = self._sender = self._connecting = self.uplink = None

    def _set_state(self, state: str) -> None:
        if self.connectionState not in (*_OVER, state):
            self.connectionState = state
            self.onconnectionstatechange()
