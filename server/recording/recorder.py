"""Records one stream, while that is asked for and somebody speaks.

A recording begins with the first sound of a speaker. It ends with the stream, when it is switched
off, or if nothing was said for IDLE_S. Its time is that of the channels: 0 is the tick with which
it began. The time of a caption is when what was said is played in the floor.
"""

import logging
from collections import deque
from collections.abc import Callable, Collection
from typing import Final

from server.bus import messages as bus
from server.bus.messages import RATE_HZ
from server.media.broadcast import SubscriberTrack
from server.media.floor import CUSHION_SAMPLES
from server.media.opus import RATE_HZ as SOUND_HZ
from server.media.opus import SAMPLES_PER_TICK
from server.media.playout import FLOOR, StreamPlayout
from server.recording.files import Batch, Line
from server.recording.recordings import Recording, Recordings
from server.streams.registry import Stream
from server.streams.tracks import Tracks
from signaling.messages import Recorded

logger = logging.getLogger(__name__)

#: The next word after so long a silence is another recording.
IDLE_S: Final = 600.0
#: What a track keeps until the next second: five seconds.
QUEUE_PACKETS: Final = 250
#: Stream time and playout differ by another amount if that has changed by 10 ms.
STEP: Final = SOUND_HZ // 100
#: Changes that are kept. There are few, and a caption comes seconds after its sound.
MOST_STEPS: Final = 2000


class Recorder:
    """Of one stream. ``announce`` tells participants that ``kinds`` has changed."""

    def __init__(
        self,
        stream: Stream,
        playout: StreamPlayout,
        tracks: Tracks,
        recordings: Recordings,
        announce: Callable[[], None],
    ) -> None:
        #: Why the last recording ended, if not as it should.
        self.problem = ""
        self._stream = stream
        self._playout = playout
        self._tracks = tracks
        self._recordings = recordings
        self._announce = announce
        self._now: _Now | None = None

    @property
    def kinds(self) -> list[Recorded]:
        """What is recorded as soon as somebody speaks, as participants are told."""
        if self.problem or self._stream.is_private:
            return []
        return self._recordings.kinds(self._stream.id)

    @property
    def is_running(self) -> bool:
        """Whether something is being recorded now."""
        return self._now is not None

    def asked(self) -> None:
        """An operator asked for something, perhaps the same again."""
        self.finish()
        self.problem = ""
        self._announce()

    def hear(self, sample: int) -> None:
        """The speaker's sound from this sample of stream time on is about to be played."""
        tick, kinds = self._playout.next_tick, self.kinds
        if tick is None or not kinds:
            return
        if self._now is None:
            recording = self._recordings.begin(
                self._stream.id, tick * SAMPLES_PER_TICK, self._failed
            )
            self._now = _Now(recording, kinds, tick)
            self._record([FLOOR])
        self._now.plays(sample, tick, self._playout.floor.delay_samples)

    def caption(self, line: bus.Caption) -> None:
        """Record a caption, if it is final."""
        if self._now is not None and "text" in self._now.kinds and line.status == "final":
            self._now.lines.append(
                Line(
                    language=line.language,
                    segment=line.segment,
                    revision=line.revision,
                    start_ms=self._now.ms(line.start_sample),
                    end_ms=self._now.ms(line.end_sample),
                    text=line.text,
                    source=line.language == self._stream.source,
                    skipped=line.skipped,
                    doubtful=line.doubtful,
                )
            )

    def refresh(self, languages: Collection[str]) -> None:
        """Write what has come in the last second. ``languages``: those being interpreted."""
        if self._now is None:
            return
        tick = self._playout.next_tick or 0
        if (tick - self._now.heard_tick) * SAMPLES_PER_TICK > IDLE_S * SOUND_HZ:
            self.finish()
            return
        self._record(languages)
        self._now.recording.append(self._now.batch())

    def finish(self) -> None:
        """End the recording, if there is one."""
        if self._now is not None:
            now, self._now = self._now, None
            now.recording.append(now.batch())
            now.recording.close()
            self._stop(now)

    def _failed(self, reason: str) -> None:
        """The recording ended by itself."""
        self.problem = reason
        logger.warning("the recording of %r has stopped: %s", self._stream.id, reason)
        if self._now is not None:
            now, self._now = self._now, None
            self._stop(now)
        self._announce()

    def _stop(self, now: "_Now") -> None:
        for track in now.tracks.values():
            self._tracks.stop_recording(track)

    def _record(self, channels: Collection[str]) -> None:
        """Record these channels too, from now on."""
        assert self._now is not None
        if "audio" in self._now.kinds:
            for name in channels:
                if name not in self._now.tracks:
                    self._now.tracks[name] = self._tracks.record(name, QUEUE_PACKETS)


class _Now:
    """A recording that runs. ``tick``: its time 0. ``heard_tick``: when sound came last."""

    def __init__(self, recording: Recording, kinds: Collection[Recorded], tick: int) -> None:
        self.recording = recording
        self.kinds = kinds
        self.heard_tick = tick
        self.lines: list[Line] = []
        self.tracks: dict[str, SubscriberTrack] = {}
        self._first = tick
        #: From which sample of stream time on, how much later in samples at 48 kHz it is played.
        self._steps: deque[tuple[int, int]] = deque(maxlen=MOST_STEPS)

    def plays(self, sample: int, tick: int, delay: int | None) -> None:
        """What begins at ``sample`` is played ``delay`` samples at 48 kHz after ``tick``; None: it
        is not known yet. What waits before it is played without a gap."""
        self.heard_tick = tick
        if delay is None and self._steps:
            return
        waits = CUSHION_SAMPLES if delay is None else delay
        shift = (tick - self._first) * SAMPLES_PER_TICK + waits - sample * SOUND_HZ // RATE_HZ
        if not self._steps or abs(shift - self._steps[-1][1]) >= STEP:
            # Since it is known, up to a cushion has been played already.
            begun = sample - (waits + CUSHION_SAMPLES) * RATE_HZ // SOUND_HZ
            self._steps.append((begun, shift))

    def ms(self, sample: int) -> int:
        """When a sample of stream time is played, in milliseconds since the recording began."""
        shift = self._steps[0][1]
        for begun, later in self._steps:
            if begun <= sample:
                shift = later
        return max(0, (sample * SOUND_HZ // RATE_HZ + shift) * 1000 // SOUND_HZ)

    def batch(self) -> Batch:
        """What has come since the last call."""
        lines, self.lines = self.lines, []
        packets = {
            name: [(packet.pts or 0, bytes(packet)) for packet in track.taken()]
            for name, track in self.tracks.items()
        }
        return Batch(lines, packets)
