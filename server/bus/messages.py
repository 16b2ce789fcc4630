"""All messages of the bus. MessagePack; at most once; ordered within a subject; at most 256 kB.

Stream time is counted in samples at 16 kHz. A stream's epoch rises when its speaker changes
language or its interpreter restarts; receivers drop messages of older epochs. Only the media
process maps samples to wall time.
"""

from typing import Literal

import msgspec

from server.decoding import understood

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
    def samples(self) -> int:
        """The number of samples."""
        return len(self.pcm) // 2

    @property
    def end_sample(self) -> int:
        """The sample after the last."""
        return self.start_sample + self.samples


class Demand(BusMessage, frozen=True, tag="demand"):
    """Which languages of a stream are wanted: sent on every change and repeated every second.

    A stream is interpreted for as long as demands for it arrive. A demand without targets and
    without ``captions`` ends it. ``speech``: target languages to speak; ``text``: those to caption
    only. ``listeners``: the number of listeners by language. If ``source`` is AUTO, nothing is
    interpreted; the language is detected and reported by ``Spoken``. ``among``: the languages to
    expect then. ``lease``: the epoch of the hub's lease on the stream, see ``cluster.leases``; 0:
    it has none.
    """

    source: str
    speech: tuple[str, ...] = ()
    text: tuple[str, ...] = ()
    captions: bool = True
    listeners: dict[str, int] = {}
    among: tuple[str, ...] = ()
    lease: int = 0


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
    """Says that an interpreter process is alive: sent twice a second, and when it is ready.

    ``stuck_s``: the age of its oldest running engine call. ``dropped``: what was dropped so far,
    counted by place. ``cpu_s``, ``rss_bytes``: of the process. ``version``: of the models in use,
    as in Models. ``waited_s``: how long its threads have waited for a core.
    """

    worker: str
    ready: bool
    stuck_s: float = 0.0
    dropped: dict[str, int] = {}
    stages: tuple[Stage, ...] = ()
    cpu_s: float = 0.0
    rss_bytes: int = 0
    version: str = ""
    waited_s: float = 0.0


class Reload(BusMessage, frozen=True, kw_only=True, tag="reload"):
    """To an interpreter: the installed models may have changed. It loads the new ones while it
    uses the old, moves its streams to them, and answers with Models."""

    stream: str = ""
    epoch: int = 0


class Drain(BusMessage, frozen=True, kw_only=True, tag="drain"):
    """To a machine that interprets: its streams are to go to others, or may stay again. It tells
    all hubs."""

    stream: str = ""
    epoch: int = 0
    on: bool


class Models(BusMessage, frozen=True, kw_only=True, tag="models"):
    """From an interpreter: the models that new streams use; running streams move to them at their
    next pause. Sent when it is ready, and after each Reload. ``manifest``: made by
    ``current.encoded``. ``problem``: why it could not load new models; "" if it could."""

    stream: str = ""
    epoch: int = 0
    version: str
    manifest: bytes
    problem: str = ""


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
    | Drain
    | Models
)

_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Message] = msgspec.msgpack.Decoder(Message)


def encode(message: BusMessage) -> bytes:
    """A message of any bus as MessagePack. Raises ValueError above MAX_MESSAGE_BYTES."""
    data = _encoder.encode(message)
    if len(data) > MAX_MESSAGE_BYTES:
        raise ValueError(
            f"{type(message).__name__} of {len(data)} bytes: a bus message has at most "
            f"{MAX_MESSAGE_BYTES}; send less audio at a time"
        )
    return data


def decode(data: bytes) -> Message:
    """Decode a message. Raises msgspec.DecodeError if ``data`` is not one."""
    return understood(_decoder, data)
