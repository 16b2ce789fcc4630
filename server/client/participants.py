"""Headless participants: real WebRTC clients for the demo, the tools and the tests.

- Each is an async context manager. Inside it the participant has joined, and audio flows if it
  asked for any. ``Refused`` is raised if the server refuses something.
- A speaker sends audio all the time, as a microphone does: silence while nothing plays.
- A listener's packets are timed by the kernel, and decoded only afterwards and on request, so that
  the client's own load does not distort what it measures.
"""

import asyncio
import itertools
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from aiortc import MediaStreamTrack, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError
from aiortc.rtp import RtpPacket
from av import Packet
from av.stream import Stream

from server.client.arrivals import Arrivals, timed
from server.client.conversation import (
    CLOSE_S,
    CONNECT_S,
    NoAudio,
    Participant,
    Refused,
    alongside,
)
from server.client.source import Source
from server.media import rtp, transport
from server.media.opus import RATE_HZ, SAMPLES_PER_TICK, TIME_BASE, OpusEncoder, Pcm, Resampler
from signaling import messages as wire

__all__ = ["Listener", "Refused", "Speaker", "Talker"]

Through = Callable[[str], str]

#: Of a speaker's Opus, in bit/s: what browsers use.
BIT_RATE = 32_000
#: A speaker's message on the socket: 40 ms.
SOCKET_BLOCK = RATE_HZ // 25
SOCKET_RATE_HZ = 16_000


class _Microphone(MediaStreamTrack):
    """A source as a track of Opus packets. (aiortc would encode in threads, and in stereo.)"""

    kind = "audio"

    def __init__(self, source: Source, bit_rate: int = BIT_RATE) -> None:
        super().__init__()
        self._source = source
        self._encoder = OpusEncoder(bit_rate)
        self._timestamp = 0

    async def recv(self) -> "Packet[Stream]":
        pcm = await self._source.next(SAMPLES_PER_TICK)
        if self.readyState != "live":
            raise MediaStreamError
        packet = Packet(self._encoder.encode(pcm))
        packet.pts, packet.time_base = self._timestamp, TIME_BASE
        self._timestamp += SAMPLES_PER_TICK
        return packet


class _Speaking(Participant):
    def __init__(
        self, url: str, join: wire.Message, tls: ssl.SSLContext | bool, source: Source | None = None
    ) -> None:
        super().__init__(url, join, tls)
        self._source = source or Source()

    @property
    def started_speaking_s(self) -> float | None:
        """When its first sample was sent, on the loop's clock. Stream time counts from there."""
        return self._source.start_s

    async def play(self, pcm: Pcm) -> None:
        """Send ``pcm``, int16 mono at 48 kHz, in real time; return when it is sent. Raises Refused
        if the session ends before, TimeoutError if audio does not flow."""
        if not self.closed:
            await self._source.play(pcm)
        if self.closed:
            raise self.refusal()

    def _end(self) -> None:
        super()._end()
        self._source.end()


class Speaker(_Speaking):
    """Speaks ``language`` in ``stream``. ``tls``: False accepts any certificate, such as a
    self-signed one. ``through`` changes the SDP of the server's answer, for instance to send
    through a relay. ``bit_rate``: of Opus over WebRTC, in bit/s. ``source``: replaces ``play``."""

    def __init__(
        self,
        url: str,
        stream: str,
        language: str,
        *,
        token: str | None = None,
        audio: wire.SpeakerAudio = "webrtc",
        resume: str | None = None,
        take_over: bool = False,
        tls: ssl.SSLContext | bool = True,
        through: Through = lambda sdp: sdp,
        bit_rate: int = BIT_RATE,
        source: Source | None = None,
    ) -> None:
        join = wire.JoinSpeaker(
            language=language, audio=audio, token=token, resume=resume, take_over=take_over
        )
        super().__init__(f"{url.rstrip('/')}/ws/speak/{stream}", join, tls, source)
        self._audio = audio
        self._through = through
        self._bit_rate = bit_rate

    async def pause(self, paused: bool) -> None:
        """Pause the stream, or continue it."""
        await self.send(wire.Pause(paused=paused))

    async def end(self) -> None:
        """End the stream for everyone."""
        await self.send(wire.End())

    async def _start_sound(self, stack: AsyncExitStack) -> None:
        if self._audio == "webrtc":
            microphone = _Microphone(self._source, self._bit_rate)
            await stack.enter_async_context(_connected(self, microphone, None, self._through))
        else:
            send = self._send_opus() if self._audio == "socket-opus" else self._send_pcm()
            await stack.enter_async_context(alongside(send, "client-microphone"))

    async def _send_pcm(self) -> None:
        resampler = Resampler(RATE_HZ, SOCKET_RATE_HZ)
        while not self.closed:
            pcm = resampler.push(await self._source.next(SOCKET_BLOCK))
            if pcm.size and not self.socket.closed:
                await self.socket.send_bytes(pcm.tobytes())

    async def _send_opus(self) -> None:
        encoder = OpusEncoder()
        for sequence in itertools.count():
            packet = encoder.encode(await self._source.next(SAMPLES_PER_TICK))
            if self.socket.closed:
                return
            await self.socket.send_bytes(rtp.packed(sequence, sequence * SAMPLES_PER_TICK, packet))


class Listener(Participant):
    """Listens to ``channel`` of ``stream``. ``arrivals``: the packets that came.

    ``keep_sound``: keep their payload, so that ``arrivals.sound()`` can decode it later.
    ``through``: see Speaker.
    """

    def __init__(
        self,
        url: str,
        stream: str,
        channel: str = "floor",
        *,
        captions: Sequence[str] = (),
        audio: wire.ListenerAudio = "webrtc",
        token: str | None = None,
        resume: str | None = None,
        keep_sound: bool = False,
        tls: ssl.SSLContext | bool = True,
        through: Through = lambda sdp: sdp,
    ) -> None:
        join = wire.JoinListener(
            channel=channel, captions=list(captions), audio=audio, token=token, resume=resume
        )
        super().__init__(f"{url.rstrip('/')}/ws/listen/{stream}", join, tls)
        self._audio = audio
        self._through = through
        self.arrivals = Arrivals(keep_sound)

    @property
    def captions(self) -> list[tuple[float, wire.Caption]]:
        """All captions that came, each with its time on the loop's clock."""
        return [(at_s, each) for at_s, each in self.received if isinstance(each, wire.Caption)]

    async def select(self, channel: str | None = None, captions: list[str] | None = None) -> None:
        """Change the channel, the captions' languages, or both."""
        await self.send(wire.Select(channel=channel, captions=captions))

    async def _start_sound(self, stack: AsyncExitStack) -> None:
        if self._audio == "webrtc":
            await stack.enter_async_context(_connected(self, None, self.arrivals, self._through))

    def _hear_packet(self, data: bytes, at_s: float) -> None:
        self.arrivals.note_socket_packet(data, at_s)


class Talker(_Speaking):
    """Speaks ``language`` and hears itself interpreted into ``target``."""

    def __init__(self, url: str, language: str, target: str, keep_sound: bool = False) -> None:
        join = wire.JoinTalk(language=language, target=target)
        super().__init__(f"{url.rstrip('/')}/ws", join, tls=True)
        self.arrivals = Arrivals(keep_sound)

    async def _start_sound(self, stack: AsyncExitStack) -> None:
        microphone = _Microphone(self._source)
        await stack.enter_async_context(_connected(self, microphone, self.arrivals))


@asynccontextmanager
async def _connected(
    participant: Participant,
    track: MediaStreamTrack | None,
    arrivals: Arrivals | None,
    through: Through = lambda sdp: sdp,
) -> AsyncIterator[None]:
    """While the body runs, a PeerConnection that sends ``track`` and notes the received packets in
    ``arrivals``."""
    directions = {(True, True): "sendrecv", (True, False): "sendonly"}
    direction = directions.get((track is not None, arrivals is not None), "recvonly")
    connection = transport.new_connection()
    participant.connection = connection
    async with AsyncExitStack() as stack:
        stack.push_async_callback(_close, connection)
        transceiver = connection.addTransceiver(track or "audio", direction=direction)
        agent = transport.agent_of(transceiver)
        # The address that reaches the server's WebSocket also reaches its UDP port.
        transport.use_hosts(agent, [participant.local_address])
        transport.trust_server(agent)
        await connection.setLocalDescription(await connection.createOffer())
        if arrivals is not None:
            stack.enter_context(timed(transport.sockets_of(agent), arrivals))

            def keep(packet: RtpPacket) -> None:
                arrivals.keep(packet.timestamp, packet.payload)

            transport.take_packets(transceiver.receiver, keep)
        answer = await participant.ask(wire.Offer(sdp=connection.localDescription.sdp), wire.Answer)
        await connection.setRemoteDescription(RTCSessionDescription(through(answer.sdp), "answer"))
        await _up(connection)
        yield


async def _up(connection: RTCPeerConnection) -> None:
    """Wait until audio can flow. Raises NoAudio if it cannot in time."""
    changed = asyncio.Event()
    connection.on("connectionstatechange", changed.set)
    try:
        async with asyncio.timeout(CONNECT_S):
            while (state := connection.connectionState) != "connected":
                if state in ("failed", "closed"):
                    raise NoAudio(f"no audio: the connection is {state}")
                changed.clear()
                await changed.wait()
    except TimeoutError:
        raise NoAudio(f"no audio: not connected within {CONNECT_S:g} s") from None


async def _close(connection: RTCPeerConnection) -> None:
    async with asyncio.timeout(CLOSE_S):
        await connection.close()
