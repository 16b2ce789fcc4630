"""An interpreter process with stand-ins for engines. It recognises tones as words.

A low tone is the word "laag", which is translated to "low" and spoken at 700 Hz. A high tone is
"hoog", translated to "high" and spoken at 1,500 Hz. The language detector takes low tones for Dutch
and high ones for English.

``--fault`` makes an engine misbehave on low tones. With "fail" and "hang" it is the voice. With
"crash" the process aborts; with a file ``--once`` only if the file does not exist, and it is then
created.

``--models`` names a folder whose models the stand-ins pretend to be. A model named "deadly" aborts
the process when it is loaded, one named "moribund" half a second later.
"""

import argparse
import asyncio
import os
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from server.bus.local import LocalBus
from server.bus.messages import RATE_HZ, decode
from server.bus.spare import STANDBY
from server.interpretation.engines import EngineError
from server.interpretation.process import standing_by
from server.interpretation.shared import Engines, Limits
from server.interpretation.types import Pcm, Transcript, Word
from server.interpretation.worker import Worker
from server.models.catalogue import Catalogue
from server.models.current import decoded
from server.models.moving import OPTION

BLOCK = RATE_HZ // 50
#: Peaks below this are silence.
LOUD = 1000
QUIET_BLOCKS = 10
SPOKEN_HZ = {"low": 700.0, "high": 1500.0, "laag": 350.0, "hoog": 3000.0}


class ToneStream:
    pause_samples = None

    def __init__(self) -> None:
        self._heard = 0
        self._rest: Pcm = np.zeros(0, np.int16)
        self._word: list[Pcm] = []
        self._quiet = 0

    def accept(self, pcm: Pcm) -> Transcript | None:
        pcm = np.concatenate((self._rest, pcm))
        said = None
        whole = len(pcm) // BLOCK * BLOCK
        for block in pcm[:whole].reshape(-1, BLOCK):
            self._heard += BLOCK
            if np.abs(block).max() > LOUD:
                self._word.append(block)
                self._quiet = 0
            else:
                self._quiet += 1
                if self._quiet == QUIET_BLOCKS:
                    said = self.finish() or said
        self._rest = pcm[whole:]
        return said

    def finish(self) -> Transcript | None:
        sound, self._word = np.concatenate([*self._word, np.zeros(0, np.int16)]), []
        if len(sound) < RATE_HZ // 5:
            return None
        text = "laag" if is_low(sound) else "hoog"
        end = self._heard - self._quiet * BLOCK
        return Transcript((Word(text, max(0, end - len(sound)), end),), True)


def is_low(sound: Pcm) -> bool:
    crossings = np.count_nonzero(np.diff(np.signbit(sound)))
    return bool(crossings / 2 / (len(sound) / RATE_HZ) < 600)


class ToneIdentifier:
    def identify(self, pcm: Pcm) -> Mapping[str, float]:
        blocks = pcm[: len(pcm) // BLOCK * BLOCK].reshape(-1, BLOCK)
        low = [is_low(block) for block in blocks if np.abs(block).max() > LOUD]
        dutch = sum(low) / max(1, len(low))
        return {"nl": dutch, "en": 1 - dutch} if low else {"nl": 0.5, "en": 0.5}


class ToneRecognizer:
    def __init__(self, language: str) -> None:
        self.language = language

    def stream(self) -> ToneStream:
        return ToneStream()


class Translator:
    def translate(self, text: str, source: str, target: str, prefix: str = "") -> str:
        if target == "nl":
            return text
        return text.replace("laag", "low").replace("hoog", "high")


class Voice:
    rate_hz = 16_000

    def __init__(self, language: str, fault: str, once: str, hang_s: float) -> None:
        self.language = language
        self._fault = fault
        self._hang_s = hang_s
        self._once = Path(once) if once else None

    def synthesize(self, text: str, length_scale: float) -> Pcm:
        if "low" in text:
            self._misbehave()
        time_s = np.arange(self.rate_hz // 2) / self.rate_hz
        wave = 8000 * np.sin(2 * np.pi * SPOKEN_HZ[text.split()[0]] * time_s)
        return wave.astype(np.int16)

    def _misbehave(self) -> None:
        if self._fault == "fail":
            raise EngineError("out of breath")
        if self._fault == "hang":
            time.sleep(self._hang_s)
        if self._fault == "crash":
            if self._once is None:
                os.abort()
            if not self._once.exists():
                self._once.touch()
                os.abort()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--socket", type=Path, required=True)
    parser.add_argument("--fault", default="")
    parser.add_argument("--once", default="")
    parser.add_argument("--hang-s", type=float, default=3.0)
    parser.add_argument("--limit-s", type=float, default=5.0)
    parser.add_argument("--retry-s", type=float, default=10.0)
    parser.add_argument("--models", type=Path)
    parser.add_argument(OPTION, type=Path)
    parser.add_argument(STANDBY, action="store_true")
    options = parser.parse_args()
    given = [decoded(options.catalogue.read_bytes())] if options.catalogue else []

    def engines() -> Engines:
        catalogue = None
        if options.models:
            catalogue = given.pop() if given else Catalogue.load(options.models)
            names = {model.name for model in catalogue.models}
            if "deadly" in names:
                os.abort()
            if "moribund" in names:
                threading.Timer(0.5, os.abort).start()
        return Engines(
            {language: ToneRecognizer(language) for language in ("nl", "en")},
            Translator(),
            {
                language: Voice(language, options.fault, options.once, options.hang_s)
                for language in ("nl", "en")
            },
            identifier=ToneIdentifier(),
            catalogue=catalogue,
        )

    limits = Limits(synthesize_s=options.limit_s, retry_s=options.retry_s)
    if load := standing_by(engines) if options.standby else engines:
        asyncio.run(interpret(options.socket, load, limits))


async def interpret(socket: Path, load: Callable[[], Engines], limits: Limits) -> None:
    async with LocalBus.connect(socket, decode) as bus:
        await Worker(bus, load, limits).run()


if __name__ == "__main__":
    main()
