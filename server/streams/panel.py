"""Which microphone of a panel is heard: automatic mixing, with one microphone open at a time.

- A microphone takes over when it has led for TAKES_S. It leads while somebody speaks into it, about
  as loud as the others that wait, and while the speaker is LOUDER_DB quieter or says nothing.
  Speech that does not lead is taken off again.
- So a cough does not take over, nor the speaker's voice in another microphone. Where two talk at
  once, the first goes on until they pause.
- The last KEPT_S of those who wait are kept. Whoever takes over is heard from a little before they
  began, so their first word is not lost.
"""

import math
from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from server.media.opus import Pcm
from server.media.receive import SPEECH_RATE_HZ, Sound

TAKES_S: Final = 0.3
#: A voice counts for so long after it was heard: syllables have gaps, and another microphone of the
#: same room may be heard later, as its network is slower.
REST_S: Final = 0.3
#: So much louder than the speaker one must be to take over while they speak.
LOUDER_DB: Final = 4.0
#: Of those who wait, one may lead who is quieter than another by so much.
NEAR_DB: Final = 3.0
#: Sound is a voice if it is so much louder than the microphone's noise, and not very quiet.
ABOVE_NOISE_DB: Final = 10.0
QUIET_DB: Final = -50.0
#: What a microphone's noise is taken to be at first and at least, and how fast it is learnt.
LEAST_NOISE_DB: Final = -60.0
NOISE_RISES_DB_S: Final = 6.0
#: After such a pause, what is said begins anew.
PAUSE_S: Final = 0.5
#: A word begins more quietly than the voice that is noticed.
BEFORE_S: Final = 0.2
#: What is quieter than the speaker was within this time is the speaker, from another microphone.
LATER_S: Final = 0.1
KEPT_S: Final = 2.0
#: Further microphones are not heard.
MOST_MICROPHONES: Final = 32
FRAME_S: Final = 0.02


@dataclass(eq=False, slots=True)
class _Microphone:
    """``kept``: its last sounds while it waits. ``voice``: when there was a voice in the last
    REST_S, and how loud, in dB. ``led_s``: for how long it led. ``began_s``: how long ago the
    one whose it is began; None in a pause. ``quiet_s``: since they said something."""

    kept: deque[Sound] = field(default_factory=deque)
    kept_s: float = 0.0
    noise_db: float = LEAST_NOISE_DB
    voice: deque[tuple[float, float]] = field(default_factory=deque)
    led_s: float = 0.0
    began_s: float | None = None
    quiet_s: float = 0.0

    def measure(self, db: float, took_s: float, now_s: float) -> bool:
        """Note the level of the next sound. Returns whether it is a voice."""
        self.noise_db = max(LEAST_NOISE_DB, min(db, self.noise_db + NOISE_RISES_DB_S * took_s))
        if db < max(QUIET_DB, self.noise_db + ABOVE_NOISE_DB):
            return False
        self.voice.append((now_s, db))
        return True

    def voice_db(self, now_s: float) -> float:
        """The mean level of the voice in it; -inf if there is none. (A mean of dB: a burst in it
        counts for little.)"""
        while self.voice and now_s - self.voice[0][0] > REST_S:
            self.voice.popleft()
        return sum(db for _, db in self.voice) / len(self.voice) if self.voice else -math.inf

    def keep(self, sound: Sound) -> None:
        self.kept.append(sound)
        self.kept_s += _seconds(sound)
        while self.kept_s > KEPT_S:
            self.kept_s -= _seconds(self.kept.popleft())

    def peak_db(self, now_s: float) -> float:
        """The loudest of the voice in it in the last LATER_S; -inf if there is none."""
        late = (db for at_s, db in self.voice if now_s - at_s <= LATER_S)
        return max(late, default=-math.inf)

    def count(self, voiced: bool, is_own: bool, leads: bool, took_s: float) -> None:
        """Note whether the next sound is a voice, whose it is, and whether it leads."""
        if voiced:
            self.led_s = max(0.0, self.led_s + (took_s if leads else -took_s))
        self.quiet_s = 0.0 if is_own else self.quiet_s + took_s
        if self.quiet_s >= PAUSE_S:
            self.begin_anew()
        elif is_own or self.began_s is not None:
            self.began_s = (self.began_s or 0.0) + took_s

    def begin_anew(self) -> None:
        """Nothing has been said yet."""
        self.led_s, self.began_s = 0.0, None

    def take(self) -> list[Sound]:
        """What was said until now, which is no longer kept."""
        since_s = BEFORE_S + (self.began_s or 0.0)
        said = []
        while self.kept and since_s > 0:
            sound = self.kept.pop()
            said.append(sound if since_s > BEFORE_S else _faded(sound, since_s / BEFORE_S))
            since_s -= _seconds(sound)
        self.forget()
        return said[::-1]

    def forget(self) -> None:
        self.kept.clear()
        self.kept_s = 0.0
        self.begin_anew()


class Panel:
    """The microphones of one stream; each is known by what ``hear`` is called with."""

    def __init__(self) -> None:
        self._microphones: dict[Hashable, _Microphone] = {}

    def hear(
        self, who: Hashable, sound: Sound, now_s: float, speaker: Hashable | None
    ) -> list[Sound]:
        """Note the next sound of a microphone. ``now_s``: by a clock that all share. ``speaker``:
        the one that is open, if one is. Returns what ``who`` has said, if they take over."""
        own = self._microphones.get(who)
        if own is None:
            if len(self._microphones) >= MOST_MICROPHONES:
                return []
            own = self._microphones[who] = _Microphone()
        if who == speaker:
            own.forget()
        else:
            own.keep(sound)
        for pcm in _frames(sound.pcm16):
            took_s = len(pcm) / SPEECH_RATE_HZ
            db = _level_db(pcm)
            voiced = own.measure(db, took_s, now_s)
            if who != speaker:
                is_own = voiced and db >= self._speaker_db(speaker, now_s)
                leads = voiced and own.voice_db(now_s) >= self._to_lead(who, speaker, now_s)
                own.count(voiced, is_own, leads, took_s)
        return own.take() if own.led_s >= TAKES_S else []

    def leave(self, who: Hashable) -> None:
        """The microphone is gone."""
        self._microphones.pop(who, None)

    def _speaker_db(self, speaker: Hashable | None, now_s: float) -> float:
        """How loud the speaker is now."""
        microphone = self._microphones.get(speaker)
        return -math.inf if microphone is None else microphone.peak_db(now_s)

    def _to_lead(self, who: Hashable, speaker: Hashable | None, now_s: float) -> float:
        """The level from which on a microphone leads."""
        return max(
            (
                each.voice_db(now_s) + (LOUDER_DB if name == speaker else -NEAR_DB)
                for name, each in self._microphones.items()
                if name != who
            ),
            default=-math.inf,
        )


def _frames(pcm: Pcm) -> list[Pcm]:
    """Pieces of about FRAME_S."""
    return np.array_split(pcm, max(1, round(len(pcm) / SPEECH_RATE_HZ / FRAME_S)))


def _level_db(pcm: Pcm) -> float:
    """The level, in dB of full scale."""
    if not len(pcm):
        return -math.inf
    power = float(np.mean(np.square(pcm, dtype=np.float64)))
    return 10 * math.log10(power / 2**30 + 1e-12)


def _faded(sound: Sound, gain: float) -> Sound:
    """The sound, quieter: it is a soft beginning, or the end of what another says."""
    quieter = gain**2
    pcm48, pcm16 = (np.rint(pcm * quieter).astype(np.int16) for pcm in (sound.pcm48, sound.pcm16))
    return Sound(pcm48, pcm16)


def _seconds(sound: Sound) -> float:
    return len(sound.pcm16) / SPEECH_RATE_HZ
