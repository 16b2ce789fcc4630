"""What the media process and an interpreter say to each other. MessagePack; at most once; ordered
within a subject; <= 256 kB.

Stream time is counted in samples at 16 kHz from the start of an epoch. The epoch rises when
a speaker or an interpreter starts anew, and whoever reads a message of an older epoch drops
it. Only the media process maps samples to wall time.
"""

from typing import Literal

import msgspec

RATE_HZ = 16_000
#: NATS core's promise, kept by every bus so that one code runs on all.
MAX_MESSAGE_BYTES = 256_000
#: In place of a language: whichever is spoken.
AUTO = "auto"


#: Why a language is not interpreted: an engine fails, or takes too long.
FailureReason = Literal["", "broken", "slow"]


class BusMessage(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """Base of all bus messages. ``stream`` is the stream's id; empty where none is meant."""

    stream: str
    epoch: int


class AudioChunk(BusMessage, frozen=True, tag="audio"):
    """Sound of the floor: s16le mono at 16 kHz, samples ``start_sample`` onwards."""

    start_sample: int
    pcm: bytes

    @property
    def end_sample(self) -> int:
        """The stream time just after its last sample."""
        return self.start_sample + len(self.pcm) // 2


class Demand(BusMessage, frozen=True, tag="demand"):
    """What is wanted of a stream: sent on every change and repeated every second.

    A stream is interpreted while demands for it come; one without targets and without
    ``captions`` lets it go. ``speech``: target languages to be spoken; ``text``: those only
    to be written. ``listeners``: how many each language has. With AUTO for a source nothing is
    interpreted: which language it is, is told by ``Spoken``. ``among``: those that it may be.
    """

    source: str
    speech: tuple[str, ...] = ()
    text: tuple[str, ...] = ()
    captions: bool = True
    listeners: dict[str, int] = {}
    among: tuple[str, ...] = ()


class Spoken(BusMessage, frozen=True, tag="spoken"):
    """``language`` is spoken, from ``sample`` on, whichever is demanded: repeated every few
    seconds of speech. It may be none of the demand's ``among``."""

    language: str
    probability: float
    sample: int


class Glossary(BusMessage, frozen=True, tag="glossary"):
    """A stream's glossary: sent on every change and repeated with the demand. ``version`` rises
    with every change. ``terms``: each by language; ``names`` stay as they are; ``words``: by
    language, what the recogniser is to expect."""

    version: int
    terms: tuple[dict[str, str], ...] = ()
    names: tuple[str, ...] = ()
    words: dict[str, tuple[str, ...]] = {}


class Unexpected(BusMessage, frozen=True, tag="unexpected"):
    """Words of the glossary of this ``version`` that the recogniser of a language cannot expect,
    and why: repeated once a second while there are any."""

    version: int
    language: str
    words: dict[str, str]


class Caption(BusMessage, frozen=True, tag="caption"):
    """A line of text in the source or a target language. ``certain``: so many of its first words
    will not change. ``skipped``: something of it is not spoken, or not translated. ``doubtful``:
    the translation may be wrong."""

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
    """At most 200 ms of an interpretation: s16le mono at ``rate_hz``.

    ``play_at``: the sample of stream time at which its first sample is to be heard, as the
    interpreter planned it. ``start_sample`` and ``end_sample``: what of the floor it says.
    ``last`` closes the clause, or part number ``part`` of it where it is said bit by bit.
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
    """All sound before ``sample`` is said in every language: it need not be fed again."""

    sample: int


class Failure(BusMessage, frozen=True, tag="failure"):
    """An interpretation is (``failing``) or is no longer replaced by the floor."""

    language: str
    failing: bool
    reason: FailureReason


class Stage(msgspec.Struct, frozen=True, array_like=True):
    """Time spent in a stage since the last heartbeat: count and sum, seconds."""

    name: str
    language: str
    count: int
    seconds: float


class Heartbeat(BusMessage, frozen=True, tag="heartbeat"):
    """An interpreter process lives: once a second, and once when its models are loaded.

    ``stuck_s``: the age of its oldest engine call under way. ``dropped``: clauses and chunks
    dropped so far, by place. ``cpu_s``, ``rss_bytes``: of the process. ``version``: of the models
    in use, as in Models.
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
    """To an interpreter: other models may be installed. It loads them beside those in use, moves
    its streams to them, and answers with Models."""

    stream: str = ""
    epoch: int = 0


class Models(BusMessage, frozen=True, kw_only=True, tag="models"):
    """Of an interpreter: which models it has for new streams; the others follow at their next
    pause. Sent when it is ready, and after each Reload. ``manifest``: as ``current.encoded`` makes
    it. ``problem``: why it could not move to others; "" where it did."""

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
            f"{MAX_MESSAGE_BYTES}; send less sound at a time"
        )
    return data


def decode(data: bytes) -> Message:
    """The message in ``data``. Raises msgspec.DecodeError on anything else."""
    return _decoder.decode(data)
