import weakref
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from typing import Any

import numpy as np
import pytest

from server.interpretation.engines import ModelError, Recognizer
from server.interpretation.types import Pcm, Transcript, Word
from server.interpretation.vocabulary import ExpectingRecognizer

#: Long enough for a pause.
BLOCK = np.zeros(8000, np.int16)
SPEECH = np.ones(1600, np.int16)


class Naming:
    """Hears its own name in speech, from its beginning to now; silence is the end of it."""

    language = "nl"

    def __init__(self, name: str, *, broken: Exception | None = None, prefix: str = "") -> None:
        self.name = name
        self.broken = broken
        self.prefix = prefix

    def stream(self) -> "NamingStream":
        return NamingStream(self.name)

    def expecting(self, words: Sequence[str]) -> tuple[Recognizer, dict[str, str]]:
        if self.broken:
            raise self.broken
        return Naming(self.prefix + "+".join(words)), {
            word: "is odd" for word in words if word == "odd"
        }


class NamingStream:
    pause_samples = None

    def __init__(self, name: str) -> None:
        self._name = name
        self._heard = self._said = 0
        self._speaks = False

    def accept(self, pcm: Pcm) -> Transcript | None:
        self._heard += len(pcm)
        if pcm.any():
            self._speaks = True
            self._said = self._heard - len(pcm) + 1 + int(np.flatnonzero(pcm)[-1])
            return self._transcript(final=False)
        return self.finish() if self._speaks else None

    def finish(self) -> Transcript | None:
        self._speaks = False
        return self._transcript(final=True)

    def _transcript(self, final: bool) -> Transcript:
        return Transcript((Word(self._name, self._said - 1600, self._said),), final)


class ByHand(Executor):
    """Does what it is given when it is told to."""

    def __init__(self) -> None:
        self._waiting: list[Callable[[], None]] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()

        def work() -> None:
            try:
                future.set_result(fn(*args, **kwargs))
            except Exception as error:  # noqa: BLE001  as a thread of an executor does
                future.set_exception(error)

        self._waiting.append(work)
        return future

    def work(self) -> None:
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            each()


class Desk:
    """A recogniser whose words the test changes."""

    def __init__(self, plain: Naming) -> None:
        self.words: tuple[str, ...] = ()
        self.thread = ByHand()
        self.recognizer = ExpectingRecognizer(plain, lambda: self.words, self.thread)
        self.stream = self.recognizer.stream()

    def hears(self, *blocks: Pcm) -> str:
        transcripts = [self.stream.accept(block) for block in blocks]
        last = transcripts[-1]
        return last.text if last else ""


@pytest.fixture
def desk() -> Desk:
    return Desk(Naming("plain"))


def test_without_words_the_plain_recogniser_is_used(desk: Desk) -> None:
    assert desk.hears(SPEECH) == "plain"


def test_the_adapted_recogniser_takes_over_after_an_utterance(desk: Desk) -> None:
    desk.words = ("kerk",)
    assert desk.hears(SPEECH) == "plain"
    assert desk.hears(BLOCK) == "plain"
    assert desk.hears(SPEECH) == "plain"  # it is not made yet
    desk.thread.work()
    assert desk.hears(SPEECH) == "plain"  # an utterance is under way
    assert desk.hears(BLOCK) == "plain"  # and ends
    assert desk.hears(SPEECH) == "kerk"


def test_the_adapted_recogniser_takes_over_after_a_finish(desk: Desk) -> None:
    desk.words = ("kerk",)
    desk.hears(SPEECH)
    desk.thread.work()
    desk.stream.finish()
    assert desk.hears(SPEECH) == "kerk"


def test_word_times_continue_after_a_change(desk: Desk) -> None:
    desk.words = ("kerk",)
    desk.hears(SPEECH, BLOCK)
    desk.thread.work()
    transcript = desk.stream.accept(SPEECH)
    assert transcript is not None
    assert transcript.words == (Word("kerk", 9600, 11200),)


def test_without_words_the_plain_recogniser_returns(desk: Desk) -> None:
    desk.words = ("kerk",)
    desk.hears(SPEECH, BLOCK)
    desk.thread.work()
    assert desk.hears(SPEECH, BLOCK) == "kerk"
    desk.words = ()
    assert desk.hears(SPEECH) == "plain"


def test_words_changed_meanwhile_are_adapted_next(desk: Desk) -> None:
    desk.words = ("kerk",)
    desk.hears(BLOCK)
    desk.words = ("toren",)
    desk.thread.work()
    desk.hears(SPEECH, BLOCK)
    desk.thread.work()
    assert desk.hears(SPEECH, BLOCK) in ("kerk", "toren")
    assert desk.hears(SPEECH) == "toren"


def test_a_new_stream_uses_the_latest_recogniser(desk: Desk) -> None:
    desk.words = ("kerk",)
    desk.hears(SPEECH)
    desk.thread.work()
    transcript = desk.recognizer.stream().accept(SPEECH)
    assert transcript is not None
    assert transcript.text == "kerk"


def test_unusable_words_are_known(desk: Desk) -> None:
    desk.words = ("kerk", "odd")
    desk.hears(SPEECH, BLOCK)
    desk.thread.work()
    desk.hears(SPEECH)
    assert desk.recognizer.unusable == {"odd": "is odd"}
    desk.words = ()
    desk.hears(BLOCK)
    assert desk.recognizer.unusable == {}


@pytest.mark.parametrize("broken", [ModelError("broken"), RuntimeError("a bug")])
def test_a_model_that_cannot_be_adapted_goes_on_as_it_is(broken: Exception) -> None:
    desk = Desk(Naming("plain", broken=broken))
    desk.words = ("kerk",)
    desk.hears(SPEECH, BLOCK)
    desk.thread.work()
    assert desk.hears(SPEECH) == "plain"
    assert desk.recognizer.unusable.keys() == {"kerk"}
    desk.recognizer.move(Naming("other"))
    desk.hears(BLOCK)
    desk.thread.work()
    desk.hears(BLOCK)
    assert desk.hears(SPEECH) == "kerk"


def test_a_stream_changes_models_at_a_pause(desk: Desk) -> None:
    assert desk.hears(SPEECH) == "plain"
    desk.recognizer.move(Naming("other"))
    assert desk.hears(SPEECH) == "plain"
    assert desk.hears(BLOCK) == "plain"
    assert desk.hears(SPEECH) == "other"


def test_audio_since_the_last_word_is_recognised_again(desk: Desk) -> None:
    """Who speaks already, but was not told of yet, is heard from the beginning."""
    desk.hears(SPEECH, BLOCK, BLOCK)
    heard: list[Pcm] = []

    class Keeping(NamingStream):
        def accept(self, pcm: Pcm) -> Transcript | None:
            heard.append(pcm)
            return super().accept(pcm)

    class Keeps(Naming):
        def stream(self) -> NamingStream:
            return Keeping(self.name)

    desk.recognizer.move(Keeps("other"))
    transcript = desk.stream.accept(SPEECH)
    assert [len(each) for each in heard] == [2 * len(BLOCK) + len(SPEECH)]
    assert transcript is not None
    assert transcript.words == (Word("other", 17600, 19200),)


def test_without_a_pause_a_stream_changes_models_after_ten_seconds(desk: Desk) -> None:
    short = np.zeros(160, np.int16)
    desk.hears(SPEECH)
    desk.recognizer.move(Naming("other"))
    for _ in range(90):  # nearly ten seconds
        assert desk.hears(SPEECH, short) == "plain"
    assert desk.hears(*[SPEECH] * 10) == "plain"  # not within an utterance
    assert desk.hears(short) == "plain"
    assert desk.hears(SPEECH) == "other"


def test_another_model_is_adapted_before_it_takes_over(desk: Desk) -> None:
    desk.words = ("kerk",)
    desk.hears(SPEECH, BLOCK)
    desk.thread.work()
    desk.hears(SPEECH, BLOCK)
    other = Naming("other", prefix="other: ")
    desk.recognizer.move(other)
    assert desk.hears(SPEECH, BLOCK) == "kerk"
    desk.thread.work()
    assert desk.hears(SPEECH, BLOCK) == "other: kerk"


def test_the_old_model_is_freed_after_the_last_stream_has_changed() -> None:
    plain = Naming("plain")
    desk, gone = Desk(plain), weakref.ref(plain)
    del plain
    desk.hears(SPEECH)
    desk.recognizer.move(Naming("other"))
    desk.hears(SPEECH)
    assert gone() is not None
    desk.hears(BLOCK, SPEECH)
    assert gone() is None
