"""Records one stream, while that is asked for and somebody speaks.

A recording begins with the first sound of a speaker. It ends once what was said in a stream that
has ended was heard, when it is switched off, or if nothing was said for IDLE_S. Its time is that of
the channels: 0 is the tick with which it began. The time of a caption is when what was said is
played in the floor. Once its interpretation has been heard, it is recorded again, with the time of
that besides.
"""

import logging
from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Final

from server.bus import messages as bus
from server.bus.messages import RATE_HZ
from server.media.broadcast import SubscriberTrack
from server.media.floor import is_quiet
from server.media.opus import RATE_HZ as SOUND_HZ
from server.media.opus import SAMPLES_PER_TICK, Pcm
from server.media.playout import FLOOR, StreamPlayout
from server.recording.files import Batch, Line
from server.recording.recordings import Recording, Recordings
from server.streams.registry import Stream
from server.streams.tracks import Tracks
from signaling.messages import Recorded

logger = logging.getLogger(__name__)

#: The next word after so long a silence is another recording.
IDLE_S: Final = 600.0
#: How long it goes on at most after the stream has ended, until what was said is heard.
ENDS_S: Final = 60.0
#: What a track keeps until the next second: five seconds.
QUEUE_PACKETS: Final = 250
#: Stream time and the floor differ by another amount if that has changed by a millisecond.
STEP: Final = SOUND_HZ // 1000
#: Segments that are remembered until their interpretation was heard: more than a minute's.
MOST_SEGMENTS: Final = 256
#: Changes that are kept. There are few, and a caption comes seconds after its sound.
MOST_SHIFTS: Final = 2000


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
        self._ended_tick: int | None = None  # when the stream ended

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

    def hear(self, sample: int, pcm: Pcm) -> None:
        """The speaker's sound from this sample of stream time on is about to be played. ``pcm``:
        that sound, int16. An open microphone without a speaker sends silence all the time."""
        tick, kinds = self._playout.next_tick, self.kinds
        if tick is None or not kinds:
            return
        if self._ended_tick is not None:
            self.finish()
        quiet = is_quiet(pcm)
        if self._now is None:
            if quiet:
                return
            recording = self._recordings.begin(
                self._stream.id, tick * SAMPLES_PER_TICK, self._failed
            )
            if self.problem:  # it has failed already, as too much waits to be written
                return
            self._now = _Now(recording, kinds, tick, self._playout)
            self._record([FLOOR])
        self._now.hears(sample, tick, quiet)

    def caption(self, line: bus.Caption) -> None:
        """Record a caption, if it is final."""
        if self._now is not None and "text" in self._now.kinds and line.status == "final":
            self._now.write(line, line.language == self._stream.source)
            self._now.heard_tick = self._playout.next_tick or 0  # who is soft is not silent

    def heard(self, language: str, segment: int, start: int, end: int) -> None:
        """A part of a segment's interpretation was heard between these timestamps."""
        if self._now is not None and "text" in self._now.kinds:
            self._now.heard(language, segment, start, end)

    def refresh(self, languages: Collection[str], unfinished: bool = False) -> None:
        """Write what has come in the last second. ``languages``: those being interpreted.
        ``unfinished``: something that was said is not yet interpreted, or not yet heard."""
        if self._now is None:
            return
        tick = self._playout.next_tick or 0
        ended = self._ended_tick
        is_over = ended is not None and (not unfinished or _s(tick - ended) > ENDS_S)
        if is_over or _s(tick - self._now.heard_tick) > IDLE_S:
            self.finish()
            return
        self._record(languages)
        self._now.recording.append(self._now.batch())

    def end(self) -> None:
        """The stream has ended: end the recording as soon as what was said has been heard."""
        self._ended_tick = self._playout.next_tick or 0

    def finish(self) -> None:
        """End the recording, if there is one."""
        self._ended_tick = None
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


def _s(ticks: int) -> float:
    return ticks * SAMPLES_PER_TICK / SOUND_HZ


class _Now:
    """A recording that runs. ``tick``: its time 0. ``heard_tick``: when something was said last."""

    def __init__(
        self, recording: Recording, kinds: Collection[Recorded], tick: int, playout: StreamPlayout
    ) -> None:
        self.recording = recording
        self.kinds = kinds
        self.heard_tick = tick
        self._segments: dict[tuple[str, int], _Segment] = {}
        self._changed: dict[tuple[str, int], _Segment] = {}
        self.tracks: dict[str, SubscriberTrack] = {}
        self._first = tick * SAMPLES_PER_TICK
        self._playout = playout
        #: From which sample of stream time on, how much higher its position in the floor is.
        self._shifts: deque[tuple[int, int]] = deque(maxlen=MOST_SHIFTS)

    def hears(self, sample: int, tick: int, quiet: bool) -> None:
        """What begins at ``sample`` of stream time is pushed to the floor now."""
        if not quiet:
            self.heard_tick = tick
        shift = self._playout.floor.received - sample * SOUND_HZ // RATE_HZ
        if not self._shifts or abs(shift - self._shifts[-1][1]) >= STEP:
            self._shifts.append((sample, shift))

    def ms(self, sample: int) -> int:
        """When a sample of stream time was played, in milliseconds since the recording began."""
        position = sample * SOUND_HZ // RATE_HZ + _from(self._shifts, sample)
        timestamp = position + _from(self._playout.floor_shifts, position)
        return self._since_first_ms(timestamp)

    def write(self, caption: bus.Caption, source: bool) -> None:
        """Record a caption. ``source``: it is what was recognised."""
        said = self._segment(caption.language, caption.segment)
        if said.caption is None or caption.revision >= said.caption.revision:
            said.caption, said.source = caption, source

    def heard(self, language: str, segment: int, start: int, end: int) -> None:
        """See Recorder.heard."""
        said = self._segment(language, segment)
        first = start if said.heard is None else said.heard[0]
        said.heard = first, end

    def _segment(self, language: str, number: int) -> "_Segment":
        """The segment, which is written anew."""
        key = language, number
        said = self._segments.pop(key, None) or _Segment()
        self._segments[key] = self._changed[key] = said
        if len(self._segments) > MOST_SEGMENTS:
            del self._segments[next(iter(self._segments))]
        return said

    def batch(self) -> Batch:
        """What has come since the last call."""
        changed, self._changed = self._changed, {}
        lines = [self._line(each) for each in changed.values() if each.caption is not None]
        packets = {
            name: [(packet.pts or 0, bytes(packet)) for packet in track.taken()]
            for name, track in self.tracks.items()
        }
        return Batch(lines, packets)

    def _line(self, said: "_Segment") -> Line:
        caption = said.caption
        assert caption is not None
        heard = said.heard and [self._since_first_ms(at) for at in said.heard]
        return Line(
            language=caption.language,
            segment=caption.segment,
            revision=caption.revision,
            start_ms=self.ms(caption.start_sample),
            end_ms=self.ms(caption.end_sample),
            text=caption.text,
            source=said.source,
            skipped=caption.skipped,
            doubtful=caption.doubtful,
            heard_start_ms=heard[0] if heard else None,
            heard_end_ms=heard[1] if heard else None,
        )

    def _since_first_ms(self, timestamp: int) -> int:
        return max(0, (timestamp - self._first) * 1000 // SOUND_HZ)


@dataclass
class _Segment:
    """A segment in one language. ``heard``: the timestamps between which it was."""

    caption: bus.Caption | None = None
    source: bool = False
    heard: tuple[int, int] | None = None


def _from(shifts: Sequence[tuple[int, int]], at: int) -> int:
    """The shift that holds at ``at``: the last that began before, or the first of all."""
    for begun, shift in reversed(shifts):
        if begun <= at:
            return shift
    return shifts[0][1] if shifts else 0
