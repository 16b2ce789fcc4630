"""The source language of a stream: detected, changed automatically, or changed by the speaker."""

from pathlib import Path

import numpy as np
import pytest

from server.bus import messages as bus
from server.bus.messages import AUTO, RATE_HZ
from server.client.participants import Listener, Refused, Speaker
from server.media.pacer import Pacer
from server.media.receive import Sound
from server.metrics import Metrics
from server.models.catalogue import Catalogue
from server.models.current import Current
from server.streams.admission import Admission
from server.streams.context import StreamContext
from server.streams.live_stream import LiveStream
from server.streams.registry import ConnectionManager, Session
from signaling import messages as wire
from tests.helpers.recorded_bus import RecordedBus
from tests.helpers.running import STAND_IN, final, models_of_several, tolk, tone

CHUNK = RATE_HZ // 10


class Stage:
    """A stream with a speaker and a listener of English, and the messages to both."""

    def __init__(self, folder: Path, language: str, languages: tuple[str, ...] | None = None):
        self.bus = RecordedBus()
        self.manager = ConnectionManager()
        self.told: dict[str, list[wire.ServerMessage]] = {"speaker": [], "listener": []}
        self.speaker = self.join(language, languages)
        listener = self.manager.join_listener(
            "s", "a", "en", ("nl", "en"), lambda why: None, resume=None
        )
        self.live = LiveStream(
            self.speaker.stream,
            StreamContext(
                self.bus,
                Pacer(),
                Current(Catalogue.load(models_of_several(folder))),
                Metrics(),
                Admission(0, 2),
                10.0,
            ),
        )
        self.live.interpreter_ready()
        self.live.attach(listener, self.told["listener"].append)
        self.live.attach(self.speaker, self.told["speaker"].append)
        self.track = self.live.tracks.add(listener)
        self.live.source.begin()

    def join(self, language: str, languages: tuple[str, ...] | None = None) -> Session:
        return self.manager.join_speaker(
            "s", "a", language, lambda why: None, resume=None, take_over=False, languages=languages
        )

    def hand_over(self, language: str) -> None:
        """Somebody in the wings goes on, in this language."""
        other = self.manager.join_speaker(
            "s", "a", language, lambda why: None, resume=None, take_over=False, wings=True
        )
        self.live.wings.ask(other, "")
        assert self.live.wings.hand_over(self.live.wings.asking[0].number)

    def speak(self, seconds: float) -> None:
        for _ in range(round(seconds * 10)):
            self.live.hear(Sound(np.zeros(3 * CHUNK, np.int16), np.zeros(CHUNK, np.int16)))

    def hear(self, language: str, from_s: float = 0) -> None:
        """The interpreter reports that this language is spoken."""
        self.live.receive(
            bus.Spoken(
                stream="s",
                epoch=self.live.epoch,
                language=language,
                probability=0.9,
                sample=round(from_s * RATE_HZ),
            )
        )

    def commit(self, at_s: float) -> None:
        sample = round(at_s * RATE_HZ)
        self.live.receive(bus.Committed(stream="s", epoch=self.live.epoch, sample=sample))

    @property
    def demand(self) -> bus.Demand:
        self.live.publish_demand()
        return next(each for each in self.bus.published[::-1] if isinstance(each, bus.Demand))

    @property
    def fed_from_s(self) -> list[float]:
        """The starts of the audio that was fed in this epoch, in order, in seconds."""
        return [
            each.start_sample / RATE_HZ
            for each in self.bus.published
            if isinstance(each, bus.AudioChunk) and each.epoch == self.live.epoch
        ]

    @property
    def spoken(self) -> list[wire.Spoken]:
        return [each for each in self.told["speaker"] if isinstance(each, wire.Spoken)]

    def state(self) -> wire.State:
        return [each for each in self.told["listener"] if isinstance(each, wire.State)][-1]

    def channel(self) -> wire.ChannelState:
        return [each for each in self.told["listener"] if isinstance(each, wire.ChannelState)][-1]


def test_with_auto_all_speech_is_interpreted_once_the_language_is_known(tmp_path: Path) -> None:
    stage = Stage(tmp_path, AUTO)
    assert (stage.demand.source, stage.demand.speech) == (AUTO, ())
    assert stage.demand.among == ("nl", "en")
    assert stage.state().source is None
    assert stage.channel().status == "starting"
    stage.speak(4)
    stage.hear("nl", from_s=0.5)
    assert (stage.demand.source, stage.demand.speech) == ("nl", ("en",))
    assert stage.fed_from_s[0] == pytest.approx(0.5)
    stage.speak(1)
    assert stage.fed_from_s == pytest.approx(np.arange(0.5, 5, 0.1))
    assert (stage.state().source, stage.channel().status) == ("nl", "live")
    assert stage.spoken == [wire.Spoken(language="nl", changed=True)]
    assert stage.speaker.captions == {"nl"}


def test_with_auto_the_language_changes_by_itself(tmp_path: Path) -> None:
    stage = Stage(tmp_path, AUTO)
    stage.speak(4)
    stage.hear("nl")
    stage.speak(10)
    stage.commit(11)
    before = stage.live.epoch
    stage.hear("en", from_s=7)
    assert stage.live.epoch == before + 1
    assert (stage.demand.source, stage.demand.speech) == ("en", ())
    assert stage.fed_from_s[0] == pytest.approx(7), "though it was said in the wrong language"
    assert stage.track.broadcast.name == "floor", "who listens to English hears the speaker"
    assert stage.spoken[-1] == wire.Spoken(language="en", changed=True)
    stage.hear("nl", from_s=14)
    assert stage.track.broadcast.name == "en"


def test_a_language_that_is_not_installed_is_only_reported(tmp_path: Path) -> None:
    stage = Stage(tmp_path, AUTO)
    stage.hear("nl")
    stage.hear("fr")
    assert stage.demand.source == "nl"
    assert stage.spoken[-1] == wire.Spoken(language="fr", mismatch=True)


def test_a_speaker_limited_to_one_language_is_not_switched_to_another(tmp_path: Path) -> None:
    stage = Stage(tmp_path, AUTO, languages=("nl",))
    stage.hear("nl")
    stage.hear("en")
    assert stage.demand.source == "nl"


def test_a_chosen_language_stays_and_the_speaker_is_told_of_a_mismatch(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "nl")
    for language in ("nl", "en", "en", "nl"):
        stage.hear(language)
    assert stage.demand.source == "nl"
    assert stage.spoken == [
        wire.Spoken(language="nl"),
        wire.Spoken(language="en", mismatch=True),
        wire.Spoken(language="nl"),
    ]


@pytest.mark.parametrize("choice", ["en", AUTO])
def test_after_a_change_earlier_speech_in_that_language_is_interpreted_again(
    tmp_path: Path, choice: str
) -> None:
    stage = Stage(tmp_path, "nl")
    stage.speak(10)
    stage.commit(9)
    stage.hear("en", from_s=4)
    stage.live.source.choose(choice)
    assert stage.demand.source == "en"
    assert stage.fed_from_s[0] == pytest.approx(4)


def test_after_a_change_to_an_undetected_language_only_new_speech_is_interpreted(
    tmp_path: Path,
) -> None:
    stage = Stage(tmp_path, "nl")
    stage.speak(10)
    stage.live.source.choose("en")
    assert (stage.demand.source, stage.fed_from_s) == ("en", [])
    stage.speak(0.1)
    assert stage.fed_from_s == [10]


def test_a_change_to_auto_keeps_the_present_language(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "nl")
    before = stage.live.epoch
    stage.live.source.choose(AUTO)
    assert (stage.demand.source, stage.live.epoch) == ("nl", before)


def test_a_speaker_who_rejoins_with_auto_keeps_the_detected_language(tmp_path: Path) -> None:
    stage = Stage(tmp_path, AUTO)
    stage.hear("nl")
    stage.manager.leave(stage.speaker, 0)
    again = stage.join(AUTO)
    assert (again.stream.source, again.captions) == ("nl", frozenset({"nl"}))


def test_rejoining_with_auto_after_a_chosen_language_detects_again(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "nl")
    stage.manager.leave(stage.speaker, 0)
    assert stage.join(AUTO).stream.source is None


def test_partial_captions_are_cleared_when_the_language_changes(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "nl")
    stage.live.receive(
        bus.Caption(
            stream="s",
            epoch=stage.live.epoch,
            language="nl",
            segment=1,
            revision=3,
            status="partial",
            start_sample=0,
            end_sample=1,
            text="god",
        )
    )
    stage.live.source.choose("en")
    caption = [each for each in stage.told["listener"] if isinstance(each, wire.Caption)][-1]
    assert (caption.status, caption.segment, caption.revision) == ("clear", 1, 4)


# --- another speaker ----------------------------------------------------------------------------


def test_what_was_said_last_is_interpreted_before_another_language_is(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "nl")
    stage.speak(3)
    stage.commit(1)
    before, fed = stage.live.epoch, len(stage.fed_from_s)
    stage.hand_over("en")
    assert stage.state().source == "en"
    assert stage.track.broadcast.name == "floor", "who listens to English hears them at once"
    stage.speak(1)
    stage.live.publish_demand()
    assert (stage.live.epoch, len(stage.fed_from_s)) == (before, fed)
    demands = [each for each in stage.bus.published if isinstance(each, bus.Demand)]
    assert demands[-1].source == "nl"
    stage.commit(2.5)
    assert stage.live.epoch == before + 1
    assert stage.fed_from_s == pytest.approx(np.arange(3, 4, 0.1)), "from the first word on"
    assert stage.demand.source == "en"


def test_the_next_speaker_waits_three_seconds_at_most(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "nl")
    stage.speak(3)
    before = stage.live.epoch
    stage.hand_over("en")
    stage.speak(2.9)
    assert stage.live.epoch == before
    stage.speak(0.1)
    assert stage.live.epoch == before + 1
    assert stage.fed_from_s == pytest.approx(np.arange(3, 6, 0.1))


def test_if_the_interpreter_dies_the_next_speaker_does_not_wait(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "nl")
    stage.speak(3)
    stage.hand_over("en")
    stage.speak(1)
    stage.live.interpreter_lost()
    stage.live.interpreter_ready()
    assert stage.demand.source == "en"
    assert stage.fed_from_s == pytest.approx(np.arange(3, 4, 0.1))


def test_in_the_same_language_nobody_waits(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "nl")
    stage.speak(3)
    before = stage.live.epoch
    stage.hand_over("nl")
    stage.speak(1)
    assert stage.live.epoch == before
    assert stage.fed_from_s == pytest.approx(np.arange(0, 4, 0.1))


# --- a running server ---------------------------------------------------------------------------


async def test_the_language_is_detected_and_changed_in_a_running_server(tmp_path: Path) -> None:
    models = str(models_of_several(tmp_path))
    async with (
        tolk(tmp_path, STAND_IN, models=models) as server,
        Listener(server.url, "hall", captions=["en"], audio="none") as listener,
        Speaker(server.url, "hall", AUTO, audio="socket") as speaker,
    ):
        assert speaker.joined.source is None
        await speaker.play(tone(300, 0.6, 2.5))
        await speaker.expect(wire.Spoken, lambda told: told.language == "nl" and told.changed)
        await speaker.expect(wire.Caption, final("nl", "laag"))
        await listener.expect(wire.Caption, final("en", "low"))
        await speaker.send(wire.ChangeLanguage(language="xx"))
        refused = await speaker.expect(wire.Error)
        assert (refused.code, refused.fatal) == ("unknown_language", False)
        await speaker.send(wire.ChangeLanguage(language="en"))
        await listener.expect(wire.State, lambda state: state.source == "en")
        await speaker.play(tone(300))
        await speaker.expect(wire.Caption, final("en", "laag"))


async def test_auto_is_refused_without_a_model_that_detects_languages(tmp_path: Path) -> None:
    async with tolk(tmp_path, STAND_IN, ready=False) as server:
        with pytest.raises(Refused, match="unknown_language.*Choose one of: .*nl"):
            async with Speaker(server.url, "hall", AUTO):
                pass
        async with Speaker(server.url, "hall", "nl") as speaker:
            await speaker.send(wire.ChangeLanguage(language=AUTO))
            assert not (await speaker.expect(wire.Error)).fatal


async def test_a_token_limits_the_languages_that_may_be_detected(tmp_path: Path) -> None:
    models = str(models_of_several(tmp_path))
    async with tolk(tmp_path, STAND_IN, ready=False, models=models) as server:
        token = server.access.issue(speak=True, languages=["nl"], valid_s=60)
        async with Speaker(server.url, "hall", AUTO, token=token) as speaker:
            (session,) = server.manager.sessions
            assert session.languages == {"nl"}
            await speaker.send(wire.ChangeLanguage(language="en"))
            refused = await speaker.expect(wire.Error)
            assert (refused.code, refused.fatal) == ("forbidden", False)
        token = server.access.issue(speak=True, languages=["fr"], valid_s=60)
        with pytest.raises(Refused, match="forbidden"):
            async with Speaker(server.url, "tent", AUTO, token=token):
                pass


def test_a_language_that_was_slow_begins_anew_with_another_epoch(tmp_path: Path) -> None:
    stage = Stage(tmp_path, AUTO)
    stage.hear("nl")
    stage.live.receive(
        bus.Failure(stream="s", epoch=stage.live.epoch, language="en", failing=True, reason="slow")
    )
    assert stage.channel().reason == "slow"
    stage.hear("en")
    stage.hear("nl")
    assert (stage.demand.speech, stage.channel().status) == (("en",), "live")
