"""Runs a server on loopback with an interpreter process during a test."""

import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path

import msgspec
import numpy as np
import pytest
import pytest_asyncio

from server import app
from server.client.arrivals import Arrivals
from server.config import Config
from server.media.opus import RATE_HZ, Pcm
from signaling import messages as wire
from tests.helpers.waiting import until

READY_S = 30.0
#: Opus packets of silence are smaller.
SILENT_BYTES = 40
#: A word of the stand-in's voice is half a second: 25 packets. Some may be lost.
WORD_PACKETS = 20
Fixture = Callable[[pytest.TempPathFactory], AsyncIterator[app.Server]]
STAND_IN = [sys.executable, "-m", "tests.helpers.stand_in"]


def models_of_several(folder: Path) -> Path:
    """Make a folder of empty models that the media process takes for real ones: a recogniser of
    Dutch and English that can detect which is spoken, and models to interpret both ways."""
    (folder / "model").write_bytes(b"")
    model = {"path": ".", "licence": "CC0-1.0", "files": {"model": sha256(b"").hexdigest()}}
    models: list[dict[str, object]] = [
        {"kind": "recognizer", "languages": ["nl", "en"], "format": "whisper"},
        {"kind": "translation", "pairs": [["nl", "en"], ["en", "nl"]]},
        {"kind": "voice", "languages": ["nl", "en"]},
    ]
    manifest = {"models": [{**model, **each, "name": each["kind"]} for each in models]}
    (folder / "manifest.json").write_bytes(msgspec.json.encode(manifest))
    return folder


@asynccontextmanager
async def tolk(
    state: Path, interpreter: Sequence[str] = (), *, ready: bool = True, **settings: object
) -> AsyncIterator[app.Server]:
    """Run a server on a free port. Unless ``ready`` is false, wait until its interpreter is ready.
    Without an ``interpreter`` it runs the real one with the shipped models. It fetches none, and
    refuses no language because the machine is busy."""
    chosen = {"fetch": "never", "spare": "never", "max_languages": 8, **settings}
    config = msgspec.structs.replace(Config(port=0, state=str(state), models="starter"), **chosen)
    async with app.running(config, interpreter) as server:
        if ready:
            await until(lambda: server.supervisor.ready, READY_S)
        yield server


def shared_server(*, ready: bool = False, **settings: object) -> Fixture:
    """A fixture: one server for all tests of a file, with the stand-in interpreter."""

    @pytest_asyncio.fixture(scope="module", loop_scope="module")
    async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[app.Server]:
        state = tmp_path_factory.mktemp("state")
        async with tolk(state, STAND_IN, ready=ready, **settings) as running:
            yield running

    return server


def final(language: str, text: str) -> Callable[[wire.Caption], bool]:
    """A condition for ``expect``: a final caption with this language and text."""
    return lambda caption: (
        (caption.language, caption.status, caption.text)
        == (
            language,
            "final",
            text,
        )
    )


def tone(frequency_hz: float, seconds: float = 0.6, silence_s: float = 0.6) -> Pcm:
    """A tone followed by silence, at 48 kHz. The stand-in interpreter hears it as a word."""
    time_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    wave = 8000 * np.sin(2 * np.pi * frequency_hz * time_s)
    return np.concatenate((wave, np.zeros(round(silence_s * RATE_HZ)))).astype(np.int16)


async def sound_arrived(arrivals: Arrivals, since: int = 0, packets: int = WORD_PACKETS) -> None:
    """Wait until ``packets`` with sound have been received, by default those of a word of the
    stand-in's voice. Only packets from index ``since`` on count. The packets must be kept."""
    await until(
        lambda: sum(len(data) > SILENT_BYTES for _, data in arrivals.payloads[since:]) >= packets
    )


def power(pcm: Pcm, frequency_hz: float) -> float:
    """The share of ``pcm``'s energy within 50 Hz of a frequency, 0 to 1."""
    spectrum = np.abs(np.fft.rfft(pcm.astype(np.float64))) ** 2
    frequencies = np.fft.rfftfreq(len(pcm), 1 / RATE_HZ)
    near = np.abs(frequencies - frequency_hz) < 50
    return float(spectrum[near].sum() / max(1.0, spectrum.sum()))


def loudness(pcm: Pcm) -> float:
    """The root mean square of the samples that are not silence."""
    loud = pcm[np.abs(pcm) > 50].astype(np.float64)
    return float(np.sqrt(np.mean(loud**2))) if len(loud) else 0.0
