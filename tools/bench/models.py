"""Downloads break off and pulls are killed: does a server ever see an incomplete model?

A host on loopback breaks off at random places of a file. Then processes that pull a package are
killed at random moments, half of them while an older package of that name is installed. The same
seed is used every time.
"""

import asyncio
import hashlib
import io
import os
import random
import sys
import tempfile
import time
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import aiohttp

from server.config import STARTER_MODELS
from server.interpretation.engines import ModelError
from server.models.available import File
from server.models.download import Downloader, Patience
from server.models.installed import catalogue_of, fetched_into
from server.models.store import Store
from tools.figures import Figure
from tools.model_host import ModelHost, cut, model_host

SEED: Final = 12
TIMES: Final = 20
FILE_BYTES: Final = 64 << 20
HASTE: Final = Patience(retry_s=0.02)
#: So many bytes may be fetched twice each time that a download breaks off.
TWICE_BYTES: Final = 1 << 20
PACKAGE: Final = "/vosk-model-small-nl-9.zip"
NAME: Final = "vosk-model-small-nl-9"
#: The package is sent in this time; a pull then takes a second or two more. It is killed at any
#: moment until its end.
COMES_S: Final = 1.0
PULL_LIMIT_S: Final = 120.0


async def run(quick: bool) -> list[Figure]:
    """``quick``: repeat it a quarter as often."""
    times = TIMES // 4 if quick else TIMES
    return [*await _broken_off(times), *await _killed(times)]


async def _broken_off(times: int) -> Sequence[Figure]:
    chance = random.Random(SEED)
    data = chance.randbytes(FILE_BYTES)
    wanted = File("model.bin", FILE_BYTES, sha256=hashlib.sha256(data).hexdigest())
    places = sorted(chance.sample(range(TWICE_BYTES, FILE_BYTES), times))
    with tempfile.TemporaryDirectory(prefix="tolk-") as folder:
        target = Path(folder) / "model.bin"
        async with model_host({"/model.bin": data}) as host, aiohttp.ClientSession() as session:
            host.faults["/model.bin"] = [cut(host, place) for place in places]
            await Downloader(session, patience=HASTE).file(f"{host.url}/model.bin", target, wanted)
            sent = host.sent["/model.bin"]
        same = target.read_bytes() == data
    twice = [
        before.start + before.count - after.start
        for before, after in zip(sent, sent[1:], strict=False)
    ]
    return [
        Figure("models.broken_off", len(sent) - 1, "times", times, "higher"),
        Figure("models.broken_off.other_bytes", 0 if same else 1, "files", 0),
        Figure("models.broken_off.most_twice", max(twice) / TWICE_BYTES, "MiB", 1),
    ]


async def _killed(times: int) -> Sequence[Figure]:
    chance = random.Random(SEED)
    half = whole = killed = 0
    with tempfile.TemporaryDirectory(prefix="tolk-") as folder:
        state = Path(folder)
        store = Store(fetched_into(state))
        async with model_host({PACKAGE: _package()}) as host:
            host.rate = round(len(host.files[PACKAGE]) / COMES_S)
            began = time.monotonic()
            await _pull(host, state / "untroubled")
            takes_s = time.monotonic() - began
            for number in range(times):
                if number == times // 2 and not await _pull(host, state):
                    raise RuntimeError("a pull that nobody killed failed")
                killed += not await _pull(host, state, chance.uniform(0.1, 1) * takes_s)
                seen = _seen(store, state)
                half += seen is None
                whole += bool(seen)
            last = await _pull(host, state) and bool(_seen(store, state))
    return [
        Figure("models.killed", killed, "times"),
        Figure("models.killed.half_a_model", half, "times", 0),
        Figure("models.killed.whole_one_there", whole, "times"),
        Figure("models.killed.cannot_go_on", 0 if last else 1, "times", 0),
    ]


def _seen(store: Store, state: Path) -> bool | None:
    """Whether a server that starts now uses the model; None: the model is incomplete."""
    if NAME not in store.names():
        return False
    try:
        whole = store.verify(NAME) is not None
    except ModelError:
        return None
    used = any(model.name == NAME for model in catalogue_of("", state).models)
    return True if whole and used else None


async def _pull(host: ModelHost, state: Path, kill_after_s: float = PULL_LIMIT_S) -> bool:
    """Pull, and kill the process after a while. Returns whether it had ended before."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "server", "models", "pull", host.url + PACKAGE),
        *("--state", str(state)),
        stdout=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(kill_after_s):
            return await process.wait() == 0
    except TimeoutError:
        return False
    finally:
        if process.returncode is None:
            os.killpg(process.pid, 9)  # with its child, which tries the model
            await process.wait()


def _package() -> bytes:
    """The shipped Dutch recogniser as a package like those of Vosk."""
    buffer = io.BytesIO()
    folder = STARTER_MODELS / "recognizer-nl"
    with zipfile.ZipFile(buffer, "w") as file:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                file.write(path, f"{NAME}/{path.relative_to(folder)}")
    return buffer.getvalue()
