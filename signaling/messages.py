"""All messages between a participant and the server, as typed structs.

Each is a JSON object in a WebSocket text frame; its ``type`` field names the message. Unknown
fields are ignored, so either side may be newer than the other; unknown types are an error.
Times are milliseconds since the first sound of the stream.
``docs/signaling.md`` shows an example of each message; the tests read them from there.
"""

from typing import Annotated, Literal

import msgspec

from signaling.base import Message as Message
from signaling.booth import Booth as Booth
from signaling.booth import OnAir as OnAir
from signaling.fields import AUTO as AUTO
from signaling.fields import CaptionStatus as CaptionStatus
from signaling.fields import ChannelName as ChannelName
from signaling.fields import ChannelStatus as ChannelStatus
from signaling.fields import ErrorCode as ErrorCode
from signaling.fields import FallbackReason as FallbackReason
from signaling.fields import Language as Language
from signaling.fields import ListenerAudio as ListenerAudio
from signaling.fields import PersonName as PersonName
from signaling.fields import Recorded as Recorded
from signaling.fields import Secret as Secret
from signaling.fields import SpeakerAudio as SpeakerAudio
from signaling.fields import SpokenLanguage as SpokenLanguage
from signaling.fields import StreamId as StreamId
from signaling.fields import StreamState as StreamState
from signaling.hand_over import Ask as Ask
from signaling.hand_over import Asking as Asking
from signaling.hand_over import HandOver as HandOver
from signaling.hand_over import Panel as Panel
from signaling.hand_over import Turn as Turn
from signaling.hand_over import Waiting as Waiting

# --- from a participant ------------------------------------------------------------------


class JoinSpeaker(Message, frozen=True, tag="join"):
    """First message on ``/ws/speak/{stream}``. ``language``: what is spoken, or AUTO to have it
    detected.

    ``resume``: the secret of an earlier session, which this one replaces. ``take_over``: replace
    the present speaker; the token must allow it. ``wings``: join in the wings, unheard, and be told
    who listens. ``rehearse``: be alone, unheard, and read what is understood. ``turn_refused``: it
    uses the socket because the TURN server refused its password.
    """

    language: SpokenLanguage
    audio: SpeakerAudio = "webrtc"
    token: Secret | None = None
    resume: Secret | None = None
    take_over: bool = False
    wings: bool = False
    rehearse: bool = False
    turn_refused: bool = False


class JoinListener(Message, frozen=True, tag="join"):
    """First message on ``/ws/listen/{stream}``. ``captions``: the languages to get captions in.
    ``monitor``: it is the speaker, who follows the interpretation and is not counted.
    ``turn_refused``: as in JoinSpeaker."""

    channel: ChannelName = "floor"
    captions: Annotated[list[Language], msgspec.Meta(max_length=8)] = []
    audio: ListenerAudio = "webrtc"
    token: Secret | None = None
    resume: Secret | None = None
    monitor: bool = False
    turn_refused: bool = False


class JoinTalk(Message, frozen=True, tag="join"):
    """First message on ``/ws``: the participant speaks ``language`` and hears its own speech
    interpreted into ``target``."""

    language: Language
    target: Language
    token: Secret | None = None


class JoinInterpreter(Message, frozen=True, tag="join"):
    """First message on ``/ws/interpret/{stream}/{language}``: a person who may interpret into the
    language. ``name``: what the listeners are told. ``channel``: what the interpreter hears.
    ``audio``: of both directions, "webrtc" or "socket-opus"."""

    name: PersonName
    channel: ChannelName = "floor"
    captions: Annotated[list[Language], msgspec.Meta(max_length=8)] = []
    audio: Literal["webrtc", "socket-opus"] = "webrtc"
    token: Secret | None = None
    resume: Secret | None = None


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


SpeakerMessage = JoinSpeaker | Offer | Pause | ChangeLanguage | Ask | HandOver | Panel | End | Ping
ListenerMessage = JoinListener | Offer | Select | Ping
TalkMessage = JoinTalk | Offer | Ping
InterpreterMessage = JoinInterpreter | Offer | OnAir | Select | Ping


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
    ``recording``, ``panel``: as in State. ``others``: URLs of servers at which a listener can go on
    if this one is lost."""

    stream: str
    resume: str
    state: StreamState
    source: str | None = None
    languages: list[str] = []
    channels: list[str] = []
    recording: list[Recorded] = []
    panel: bool = False
    ice_servers: list[IceServer] = []
    others: list[str] = []


class Answer(Message, frozen=True, tag="answer"):
    """The SDP answer, with all of the server's candidates."""

    sdp: str


class State(Message, frozen=True, tag="state"):
    """The stream's state changed: sent to everyone in it. ``recording``: what is recorded while
    somebody speaks. ``panel``: those in the wings take over by speaking."""

    state: StreamState
    source: str | None = None
    channels: list[str] = []
    recording: list[Recorded] = []
    panel: bool = False


class ChannelState(Message, frozen=True, tag="channel"):
    """What the listener hears now. With status ``starting`` or ``fallback`` it hears the floor
    (the original), quietly, until there is an interpretation. ``reason``: of a fallback.
    ``interpreter``: the name of the person who interprets; None: the machine does."""

    channel: str
    status: ChannelStatus
    reason: FallbackReason | None = None
    interpreter: str | None = None


class Audience(Message, frozen=True, tag="audience"):
    """To the speaker, and those in the wings: the number of listeners, in total and by channel."""

    total: int
    channels: dict[str, int] = {}


class Lag(Message, frozen=True, tag="lag"):
    """To the speaker: how many seconds each language that is heard is behind, and how many clauses
    were skipped so far because it was too far behind."""

    behind_s: dict[str, float] = {}
    skipped: int = 0


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
    gaps, and rise also when the server was started again, unless its clock was set back. 0: not
    final."""

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
    """What went wrong and what to do. If ``fatal``, the server then closes the socket. ``url``: of
    the server that does what was asked for. ``place``: the other server that has the stream, for
    people: its address, or its name."""

    code: ErrorCode
    message: str
    fatal: bool = True
    retry_after_s: float | None = None
    url: str | None = None
    place: str | None = None


class Notice(Message, frozen=True, tag="notice"):
    """To listeners: a message of the host, to show until the next one. Without ``text`` there is
    none any more. ``texts``: the same in these languages; ``text`` is the first of them."""

    text: str = ""
    texts: dict[str, str] = {}


class Pong(Message, frozen=True, tag="pong"):
    """The answer to a Ping."""


_OfSession = Joined | Answer | Error | Pong
_OfStream = State | ChannelState | Booth | Audience | Asking | Turn | Lag | Spoken | Notice
ServerMessage = _OfSession | _OfStream | Caption | Captions
