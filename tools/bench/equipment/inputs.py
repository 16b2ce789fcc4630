"""Nine kinds of live sources, each spoken into a server by ``input``: do listeners get the words
that they get from the file itself, and how soon is a source heard again that was cut off for 10 s?

Three kinds send at the same time, each into a stream of its own. What a listener of the floor got
is recognised afterwards.
"""

import asyncio
import sys
import tempfile
import threading
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import jiwer
import numpy as np
from numpy.typing import NDArray

from server.client.conversation import alongside
from server.client.participants import Listener
from server.config import STARTER_MODELS
from server.media.files import WavWriter
from server.media.opus import RATE_HZ, Pcm, Resampler, joined
from server.process import end
from tools.bench.equipment.sources import Show, Source, sources
from tools.bench.serving import END_S, Serving, serving
from tools.evaluate import material
from tools.figures import Figure
from tools.listen import recognized

#: Of the material: people of whom no model has heard anything.
CLIPS, LANGUAGE = "corpora/librispeech-test-clean-part", "en"
SECONDS, QUICK_SECONDS = 60.0, 10.0
PAUSE_S = 0.5
#: Until sources, inputs and their server have found each other.
READY_S = 180.0
#: What was sent has arrived if nothing has come for so long; the longest wait for that.
SILENCE_S, ARRIVED_S = 3.0, 30.0
CUT_S = 10.0
#: Bound on the time until a source that is back is heard again, and how long is waited for it.
AGAIN_S, PATIENCE_S = 5.0, 20.0
#: Opus packets of silence are smaller.
SILENT_BYTES = 40
FILE = "file"
#: Kinds that send at the same time. More of them, and what hears them, would lack cores.
AT_ONCE = 3


class Speech(NamedTuple):
    """What is said, as a recogniser writes it, and its sound at 48 kHz."""

    text: str
    pcm: Pcm


async def run(quick: bool) -> list[Figure]:
    """No figures if there is no material; then standard error says so."""
    try:
        said = speech(QUICK_SECONDS if quick else SECONDS)
    except FileNotFoundError as missing:
        print(f"left out: inputs: {missing}", file=sys.stderr)
        return []
    with tempfile.TemporaryDirectory() as folder:
        files = Path(folder)
        heard = {FILE: await _file_heard(said.pcm, files)}
        again_s: dict[str, float | None] = {}
        kinds = sources(files)
        for start in range(0, len(kinds), AT_ONCE):
            some = await _heard(said.pcm, kinds[start : start + AT_ONCE])
            heard |= some[0]
            again_s |= some[1]
    return [*_words(said.text, heard), *_again(again_s)]


def speech(seconds: float) -> Speech:
    """Clips of the material, of ``seconds`` at least. Raises FileNotFoundError."""
    texts: list[str] = []
    parts: list[Pcm] = []
    resampler = Resampler(material.RATE_HZ, RATE_HZ)
    pause = np.zeros(round(PAUSE_S * material.RATE_HZ), np.int16)
    for clip in material.clips(CLIPS, LANGUAGE, count=20):
        texts.append(clip.text)
        parts += [resampler.push(clip.pcm), resampler.push(pause)]
        if sum(part.size for part in parts) >= seconds * RATE_HZ:
            break
    return Speech(" ".join(texts), joined(parts))


async def _file_heard(pcm: Pcm, files: Path) -> Pcm:
    """What a listener of the file got."""
    wav = files / "speech.wav"
    with WavWriter(wav, RATE_HZ) as out:
        out.write(pcm)
    async with (
        serving() as server,
        Listener(server.url, FILE, audio="socket", keep_sound=True) as listener,
        _input(server, FILE, [str(wav)]) as file,
    ):
        await file.ended()
        await _silence([listener])
    return listener.arrivals.sound()


async def _heard(
    pcm: Pcm, kinds: Sequence[Source]
) -> tuple[dict[str, Pcm], dict[str, float | None]]:
    """What a listener of each source got, and when each source was heard again: None if it was
    not."""
    loop = asyncio.get_running_loop()
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(serving())
        listeners = {
            kind.name: await stack.enter_async_context(
                Listener(server.url, kind.name, audio="socket", keep_sound=True)
            )
            for kind in kinds
        }
        begin = threading.Event()
        with ExitStack() as sending:
            for kind in kinds:
                sending.enter_context(kind.on(Show(pcm, begin)))
            inputs = [
                await stack.enter_async_context(_input(server, kind.name, kind.arguments))
                for kind in kinds
            ]
            for each in inputs:
                await each.ready()
            begin.set()
            await asyncio.sleep(pcm.size / RATE_HZ)
            await _silence(listeners.values())
        heard = {name: listener.arrivals.sound() for name, listener in listeners.items()}
        await asyncio.sleep(CUT_S)
        with ExitStack() as sending:
            back_s = loop.time()
            for kind in kinds:
                sending.enter_context(kind.on(Show(pcm, begin)))
            again_s = {
                name: await _next_sound_s(listener, back_s) for name, listener in listeners.items()
            }
    return heard, again_s


class Input:
    """A running ``input``. ``said``: what it has written to its log."""

    def __init__(self, name: str, process: Process) -> None:
        self.said = ""
        self._name = name
        self._process = process

    async def ended(self) -> None:
        """Wait until it ends by itself. Raises TimeoutError."""
        async with asyncio.timeout(READY_S):
            await self._process.wait()

    async def read(self, log: asyncio.StreamReader) -> None:
        async for line in log:
            self.said += line.decode(errors="replace")

    async def ready(self) -> None:
        """Wait until it receives its source and speaks. Raises TimeoutError."""
        try:
            async with asyncio.timeout(READY_S):
                while not all(word in self.said for word in (": receiving ", ": speaking ")):
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise TimeoutError(f"{self._name} is not heard: {self.said}") from None


@asynccontextmanager
async def _input(server: Serving, stream: str, arguments: list[str]) -> AsyncIterator[Input]:
    """Run ``input`` while the body runs."""
    command = [sys.executable, "-m", "server", "input", *arguments]
    command += ["--stream", stream, "--from", LANGUAGE, "--url", server.url]
    process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE)
    assert process.stderr is not None
    made = Input(stream, process)
    try:
        async with alongside(made.read(process.stderr), f"log-{stream}"):
            yield made
    finally:
        await end(process, END_S)


async def _silence(listeners: Iterable[Listener]) -> None:
    """Wait until nobody has heard anything for SILENCE_S."""
    loop = asyncio.get_running_loop()
    deadline_s = loop.time() + ARRIVED_S
    for listener in listeners:
        while loop.time() < deadline_s:
            heard_s = _sounds_s(listener)
            if not heard_s.size or loop.time() - heard_s[-1] > SILENCE_S:
                break
            await asyncio.sleep(0.2)


def _sounds_s(listener: Listener) -> NDArray[np.float64]:
    """When each packet came that is not silence."""
    payloads = listener.arrivals.payloads
    loud = np.array([len(data) > SILENT_BYTES for _, data in payloads], bool)
    at_s: NDArray[np.float64] = listener.arrivals.at_s[: loud.size][loud]
    return at_s


async def _next_sound_s(listener: Listener, since_s: float) -> float | None:
    """How long after ``since_s`` the listener got sound; None if it did not in time."""
    loop = asyncio.get_running_loop()
    while loop.time() < since_s + PATIENCE_S:
        after = _sounds_s(listener)
        after = after[after > since_s]
        if after.size:
            return float(after[0]) - since_s
        await asyncio.sleep(0.2)
    return None


def _words(text: str, heard: dict[str, Pcm]) -> list[Figure]:
    texts = {name: recognized(pcm, STARTER_MODELS, LANGUAGE) or "" for name, pcm in heard.items()}
    wrong = {name: _wrong(text, each) for name, each in texts.items()}
    count = len(text.split())
    figures = [Figure("equipment.inputs.words", count, "")]
    for name, each in texts.items():
        prefix = f"equipment.inputs.{name}"
        figures.append(Figure(f"{prefix}.words_wrong", 100 * wrong[name] / count, "%"))
        if name != FILE:
            unlike = 100 * _wrong(texts[FILE], each) / max(1, len(texts[FILE].split()))
            figures.append(Figure(f"{prefix}.words_unlike_the_files", unlike, "%"))
    more = wrong["aes67"] - wrong[FILE]
    return [*figures, Figure("equipment.inputs.aes67.words_more_wrong", more, "", bound=0)]


def _wrong(said: str, heard: str) -> int:
    """The number of words that differ."""
    if not said or not heard:
        return len(said.split()) or len(heard.split())
    found = jiwer.process_words(said, heard)
    return found.substitutions + found.deletions + found.insertions


def _again(again_s: dict[str, float | None]) -> list[Figure]:
    return [
        Figure(f"equipment.inputs.{name}.heard_again", each, "s", bound=AGAIN_S)
        for name, each in again_s.items()
    ]
