"""A live stream changes to other models while somebody speaks: is anything lost?

A clip of the demonstration is spoken three times over a PeerConnection. When the second time
begins, other models are installed: copies of the starter models, or a Whisper besides them. With a
Whisper, the clip is of a person, because Whisper mishears the synthetic voice of the other clip.
"""

import asyncio
import hashlib
import itertools
import json
import shutil
import tempfile
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path

import jiwer
import msgspec
import numpy as np

from server import demo
from server.client.participants import Listener, Speaker
from server.config import STARTER_MODELS
from server.media.opus import RATE_HZ
from server.models.catalogue import MANIFEST, Catalogue, Model
from signaling.messages import ChannelState, State
from tools.bench.demo import bare
from tools.bench.fanout_processes import memory_of
from tools.bench.serving import Serving, serving
from tools.evaluate.live import voiced_s
from tools.figures import Figure

BOUND_S = 1.0
STREAM = "bench"
LISTENERS = 3
PAUSE_S, TAIL_S = 2.0, 8.0
#: How far the interpretation is behind the speaker.
LAG_S = 2.5
#: The manifest of the models to change to, until it is renamed.
OTHERS = "others.json"


@dataclass(frozen=True)
class _Clip:
    """A clip of the demonstration, its language and the language it is interpreted into."""

    name: str
    source: str
    target: str

    def said(self) -> str:
        text = resources.files(demo).joinpath(f"{self.name}.json").read_text(encoding="utf-8")
        return " ".join(phrase["text"] for phrase in json.loads(text)["phrases"])


SYNTHETIC, PERSON = _Clip("nl", "nl", "en"), _Clip("person-en", "en", "nl")


@dataclass
class _Observed:
    """``began_s``: when each clip began, and the end of the last. ``moved_s``: when listeners were
    told of the new models. All on the loop's clock."""

    spoken: _Clip
    listener: Listener
    speaker: Speaker
    began_s: list[float] = field(default_factory=list)
    lost: int = 0
    fallbacks: int = 0
    moved_s: float | None = None
    memory_mb: list[float] = field(default_factory=list)
    memory_before_mb: float = 0.0

    def words_missing(self, clip: int) -> int:
        """The number of words of the clip that are in no caption."""
        speaking_s = self.speaker.started_speaking_s or 0.0
        start_s, end_s = (each - speaking_s for each in self.began_s[clip : clip + 2])
        heard = [
            each.text
            for _, each in self.listener.captions
            if (each.language, each.status) == (self.spoken.source, "final")
            and start_s < (each.start_ms + each.end_ms) / 2000 <= end_s
        ]
        return jiwer.process_words(bare(self.spoken.said()), bare(" ".join(heard))).deletions

    def longest_silence_s(self, clip: int) -> float:
        """The longest silence in the interpretation of the clip, in seconds."""
        start_s, end_s = self.began_s[clip] + LAG_S, self.began_s[clip + 1] - PAUSE_S
        arrivals = self.listener.arrivals
        zero_s = float((arrivals.at_s - arrivals.timestamps / RATE_HZ).min())
        zero_s += float(arrivals.timestamps.min()) / RATE_HZ
        voiced = [
            (begin + zero_s, end + zero_s) for begin, end in voiced_s(arrivals.sound(), RATE_HZ)
        ]
        within = [each for each in voiced if start_s <= each[0] <= end_s]
        gaps = [later[0] - sooner[1] for sooner, later in itertools.pairwise(within)]
        return max(gaps, default=float("inf"))


async def run(quick: bool, whisper: Path | None = None) -> list[Figure]:
    """``whisper``: the folder of a Whisper model in CTranslate2's format, to change to."""
    del quick  # three clips are the least that shows it
    name = "moving_to_whisper" if whisper else "moving"
    with tempfile.TemporaryDirectory(prefix="tolk-") as folder:
        models = Path(folder) / "models"
        _prepare(models, whisper)
        observed = await _observe(models, whisper)
    moving, before = (1, 2), 0
    silence_s = max(observed.longest_silence_s(each) for each in moving)
    words = max(observed.words_missing(each) for each in moving)
    at_s = None if observed.moved_s is None else observed.moved_s - observed.began_s[1]
    return [
        Figure(f"{name}.moved_after", at_s, "s", bound=60),
        Figure(
            f"{name}.without_interpretation",
            max(0.0, silence_s - observed.longest_silence_s(before)),
            "s",
            bound=BOUND_S,
        ),
        Figure(f"{name}.fallbacks", observed.fallbacks, "", bound=0),
        Figure(f"{name}.words_lost", max(0, words - observed.words_missing(before)), "", bound=0),
        Figure(f"{name}.words_missing_before", observed.words_missing(before), ""),
        Figure(f"{name}.listeners_lost", observed.lost, "", bound=0),
        Figure(f"{name}.memory_before", observed.memory_before_mb, "MB"),
        Figure(f"{name}.memory_most", max(observed.memory_mb), "MB"),
        Figure(f"{name}.memory_after", observed.memory_mb[-1], "MB"),
    ]


async def _observe(models: Path, whisper: Path | None) -> _Observed:
    spoken = PERSON if whisper else SYNTHETIC
    pcm = demo.clip(spoken.name)
    pcm = np.concatenate((pcm, np.zeros(round(PAUSE_S * RATE_HZ), np.int16)))
    loop = asyncio.get_running_loop()
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(serving("--models", str(models)))
        listeners = [
            await stack.enter_async_context(
                Listener(
                    server.url,
                    STREAM,
                    spoken.target,
                    captions=[spoken.source],
                    keep_sound=not number,
                )
            )
            for number in range(LISTENERS)
        ]
        speaker = await stack.enter_async_context(Speaker(server.url, STREAM, spoken.source))
        observed = _Observed(spoken, listeners[0], speaker)
        await asyncio.sleep(PAUSE_S)
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(_memory(server, observed), name="memory")
            for clip in range(3):
                observed.began_s.append(loop.time())
                if clip == 1:
                    observed.memory_before_mb = observed.memory_mb[-1]
                    told = len(listeners[0].received)
                    (models / OTHERS).rename(models / MANIFEST)
                await speaker.play(pcm)
            observed.began_s.append(loop.time())
            await asyncio.sleep(TAIL_S)
            watching.cancel()
        received = listeners[0].received[told:]
        observed.lost = sum(each.closed for each in listeners) + speaker.closed
        observed.fallbacks = sum(
            isinstance(each, ChannelState) and each.status != "live" for _, each in received
        )
        observed.moved_s = next((at_s for at_s, each in received if isinstance(each, State)), None)
    return observed


def _prepare(models: Path, whisper: Path | None) -> None:
    """Put the first models into ``models``, with the others beside them, to be installed by a
    rename."""
    shutil.copytree(STARTER_MODELS, models)
    shutil.copytree(STARTER_MODELS, models / "others")
    others = [
        msgspec.structs.replace(each, path=f"others/{each.path}")
        for each in Catalogue.load(STARTER_MODELS).models
    ]
    if whisper is not None:
        shutil.copytree(whisper, models / "whisper")
        sums = {each.name: _sha256(each) for each in (models / "whisper").iterdir()}
        others.insert(
            0,
            Model(
                name=whisper.name,
                kind="recognizer",
                path="whisper",
                licence="",
                files=sums,
                languages=["nl", "en"],
                format="whisper",
            ),
        )
    (models / OTHERS).write_bytes(msgspec.json.encode({"models": others}))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


async def _memory(server: Serving, observed: _Observed) -> None:
    while True:
        observed.memory_mb.append(memory_of([server.interpreter_pid()]) / 1e6)
        await asyncio.sleep(0.5)
