"""What all streams of an interpreter process use together."""

from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field

from server.bus.messages import AUTO, Message
from server.interpretation.engines import (
    LanguageIdentifier,
    Recognizer,
    SpeechDetector,
    Synthesizer,
    Translator,
)
from server.interpretation.lanes import Lanes
from server.interpretation.policies import DEFAULT_POLICY, POLICIES, Policy
from server.models.catalogue import Catalogue


@dataclass(frozen=True, slots=True)
class Engines:
    """Recognisers and synthesizers by language; one translator for all pairs. ``detector``:
    makes a new one; without, only transcripts tell of pauses. ``identifier``: tells languages
    apart, where a model can. ``catalogue``: whose models these are."""

    recognizers: Mapping[str, Recognizer]
    translator: Translator
    synthesizers: Mapping[str, Synthesizer]
    detector: Callable[[], SpeechDetector] | None = None
    identifier: LanguageIdentifier | None = None
    catalogue: Catalogue | None = None

    def can_hear(self, source: str) -> bool:
        """Whether a stream of this language can be interpreted, or of AUTO found out about."""
        return source in self.recognizers or (source == AUTO and self.identifier is not None)


@dataclass(frozen=True, slots=True)
class Limits:
    """``…_s``: what an engine call may take. After ``failures`` in a row a language fails for
    ``retry_s``. ``quiet_s`` without sound: the last words are taken for final; after
    ``forget_s`` recognition begins anew. ``demand_s`` without a demand: the stream is let go."""

    recognize_s: float = 5.0
    translate_s: float = 5.0
    synthesize_s: float = 5.0
    failures: int = 3
    retry_s: float = 10.0
    waiting_clauses: int = 8
    waiting_audio_s: float = 32.0  # above what is fed again after a crash
    quiet_s: float = 1.0
    forget_s: float = 10.0
    demand_s: float = 5.0
    heartbeat_s: float = 1.0


@dataclass(slots=True)
class Shared:
    """``engines`` are others when the process has moved to other models: read at each use, kept
    for no longer than a clause. ``publish``: to the media process. ``dropped``: counts by place,
    for the heartbeat. ``making``: the thread in which engines are made of others."""

    engines: Engines
    limits: Limits
    publish: Callable[[Message], None]
    policy: Policy = POLICIES[DEFAULT_POLICY]
    lanes: Lanes = field(default_factory=Lanes)
    making: Executor = field(default_factory=lambda: ThreadPoolExecutor(1, "make"))
    dropped: Counter[str] = field(default_factory=Counter)
