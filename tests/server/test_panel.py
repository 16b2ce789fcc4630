"""Whose microphone of a panel is heard: two people at a table, in virtual time."""

import json
from collections import defaultdict
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from server.demo import clip
from server.media.opus import Pcm
from server.media.receive import SPEECH_RATE_HZ, Sound
from server.streams.panel import MOST_MICROPHONES, Panel

DEMO = Path("server/demo")
PIECE = SPEECH_RATE_HZ // 50
TURNS = 20
#: Between two microphones of one table: as loud, as late. Of the room alone.
ACROSS, ACROSS_S, NOISE = 10 ** (-10 / 20), 0.06, 20.0


@cache
def phrases(language: str) -> list[Pcm]:
    """What is said in a clip, sentence by sentence, at 16 kHz."""
    told = json.loads((DEMO / f"{language}.json").read_text(encoding="utf8"))["phrases"]
    pcm = clip(language)[::3]
    return [pcm[samples(each["start_s"]) : samples(each["end_s"])] for each in told]


def samples(seconds: float) -> int:
    return round(seconds * SPEECH_RATE_HZ)


@dataclass
class Table:
    """What is said at which time by whom, as each microphone hears it. ``heard``: the pieces of
    each microphone that were heard, by their numbers; ``switches``: who took over, and when;
    ``from_s``: from when on they were heard."""

    seconds: float
    names: str = "ab"
    switches: list[tuple[float, str]] = field(default_factory=list)
    from_s: list[float] = field(default_factory=list)
    heard: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    sound: np.ndarray[tuple[int, int], np.dtype[np.float64]] = field(init=False)

    def __post_init__(self) -> None:
        shape = len(self.names), samples(self.seconds)
        self.sound = np.random.default_rng(1).normal(0, NOISE, shape)

    def say(self, who: str, at_s: float, pcm: Pcm, across: float = ACROSS) -> float:
        """Returns when it has been said."""
        for number, name in enumerate(self.names):
            own = name == who
            at = samples(at_s if own else at_s + ACROSS_S)
            room = self.sound[number, at : at + len(pcm)]
            room += pcm[: len(room)] * (1 if own else across)
        return at_s + len(pcm) / SPEECH_RATE_HZ

    def play(self, speaker: str | None = "a") -> None:
        panel = Panel()
        pcm = np.clip(self.sound, -32768, 32767).astype(np.int16)
        for piece in range(samples(self.seconds) // PIECE):
            for name, own in zip(self.names, pcm, strict=True):
                now = own[piece * PIECE : (piece + 1) * PIECE]
                sound = Sound(now, now)
                said = panel.hear(name, sound, piece / 50, speaker)
                if said:
                    speaker = name
                    self.switches.append((piece / 50, name))
                    self.from_s.append((piece + 1 - len(said)) / 50)
                elif name == speaker:
                    said = [sound]
                self.heard[name] |= set(range(piece + 1 - len(said), piece + 1))


@pytest.mark.parametrize("pause_s", [-0.2, 0.1, 0.8])
def test_no_first_word_of_twenty_is_lost(pause_s: float) -> None:
    """The next one begins before the other has finished, at once, or later."""
    said = [phrases("en" if turn % 2 else "nl")[turn // 2 % 8] for turn in range(TURNS + 1)]
    table = Table(sum(len(each) for each in said) / SPEECH_RATE_HZ + (TURNS + 4) * 0.8)
    begins_s, at_s = list[float](), 1.0
    for turn, pcm in enumerate(said):
        begins_s.append(at_s)
        at_s = table.say("ab"[turn % 2], at_s, pcm) + pause_s
    table.play()
    assert [who for _, who in table.switches] == ["ba"[turn % 2] for turn in range(TURNS)]
    lost = [
        turn
        for turn, begin_s in enumerate(begins_s)
        if not table.heard["ab"[turn % 2]].issuperset(
            range(round(begin_s * 50) + 1, round((begin_s + 0.5) * 50))
        )
    ]
    assert not lost
    early_s = np.array(begins_s[1:]) - table.from_s
    assert early_s.max() < 0.25, "nor is what the other said heard again, from across the table"


def test_a_cough_does_not_take_over() -> None:
    table = Table(12)
    burst = np.random.default_rng(2).normal(0, 12_000, samples(0.1)).astype(np.int16)
    table.say("a", 1, phrases("nl")[0])  # 2.1 s, and then a long pause
    for at_s in (1.5, 4.0, 6.0, 6.3, 8.0):
        table.say("b", at_s, burst, across=0)
    table.say("a", 9, phrases("nl")[1])
    table.play()
    assert table.switches == []


def test_the_speaker_in_anothers_microphone_does_not_take_over() -> None:
    table, at_s = Table(30), 1.0
    for pcm in phrases("nl")[:8]:
        at_s = table.say("a", at_s, pcm, across=1.0) + 0.4
    table.play()
    assert table.switches == []


def test_two_who_talk_at_once_leave_it_where_it_is() -> None:
    dutch, english = (np.concatenate(phrases(each)[:8]) for each in ("nl", "en"))
    table = Table(20)
    table.say("a", 1, dutch)
    table.say("b", 2, english)
    table.play()
    assert [who for at_s, who in table.switches if at_s < 18] == []


def test_who_is_much_louder_interrupts() -> None:
    dutch, english = (np.concatenate(phrases(each)[:8]) for each in ("nl", "en"))
    table = Table(10)
    table.say("a", 1, (dutch // 4).astype(np.int16))
    table.say("b", 4, english)
    table.play()
    assert [who for _, who in table.switches] == ["b"]
    assert table.switches[0][0] < 6
    assert table.heard["b"].issuperset(range(4 * 50, 9 * 50))


def test_of_two_who_hear_somebody_the_nearer_microphone_takes_over() -> None:
    table = Table(5, names="abc")
    table.say("c", 1, phrases("nl")[0])
    table.play(speaker=None)
    assert [who for _, who in table.switches] == ["c"]


def test_the_noise_of_a_microphone_that_is_switched_on_does_not_take_over() -> None:
    table = Table(12)
    noise = np.random.default_rng(3).normal(0, 200, samples(9)).astype(np.int16)  # -44 dB
    table.say("a", 0, phrases("nl")[0])
    table.say("b", 1, noise, across=0)
    table.say("a", 5, phrases("nl")[1])
    table.play()
    assert table.switches == []


def test_microphones_are_kept_in_bounds() -> None:
    loud = np.full(PIECE, 8000, np.int16)
    panel, sound = Panel(), Sound(loud, loud)
    for number in range(MOST_MICROPHONES):
        panel.hear(number, sound, 0, 0)
    assert not any(panel.hear("more", sound, piece / 50, None) for piece in range(100))
    panel.leave(0)
    assert any(panel.hear("more", sound, 2 + piece / 50, None) for piece in range(100))


def test_whoever_takes_over_fades_in_from_a_little_before_they_began() -> None:
    quiet, loud = (np.full(PIECE, level, np.int16) for level in (50, 8000))
    panel, said = Panel(), list[Sound]()
    for piece in range(100):
        if not said:
            now = quiet if piece < 50 else loud
            said = panel.hear("a", Sound(now, now), piece / 50, None)
    levels = [int(each.pcm16.max()) for each in said]
    assert levels == sorted(levels)
    assert levels[0] == 0
    assert levels.count(8000) == 15
