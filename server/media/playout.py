"""Plays a stream: PCM in, at most one Opus packet of 20 ms a tick out, for every channel that
somebody listens to.

Invariants:
- tick(n) does all the work of tick n: the floor and every language advance by 20 ms, and each open
  channel publishes at most one packet, with RTP timestamp 960 x n. n only rises.
- A channel is mixed and encoded once, and only while it is open. The floor consists of the
  speaker's own packets where possible (see forwarding). Silence is mostly not sent (see silence).
- While a language is not live its channels carry the floor, quietly, unless a person interprets it
  (see handover). The floor's level changes by a
  fade of one tick, never by a step.
- A mix never clips: above KNEE it is compressed.
- Nothing here waits or grows: the floor and each language's queue have their own limits.
"""

import logging
from collections import deque
from collections.abc import Callable
from typing import Literal

import numpy as np

from server.media.broadcast import Broadcast
from server.media.counts import PlayoutCounts
from server.media.floor import FloorBuffer
from server.media.forwarding import Forwarding
from server.media.handover import Handover
from server.media.libopus import ChannelEncoder
from server.media.opus import SAMPLES_PER_TICK, Pcm
from server.media.silence import Silence
from server.media.speech import SpeechQueue
from server.process import described

Status = Literal["starting", "live", "fallback"]

FLOOR = "floor"
#: The floor under an interpretation, and in place of one: -18 dB and -12 dB.
UNDER_GAIN = 10 ** (-18 / 20)
INSTEAD_GAIN = 10 ** (-12 / 20)
#: Samples up to KNEE are not changed; larger ones are compressed to stay below FULL_SCALE.
KNEE = 28_000.0
FULL_SCALE = 32_767.0
#: At least 40 s of them; usually, there are few.
SHIFTS_KEPT = 2000

_SILENCE: Pcm = np.zeros(SAMPLES_PER_TICK, np.int16)
_SILENCE.flags.writeable = False

_log = logging.getLogger(__name__)


class StreamPlayout:
    """Plays the channels of one stream: "floor", "en" (only the interpretation) and "en+floor"
    (the interpretation over the quiet floor).

    ``on_start(language, clause, tick)`` is called when a clause begins to be played,
    ``on_end(language, clause, start, end)`` when it has been, with its timestamps at 48 kHz, and
    ``on_handover(language)`` when a person is heard in place of the machine, or no more.
    """

    def __init__(
        self,
        on_start: Callable[[str, int, int], None] = lambda language, clause, tick: None,
        new_encoder: Callable[[], ChannelEncoder] = ChannelEncoder,
        counts: PlayoutCounts | None = None,
        on_end: Callable[[str, int, int, int], None] = lambda language, clause, start, end: None,
        on_handover: Callable[[str], None] = lambda language: None,
    ) -> None:
        self.counts = PlayoutCounts() if counts is None else counts
        self.floor = FloorBuffer(self.counts)
        #: The tick that will be played next; None before the first.
        self.next_tick: int | None = None
        #: From which position of the floor on, how many samples later than it: that is the
        #: timestamp with which it is played.
        self.floor_shifts: deque[tuple[int, int]] = deque(maxlen=SHIFTS_KEPT)
        self._forwarding = Forwarding()
        self._on_start, self._on_end = on_start, on_end
        self._on_handover = on_handover
        self._new_encoder = new_encoder
        self._speech: dict[str, SpeechQueue] = {}
        self._handovers: dict[str, Handover] = {}
        self._status: dict[str, Status] = {}
        self._channels: dict[str, _Channel] = {}

    @property
    def channels(self) -> dict[str, Broadcast]:
        """The open channels, by name."""
        return {name: channel.broadcast for name, channel in self._channels.items()}

    def channel(self, name: str) -> Broadcast:
        """The channel of that name, which is opened if it is not open."""
        if name not in self._channels:
            channel = self._channels[name] = _Channel(name, self._new_encoder())
            channel.gain = self._floor_gain(channel)
        return self._channels[name].broadcast

    def close_channel(self, name: str) -> None:
        """Stop mixing and encoding a channel. Its tracks are stopped."""
        channel = self._channels.pop(name, None)
        if channel is not None:
            channel.broadcast.close()

    def close(self) -> None:
        """Close all channels."""
        for name in tuple(self._channels):
            self.close_channel(name)

    def speak(
        self,
        language: str,
        clause: int,
        pcm: Pcm,
        rate_hz: int,
        play_at_tick: int,
        last: bool,
    ) -> None:
        """Queue a piece of an interpretation: int16 mono at ``rate_hz``, in order. The clause
        starts at ``play_at_tick`` (of its first piece), or after the clauses before it."""
        self._queue(language).add(clause, pcm, rate_hz, play_at_tick, last)

    def hand_over(self, language: str, person: FloorBuffer | None) -> None:
        """From now on ``person`` is heard in the channels of a language, in place of the machine's
        speech; None: the machine's again. See ``handover``."""
        if language not in self._handovers:
            self._queue(language)
            self._handovers[language] = Handover(lambda: self._on_handover(language))
        self._handovers[language].person = person

    def is_by_person(self, language: str) -> bool:
        """Whether a person is heard in the channels of a language now."""
        return language in self._handovers and self._handovers[language].by_person

    def backlog_s(self, language: str) -> float:
        """Seconds of interpretation that wait to be played."""
        return self._queue(language).backlog_s

    def status(self, language: str) -> Status:
        """The status of a language; "starting" until one is set."""
        return self._status.get(language, "starting")

    def set_status(self, language: str, status: Status) -> None:
        """Set it. Only a live language replaces the floor in its channels."""
        self._status[language] = status

    def tick(self, tick: int) -> None:
        """Play 20 ms."""
        self.next_tick = tick + 1
        floor, packet = self.floor.pull()
        self._note_shift(tick)
        forwarded = self._forwarding.choose(floor, packet)
        speech = {language: queue.pull(tick) for language, queue in self._speech.items()}
        for language, handover in self._handovers.items():
            speech[language] = handover.pull(speech[language])
        for channel in self._channels.values():
            spoken = speech.get(channel.language or "")
            try:
                self._play(channel, tick, floor, spoken, forwarded)
            except Exception as error:  # noqa: BLE001  it must not silence the other channels
                self.counts.failed += 1
                if not channel.failing:  # once, not 50 times a second
                    _log.error("a channel could not be played at %d: %s", tick, described(error))
                channel.failing, channel.encoder = True, self._new_encoder()
            else:
                channel.failing = False

    def _note_shift(self, tick: int) -> None:
        position = self.floor.pulled
        if position is not None:
            shift = tick * SAMPLES_PER_TICK - position
            if not self.floor_shifts or self.floor_shifts[-1][1] != shift:
                self.floor_shifts.append((position, shift))

    def _play(
        self, channel: "_Channel", tick: int, floor: Pcm, speech: Pcm | None, packet: bytes | None
    ) -> None:
        """Play 20 ms of a channel. ``packet``: the floor's, if it need not be encoded."""
        if channel.language is None:
            if packet is not None:
                self._forward(channel, tick, floor, packet)
                return
            pcm = floor
        else:
            gain = self._floor_gain(channel)
            pcm = mix(speech, floor, channel.gain, gain)
            channel.gain = gain
        self._send(channel, tick, channel.encoded(pcm), channel.encoder.silent)

    def _forward(self, channel: "_Channel", tick: int, pcm: Pcm, packet: bytes) -> None:
        channel.not_encoded = pcm
        self._send(channel, tick, packet, silent=False)
        self.counts.forwarded += channel.broadcast.listeners

    def _send(self, channel: "_Channel", tick: int, packet: bytes, silent: bool) -> None:
        broadcast = channel.broadcast
        channel.encoder.expect_loss(broadcast.loss)
        if channel.silence.sends(tick, packet, silent, broadcast.take_newcomers()):
            broadcast.publish(tick, packet, channel.silence.begins_speech)
            self.counts.sent += broadcast.listeners
        else:
            sent = broadcast.publish_silence(tick, packet)
            self.counts.sent += sent
            self.counts.silent += broadcast.listeners - sent

    def _queue(self, language: str) -> SpeechQueue:
        if language not in self._speech:
            self._speech[language] = SpeechQueue(
                lambda clause, tick: self._on_start(language, clause, tick),
                self.counts,
                lambda clause, start, end: self._on_end(language, clause, start, end),
            )
        return self._speech[language]

    def _floor_gain(self, channel: "_Channel") -> float:
        if channel.language is None:
            return 1.0
        live = self.status(channel.language) == "live" or self.is_by_person(channel.language)
        if not live:
            return INSTEAD_GAIN
        return UNDER_GAIN if channel.over_floor else 0.0


class _Channel:
    def __init__(self, name: str, encoder: ChannelEncoder) -> None:
        language, _, _ = name.partition("+")
        self.language = None if name == FLOOR else language
        self.over_floor = name.endswith(f"+{FLOOR}")
        self.gain = 0.0
        self.encoder = encoder
        self.failing = False
        self.silence = Silence()
        #: The audio of the last tick, if a packet was forwarded instead.
        self.not_encoded: Pcm | None = None
        self.broadcast = Broadcast(name)

    def encoded(self, pcm: Pcm) -> bytes:
        """Encode 20 ms. If the last tick was not encoded, encode it first: a packet begins with
        the 6.5 ms before it (the encoder's lookahead)."""
        if self.not_encoded is not None:
            self.encoder.encode(self.not_encoded)
            self.not_encoded = None
        return self.encoder.encode(pcm)


def mix(speech: Pcm | None, floor: Pcm, from_gain: float, to_gain: float) -> Pcm:
    """20 ms of speech over the floor, whose gain goes from one value to the other."""
    if from_gain == to_gain == 0:
        return _SILENCE if speech is None else speech
    steps = np.linspace(from_gain, to_gain, SAMPLES_PER_TICK, dtype=np.float32)
    mixed = floor * steps
    if speech is not None:
        mixed += speech
    return soft_limited(mixed)


def soft_limited(samples: np.ndarray[tuple[int], np.dtype[np.float32]]) -> Pcm:
    """Samples as int16: unchanged up to KNEE, above it compressed towards FULL_SCALE."""
    size = np.abs(samples)
    if size.max() > KNEE:
        room = FULL_SCALE - KNEE
        bent = KNEE + room * np.tanh((size - KNEE) / room)
        samples = np.where(size > KNEE, np.copysign(bent, samples), samples)
    return np.rint(samples).astype(np.int16)
