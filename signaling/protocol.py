"""Which messages a participant may send, and when. No I/O: text or bytes in, typed messages out.

Rules for changing this file:
- No socket, no clock, no knowledge of streams or media. What only the server can know (does this
  language exist, who speaks now, what does the token grant) is not checked here.
- A returned message is valid in itself: of a known type, allowed now, its fields checked, its
  offer rebuilt.
- Whatever the input, ProtocolError is the only exception raised.
- The cost is linear in the size of one message, and only the join is kept.
- docs/signaling.md describes the same rules: change both together.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import UnionType
from typing import Final, Generic, Literal, TypeVar, cast

import msgspec

from signaling import offer
from signaling.errors import ProtocolError, excerpt
from signaling.messages import (
    ErrorCode,
    InterpreterMessage,
    JoinInterpreter,
    JoinListener,
    JoinSpeaker,
    JoinTalk,
    ListenerMessage,
    Message,
    Offer,
    Select,
    SpeakerMessage,
    StreamId,
    TalkMessage,
)

MAX_TEXT_BYTES: Final = 64 * 1024
#: One second of 16 kHz mono s16le.
MAX_AUDIO_BYTES: Final = 32_000
#: An RTP header and 20 ms of Opus at its highest bit rate, or 120 ms at a usual one
#: (RFC 6716, 3.2.1).
MAX_RTP_BYTES: Final = 1_500
MAX_OFFERS: Final = 10
MAX_FAULTS: Final = 20
#: These errors always end the session, also after the join.
_FATAL: Final[frozenset[ErrorCode]] = frozenset(("too_large", "limit"))

M = TypeVar("M", bound=Message)


@dataclass(frozen=True)
class Role(Generic[M]):
    """A kind of participant: the messages it may send, and the direction of its audio."""

    name: Literal["speaker", "listener", "talk", "interpreter"]
    types: tuple[str, ...]
    decoder: msgspec.json.Decoder[M]
    direction: offer.Direction


def _types(union: UnionType) -> tuple[str, ...]:
    return tuple(str(member.__struct_config__.tag) for member in union.__args__)


SPEAKER: Final = Role[SpeakerMessage](
    "speaker", _types(SpeakerMessage), msgspec.json.Decoder(SpeakerMessage), "sendonly"
)
LISTENER: Final = Role[ListenerMessage](
    "listener", _types(ListenerMessage), msgspec.json.Decoder(ListenerMessage), "recvonly"
)
TALK: Final = Role[TalkMessage](
    "talk", _types(TalkMessage), msgspec.json.Decoder(TalkMessage), "sendrecv"
)
INTERPRETER: Final = Role[InterpreterMessage](
    "interpreter",
    _types(InterpreterMessage),
    msgspec.json.Decoder(InterpreterMessage),
    "sendrecv",
)
_Join = JoinSpeaker | JoinListener | JoinTalk | JoinInterpreter


class _Envelope(msgspec.Struct):
    type: str


_ENVELOPE: Final = msgspec.json.Decoder(_Envelope)
#: What an error message says of a field that does not match its pattern.
_EXPECTED: Final = {
    "language": 'a language tag such as "nl"',
    "target": 'a language tag such as "en"',
    "captions": 'language tags such as "en"',
    "name": "1 to 60 visible characters",
    "channel": '"floor", a language such as "en", or "en+floor"',
}
_PATTERN_FAULT: Final = re.compile(r".* matching regex .*`\$\.(\w+)(?:\[\d+\])?`", re.DOTALL)


def parse_stream_id(text: str) -> str:
    """Check a stream's name from a URL and return it.

    Raises ProtocolError("bad_stream", …).
    """
    try:
        return msgspec.convert(text, StreamId)
    except msgspec.ValidationError:
        raise ProtocolError(
            "bad_stream",
            f"{excerpt(text)} is not a stream name: use 1 to 64 of the characters A-Z a-z 0-9 _ -",
        ) from None


def listener_join(fields: Mapping[str, object]) -> JoinListener:
    """A listener's join with these fields, from the URL of a plain HTTP request.

    Raises ProtocolError("bad_message", …).
    """
    try:
        return msgspec.convert(fields, JoinListener)
    except msgspec.ValidationError as error:
        raise _bad_message(_in_words(str(error))) from None


class Conversation(Generic[M]):
    """Checks the messages of one participant in one session, in order.

    Before the join, every fault ends the session. After it, a fault is answered
    (``ProtocolError.fatal`` is False) and the session goes on, up to MAX_FAULTS.
    """

    def __init__(self, role: Role[M]) -> None:
        self.role: Final = role
        self._join: _Join | None = None
        self._offers = 0
        self._faults = 0

    @property
    def joined(self) -> bool:
        """Whether the join was received."""
        return self._join is not None

    def receive_text(self, text: str) -> M:
        """Decode and check a text message. An Offer's sdp is the one that ``offer.check`` rebuilt.

        Raises ProtocolError.
        """
        try:
            return self._ordered(self._decoded(text))
        except ProtocolError as error:
            raise self._judged(error) from None

    def receive_bytes(self, data: bytes) -> bytes:
        """Check a binary message, a speaker's audio, and return it: at most 1 s of 16 kHz mono
        s16le, or with audio "socket-opus" an RTP packet of Opus.

        Raises ProtocolError.
        """
        try:
            self._check_audio(data)
        except ProtocolError as error:
            raise self._judged(error) from None
        return data

    def _judged(self, error: ProtocolError) -> ProtocolError:
        self._faults += 1
        if self._join is None or error.code in _FATAL or self._faults >= MAX_FAULTS:
            return error
        return error.as_fatal(False)

    def _decoded(self, text: str) -> M:
        try:
            data = text.encode()
            if len(data) > MAX_TEXT_BYTES:
                raise ProtocolError(
                    "too_large", f"a message of {len(data)} bytes; at most {MAX_TEXT_BYTES}"
                )
            kind = _ENVELOPE.decode(data).type
        except msgspec.ValidationError as error:
            raise _bad_message(f'a JSON object with a "type" is expected: {error}') from None
        except (msgspec.DecodeError, UnicodeError) as error:
            raise _bad_message(f"not JSON: {error}") from None
        except RecursionError:
            raise _bad_message("JSON nested too deeply") from None
        if kind not in self.role.types:
            known = ", ".join(self.role.types)
            raise _bad_message(f"type {excerpt(kind)} is unknown at this address; known: {known}")
        try:
            return self.role.decoder.decode(data)
        except msgspec.ValidationError as error:
            raise _bad_message(f'"{kind}": {_in_words(str(error))}') from None

    def _ordered(self, message: M) -> M:
        if isinstance(message, _Join):
            if self._join is not None:
                raise ProtocolError("out_of_order", '"join" may be sent only once')
            self._join = message
        elif self._join is None:
            raise ProtocolError("out_of_order", 'the first message must be "join"')
        elif isinstance(message, Offer):
            return cast(M, self._offered(message, self._join))
        elif isinstance(message, Select) and message.channel is None and message.captions is None:
            raise _bad_message('"select": channel or captions is needed')
        return message

    def _offered(self, message: Offer, join: _Join) -> Offer:
        if not isinstance(join, JoinTalk) and join.audio != "webrtc":
            raise ProtocolError(
                "out_of_order", f'an offer is not allowed after a join with audio "{join.audio}"'
            )
        if self._offers >= MAX_OFFERS:
            raise ProtocolError(
                "limit", f"more than {MAX_OFFERS} offers in one session; join again"
            )
        checked = Offer(sdp=offer.check(message.sdp, self.role.direction))
        self._offers += 1
        return checked

    def _check_audio(self, data: bytes) -> None:
        if self._join is None:
            raise ProtocolError("out_of_order", 'the first message must be "join"')
        if not isinstance(self._join, JoinSpeaker | JoinInterpreter):
            raise ProtocolError("out_of_order", "listeners may not send binary messages")
        if self._join.audio == "webrtc":
            raise ProtocolError(
                "out_of_order", 'binary messages need a join with "audio": "socket"'
            )
        opus = self._join.audio == "socket-opus"
        most = MAX_RTP_BYTES if opus else MAX_AUDIO_BYTES
        if len(data) > most:
            raise ProtocolError(
                "too_large", f"{len(data)} bytes of audio in one message; at most {most}"
            )
        if not opus and (not data or len(data) % 2):
            raise _bad_message(f"audio of {len(data)} bytes is not a number of 16-bit samples")


def _bad_message(what: str) -> ProtocolError:
    return ProtocolError("bad_message", what)


def _in_words(fault: str) -> str:
    """An error message of msgspec's, with patterns explained in words and long ones shortened."""
    if (found := _PATTERN_FAULT.fullmatch(fault)) and found[1] in _EXPECTED:
        return f"{found[1]}: expected {_EXPECTED[found[1]]}"
    return fault if len(fault) <= 200 else f"{fault[:80]}…{fault[-80:]}"
