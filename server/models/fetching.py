"""Better models come by themselves: fetched by a process of its own while the server interprets
with those that are shipped. Moving to them is the business of ``moving``."""

import asyncio
import logging
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Final, NoReturn

import msgspec
from tqdm import tqdm

from server.config import Config
from server.models.catalogue import Catalogue
from server.models.events import Event
from server.models.listing import unclear_voices
from server.models.moving import Moves

#: The process has less of the cores than those who interpret.
NICE: Final = 15
#: It tells something every so often, or it hangs: it may wait for another one to end.
SILENCE_S: Final = 1800.0
#: From SIGTERM to SIGKILL.
GRACE_S: Final = 2.0
LINE_BYTES: Final = 65_536
#: Of what it complained about so much is logged.
COMPLAINT_BYTES: Final = 2_000
#: Without a terminal a line is written each time that so much more is there.
PERCENT: Final = 25
BY_HAND: Final = "python -m server models pull --recommended"

_log = logging.getLogger(__name__)


_decoder = msgspec.json.Decoder(Event)


async def better_models(
    config: Config,
    catalogue: Catalogue,
    ready: Callable[[], bool],
    moves: Moves,
    command: Sequence[str],
) -> None:
    """Fetch them with ``command`` once the server is ``ready``, where it has only those that are
    shipped and may have better ones. Logs which voices are hard to understand."""
    for line in unclear_voices(catalogue):
        _log.warning("%s", line)
    whisper = any(model.format == "whisper" for model in catalogue.models)
    if config.models or config.recognizer == "vosk" or whisper:
        return
    while not ready():
        await asyncio.sleep(0.1)
    if config.fetch == "never":
        _say(f"Tolk hears with small models. For better ones: {BY_HAND}")
        return
    moves.held = True
    try:
        problem = await _fetched(command)
    finally:
        moves.held = False
    if problem:
        _say(
            f"Better models could not be fetched: {problem}. Tolk goes on with those it has. At "
            f"its next start it tries again; or meanwhile, at any time: {BY_HAND}"
        )


async def _fetched(command: Sequence[str]) -> str:
    """Run the process to its end. Returns why there are models that could not be had."""
    problems: list[str] = []
    complaint = b""
    shown = _Shown()
    try:
        async with _running(command) as process:
            while line := await _line(process):
                try:
                    event = _decoder.decode(line)
                except msgspec.DecodeError:
                    complaint = (complaint + line)[-COMPLAINT_BYTES:]
                    continue
                if event.event == "failed":
                    problems.append(f"{event.model}: {event.message}".removeprefix(": "))
                else:
                    shown.show(event)
            status = await process.wait()
    except TimeoutError:
        return f"nothing was heard of it for {SILENCE_S / 60:g} minutes"
    except (OSError, ValueError) as error:  # it cannot be started; a line is too long
        return str(error)
    finally:
        shown.close()
    if status and not problems:
        _log.warning(
            "fetching models ended with %d: %s", status, complaint.decode(errors="replace")
        )
        return "the log says why"
    return "; ".join(problems)


async def _line(process: Process) -> bytes:
    assert process.stdout is not None
    async with asyncio.timeout(SILENCE_S):
        return await process.stdout.readline()


@asynccontextmanager
async def _running(command: Sequence[str]) -> AsyncIterator[Process]:
    """The process; ended on leaving."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=STDOUT,
        limit=LINE_BYTES,
        start_new_session=True,  # Ctrl-C in the terminal is for the server to act on
    )
    try:
        with suppress(ProcessLookupError):
            os.setpriority(os.PRIO_PROCESS, process.pid, NICE)
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(GRACE_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


class _Shown:
    """What becomes of the models, on standard error: a bar at a terminal, else lines."""

    def __init__(self) -> None:
        self._bar: tqdm[NoReturn] | None = None
        self._percent = 0

    def show(self, event: Event) -> None:
        match event.event:
            case "plan":
                self.close()
                self._percent = 0
                _say(event.message or _plan(event))
            case "progress" if event.total and sys.stderr.isatty():
                self._move_bar(event)
            case "progress" if event.total:
                percent = 100 * event.bytes // event.total // PERCENT * PERCENT
                if percent > self._percent:
                    self._percent = percent
                    _say(f"{event.model}: {percent} %")
            case "installed":
                self.close()
                _say(event.message or f"{event.model} is installed, and in use in a moment.")

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
        self._bar = None

    def _move_bar(self, event: Event) -> None:
        tqdm.monitor_interval = 0  # no thread that watches it
        if self._bar is None:
            self._bar = tqdm(
                total=event.total, unit="B", unit_scale=True, desc=event.model, leave=False
            )
        self._bar.update(event.bytes - self._bar.n)


def _plan(event: Event) -> str:
    where = f", from {event.source}" if event.source else ""
    return (
        f"Tolk hears with small models; a better one is on its way: {event.model} "
        f"({event.total / 1e6:,.0f} MB{where}, licence {event.licence}). It moves by itself."
    )


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
