"""All messages between a participant and the server, as typed structs.

Each is a JSON object in a WebSocket text frame; its ``type`` field names the message. Unknown
fields are ignored, so either side may be newer than the other; unknown types are an error.
Times are milliseconds since the first sound of the stream.
``docs/signaling.md`` shows an example of each message; the tests read them from there.
"""

from typing import Annotated, Final, Literal

import msgspec

#: A stream's name. It is part of a URL, so it has no character that needs escaping.
StreamId = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{1,64}\Z")]
#: A BCP 47 language tag of the forms that models have ("nl", "en", "pt-BR").
Language = Annotated[
    str, msgspec.Meta(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*\Z", max_length=35)
]
#: In place of a language tag: the server detects the language.
AUTO: Final = "auto"
#: What a speaker speaks: a language, or AUTO.
SpokenLanguage = Annotated[
    str, msgspec.Meta(pattern=r"^(auto|[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*)\Z", max_length=35)
]
#: What a listener hears: "floor", a language ("en"), or a language over the quiet floor.
ChannelName = Annotated[
    str,
    msgspec.Meta(pattern=r"^(floor|[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*(\+floor)?)\Z", max_length=41),
]
Secret = Annotated[str, msgspec.Meta(min_length=1, max_length=2048)]
#: The transport of the audio: a PeerConnection, this WebSocket (from a speaker: "socket" for PCM,
#: "socket-opus" for Opus in RTP packets), or none (captions only).
SpeakerAudio = Literal["webrtc", "socket", "socket-opus"]
ListenerAudio = Literal["webrtc", "socket", "none"]

StreamState = Literal["waiting", "live", "paused", "ended"]
#: What is kept in files: the sound of the channels, the captions, or both.
Recorded = Literal["audio", "text"]
ChannelStatus = Literal["starting", "live", "fallback"]
#: Why a listener hears the floor (the original) instead: the language's models fail ("broken") or
#: are too slow; the interpreter restarts; the machine has no room for another language ("full").
FallbackReason = Literal["broken", "slow", "restarting", "full"]
CaptionStatus = Literal["partial", "final", "clear"]
ErrorCode = Literal[
    "bad_message",  # not JSON, of no known type, or with wrong fields
    "out_of_order",  # not allowed now: before the join, or a second join
    "too_large",
    "bad_sdp",  # an offer that the server does not accept; the message says why
    "bad_stream",
    "unknown_language",
    "unknown_channel",
    "unauthorised",  # a token is needed, or this one is not valid
    "forbidden",  # the token does not grant this, or the page's origin is not allowed
    "speaker_present",  # the stream has a speaker; resume or take over
    "limit",  # too many connections or messages; see retry_after_s
    "replaced",  # another connection resumed or took over this session
    "timeout",  # no sound or no connection in time
    "unavailable",  # the server is shutting down or not ready
    "internal",
]


class Message(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Base of all messages: immutable; fields with their default value are not sent."""


# --- from a participant ------------------------------------------------------------------


class JoinSpeaker(Message, frozen=True, tag="join"):
    """First message on ``/ws/speak/{stream}``. ``language``: what is spoken, or AUTO to have it
    detected.

    ``resume``: the secret of an earlier session, which this one replaces. ``take_over``: replace
    the present speaker; the token must allow it.
    """

    language: SpokenLanguage
    audio: SpeakerAudio = "webrtc"
    token: Secret | None = None
    resume: Secret | None = None
    take_over: bool = False


class JoinListener(Message, frozen=True, tag="join"):
    """First message on ``/ws/listen/{stream}``. ``captions``: the languages to get captions in."""

    channel: ChannelName = "floor"
    captions: Annotated[list[Language], msgspec.Meta(max_length=8)] = []
    audio: ListenerAudio = "webrtc"
    token: Secret | None = None
    resume: Secret | None = None


class JoinTalk(Message, frozen=True, tag="join"):
    """First message on ``/ws``: the participant speaks ``language`` and hears its own speech
    interpreted into ``target``."""

    language: Language
    target: Language
    token: Secret | None = None


class Offer(Message, frozen=True, tag="offer"):
    """An SDP offer with one audio section. Candidates in it are ignored: the server never sends
    the first connectivity check; it answers those that have the right credentials."""

    sdp: str


class Pause(Message, frozen=True, tag="pause"):
    """The speaker pauses or continues; listeners are told."""

    paused: bool


class ChangeLanguage(Message, frozen=True, tag="language"):
    """The speaker changes to ``language``; AUTO has it detected."""

    language: SpokenLanguage


class End(Message, frozen=True, tag="end"):
    """The speaker ends the stream for everyone."""


class Select(Message, frozen=True, tag="select"):
    """The listener changes its channel, its captions, or both. None: unchanged."""

    channel: ChannelName | None = None
    captions: Annotated[list[Language], msgspec.Meta(max_length=8)] | None = None


class Ping(Message, frozen=True, tag="ping"):
    """Asks for a Pong: a page that gets none knows that its network is gone."""


SpeakerMessage = JoinSpeaker | Offer | Pause | ChangeLanguage | End | Ping
ListenerMessage = JoinListener | Offer | Select | Ping
TalkMessage = JoinTalk | Offer | Ping


# --- from the server -----------------------------------------------------------------------


class IceServer(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A STUN or TURN server, in the form of the browser's RTCIceServer."""

    urls: list[str]
    username: str | None = None
    credential: str | None = None


class Joined(Message, frozen=True, tag="joined"):
    """The join was accepted. ``resume``: this session's secret, to resume it after a lost
    connection. ``source``: the spoken language. ``languages``: those that a speaker may choose.
    ``channels``: those that a listener may choose. ``ice_servers``: for its PeerConnection.
    ``recording``: as in State."""

    stream: str
    resume: str
    state: StreamState
    source: str | None = None
    languages: list[str] = []
    channels: list[str] = []
    recording: list[Recorded] = []
    ice_servers: list[IceServer] = []


class Answer(Message, frozen=True, tag="answer"):
    """The SDP answer, with all of the server's candidates."""

    sdp: str


class State(Message, frozen=True, tag="state"):
    """The stream's state changed: sent to everyone in it. ``recording``: what is recorded while
    somebody speaks."""

    state: StreamState
    source: str | None = None
    channels: list[str] = []
    recording: list[Recorded] = []


class ChannelState(Message, frozen=True, tag="channel"):
    """What the listener hears now. With status ``starting`` or ``fallback`` it hears the floor
    (the original), quietly, until there is an interpretation. ``reason``: of a fallback."""

    channel: str
    status: ChannelStatus
    reason: FallbackReason | None = None


class Audience(Message, frozen=True, tag="audience"):
    """To the speaker: the number of listeners, in total and by channel."""

    total: int
    channels: dict[str, int] = {}


class Spoken(Message, frozen=True, tag="spoken"):
    """To the speaker: the language that was detected. ``mismatch``: it differs from the one being
    interpreted. ``changed``: the server has switched to it (only with AUTO)."""

    language: Language
    mismatch: bool = False
    changed: bool = False


class Caption(Message, frozen=True, tag="caption"):
    """A line of text. A higher ``revision`` of the same ``segment`` replaces a lower one.
    ``certain``: this many of its first words will not change; those of a final line never do.
    ``skipped``: part of it is not spoken. ``doubtful``: the translation may be wrong.
    ``number``: final lines are numbered in the order in which they were sent; the numbers have
    gaps, and rise also when the server was started again. 0: not final."""

    stream: str
    language: str
    segment: int
    revision: int
    status: CaptionStatus
    start_ms: int
    end_ms: int
    text: str
    certain: int = 0
    skipped: bool = False
    doubtful: bool = False
    number: int = 0


class Captions(Message, frozen=True, tag="captions"):
    """Sent after a join: the last lines of each requested language, oldest first."""

    captions: list[Caption] = []


class Error(Message, frozen=True, tag="error"):
    """What went wrong and what to do. If ``fatal``, the server then closes the socket."""

    code: ErrorCode
    message: str
    fatal: bool = True
    retry_after_s: float | None = None


class Pong(Message, frozen=True, tag="pong"):
    """The answer to a Ping."""


ServerMessage = (
    Joined | Answer | State | ChannelState | Audience | Spoken | Caption | Captions | Error | Pong
)
