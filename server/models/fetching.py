"""Fetches better models at the first start, in a process of its own, while the server interprets
with the shipped ones. ``moving`` then puts them to use."""

import asyncio
import logging
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Final

import msgspec

from server.config import Config
from server.decoding import understood
from server.models.catalogue import Catalogue
from server.models.events import Event
from server.models.listing import unclear_voices
from server.models.moving import Moves
from server.models.store import LOCK_WAIT_S
from server.models.telling import Shown, megabytes
from server.process import end

#: The niceness of the process, so that it takes less CPU time than interpreting.
NICE: Final = 15
#: A process that prints nothing for so long hangs. It may wait for another pull to end.
SILENCE_S: Final = LOCK_WAIT_S + 600.0
#: Time from SIGTERM to SIGKILL.
GRACE_S: Final = 2.0
LINE_BYTES: Final = 65_536
#: The last bytes of its other output that are logged if it fails.
COMPLAINT_BYTES: Final = 2_000
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
    """Fetch better models with ``command`` once the server is ``ready``, if it has only the shipped
    ones and the settings allow others. Logs which voices are hard to understand."""
    for line in unclear_voices(catalogue):
        _log.warning("%s", line)
    whisper = any(model.format == "whisper" for model in catalogue.models)
    if config.models or config.recognizer == "vosk" or whisper:
        return
    while not ready():
        await asyncio.sleep(0.1)
    if config.fetch == "never":
        _say(f"Tolk uses small models. To get better ones: {BY_HAND}")
        return
    moves.held = True
    try:
        problem = await _fetched(command)
    finally:
        moves.held = False
    if problem:
        _say(
            f"Better models could not be fetched: {problem}. Tolk continues with those it has, and "
            f"tries again at its next start. You can try at any time: {BY_HAND}"
        )


async def _fetched(command: Sequence[str]) -> str:
    """Run the process to its end. Returns why models could not be fetched; "" if all were."""
    problems: list[str] = []
    complaint = b""
    shown = Shown(sys.stderr, _text)
    try:
        async with _running(command) as process:
            while line := await _line(process):
                try:
                    event = understood(_decoder, line)
                except msgspec.DecodeError:
                    complaint = (complaint + line)[-COMPLAINT_BYTES:]
                    continue
                if event.event == "failed":
                    problems.append(f"{event.model}: {event.message}".removeprefix(": "))
                else:
                    with _terminal_may_be_gone():
                        shown.tell(event)
            status = await process.wait()
    except TimeoutError:
        return f"nothing was heard of it for {SILENCE_S / 60:g} minutes"
    except (OSError, ValueError) as error:  # it cannot be started, or a line is too long
        return str(error)
    finally:
        with _terminal_may_be_gone():
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
    """Start the process; end it on leaving."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=STDOUT,
        limit=LINE_BYTES,
        start_new_session=True,  # Ctrl-C in the terminal reaches only the server
    )
    try:
        with suppress(ProcessLookupError):
            os.setpriority(os.PRIO_PROCESS, process.pid, NICE)
        yield process
    finally:
        await end(process, GRACE_S)


def _text(event: Event) -> str | None:
    match event.event:
        case "plan":
            where = f", from {event.source}" if event.source else ""
            size = megabytes(event.total)
            return event.message or (
                f"Tolk uses small models and fetches a better one: {event.model} "
                f"({size}{where}, licence {event.licence}). It will be used when it is complete."
            )
        case "installed":
            return event.message or f"{event.model} is installed, and in use in a moment."
        case _:
            return None


def _say(text: str) -> None:
    with _terminal_may_be_gone():
        print(text, file=sys.stderr, flush=True)


def _terminal_may_be_gone() -> suppress:
    """Or the disk of a log is full: the server goes on."""
    return suppress(OSError, ValueError)
