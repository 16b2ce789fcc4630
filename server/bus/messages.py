"""All messages of the bus. MessagePack; at most once; ordered within a subject; at most 256 kB.

Stream time is counted in samples at 16 kHz. A stream's epoch rises when its speaker changes
language or its interpreter restarts; receivers drop messages of older epochs. Only the media
process maps samples to wall time.
"""

from typing import Literal

import msgspec

RATE_HZ = 16_000
#: Every bus has this limit, so that the same code runs on each of them.
MAX_MESSAGE_BYTES = 256_000
#: In place of a language tag: the language is detected.
AUTO = "auto"


#: Why a language is not interpreted: an engine fails ("broken") or takes too long ("slow").
FailureReason = Literal["", "broken", "slow"]


class BusMessage(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """Base of all bus messages. ``stream``: the stream's id; "" if it is about no stream."""

    stream: str
    epoch: int


class AudioChunk(BusMessage, frozen=True, tag="audio"):
    """Audio of the speaker: s16le mono at 16 kHz, from ``start_sample`` on."""

    start_sample: int
    pcm: bytes

    @property
    def end_sample(self) -> int:
        """The sample after the last."""
        return self.start_sample + len(self.pcm) // 2


class Demand(BusMessage, frozen=True, tag="demand"):
    """Which languages of a stream are wanted: sent on every change and repeated every second.

    A stream is interpreted for as long as demands for it arrive. A demand without targets and
    without ``captions`` ends it. ``speech``: target languages to speak; ``text``: those to caption
    only. ``listeners``: the number of listeners by language. If ``source`` is AUTO, nothing is
    interpreted; the language is detected and reported by ``Spoken``. ``among``: the languages to
    expect then.
    """

    source: str
    speech: tuple[str, ...] = ()
    text: tuple[str, ...] = ()
    captions: bool = True
    listeners: dict[str, int] = {}
    among: tuple[str, ...] = ()


class Spoken(BusMessage, frozen=True, tag="spoken"):
    """The language detected in a stream: ``language``, spoken from ``sample`` on. Repeated every
    few seconds of speech. It may differ from the demanded one and from all of ``among``."""

    language: str
    probability: float
    sample: int


class Glossary(BusMessage, frozen=True, tag="glossary"):
    """A stream's glossary: sent on every change and repeated with the demand. ``version`` rises
    with every change. ``terms``: each a term and its translations, by language. ``names``: not
    translated. ``words``: words for the recogniser to expect, by language."""

    version: int
    terms: tuple[dict[str, str], ...] = ()
    names: tuple[str, ...] = ()
    words: dict[str, tuple[str, ...]] = {}


class Unexpected(BusMessage, frozen=True, tag="unexpected"):
    """Words of the glossary of this ``version`` that the recogniser of ``language`` cannot be
    prepared for, with the reasons. Repeated every second while there are any."""

    version: int
    language: str
    words: dict[str, str]


class Caption(BusMessage, frozen=True, tag="caption"):
    """A line of text in the source or a target language. ``certain``: this many of its first words
    will not change. ``skipped``: part of it is not spoken, or not translated. ``doubtful``: the
    translation may be wrong."""

    language: str
    segment: int
    revision: int
    status: Literal["partial", "final", "clear"]
    start_sample: int
    end_sample: int
    text: str
    skipped: bool = False
    certain: int = 0
    doubtful: bool = False


class Speech(BusMessage, frozen=True, tag="speech"):
    """At most 200 ms of synthesized speech: s16le mono at ``rate_hz``.

    ``play_at``: when to play its first sample, in samples of stream time. ``start_sample``,
    ``end_sample``: the part of the speaker's audio that it interprets. ``part``: the number of
    this part of the clause, if the clause is spoken in several. ``last``: the part ends here.
    """

    language: str
    segment: int
    play_at: int
    start_sample: int
    end_sample: int
    rate_hz: int
    pcm: bytes
    last: bool = False
    part: int = 0


class Committed(BusMessage, frozen=True, tag="committed"):
    """All audio before ``sample`` has been interpreted into every language: a new interpreter need
    not get it again."""

    sample: int


class Failure(BusMessage, frozen=True, tag="failure"):
    """Whether the floor (the original) replaces an interpretation: ``failing`` when it starts to,
    not ``failing`` when the interpretation works again."""

    language: str
    failing: bool
    reason: FailureReason


class Stage(msgspec.Struct, frozen=True, array_like=True):
    """Engine calls of a stage since the last heartbeat: their number and total seconds."""

    name: str
    language: str
    count: int
    seconds: float


class Heartbeat(BusMessage, frozen=True, tag="heartbeat"):
    """Says that an interpreter process is alive: sent every second, and when its models are loaded.

    ``stuck_s``: the age of its oldest running engine call. ``dropped``: what was dropped so far,
    counted by place. ``cpu_s``, ``rss_bytes``: of the process. ``version``: of the models in use,
    as in Models.
    """

    worker: str
    ready: bool
    stuck_s: float = 0.0
    dropped: dict[str, int] = {}
    stages: tuple[Stage, ...] = ()
    cpu_s: float = 0.0
    rss_bytes: int = 0
    version: str = ""


class Reload(BusMessage, frozen=True, kw_only=True, tag="reload"):
    """To an interpreter: the installed models may have changed. It loads the new ones while it
    uses the old, moves its streams to them, and answers with Models."""

    stream: str = ""
    epoch: int = 0


class Models(BusMessage, frozen=True, kw_only=True, tag="models"):
    """From an interpreter: the models that new streams use; running streams move to them at their
    next pause. Sent when it is ready, and after each Reload. ``manifest``: made by
    ``current.encoded``. ``problem``: why it could not load new models; "" if it could."""

    stream: str = ""
    epoch: int = 0
    version: str
    manifest: bytes
    problem: str = ""


# --- between the main media process and an edge, which holds listeners' connections ---------------


class EdgeMessage(BusMessage, frozen=True, array_like=True, kw_only=True):
    """Base of messages that are about no single stream. Connections (peers) and channels have
    numbers, given by the main process and never used twice."""

    stream: str = ""
    epoch: int = 0


class PeerOffer(EdgeMessage, frozen=True, tag="offer"):
    """To an edge: answer this listener's SDP offer, and hold its connection."""

    peer: int
    sdp: str


PeerStateName = Literal["answered", "refused", "connected", "gone"]


class PeerState(EdgeMessage, frozen=True, tag="peer"):
    """From an edge: the new state of a connection. ``text``: the SDP answer, or why the connection
    was refused or is gone."""

    peer: int
    state: PeerStateName
    text: str = ""


class Routes(EdgeMessage, frozen=True, tag="routes"):
    """To an edge: the channel that each connection hears; 0: none; None: close the connection.

    Sent on every change, with the changed connections only; and in answer to each report, with
    ``all`` connections: the edge closes those that are missing."""

    channels: dict[int, int | None]
    all: bool = False


class ChannelPacket(EdgeMessage, frozen=True, tag="packet"):
    """To an edge: a channel's Opus packet of one 20 ms tick; its RTP timestamp is 960 x ``tick``.
    See Broadcast.publish."""

    channel: int
    tick: int
    data: bytes
    begins_speech: bool = False


class PeerReport(msgspec.Struct, frozen=True, array_like=True):
    """The state of a connection. ``connected``: it is up. ``heard_from``: it has sent an
    authentic ICE check. ``loss``: the share of packets that it reports lost, 0 to 1."""

    connected: bool
    heard_from: bool
    loss: float = 0.0


class EdgeReport(Heartbeat, frozen=True, tag="edge"):
    """Says that an edge is alive: sent twice a second. ``peers``: all its connections. ``hostile``,
    ``repaired``: its counts so far, as in the metrics of these names. ``late_s``: the largest
    delay of a packet since the last report, relative to the fastest packet."""

    peers: dict[int, PeerReport] = {}
    hostile: dict[str, int] = {}
    repaired: dict[str, int] = {}
    late_s: float = 0.0


Message = (
    AudioChunk
    | Demand
    | Spoken
    | Glossary
    | Unexpected
    | Caption
    | Speech
    | Committed
    | Failure
    | Heartbeat
    | Reload
    | Models
    | PeerOffer
    | PeerState
    | Routes
    | ChannelPacket
    | EdgeReport
)

_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Message] = msgspec.msgpack.Decoder(Message)


def encode(message: Message) -> bytes:
    """Encode as MessagePack. Raises ValueError if that is more than MAX_MESSAGE_BYTES."""
    data = _encoder.encode(message)
    if len(data) > MAX_MESSAGE_BYTES:
        raise ValueError(
            f"{type(message).__name__} of {len(data)} bytes: a bus message has at most "
            f"{MAX_MESSAGE_BYTES}; send less audio at a time"
        )
    return data


def decode(data: bytes) -> Message:
    """Decode a message. Raises msgspec.DecodeError if ``data`` is not one."""
    return _decoder.decode(data)
