"""Room on the disk and in memory."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from server.bus.spare import ROOM_BYTES
from server.config import Config
from server.doctor.findings import Finding
from server.machine import memory_left

#: What fetching a good recogniser takes, while the old one stays.
MODELS_BYTES: Final = 2_000_000_000
#: An hour of a stream with four languages is about 100 MB.
RECORDING_BYTES: Final = 1_000_000_000
FULL_BYTES: Final = 50_000_000


def disk(config: Config) -> list[Finding]:
    """The state folder, and that of recordings."""
    found = [_free("state", Path(config.state), MODELS_BYTES, "models can hardly be fetched")]
    if config.record:
        folder = Path(config.record_folder or Path(config.state) / "recordings")
        found.append(_free("recordings", folder, RECORDING_BYTES, "recordings will stop soon"))
    return found


def _free(part: str, folder: Path, wanted: int, else_: str) -> Finding:
    try:
        place = next(each for each in (folder, *folder.absolute().parents) if each.exists())
        free = shutil.disk_usage(place).free
    except (OSError, StopIteration) as error:
        text = f"{folder} cannot be looked at: {getattr(error, 'strerror', error)}"
        return Finding(part, "problem", text, "give another folder")
    text = f"{folder} has {free / 1e9:.1f} GB free"
    if free < FULL_BYTES:
        return Finding(part, "problem", text, "make room, or give another folder")
    if free < wanted:
        return Finding(part, "note", f"{text}: {else_}", "make room, or give another folder")
    return Finding(part, "ok", text)


def memory(config: Config, takes: int | None) -> Iterator[Finding]:
    """Memory. ``takes``: what an interpreter with these models takes, in bytes, if measured."""
    try:
        left = memory_left()
    except OSError as error:
        yield Finding("memory", "note", f"{error}")
        return
    text = f"{left / 1e9:.1f} GB can still be taken"
    if takes is None:
        yield Finding("memory", "ok", text)
        return
    text += f"; an interpreter with these models takes {takes / 1e9:.1f} GB"
    if left < takes:
        advice = "end other programs, or use smaller models (--models starter)"
        yield Finding("memory", "problem", text, advice)
    elif config.spare == "auto" and left < 2 * takes + ROOM_BYTES:
        text += ", and there is none for a spare one: if it dies, loading takes some seconds"
        yield Finding("memory", "note", text)
    else:
        yield Finding("memory", "ok", text)
