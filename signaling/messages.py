"""Every message of the wire, as typed structs.

JSON objects over a WebSocket, told apart by their ``type``. Unknown fields are ignored, so
that either side may be newer than the other; unknown types are an error. Times are
milliseconds of stream time: they count from the first sound of the stream.
``docs/signaling.md`` shows an example of each; the tests read them from there.
"""

from typing import Annotated, Final, Literal

import msgspec

#: A stream's name: part of its address, so no character that needs escaping.
StreamId = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{1,64}\Z")]
#: A BCP 47 language tag, as far as models are named by it ("nl", "en", "pt-BR").
Language = Annotated[
    str, msgspec.Meta(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*\Z", max_length=35)
]
#: In place of a language: whichever is spoken.
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
#: How sound travels: over a PeerConnection, over this socket (a speaker's as samples or as
#: Opus), or not at all (captions only).
SpeakerAudio = Literal["webrtc", "socket", "socket-opus"]
ListenerAudio = Literal["webrtc", "socket", "none"]

StreamState = Literal["waiting", "live", "paused", "ended"]
ChannelStatus = Literal["starting", "live", "fallback"]
#: Why the floor is heard: the language's models fail, or take too long; the interpreter starts
#: anew; the machine does not carry one more language.
FallbackReason = Literal["broken", "slow", "restarting", "full"]
CaptionStatus = Literal["partial", "final", "clear"]
ErrorCode = Literal[
    "bad_message",  # not JSON, of no known type, or with wrong fields
    "out_of_order",  # not now: nothing may come before join, nothing twice
    "too_large",
    "bad_sdp",  # an offer we cannot take; the message says why
    "bad_stream",
    "unknown_language",
    "unknown_channel",
    "unauthorised",  # a token is needed, or this one is not valid
    "forbidden",  # the token does not grant this, or the page's origin is foreign
    "speaker_present",  # somebody speaks here; resume or take over
    "limit",  # too many; see retry_after_s
    "replaced",  # this session went on elsewhere
    "timeout",  # no sound or no connection in time
    "unavailable",  # the server is going away or not ready
    "internal",
]


class Message(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Base of all messages: immutable; fields at their default are left out on the wire."""


# --- from a participant ------------------------------------------------------------------


class JoinSpeaker(Message, frozen=True, tag="join"):
    """First message on ``/ws/speak/{stream}``: speak in ``language``, or in whichever is found
    to be spoken.

    ``resume`` replaces the session it was given to; ``take_over`` with a token that allows it
    replaces whoever speaks.
    """

    language: SpokenLanguage
    audio: SpeakerAudio = "webrtc"
    token: Secret | None = None
    resume: Secret | None = None
    take_over: bool = False


class JoinListener(Message, frozen=True, tag="join"):
    """First message on ``/ws/listen/{stream}``. ``captions``: languages to be shown."""

    channel: ChannelName = "floor"
    captions: Annotated[list[Language], msgspec.Meta(max_length=8)] = []
    audio: ListenerAudio = "webrtc"
    token: Secret | None = None
    resume: Secret | None = None


class JoinTalk(Message, frozen=True, tag="join"):
    """First message on ``/ws``: speak ``language``, hear oneself in ``target``."""

    language: Language
    target: Language
    token: Secret | None = None


class Offer(Message, frozen=True, tag="offer"):
    """An SDP offer with one audio section. Candidates in it are not used: the server answers
    whoever reaches it with the right credentials, and probes nobody."""

    sdp: str


class Pause(Message, frozen=True, tag="pause"):
    """The speaker holds or goes on; listeners are told."""

    paused: bool


class ChangeLanguage(Message, frozen=True, tag="language"):
    """The speaker speaks another language from now on, or whichever is found to be spoken."""

    language: SpokenLanguage


class End(Message, frozen=True, tag="end"):
    """The speaker ends the stream for all."""


class Select(Message, frozen=True, tag="select"):
    """The listener hears another channel from now on, or sees other captions."""

    channel: ChannelName | None = None
    captions: Annotated[list[Language], msgspec.Meta(max_length=8)] | None = None


class Ping(Message, frozen=True, tag="ping"):
    """Asks for a pong: how a page finds out that its network is gone."""


SpeakerMessage = JoinSpeaker | Offer | Pause | ChangeLanguage | End | Ping
ListenerMessage = JoinListener | Offer | Select | Ping
TalkMessage = JoinTalk | Offer | Ping


# --- from the server -----------------------------------------------------------------------


class IceServer(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A STUN or TURN server, as RTCPeerConnection takes it."""

    urls: list[str]
    username: str | None = None
    credential: str | None = None


class Joined(Message, frozen=True, tag="joined"):
    """The participant is in. ``resume`` is its secret; ``languages`` can be spoken;
    ``ice_servers`` help its PeerConnection to get through."""

    stream: str
    resume: str
    state: StreamState
    source: str | None = None
    languages: list[str] = []
    channels: list[str] = []
    ice_servers: list[IceServer] = []


class Answer(Message, frozen=True, tag="answer"):
    """The SDP answer, with all of the server's candidates."""

    sdp: str


class State(Message, frozen=True, tag="state"):
    """The stream's state changed: sent to everyone in it."""

    state: StreamState
    source: str | None = None
    channels: list[str] = []


class ChannelState(Message, frozen=True, tag="channel"):
    """What the listener hears now. ``starting`` and ``fallback``: the floor, quietly, until
    the interpretation is there (again); ``reason``: of a fallback."""

    channel: str
    status: ChannelStatus
    reason: FallbackReason | None = None


class Audience(Message, frozen=True, tag="audience"):
    """To the speaker: how many listen, by channel."""

    total: int
    channels: dict[str, int] = {}


class Spoken(Message, frozen=True, tag="spoken"):
    """To who speaks: which language is heard. ``mismatch``: it is not the one that is
    interpreted; ``changed``: it is from now on, as nobody had to say."""

    language: Language
    mismatch: bool = False
    changed: bool = False


class Caption(Message, frozen=True, tag="caption"):
    """A line of text. A later ``revision`` of the same ``segment`` replaces the earlier one.
    ``certain``: so many of its first words will not change; of a final line all.
    ``skipped``: something of it is not spoken. ``doubtful``: the translation may be wrong."""

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


class Captions(Message, frozen=True, tag="captions"):
    """The last lines of every language asked for, oldest first: a snapshot on joining."""

    captions: list[Caption] = []


class Error(Message, frozen=True, tag="error"):
    """What went wrong and what to do. The socket closes after it when ``fatal``."""

    code: ErrorCode
    message: str
    fatal: bool = True
    retry_after_s: float | None = None


class Pong(Message, frozen=True, tag="pong"):
    """Answers a ping."""


ServerMessage = (
    Joined | Answer | State | ChannelState | Audience | Spoken | Caption | Captions | Error | Pong
)
