import json
import random
from pathlib import Path

import pytest

from signaling.errors import ProtocolError
from signaling.messages import (
    Ask,
    ChangeLanguage,
    End,
    ErrorCode,
    HandOver,
    JoinListener,
    JoinSpeaker,
    JoinTalk,
    ListenerMessage,
    Offer,
    Pause,
    Ping,
    Select,
    SpeakerMessage,
)
from signaling.protocol import (
    LISTENER,
    MAX_AUDIO_BYTES,
    MAX_FAULTS,
    MAX_OFFERS,
    MAX_RTP_BYTES,
    MAX_TEXT_BYTES,
    SPEAKER,
    TALK,
    Conversation,
    M,
    parse_stream_id,
)

OFFERS = Path(__file__).parent / "offers"


def speaker(**join: object) -> Conversation[SpeakerMessage]:
    conversation = Conversation(SPEAKER)
    conversation.receive_text(json.dumps({"type": "join", "language": "nl"} | join))
    return conversation


def listener(**join: object) -> Conversation[ListenerMessage]:
    conversation = Conversation(LISTENER)
    conversation.receive_text(json.dumps({"type": "join"} | join))
    return conversation


def offer(direction: str) -> str:
    sdp = (OFFERS / f"chromium_{direction}.sdp").read_bytes().decode()
    return json.dumps({"type": "offer", "sdp": sdp})


def refused(conversation: Conversation[M], said: str | bytes) -> ProtocolError:
    with pytest.raises(ProtocolError) as caught:
        if isinstance(said, bytes):
            conversation.receive_bytes(said)
        else:
            conversation.receive_text(said)
    return caught.value


def test_a_speaker_s_session_in_order() -> None:
    conversation = Conversation(SPEAKER)
    join = conversation.receive_text('{"type": "join", "language": "pt-BR", "resume": "x"}')
    assert join == JoinSpeaker(language="pt-BR", resume="x")
    assert isinstance(conversation.receive_text(offer("sendonly")), Offer)
    assert conversation.receive_text('{"type": "pause", "paused": true}') == Pause(paused=True)
    said = '{"type": "language", "language": "auto"}'
    assert conversation.receive_text(said) == ChangeLanguage(language="auto")
    assert conversation.receive_text('{"type": "ask"}') == Ask()
    said = '{"type": "hand_over", "to": 3, "granted": false}'
    assert conversation.receive_text(said) == HandOver(to=3, granted=False)
    assert conversation.receive_text('{"type": "ping"}') == Ping()
    assert conversation.receive_text('{"type": "end"}') == End()


def test_a_listener_s_session_in_order() -> None:
    conversation = Conversation(LISTENER)
    join = conversation.receive_text('{"type": "join", "channel": "en+floor", "captions": ["en"]}')
    assert join == JoinListener(channel="en+floor", captions=["en"])
    assert isinstance(conversation.receive_text(offer("recvonly")), Offer)
    assert conversation.receive_text('{"type": "select", "captions": []}') == Select(captions=[])


def test_a_talker_joins_with_two_languages() -> None:
    conversation = Conversation(TALK)
    join = conversation.receive_text('{"type": "join", "language": "nl", "target": "en"}')
    assert join == JoinTalk(language="nl", target="en")
    assert isinstance(conversation.receive_text(offer("sendrecv")), Offer)


def test_candidates_are_removed_from_offers() -> None:
    message = speaker().receive_text(offer("sendonly"))
    assert isinstance(message, Offer)
    assert "candidate" not in message.sdp


def test_unknown_fields_are_ignored() -> None:
    assert speaker().receive_text('{"type": "end", "colour": {"a": [1]}}') == End()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not JSON"),
        ("hello", "not JSON"),
        ('{"type": "end"', "not JSON"),
        ('{"type": "end"} {}', "not JSON"),
        ("[]", "expected: Expected `object`"),
        ('"end"', "expected: Expected `object`"),
        ("{}", "missing required field `type`"),
        ('{"type": 3}', "`$.type`"),
        (
            '{"type": "dance"}',
            '"dance" is unknown at this address; known: join, offer, pause, language',
        ),
        ('{"type": "select", "channel": "en"}', '"select" is unknown at this address'),
        ('{"type": "hand_over"}', "missing required field `to`"),
        ('{"type": "hand_over", "to": "Anna"}', "Expected `int`, got `str` - at `$.to`"),
        ('{"type": "pause"}', "missing required field `paused`"),
        ('{"type": "pause", "paused": 1}', "Expected `bool`, got `int` - at `$.paused`"),
        ('{"type": "offer", "sdp": null}', "Expected `str`, got `null` - at `$.sdp`"),
        ('{"type": "end", "x": "\ud800"}', "not JSON"),
        ('{"type": "end", "x": "\\ud800"}', "not JSON"),
        ('{"type": "end", "x": ' + "[" * 30000 + "]" * 30000 + "}", "nested too deeply"),
        ('{"x":' * 10000 + "1" + "}" * 10000, "nested too deeply"),
    ],
)
def test_an_invalid_message_is_refused_with_a_reason(text: str, words: str) -> None:
    error = refused(speaker(), text)
    assert error.code == "bad_message"
    assert words in error.message


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("language", "Dutch!", 'language: expected a language tag such as "nl"'),
        ("language", "nl\n", 'language: expected a language tag such as "nl"'),
        ("language", "nl" + "-abc" * 50, "`$.language`"),
        ("language", 5, "Expected `str`, got `int` - at `$.language`"),
        ("audio", "carrier pigeon", "`$.audio`"),
        ("token", "", "`$.token`"),
        ("resume", "x" * 3000, "`$.resume`"),
        ("take_over", "yes", "`$.take_over`"),
    ],
)
def test_a_wrong_field_is_named_with_what_was_expected(
    field: str, value: object, words: str
) -> None:
    join = json.dumps({"type": "join", "language": "nl"} | {field: value})
    error = refused(Conversation(SPEAKER), join)
    assert error.code == "bad_message"
    assert words in error.message


@pytest.mark.parametrize("channel", ["", "floor+floor", "English", "en+", "en+floor\n", "+floor"])
def test_a_channel_is_the_floor_or_a_language(channel: str) -> None:
    error = refused(listener(), json.dumps({"type": "select", "channel": channel}))
    assert 'channel: expected "floor", a language such as "en", or "en+floor"' in error.message


def test_captions_are_languages_and_few() -> None:
    assert "captions: expected" in refused(listener(), '{"type":"select","captions":["?"]}').message
    many = json.dumps({"type": "select", "captions": ["en"] * 9})
    assert "`$.captions`" in refused(listener(), many).message


def test_an_empty_select_is_refused() -> None:
    assert refused(listener(), '{"type": "select"}').code == "bad_message"


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"type": "x" * 60000}),
        json.dumps({"type": "join", "language": "nl", "audio": "x" * 60000}),
        "x" * 60000,
    ],
)
def test_a_refusal_repeats_no_long_input(text: str) -> None:
    assert len(refused(Conversation(SPEAKER), text).message) < 250


@pytest.mark.parametrize(
    "said", ['{"type": "ping"}', offer("sendonly"), '{"type": "end"}', b"\0\0", "nonsense"]
)
def test_a_message_before_join_ends_the_session(said: str | bytes) -> None:
    error = refused(Conversation(SPEAKER), said)
    assert error.code == ("bad_message" if said == "nonsense" else "out_of_order")
    assert error.fatal


def test_a_second_join_is_refused_and_the_session_goes_on() -> None:
    conversation = speaker()
    error = refused(conversation, '{"type": "join", "language": "en"}')
    assert (error.code, error.fatal) == ("out_of_order", False)
    assert conversation.receive_text('{"type": "end"}') == End()


def test_a_bad_offer_does_not_end_the_session() -> None:
    error = refused(speaker(), '{"type": "offer", "sdp": "v=1"}')
    assert (error.code, error.fatal) == ("bad_sdp", False)


def test_an_offer_must_suit_the_role() -> None:
    assert refused(listener(), offer("sendonly")).code == "bad_sdp"


def test_an_offer_is_refused_if_sound_does_not_use_webrtc() -> None:
    assert refused(speaker(audio="socket"), offer("sendonly")).code == "out_of_order"
    assert refused(listener(audio="none"), offer("recvonly")).code == "out_of_order"


def test_offers_may_be_repeated_up_to_a_limit() -> None:
    conversation = speaker()
    for _ in range(MAX_OFFERS):
        conversation.receive_text(offer("sendonly"))
    error = refused(conversation, offer("sendonly"))
    assert (error.code, error.fatal) == ("limit", True)


def test_faults_are_tolerated_up_to_a_limit() -> None:
    conversation = speaker()
    judged = [refused(conversation, "nonsense").fatal for _ in range(MAX_FAULTS)]
    assert judged == [False] * (MAX_FAULTS - 1) + [True]


def test_a_speaker_may_send_sound_on_the_socket() -> None:
    second = bytes(MAX_AUDIO_BYTES)
    assert speaker(audio="socket").receive_bytes(second) == second
    packet = bytes(MAX_RTP_BYTES - 1)  # an odd number: it is not samples
    assert speaker(audio="socket-opus").receive_bytes(packet) == packet


@pytest.mark.parametrize(
    ("conversation", "data", "code", "fatal"),
    [
        (speaker(audio="socket"), b"", "bad_message", False),
        (speaker(audio="socket"), b"\0\0\0", "bad_message", False),
        (speaker(audio="socket"), bytes(MAX_AUDIO_BYTES + 2), "too_large", True),
        (speaker(audio="socket-opus"), bytes(MAX_RTP_BYTES + 1), "too_large", True),
        (speaker(), b"\0\0", "out_of_order", False),
        (listener(audio="socket"), b"\0\0", "out_of_order", False),
    ],
)
def test_an_invalid_binary_message_is_refused(
    conversation: Conversation[SpeakerMessage], data: bytes, code: ErrorCode, fatal: bool
) -> None:
    error = refused(conversation, data)
    assert (error.code, error.fatal) == (code, fatal)


def test_the_size_limit_counts_bytes_and_ends_the_session() -> None:
    within = json.dumps({"type": "end", "x": ""})
    padding = MAX_TEXT_BYTES - len(within)
    assert speaker().receive_text(json.dumps({"type": "end", "x": "x" * padding})) == End()
    text = json.dumps({"type": "end", "x": "é" * (padding // 2 + 1)}, ensure_ascii=False)
    error = refused(speaker(), text)
    assert (error.code, error.fatal) == ("too_large", True)


def test_any_input_raises_only_protocol_errors() -> None:
    seeded = random.Random(20)
    seeds = [offer("sendonly"), '{"type":"pause","paused":true}', '{"type":"end"}']
    scraps = ['"', "{", "}", "[", "]", ":", ",", "null", "1e999", "\\u", "\ud800", "\0", "-", "é"]
    for _ in range(3000):
        text = seeded.choice(seeds)
        for _ in range(seeded.randint(1, 4)):
            start = seeded.randrange(len(text) + 1)
            text = text[:start] + seeded.choice(scraps) + text[start + seeded.randint(0, 3) :]
        conversation = speaker()
        try:
            conversation.receive_text(text)
        except ProtocolError as error:
            assert len(error.message) < 400


@pytest.mark.parametrize("name", ["a", "Sunday_10-30", "x" * 64])
def test_valid_stream_names_are_accepted(name: str) -> None:
    assert parse_stream_id(name) == name


@pytest.mark.parametrize(
    "name", ["", "x" * 65, "a b", "../etc", "zondag€", "a\n", "a/b", "a" * 9999]
)
def test_invalid_stream_names_are_refused(name: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        parse_stream_id(name)
    assert caught.value.code == "bad_stream"
    assert len(caught.value.message) < 200
