"""What reaches a recogniser, and when its words were said."""

from collections.abc import Sequence

import numpy as np
import pytest

from server.bus.messages import RATE_HZ
from server.interpretation.gate import HANG_OVER, PRE_ROLL, Gate
from server.interpretation.types import Pcm, Transcript, Word
from tests.helpers.interpretation import WORD_SAMPLES

CHUNK = RATE_HZ // 10
#: A word, of half a second.
EEN: Pcm = np.random.default_rng(1).integers(1, 3000, WORD_SAMPLES).astype(np.int16)


class Loud:
    """Takes for speech whatever is not silent."""

    window_samples = 400

    def speech(self, pcm: Pcm) -> Sequence[float]:
        return [float(window.any()) for window in pcm.reshape(-1, self.window_samples)]


class Ear:
    """A recogniser that hears as a word what is not silent, so many samples later, and ends an
    utterance after so many samples of silence. ``finishes``: how often it was told to."""

    pause_samples: int | None = None

    def __init__(self, patience: int = 1000 * RATE_HZ, late: int = 0) -> None:
        self.heard: Pcm = np.zeros(0, np.int16)
        self.finishes = 0
        self._patience = patience
        self._late = late
        self._utterance = 0

    def accept(self, pcm: Pcm) -> Transcript | None:
        self.heard = np.concatenate((self.heard, pcm))
        words = self._words(self._late)
        if words and not self.heard[-self._patience :].any():
            self._utterance = len(self.heard)
            return Transcript(words, True)
        return Transcript(words, False)

    def finish(self) -> Transcript | None:
        self.finishes += 1
        words, self._utterance = self._words(), len(self.heard)
        return Transcript(words, True)

    def _words(self, late: int = 0) -> tuple[Word, ...]:
        loud = (self.heard[self._utterance :] != 0).astype(np.int8)
        edges = np.flatnonzero(np.diff(loud, prepend=0, append=0))
        pairs = (edges + self._utterance).reshape(-1, 2).tolist()
        known = len(self.heard) - late
        return tuple(Word("een", start, end) for start, end in pairs if end <= known)


def silence(samples: int) -> Pcm:
    return np.zeros(samples, np.int16)


def heard_through(gate: Gate, *parts: Pcm) -> list[Transcript]:
    pcm = np.concatenate(parts)
    transcripts = [gate.accept(pcm[at : at + CHUNK]) for at in range(0, len(pcm), CHUNK)]
    return [each for each in transcripts if each]


def finals(transcripts: list[Transcript]) -> list[tuple[int, int]]:
    return [
        (word.start_sample, word.end_sample)
        for each in transcripts
        if each.final
        for word in each.words
    ]


def test_without_speech_the_recogniser_gets_no_audio() -> None:
    ear = Ear()
    gate = Gate(ear, Loud())
    assert not heard_through(gate, silence(600 * RATE_HZ))
    assert not len(ear.heard)
    assert gate.finish() is None


def test_a_knock_does_not_open_the_gate() -> None:
    ear = Ear()
    knock = EEN[: 4 * Loud.window_samples]
    heard_through(Gate(ear, Loud()), silence(RATE_HZ), knock, silence(RATE_HZ - len(knock)))
    assert not len(ear.heard)


def test_a_held_note_does_not_open_the_gate() -> None:
    ear = Ear()
    note = 3000 * np.sin(2 * np.pi * 220 * np.arange(3 * RATE_HZ) / RATE_HZ) + 5000
    heard_through(Gate(ear, Loud()), silence(RATE_HZ), note.astype(np.int16))
    assert not len(ear.heard)


def test_audio_just_before_speech_is_fed_too() -> None:
    ear = Ear()
    heard_through(Gate(ear, Loud()), silence(10 * RATE_HZ), EEN)
    before = len(ear.heard) - len(EEN)
    assert PRE_ROLL - 2 * CHUNK <= before <= PRE_ROLL
    assert ear.heard[before:].all()


@pytest.mark.parametrize("patience_s", [0.5, 1000])
@pytest.mark.parametrize("before_s", [0.2, 1, 7])
def test_word_times_are_those_of_the_stream(before_s: float, patience_s: float) -> None:
    before, between = round(before_s * RATE_HZ), 10 * RATE_HZ
    gate = Gate(Ear(round(patience_s * RATE_HZ)), Loud())
    parts = [silence(before), EEN, silence(between), EEN, silence(between)]
    first = before, before + len(EEN)
    second = first[1] + between, first[1] + between + len(EEN)
    assert finals(heard_through(gate, *parts)) == [first, second]


def test_word_times_are_right_after_a_pause_within_an_utterance() -> None:
    gate, short = Gate(Ear(), Loud()), silence(HANG_OVER - CHUNK)
    transcripts = heard_through(gate, EEN, short, EEN)
    second = len(EEN) + len(short)
    assert [(word.start_sample, word.end_sample) for word in transcripts[-1].words] == [
        (0, len(EEN)),
        (second, second + len(EEN)),
    ]


def test_the_last_words_are_final_when_the_gate_closes() -> None:
    ear = Ear()
    transcripts = heard_through(Gate(ear, Loud()), EEN, silence(5 * RATE_HZ))
    assert finals(transcripts) == [(0, len(EEN))]
    assert len(ear.heard) <= len(EEN) + HANG_OVER


def test_a_word_that_is_recognised_only_after_the_pause_keeps_its_time() -> None:
    gate, pause = Gate(Ear(late=2 * RATE_HZ), Loud()), 10 * RATE_HZ
    transcripts = heard_through(gate, EEN, silence(pause), EEN)
    last = gate.finish()
    assert last is not None
    assert not finals(transcripts)
    assert finals([last]) == [(0, len(EEN)), (len(EEN) + pause, 2 * len(EEN) + pause)]


def test_an_ended_utterance_is_not_ended_again() -> None:
    ear = Ear(patience=RATE_HZ // 2)
    gate = Gate(ear, None)
    heard_through(gate, EEN, silence(RATE_HZ // 2))
    assert gate.finish() is None
    assert not ear.finishes


def test_no_audio_is_fed_twice_when_the_gate_reopens() -> None:
    ear = Ear()
    pcm = np.concatenate((silence(3 * RATE_HZ), EEN, silence(HANG_OVER + 2 * CHUNK), EEN))
    heard_through(Gate(ear, Loud()), pcm)
    assert (ear.heard == pcm[-len(ear.heard) :]).all()


def test_the_time_without_speech_is_measured() -> None:
    gate = Gate(Ear(), Loud())
    heard_through(gate, EEN, silence(RATE_HZ))
    assert gate.quiet_samples == RATE_HZ


def test_without_a_detector_all_audio_is_fed() -> None:
    ear = Ear()
    heard_through(Gate(ear, None), silence(RATE_HZ), EEN)
    assert len(ear.heard) == RATE_HZ + len(EEN)


def test_a_recogniser_may_ask_for_a_shorter_pause() -> None:
    ear, pause = Ear(), HANG_OVER // 2
    ear.pause_samples = pause
    transcripts = heard_through(Gate(ear, Loud()), EEN, silence(5 * RATE_HZ))
    assert finals(transcripts) == [(0, len(EEN))]
    assert ear.finishes == 1
    assert len(ear.heard) <= len(EEN) + pause + CHUNK


def test_all_audio_after_the_pause_is_fed() -> None:
    ear = Ear()
    ear.pause_samples = HANG_OVER // 2
    gap = silence(HANG_OVER // 2 + 2 * CHUNK)
    transcripts = heard_through(Gate(ear, Loud()), EEN, gap, EEN, silence(5 * RATE_HZ))
    second = len(EEN) + len(gap)
    assert finals(transcripts) == [(0, len(EEN)), (second, second + len(EEN))]
