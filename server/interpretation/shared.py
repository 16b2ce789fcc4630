"""What the streams of an interpreter process share."""

from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Literal, ParamSpec, TypeVar

from server.bus.messages import AUTO, Message
from server.interpretation.engines import (
    EngineError,
    LanguageIdentifier,
    Recognizer,
    SpeechDetector,
    Synthesizer,
    Translator,
)
from server.interpretation.lanes import Lanes, as_engine_error
from server.interpretation.policies import DEFAULT_POLICY, POLICIES, Policy
from server.models.catalogue import Catalogue

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Engines:
    """The engines in use. ``recognizers``, ``synthesizers``: by language. ``translator``: for all
    pairs. ``detector``: creates a speech detector; None: all audio is recognised.
    ``identifier``: None if no model can identify languages. ``catalogue``: of these models."""

    recognizers: Mapping[str, Recognizer]
    translator: Translator
    synthesizers: Mapping[str, Synthesizer]
    detector: Callable[[], SpeechDetector] | None = None
    identifier: LanguageIdentifier | None = None
    catalogue: Catalogue | None = None

    def can_hear(self, source: str) -> bool:
        """Whether a stream of this language can be recognised or, for AUTO, its language be
        detected."""
        return source in self.recognizers or (source == AUTO and self.identifier is not None)


@dataclass(frozen=True, slots=True)
class Limits:
    """Time limits and queue bounds; times in seconds."""

    recognize_s: float = 5.0  # of one call
    translate_s: float = 5.0
    synthesize_s: float = 5.0
    failures: int = 3  # failures in a row after which a language is not spoken
    retry_s: float = 10.0  # time until it is tried again
    waiting_clauses: int = 8
    waiting_audio_s: float = 32.0  # more than is replayed after a crash
    quiet_s: float = 1.0  # without audio, after which the last words become final
    forget_s: float = 10.0  # without audio, after which recognition restarts
    demand_s: float = 5.0  # without a demand, after which a stream is dropped
    heartbeat_s: float = 0.5


@dataclass(slots=True)
class Shared:
    """Shared by all streams. ``engines``: replaced when the process moves to other models, so read
    it at each use and keep an engine for no longer than a clause. ``publish``: to the media
    process. ``dropped``: counts by place, for the heartbeat. ``making``: the thread that creates
    adapted recognisers."""

    engines: Engines
    limits: Limits
    publish: Callable[[Message], None]
    policy: Policy = POLICIES[DEFAULT_POLICY]
    lanes: Lanes = field(default_factory=Lanes)
    making: Executor = field(default_factory=lambda: ThreadPoolExecutor(1, "make"))
    dropped: Counter[str] = field(default_factory=Counter)

    async def call(
        self,
        stage: Literal["translate", "synthesize"],
        language: str,
        function: Callable[P, R],
        *args: P.args,
        **kw: P.kwargs,
    ) -> R:
        """Call an engine's function in the lane of ``stage`` and ``language``, within the time
        limit of the stage. Raises EngineError, and counts it."""
        limits = self.limits
        limit_s = limits.translate_s if stage == "translate" else limits.synthesize_s
        try:
            with as_engine_error(f"{stage}, {language}"):
                return await self.lanes.lane(stage, language).call(limit_s, function, *args, **kw)
        except EngineError:
            self.dropped[stage] += 1
            raise
