"""A speaker's RTP, straight from the transport to steady sound.

- It gets decrypted packets. aiortc's receiver is not used: its router, jitter buffer and decoder
  thread multiply loss, grow with every SSRC, and go silent for good after one empty payload.
- Of one speaker one SSRC is heard. Another takes over when the first has been silent.
- What is lost is taken from copies in later packets (RED), or asked for again.
- The clock decides: 20 ms go out every 20 ms, from the first packet on, whatever came.
- About once a second the speaker is told how its packets come (RFC 3550, 6.4.2).
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

#: A speaker's SSRC gives way to another after so much silence.
SSRC_SILENT_S = 1.0
#: More delay than this too much, or too little, is won back, a pitch period every so many ticks:
#: too much costs time, too little what comes again.
TOLERANCE_S = 0.02
LACK_S = 0.005
TICKS_BETWEEN_STRETCHES = 5
#: After a stall this long of the whole process the clock starts anew.
STALL_S = 1.0

_SILENCE: Pcm = np.zeros(SAMPLES_PER_TICK, np.int16)


class Uplink:
    """Hears one speaker. ``dropped`` counts packets by reason, ``jitter`` what happened to the
    others. ``opus_type`` and ``red_type``: payload types, RED's if negotiated. ``send`` takes
    RTCP for the speaker, as from ``ssrc``."""

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
        self._received_at_s = 0.0
        self._first = asyncio.Event()

    def receive_rtp(self, data: bytes) -> None:
        """One packet, decrypted. What is missing is asked for, and reports are sent."""
        rtp = parsed(data)
        if rtp is None:
            self._dropped["no_rtp"] += 1
            return
        self.receive_packet(rtp)
        if rtp.ssrc == self._ssrc:
            if wanted := self.nacks_due():
                self._reports.ask_for(rtp.ssrc, wanted)
            self._reports.report(rtp.ssrc, self._clock())

    def receive_rtcp(self, packet: AnyRtcpPacket) -> None:
        """What the speaker says of its packets."""
        if isinstance(packet, RtcpSrPacket) and packet.ssrc == self._ssrc:
            self._reports.reported(packet, self._clock())

    def receive_packet(self, rtp: Rtp) -> None:
        """One packet. What cannot be Opus of this speaker's is counted and dropped."""
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
        if missing_s <= MAX_TARGET_S:  # else no target covers it, and none should learn from it
            again = missing_s > 0
            self._buffer.push(rtp.timestamp, samples, own.data, now_s, again)
        self._first.set()

    def _blocks(self, rtp: Rtp) -> list[Block]:
        """The packet's own sound, after copies of earlier ones that it carries."""
        if rtp.payload_type == self._red_type:
            with suppress(ValueError):
                return unpacked(rtp.payload)
        return [Block(rtp.payload_type, 0, rtp.payload)]

    def _restore(self, copy: Block, timestamp: int, now_s: float) -> None:
        if copy.data and copy.payload_type == self._opus_type:
            with suppress(OpusError):  # what came in its packet's own place may be better
                samples = libopus.packet_samples(copy.data)
                self._buffer.restore((timestamp - copy.before) % 2**32, samples, copy.data, now_s)

    def nacks_due(self) -> list[int]:
        """Sequence numbers of packets that are missing, and may still come in time."""
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
        """20 ms every 20 ms, from the first packet on. Whoever reads decides when it ends."""
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
    """Turns what the buffer gives into 20 ms at a time. ``packet``: the one that the last 20 ms
    took from it, if it was of that length and all they took. ``delay_s``: how late they were.
    ``dropped`` counts packets that were no Opus after all."""

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
            pcm = self._heard(step)
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

    def _heard(self, step: Packet | Missing | None) -> Pcm | None:
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
        except OpusError:  # looked like Opus, and lasted so long; what is missing is silence
            assert step is not None
            self._dropped["undecodable"] += 1
            return np.zeros(step.samples, np.int16)

    def _stretched(self, pcm: Pcm, excess_s: float) -> Pcm:
        self._until_stretch -= 1
        if self._until_stretch > 0 or -LACK_S <= excess_s <= TOLERANCE_S:
            return pcm
        self._until_stretch = TICKS_BETWEEN_STRETCHES
        return shortened(pcm) if excess_s > 0 else lengthened(pcm)
