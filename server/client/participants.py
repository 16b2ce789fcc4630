"""Headless participants: real WebRTC clients for the demo, the tools and the tests.

- Each is an async context manager. Inside it the participant has joined, and audio flows if it
  asked for any. ``Refused`` is raised if the server refuses something.
- A speaker sends audio all the time, as a microphone does: silence while nothing plays.
- A listener's packets are timed by the kernel, and decoded only afterwards and on request, so that
  the client's own load does not distort what it measures.
"""

import itertools
import ssl
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Literal

from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError
from av import Packet
from av.stream import Stream

from server.client.arrivals import Arrivals
from server.client.connection import Through, connected
from server.client.conversation import (
    Participant,
    Refused,
    alongside,
)
from server.client.source import Source
from server.media import rtp
from server.media.opus import RATE_HZ, SAMPLES_PER_TICK, TIME_BASE, OpusEncoder, Pcm, Resampler
from signaling import messages as wire

__all__ = ["Interpreter", "Listener", "Refused", "Speaker", "Talker"]

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

    async def _send_opus(self) -> None:
        encoder = OpusEncoder()
        for sequence in itertools.count():
            packet = encoder.encode(await self._source.next(SAMPLES_PER_TICK))
            if self.socket.closed:
                return
            await self.socket.send_bytes(rtp.packed(sequence, sequence * SAMPLES_PER_TICK, packet))

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
        wings: bool = False,
        tls: ssl.SSLContext | bool = True,
        through: Through = lambda sdp: sdp,
        bit_rate: int = BIT_RATE,
        source: Source | None = None,
    ) -> None:
        join = wire.JoinSpeaker(
            language=language,
            audio=audio,
            token=token,
            resume=resume,
            take_over=take_over,
            wings=wings,
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
            await stack.enter_async_context(connected(self, microphone, None, self._through))
        else:
            send = self._send_opus() if self._audio == "socket-opus" else self._send_pcm()
            await stack.enter_async_context(alongside(send, "client-microphone"))

    async def _send_pcm(self) -> None:
        resampler = Resampler(RATE_HZ, SOCKET_RATE_HZ)
        while not self.closed:
            pcm = resampler.push(await self._source.next(SOCKET_BLOCK))
            if pcm.size and not self.socket.closed:
                await self.socket.send_bytes(pcm.tobytes())


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
        monitor: bool = False,
        keep_sound: bool = False,
        tls: ssl.SSLContext | bool = True,
        through: Through = lambda sdp: sdp,
    ) -> None:
        join = wire.JoinListener(
            channel=channel,
            captions=list(captions),
            audio=audio,
            token=token,
            resume=resume,
            monitor=monitor,
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
            await stack.enter_async_context(connected(self, None, self.arrivals, self._through))

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
        await stack.enter_async_context(connected(self, microphone, self.arrivals))


class Interpreter(_Speaking):
    """A person who may interpret ``stream`` into ``language``, and hears its floor. ``arrivals``:
    the packets that came."""

    def __init__(
        self,
        url: str,
        stream: str,
        language: str,
        name: str,
        *,
        audio: Literal["webrtc", "socket-opus"] = "webrtc",
        token: str | None = None,
        resume: str | None = None,
        keep_sound: bool = False,
    ) -> None:
        join = wire.JoinInterpreter(name=name, audio=audio, token=token, resume=resume)
        super().__init__(f"{url.rstrip('/')}/ws/interpret/{stream}/{language}", join, tls=True)
        self._audio = audio
        self.arrivals = Arrivals(keep_sound)

    async def on_air(self, on: bool, now: bool = False) -> None:
        """Take the language over, ask a colleague for it, or give it back."""
        await self.send(wire.OnAir(on=on, now=now))

    async def _start_sound(self, stack: AsyncExitStack) -> None:
        if self._audio == "webrtc":
            microphone = _Microphone(self._source)
            await stack.enter_async_context(connected(self, microphone, self.arrivals))
        else:
            await stack.enter_async_context(alongside(self._send_opus(), "client-microphone"))

    def _hear_packet(self, data: bytes, at_s: float) -> None:
        self.arrivals.note_socket_packet(data, at_s)
