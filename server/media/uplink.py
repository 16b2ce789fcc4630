"""Turns a speaker's RTP packets into steady audio.

- It gets decrypted packets from the transport. aiortc's receiver is not used: its router, jitter
  buffer and decoder thread multiply loss, grow with every SSRC, and stay silent for good after one
  empty payload.
- One SSRC of a speaker is played. Another one replaces it once it has been silent.
- Lost packets are recovered from copies in later packets (RED), or requested again (NACK).
- 20 ms leave every 20 ms, from the first packet on, whatever arrived.
- About once a second the speaker gets a receiver report (RFC 3550, 6.4.2).
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress

import numpy as np
from aiortc.rtp import AnyRtcpPacket, RtcpSrPacket

from server.media import libopus
from server.media.counts import JitterCounts
from server.media.jitter import MAX_TARGET_S, JitterBuffer, Missing, Packet
from server.media.libopus import ConcealingDecoder, OpusError
from server.media.nack import NackGenerator
from server.media.opus import RATE_HZ, SAMPLES_PER_TICK, TICK_S, Pcm, Resampler
from server.media.receive import SPEECH_RATE_HZ, Sound
from server.media.red import Block, unpacked
from server.media.reports import ReceiverReports
from server.media.rtp import Rtp, parsed
from server.media.stretch import lengthened, shortened

#: After so much silence another SSRC replaces a speaker's.
SSRC_SILENT_S = 1.0
#: If the playout delay is longer than its target by more than TOLERANCE_S, or shorter by more than
#: LACK_S, audio is shortened or lengthened by a pitch period, once in so many ticks. With too short
#: a delay retransmissions come too late.
TOLERANCE_S = 0.02
LACK_S = 0.005
TICKS_BETWEEN_STRETCHES = 5
#: After the process has stalled for longer, the output clock starts anew.
STALL_S = 1.0

_SILENCE: Pcm = np.zeros(SAMPLES_PER_TICK, np.int16)


class Uplink:
    """Receives one speaker's audio. ``dropped`` counts packets by reason, ``jitter`` what happened
    to the others. ``opus_type`` and ``red_type``: payload types; None if RED was not negotiated.
    ``send`` takes RTCP for the speaker; ``ssrc`` is this end's."""

    def __init__(
        self,
        dropped: Counter[str] | None = None,
        jitter: JitterCounts | None = None,
        clock: Callable[[], float] = time.monotonic,
        *,
        opus_type: int,
        red_type: int | None = None,
        send: Callable[[bytes], None] = lambda data: None,
        ssrc: int = 0,
    ) -> None:
        self._jitter = JitterCounts() if jitter is None else jitter
        self._dropped: Counter[str] = Counter() if dropped is None else dropped
        self._clock = clock
        self._buffer = JitterBuffer(self._jitter)
        self._nacks = NackGenerator(self._jitter)
        self._opus_type, self._red_type = opus_type, red_type
        self._reports = ReceiverReports(send, ssrc)
        self._ssrc: int | None = None
        self._received_at_s = clock()
        self._first = asyncio.Event()

    @property
    def silent_s(self) -> float:
        """Seconds since the last packet of audio."""
        return self._clock() - self._received_at_s

    def receive_rtp(self, data: bytes) -> None:
        """Take a decrypted packet. Sends NACKs and receiver reports that are due."""
        rtp = parsed(data)
        if rtp is None:
            self._dropped["no_rtp"] += 1
            return
        self.receive_packet(rtp)
        if rtp.ssrc == self._ssrc:
            if wanted := self.nacks_due():
                self._reports.send_nack(rtp.ssrc, wanted)
            self._reports.send_report(rtp.ssrc, self._clock())

    def receive_rtcp(self, packet: AnyRtcpPacket) -> None:
        """Take RTCP from the speaker."""
        if isinstance(packet, RtcpSrPacket) and packet.ssrc == self._ssrc:
            self._reports.reported(packet, self._clock())

    def receive_packet(self, rtp: Rtp) -> None:
        """Take a packet. One that cannot be Opus of this speaker is counted and dropped."""
        now_s = self._clock()
        *copies, own = self._blocks(rtp)
        reason = self._fault(own, rtp.ssrc, now_s)
        if reason:
            self._dropped[reason] += 1
            return
        try:
            samples = libopus.packet_samples(own.data)
        except OpusError:
            self._dropped["no_opus"] += 1
            return
        self._received_at_s = now_s
        self._reports.count(rtp)
        missing_s = self._nacks.received(rtp.sequence_number, now_s)
        for back, copy in zip(range(len(copies), 0, -1), copies, strict=True):
            if self._nacks.recovered(rtp.sequence_number - back):
                self._restore(copy, rtp.timestamp, now_s)
        if missing_s <= MAX_TARGET_S:  # a longer delay is not for the target to learn
            again = missing_s > 0
            self._buffer.push(rtp.timestamp, samples, own.data, now_s, again)
        self._first.set()

    def _blocks(self, rtp: Rtp) -> list[Block]:
        """The packet's own audio, after the copies of earlier packets in it."""
        if rtp.payload_type == self._red_type:
            with suppress(ValueError):
                return unpacked(rtp.payload)
        return [Block(rtp.payload_type, 0, rtp.payload)]

    def _restore(self, copy: Block, timestamp: int, now_s: float) -> None:
        if copy.data and copy.payload_type == self._opus_type:
            with suppress(OpusError):  # the packet itself may still come
                samples = libopus.packet_samples(copy.data)
                self._buffer.restore((timestamp - copy.before) % 2**32, samples, copy.data, now_s)

    def nacks_due(self) -> list[int]:
        """Sequence numbers to request now: they are missing, and may still come in time."""
        return self._nacks.due(self._buffer.target_s, self._clock())

    def _fault(self, own: Block, ssrc: int, now_s: float) -> str:
        if own.payload_type != self._opus_type:
            return "payload_type"
        if not own.data:
            return "empty_payload"
        if ssrc != self._ssrc:
            if self._ssrc is not None and now_s - self._received_at_s < SSRC_SILENT_S:
                return "ssrc"
            self._ssrc = ssrc
            self._reports.begin_anew()
            self._buffer = JitterBuffer(self._jitter)
            self._nacks = NackGenerator(self._jitter)
        return ""

    async def sounds(self) -> AsyncGenerator[Sound, None]:
        """20 ms every 20 ms, from the first packet on. It ends when the caller stops reading."""
        await self._first.wait()
        player, resampler = _Player(self._dropped), Resampler(RATE_HZ, SPEECH_RATE_HZ)
        due_s = self._clock()
        while True:
            now_s = self._clock()
            if now_s - due_s > STALL_S:
                due_s = now_s
            while due_s <= now_s:
                pcm = player.play(self._buffer, now_s)
                self._jitter.delay_seconds = player.delay_s
                yield Sound(pcm, resampler.push(pcm), player.packet)
                due_s += TICK_S
            await asyncio.sleep(due_s - self._clock())


class _Player:
    """Decodes what the jitter buffer gives into 20 ms at a time. ``packet``: the Opus packet of the
    last 20 ms, if they were decoded from exactly one of that length. ``delay_s``: their playout
    delay. ``dropped`` counts packets that could not be decoded."""

    def __init__(self, dropped: Counter[str]) -> None:
        self.packet: bytes | None = None
        self.delay_s = 0.0
        self._dropped = dropped
        self._decoder = ConcealingDecoder()
        self._decoded: Pcm = np.zeros(0, np.int16)
        self._until_stretch = 0

    def play(self, buffer: JitterBuffer, now_s: float) -> Pcm:
        taken: list[bytes | None] = []
        while self._decoded.size < SAMPLES_PER_TICK:
            step = buffer.pull(now_s)
            pcm = self._decode(step)
            if pcm is None:
                pcm = _SILENCE
            elif pcm.size >= SAMPLES_PER_TICK:
                pcm = self._stretched(pcm, buffer.excess_s(now_s, self._decoded.size + pcm.size))
            whole = isinstance(step, Packet) and step.samples == SAMPLES_PER_TICK
            taken.append(step.data if whole else None)  # type: ignore[union-attr]
            self._decoded = np.concatenate((self._decoded, pcm))
        self.packet = taken[0] if len(taken) == 1 else None
        pcm, self._decoded = np.split(self._decoded, [SAMPLES_PER_TICK])
        self.delay_s = buffer.delay_s(now_s, SAMPLES_PER_TICK + self._decoded.size)
        return pcm

    def _decode(self, step: Packet | Missing | None) -> Pcm | None:
        try:
            match step:
                case Packet():
                    return self._decoder.decode(step.data)
                case Missing(following=bytes(following)) if libopus.has_copy(following):
                    return self._decoder.recover(following, step.samples)
                case Missing(silent=False):
                    return self._decoder.conceal(step.samples)
                case Missing():
                    return np.zeros(step.samples, np.int16)
                case None:
                    return None
        except OpusError:  # silence for as long as the packet claims to be
            assert step is not None
            self._dropped["undecodable"] += 1
            return np.zeros(step.samples, np.int16)

    def _stretched(self, pcm: Pcm, excess_s: float) -> Pcm:
        self._until_stretch -= 1
        if self._until_stretch > 0 or -LACK_S <= excess_s <= TOLERANCE_S:
            return pcm
        self._until_stretch = TICKS_BETWEEN_STRETCHES
        return shortened(pcm) if excess_s > 0 else lengthened(pcm)
