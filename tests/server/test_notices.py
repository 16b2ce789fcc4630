"""What participants are told."""

from collections import Counter
from pathlib import Path

import msgspec

from server.bus import messages as bus
from server.bus.hub_messages import Told
from server.models.catalogue import Catalogue
from server.models.current import Current
from server.streams.notices import Notices
from server.streams.registry import ConnectionManager, Session
from server.streams.relayed_stream import RelayedStream
from server.streams.statuses import Status
from signaling import messages as wire
from signaling.errors import ProtocolError


def ignore(error: ProtocolError) -> None:
    pass


def listener() -> Session:
    manager = ConnectionManager()
    return manager.join_listener("s", "::1", "en", ["en"], ignore, resume=None)


def line(segment: int, text: str, revision: int = 0, skipped: bool = False) -> bus.Caption:
    return bus.Caption(
        stream="s",
        epoch=1,
        language="en",
        segment=segment,
        revision=revision,
        status="final",
        start_sample=segment * 16_000,
        end_sample=segment * 16_000 + 8_000,
        text=text,
        skipped=skipped,
    )


def test_a_late_listener_sees_which_lines_were_not_spoken() -> None:
    early, late, told = listener(), listener(), list[wire.ServerMessage]()
    notices = Notices(early.stream, lambda language: ("live", None))
    for each in (line(1, "one"), line(2, "two"), line(1, "one", 1, skipped=True)):
        notices.caption(each)
    notices.attach(late, told.append)
    (snapshot,) = [each for each in told if isinstance(each, wire.Captions)]
    assert [(each.text, each.skipped) for each in snapshot.captions] == [
        ("one", True),
        ("two", False),
    ]


def test_listeners_of_the_floor_are_told_whenever_the_reason_changes() -> None:
    session, told = listener(), list[wire.ServerMessage]()
    statuses: list[Status] = [
        ("live", None),
        ("fallback", "slow"),
        ("fallback", "slow"),
        ("fallback", "broken"),
        ("live", None),
    ]
    left = iter(statuses)
    notices = Notices(session.stream, lambda language: next(left))
    notices.attach(session, told.append)
    for _ in statuses[1:]:
        notices.tell_channels()
    states = [each for each in told if isinstance(each, wire.ChannelState)]
    assert [each.reason for each in states] == [None, "slow", "broken", None]


def test_the_newest_number_is_that_of_any_line_which_came_or_was_sent_elsewhere() -> None:
    notices = Notices(listener().stream, lambda language: ("live", None))
    assert notices.newest == 0
    final = wire.Caption("s", "en", 0, 0, "final", 0, 500, "line")
    told = [msgspec.structs.replace(final, segment=each, number=each) for each in (7, 9, 8)]
    notices.restore(told)
    assert notices.newest == 9
    notices.pass_on(told[0])
    assert notices.newest == 9
    notices.forget_captions()  # those of another hub, with its own clock
    notices.restore(told[:1])
    assert notices.newest == 7
    notices.caption(line(1, "one"))
    assert notices.newest > 9


def test_an_edge_tells_its_listeners_once_what_a_hub_repeats() -> None:
    session, told = listener(), list[wire.ServerMessage]()
    models = Current(Catalogue(Path(), []))
    relayed = RelayedStream(session.stream, models, Counter(), lambda wants: None)
    relayed.attach(session, told.append)
    for text in ("", "Coffee", "Coffee", "", ""):
        notice = b'{"type":"notice","text":"%s"}' % text.encode()
        relayed.receive("hub", Told(stream="s", now_ms=0, message=notice))
    notices = [each.text for each in told if isinstance(each, wire.Notice)]
    assert notices == ["Coffee", ""]
