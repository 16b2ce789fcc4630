import pytest

from server.streams.places import KEPT_S, NAMES_PER_PLACE
from server.streams.registry import ConnectionManager, Session, Stream, language_of
from signaling.errors import ProtocolError

LINGER_S = 10.0


class Door(list[str]):
    """A connection that only notes why it is closed."""

    def __call__(self, reason: ProtocolError) -> None:
        self.append(reason.code)


def speak(
    manager: ConnectionManager,
    stream: str = "hall",
    *,
    address: str = "10.0.0.1",
    resume: str | None = None,
    take_over: bool = False,
) -> Session:
    return manager.join_speaker(stream, address, "nl", Door(), resume=resume, take_over=take_over)


def listen(
    manager: ConnectionManager,
    stream: str = "hall",
    channel: str | None = "en",
    *,
    captions: tuple[str, ...] = (),
    address: str = "10.0.0.2",
    resume: str | None = None,
    token: bool = False,
) -> Session:
    return manager.join_listener(
        stream, address, channel, captions, Door(), resume=resume, claims=token
    )


def state(stream: Stream) -> str:
    return stream.state


def reasons(session: Session) -> list[str]:
    """Why the session's connection was closed."""
    assert isinstance(session.dismiss, Door)
    return list(session.dismiss)


def code(refused: pytest.ExceptionInfo[ProtocolError]) -> str:
    return refused.value.code


@pytest.mark.parametrize(
    ("channel", "language"),
    [("floor", None), ("en", "en"), ("en+floor", "en"), ("pt-BR+floor", "pt-BR"), ("", None)],
)
def test_a_channel_names_its_language(channel: str, language: str | None) -> None:
    assert language_of(channel) == language


def test_streams_are_isolated() -> None:
    manager = ConnectionManager()
    speak(manager, "hall")
    listen(manager, "tent", "en")
    assert manager.streams["hall"].audience() == {}
    assert manager.streams["tent"].speaker is None


def test_a_second_speaker_is_refused() -> None:
    manager = ConnectionManager()
    first = speak(manager)
    with pytest.raises(ProtocolError) as refused:
        speak(manager, resume="a guess")
    assert code(refused) == "speaker_present"
    assert reasons(first) == []


def test_the_resume_secret_replaces_one_s_own_dead_session() -> None:
    manager = ConnectionManager()
    ghost = speak(manager)
    back = speak(manager, resume=ghost.resume)
    assert reasons(ghost) == ["replaced"]
    assert manager.streams["hall"].speaker is back
    assert back.resume == ghost.resume


@pytest.mark.parametrize("wings", [False, True])
def test_who_comes_back_when_another_has_the_word_waits_in_the_wings(wings: bool) -> None:
    manager = ConnectionManager()
    first = speak(manager)
    stream = manager.streams["hall"]
    second = manager.join_speaker(
        "hall", "10.0.0.3", "nl", Door(), resume=None, take_over=False, wings=True
    )
    stream.wings.add(first)
    stream.give_to(second)
    back = manager.join_speaker(
        "hall", "10.0.0.1", "nl", Door(), resume=first.resume, take_over=False, wings=wings
    )
    assert (stream.speaker, stream.wings, reasons(first)) == (second, {back}, ["replaced"])
    assert back.resume == first.resume
    manager.leave(second, 0)
    again = speak(manager, resume=back.resume)
    assert (stream.speaker, stream.wings) == (again, set())


def test_an_operators_pause_lasts_whoever_comes_back() -> None:
    manager = ConnectionManager()
    first = speak(manager)
    stream = manager.streams["hall"]
    stream.pause(True, by_operator=True)
    second = speak(manager, resume=first.resume)
    assert state(stream) == "paused"
    manager.leave(second, 0)
    assert state(stream) == "waiting"
    speak(manager)
    assert state(stream) == "paused"
    stream.pause(False, by_operator=False)
    assert (state(stream), stream.held) == ("live", False)


def test_an_operators_pause_stays_one_when_the_speaker_pauses_too() -> None:
    """A page that comes back to a pause tells so itself."""
    manager = ConnectionManager()
    first = speak(manager)
    stream = manager.streams["hall"]
    stream.pause(True, by_operator=True)
    stream.pause(True, by_operator=False)
    manager.leave(first, 0)
    speak(manager)
    assert (state(stream), stream.held) == ("paused", True)


def test_a_speakers_pause_lasts_over_their_reconnect() -> None:
    manager = ConnectionManager()
    first = speak(manager)
    stream = manager.streams["hall"]
    stream.pause(True, by_operator=False)
    second = speak(manager, resume=first.resume)
    assert state(stream) == "paused"
    manager.leave(second, 0)
    speak(manager)
    assert state(stream) == "live"


def test_a_take_over_that_is_refused_leaves_the_speaker() -> None:
    manager = ConnectionManager(max_sessions_per_address=1)
    first = speak(manager)
    listen(manager, address="10.0.0.2")
    with pytest.raises(ProtocolError):
        speak(manager, address="10.0.0.2", take_over=True)
    assert (manager.streams["hall"].speaker, reasons(first)) == (first, [])
    assert speak(manager, resume=first.resume).speaks_now  # in place of the one that it has


def test_a_dead_session_that_leaves_late_does_not_end_its_successor() -> None:
    manager = ConnectionManager()
    ghost = speak(manager)
    back = speak(manager, resume=ghost.resume)
    manager.leave(ghost, now=0)
    assert manager.streams["hall"].speaker is back
    assert manager.streams["hall"].state == "live"


def test_taking_over_replaces_the_present_speaker() -> None:
    manager = ConnectionManager()
    first = speak(manager)
    second = speak(manager, take_over=True)
    assert reasons(first) == ["taken_over"]
    assert manager.streams["hall"].speaker is second
    assert second.resume != first.resume


def test_a_speaker_who_takes_over_from_themselves_went_on_elsewhere() -> None:
    manager = ConnectionManager()
    first = speak(manager)
    speak(manager, resume=first.resume, take_over=True)
    assert reasons(first) == ["replaced"]


def test_a_speaker_in_the_wings_replaces_nobody_and_keeps_the_stream() -> None:
    manager = ConnectionManager()
    speaker = speak(manager)
    waiting = manager.join_speaker(
        "hall", "x", "en", Door(), resume=None, take_over=False, wings=True
    )
    stream = manager.streams["hall"]
    assert (stream.speaker, stream.source) == (speaker, "nl")
    manager.leave(speaker, 0.0)
    assert not stream.is_empty
    manager.leave(waiting, 1.0)
    assert stream.is_empty


def test_a_listener_resumes_without_counting_twice() -> None:
    manager = ConnectionManager(max_listeners=1)
    first = listen(manager)
    second = listen(manager, resume=first.resume)
    assert reasons(first) == ["replaced"]
    assert manager.streams["hall"].listeners == {second}


def test_a_listener_s_secret_does_not_allow_speaking() -> None:
    manager = ConnectionManager()
    speak(manager)
    listener = listen(manager)
    with pytest.raises(ProtocolError):
        speak(manager, resume=listener.resume)


@pytest.mark.parametrize(
    "manager",
    [
        ConnectionManager(max_streams=1),
        ConnectionManager(max_sessions_per_address=1),
    ],
)
def test_joins_beyond_a_limit_are_refused(manager: ConnectionManager) -> None:
    listen(manager, "hall", token=True)
    with pytest.raises(ProtocolError) as refused:
        listen(manager, "tent", token=True)
    assert code(refused) == "limit"
    assert refused.value.retry_after_s is not None


def test_listeners_at_invented_names_keep_no_speaker_out() -> None:
    manager = ConnectionManager(max_streams=1)
    for number in range(NAMES_PER_PLACE):
        listen(manager, f"invented-{number}")
    speak(manager, "hall")
    with pytest.raises(ProtocolError) as refused:
        listen(manager, "one-more")
    assert code(refused) == "limit"
    with pytest.raises(ProtocolError) as refused:
        speak(manager, "invented-0")
    assert code(refused) == "limit"


def test_a_name_that_nobody_spoke_at_is_forgotten_with_its_last_listener() -> None:
    manager = ConnectionManager()
    session = listen(manager, "invented")
    manager.expire(99, lambda stream: pytest.fail("somebody listens"))
    manager.leave(session, now=100)
    manager.expire(100, lambda stream: None)
    assert not manager.streams


@pytest.mark.parametrize("token", [False, True])
def test_a_stream_keeps_its_place_for_a_while_or_as_long_as_a_token_listens(token: bool) -> None:
    manager = ConnectionManager(max_streams=1)
    listen(manager, "hall", token=token)
    manager.leave(speak(manager, "hall"), now=100)
    manager.expire(100, lambda stream: None)
    manager.expire(100 + KEPT_S - 1, lambda stream: None)
    with pytest.raises(ProtocolError):
        speak(manager, "tent")
    manager.expire(100 + KEPT_S, lambda stream: None)
    if token:
        with pytest.raises(ProtocolError):
            speak(manager, "tent")
    else:
        speak(manager, "tent")


def test_the_limit_on_listeners_applies_per_stream() -> None:
    manager = ConnectionManager(max_listeners=1)
    listen(manager, "hall")
    listen(manager, "tent")
    with pytest.raises(ProtocolError) as refused:
        listen(manager, "hall")
    assert code(refused) == "limit"


def test_a_session_that_leaves_frees_its_place() -> None:
    manager = ConnectionManager(max_sessions_per_address=1)
    for _ in range(3):
        session = listen(manager)
        manager.leave(session, now=0)
        manager.leave(session, now=0)
    assert manager.streams["hall"].is_empty


def test_an_empty_stream_is_removed_after_a_while() -> None:
    manager = ConnectionManager(empty_s=15)
    removed: list[Stream] = []
    manager.leave(speak(manager), now=100)
    manager.expire(114, removed.append)
    assert not removed
    manager.expire(115, removed.append)
    assert [stream.id for stream in removed] == ["hall"]
    assert not manager.streams


def test_a_stream_outlives_its_speaker() -> None:
    manager = ConnectionManager()
    listen(manager)
    manager.leave(speak(manager), now=0)
    manager.expire(1e6, lambda stream: pytest.fail("somebody listens"))
    assert manager.streams["hall"].state == "waiting"


def test_closing_ends_all_sessions_and_refuses_new_ones() -> None:
    manager = ConnectionManager()
    sessions = [speak(manager), listen(manager)]
    manager.close()
    assert [reasons(session) for session in sessions] == [["unavailable"], ["unavailable"]]
    with pytest.raises(ProtocolError) as refused:
        listen(manager)
    assert code(refused) == "unavailable"


def test_a_language_is_demanded_until_some_time_after_its_last_listener() -> None:
    manager = ConnectionManager()
    speak(manager)
    listener = listen(manager, channel="en+floor", captions=("nl", "en", "de"))
    stream = listener.stream
    assert stream.wanted(0, LINGER_S) == (("en",), ("de",))
    manager.select(listener, "floor", ())
    assert stream.wanted(9.9, LINGER_S) == (("en",), ("de",))
    assert stream.wanted(10.0, LINGER_S) == ((), ())


def test_listeners_of_the_floor_demand_no_language() -> None:
    manager = ConnectionManager()
    speak(manager)
    assert listen(manager, channel="floor").stream.wanted(0, LINGER_S) == ((), ())


def test_a_talk_is_private_and_its_speaker_hears_the_interpretation() -> None:
    manager = ConnectionManager()
    talk = manager.join_talk("10.0.0.1", "nl", "en", Door())
    assert talk.stream.is_private
    assert talk.stream.wanted(0, LINGER_S) == (("en",), ())


def test_the_audience_is_counted_by_channel() -> None:
    manager = ConnectionManager()
    for channel in ("en", "en", "floor", None):
        listen(manager, channel=channel)
    assert manager.streams["hall"].audience() == {"en": 2, "floor": 1, "captions": 1}
