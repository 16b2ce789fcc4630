"""What a person who interprets may send, and when."""

import json
from pathlib import Path

import pytest

from signaling.errors import ProtocolError
from signaling.messages import InterpreterMessage, JoinInterpreter, Offer, OnAir, Select
from signaling.protocol import INTERPRETER, MAX_RTP_BYTES, Conversation

OFFERS = Path(__file__).parent / "offers"


def interpreter(**join: object) -> Conversation[InterpreterMessage]:
    conversation = Conversation(INTERPRETER)
    conversation.receive_text(json.dumps({"type": "join", "name": "Ann"} | join))
    return conversation


def test_an_interpreter_s_session_in_order() -> None:
    conversation = Conversation(INTERPRETER)
    join = conversation.receive_text('{"type": "join", "name": "Ann de Wit", "channel": "fr"}')
    assert join == JoinInterpreter(name="Ann de Wit", channel="fr")
    sdp = (OFFERS / "chromium_sendrecv.sdp").read_bytes().decode()
    offered = conversation.receive_text(json.dumps({"type": "offer", "sdp": sdp}))
    assert isinstance(offered, Offer)
    assert "a=sendrecv" in offered.sdp
    assert conversation.receive_text('{"type": "on_air", "on": true}') == OnAir(on=True)
    said = '{"type": "on_air", "on": true, "now": true}'
    assert conversation.receive_text(said) == OnAir(on=True, now=True)
    said = '{"type": "select", "captions": ["nl"]}'
    assert conversation.receive_text(said) == Select(captions=["nl"])


@pytest.mark.parametrize("name", ["Ann", "José 北京", "O’Neill (2)", "a" * 60])
def test_names_of_all_kinds_are_taken(name: str) -> None:
    assert interpreter(name=name).joined


@pytest.mark.parametrize("name", ["", " ", "\u3000", "a\nb", "a\x00", "\x9b", "a" * 61])
def test_a_name_that_cannot_be_shown_is_refused(name: str) -> None:
    with pytest.raises(ProtocolError, match="name: expected 1 to 60 visible characters"):
        interpreter(name=name)


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ('{"type": "pause", "paused": true}', "bad_message"),
        ('{"type": "end"}', "bad_message"),
        ('{"type": "on_air"}', "bad_message"),
        ('{"type": "on_air", "on": "yes"}', "bad_message"),
        ('{"type": "select"}', "bad_message"),
        ('{"type": "join", "name": "Ann"}', "out_of_order"),
    ],
)
def test_what_an_interpreter_may_not_send_is_refused(said: str, code: str) -> None:
    with pytest.raises(ProtocolError) as refused:
        interpreter().receive_text(said)
    assert (refused.value.code, refused.value.fatal) == (code, False)


def test_the_first_message_is_the_join() -> None:
    with pytest.raises(ProtocolError) as refused:
        Conversation(INTERPRETER).receive_text('{"type": "on_air", "on": true}')
    assert (refused.value.code, refused.value.fatal) == ("out_of_order", True)


def test_audio_comes_over_the_socket_where_the_join_says_so() -> None:
    packet = bytes(MAX_RTP_BYTES)
    assert interpreter(audio="socket-opus").receive_bytes(packet) == packet
    with pytest.raises(ProtocolError, match='need a join with "audio": "socket"'):
        interpreter().receive_bytes(packet)
    with pytest.raises(ProtocolError, match="at most"):
        interpreter(audio="socket-opus").receive_bytes(packet + b"x")
