"""The client's side of a PeerConnection on loopback, by aiortc."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from fractions import Fraction
from typing import Any

import numpy as np
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCPeerConnection,
    RTCRtpTransceiver,
    RTCSessionDescription,
)
from av import Packet

from server.media.broadcast import SubscriberTrack
from server.media.fanout import FanOut
from server.media.opus import RATE_HZ, SAMPLES_PER_TICK, TICK_S, OpusEncoder, Pcm
from server.media.peer import Peer, answer
from server.media.plane import MediaPlane
from server.media.transport import agent_of, sockets_of, use_hosts

DEADLINE_S = 10
#: The payload type of RED that browsers offer.
RED = 63


class Client:
    """A client that offers one audio section and accepts the answer."""

    def __init__(self, direction: str, track: MediaStreamTrack | None = None) -> None:
        self.connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.transceiver: RTCRtpTransceiver = self.connection.addTransceiver(
            track or "audio", direction=direction
        )
        self.agent = agent_of(self.transceiver)
        use_hosts(self.agent, ["127.0.0.1"])

    @property
    def username(self) -> str:
        """The user name of ICE."""
        return self.agent.local_username

    @property
    def password(self) -> str:
        return self.agent.local_password

    async def offer(self) -> str:
        await self.connection.setLocalDescription()
        return str(self.connection.localDescription.sdp)

    async def take(self, sdp: str) -> None:
        await self.connection.setRemoteDescription(RTCSessionDescription(sdp, "answer"))

    async def vanish(self) -> None:
        """Stop without a goodbye, like a phone that runs out of battery."""
        for protocol in sockets_of(self.agent):
            protocol.transport.abort()

    async def close(self) -> None:
        await self.connection.close()


@asynccontextmanager
async def connected(
    client: Client,
    send: SubscriberTrack | None = None,
    receive: bool = False,
    plane: MediaPlane | None = None,
    offered: Callable[[str], str] = lambda sdp: sdp,
    through: Callable[[str], str] = lambda sdp: sdp,
) -> AsyncIterator[Peer]:
    """Connect the client to a peer of the server; both are closed at the end. ``offered`` changes
    the offer, ``through`` the answer."""
    plane = plane or MediaPlane(fan_out=FanOut())
    try:
        async with asyncio.timeout(DEADLINE_S):
            peer = await answer(offered(await client.offer()), plane, send=send, receive=receive)
            try:
                await client.take(through(peer.sdp))
                await peer.connected()
            except BaseException:
                await peer.close()  # noqa: ASYNC120
                raise
        try:
            yield peer
        finally:
            await peer.close()
    finally:
        await client.close()


def with_red(sdp: str) -> str:
    """The offer with RED, as browsers offer it."""
    sdp = re.sub(r"(m=audio \d+ \S+) [^\r]*", rf"\1 111 {RED}", sdp)
    sdp = re.sub(r"a=(rtpmap|fmtp|rtcp-fb):[^\r]*\r\n", "", sdp)
    return sdp + (
        f"a=rtpmap:111 opus/48000/2\r\na=rtpmap:{RED} red/48000/2\r\na=fmtp:{RED} 111/111\r\n"
    )


class ScriptedTrack(MediaStreamTrack):
    """Sends ``pcm`` as Opus packets in real time. ``ticks``: the numbers of those that are sent."""

    kind = "audio"

    def __init__(self, pcm: Pcm, ticks: Sequence[int] | None = None) -> None:
        super().__init__()
        encoder = OpusEncoder()
        pieces = pcm[: pcm.size // SAMPLES_PER_TICK * SAMPLES_PER_TICK].reshape(
            -1, SAMPLES_PER_TICK
        )
        self._packets = [encoder.encode(piece) for piece in pieces]
        self._ticks = iter(range(len(pieces)) if ticks is None else ticks)
        self._start: float | None = None

    async def recv(self) -> "Packet[Any]":
        tick = next(self._ticks, None)
        if tick is None:
            await asyncio.Event().wait()
        assert tick is not None
        now = asyncio.get_running_loop().time()
        self._start = self._start or now
        await asyncio.sleep(self._start + tick * TICK_S - now)
        packet = Packet(self._packets[tick])
        packet.pts = tick * SAMPLES_PER_TICK
        packet.time_base = Fraction(1, RATE_HZ)
        return packet


def tone(frequency_hz: float, seconds: float, peak: int = 8000, rate_hz: int = RATE_HZ) -> Pcm:
    phase = np.arange(int(seconds * rate_hz)) * (2 * np.pi * frequency_hz / rate_hz)
    wave: Pcm = np.rint(peak * np.sin(phase)).astype(np.int16)
    return wave


def pitch_hz(pcm: Pcm, rate_hz: int = RATE_HZ) -> float:
    """The strongest frequency in ``pcm``."""
    spectrum = np.abs(np.fft.rfft(pcm * np.hanning(pcm.size)))
    return float(np.argmax(spectrum) * rate_hz / pcm.size)


async def tick_of(track: SubscriberTrack) -> int:
    """The tick of the track's next packet."""
    return ((await track.recv()).pts or 0) // SAMPLES_PER_TICK
