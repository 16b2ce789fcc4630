"""What ``tolk translate`` reads and writes: the files, and refusals before anything is opened."""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NoReturn

from server.media.writing import FORMATS

CAPTIONS: Final = ("srt", "vtt", "txt", "json")


class PlanError(Exception):
    """What was asked for cannot be done. Says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a command line asks for. ``output``: a file, a folder or ""; ``captions``: files, or
    their formats. ``kind``: the format of sound in a folder."""

    inputs: Sequence[str]
    source: str
    targets: Sequence[str]
    output: str = ""
    captions: Sequence[str] = ()
    kind: str = "wav"


@dataclass(frozen=True, slots=True)
class Job:
    """One file to interpret. ``sounds``: what to write, by language; or ``film``, with all
    languages. ``texts``: captions by path, each with its format and language ("" for all)."""

    file: Path
    sounds: dict[str, Path] = field(default_factory=dict)
    film: Path | None = None
    texts: dict[Path, tuple[str, str]] = field(default_factory=dict)
    found: bool = False  # in a folder, not named

    @property
    def outputs(self) -> list[Path]:
        """All files that it writes."""
        return [*self.sounds.values(), *([self.film] if self.film else []), *self.texts]


def plan(wanted: Wanted) -> list[Job]:
    """A job for each input. Raises PlanError."""
    if not wanted.output and not wanted.captions:
        raise PlanError("say what to write: -o FILE for sound, --captions FILE for text")
    found = list(_found(wanted))
    into_folder = wanted.output.endswith(os.sep) or Path(wanted.output or " ").is_dir()
    several = len(wanted.inputs) > 1 or any(Path(each).is_dir() for each in wanted.inputs)
    if several and wanted.output and not into_folder and Path(wanted.output).suffix:
        raise PlanError(f"{wanted.output} is one file, for several; give a folder to -o, as out/")
    if named := [each for each in wanted.captions if each not in CAPTIONS and several]:
        raise PlanError(f"{named[0]} is one file, for several; give its format: --captions srt")
    jobs = [
        _job(wanted, file, base, is_found, into_folder or several)
        for file, base, is_found in _bases(wanted, found, into_folder or several)
    ]
    if not jobs:
        raise PlanError(f"there are no files in {', '.join(wanted.inputs)}")
    _refuse_overwriting(jobs)
    return jobs


def _found(wanted: Wanted) -> Iterator[tuple[Path, Path, bool]]:
    """Each file, its place within the folder that was given, and whether it was found there. What
    an earlier run wrote into a folder of its own is not found, nor are captions."""
    written = os.path.realpath(wanted.output) if wanted.output else ""
    for name in wanted.inputs:
        path = Path(name)
        if not path.is_dir():
            yield path, Path(path.name), False
            continue
        for folder, folders, files in os.walk(path, onerror=_unreadable):
            folders[:] = sorted(
                each
                for each in folders
                if not each.startswith(".") and os.path.realpath(Path(folder) / each) != written
            )
            for file in sorted(files):
                full = Path(folder) / file
                if not file.startswith(".") and full.suffix.lower()[1:] not in CAPTIONS:
                    yield full, full.relative_to(path), True


def _unreadable(error: OSError) -> NoReturn:
    raise PlanError(f"{error.filename} cannot be read: {error.strerror}")


def _bases(
    wanted: Wanted, found: Sequence[tuple[Path, Path, bool]], into_folder: bool
) -> Iterator[tuple[Path, Path, bool]]:
    """Each file, and what the names of its outputs begin with."""
    stems = Counter(place.with_suffix("") for _, place, _ in found)
    for file, place, is_found in found:
        stem = place.with_suffix("")
        own = place if stems[stem] > 1 else stem  # talk.mp3 beside talk.wav
        if into_folder and wanted.output:
            yield file, Path(wanted.output) / own, is_found
        elif wanted.output:
            yield file, Path(wanted.output).with_suffix(""), is_found
        else:
            yield file, file.with_name(own.name), is_found


def _job(wanted: Wanted, file: Path, base: Path, is_found: bool, into_folder: bool) -> Job:
    sounds, film = dict[str, Path](), None
    if wanted.output:
        kind = wanted.kind if into_folder else _kind(wanted.output)
        whole = Path(wanted.output)
        if FORMATS[kind].picture:
            film = _named(base, "-".join(wanted.targets), kind) if into_folder else whole
        elif into_folder or len(wanted.targets) > 1:
            sounds = {to: _named(base, to, kind) for to in wanted.targets}
        else:
            sounds = {wanted.targets[0]: whole}
    texts = dict[Path, tuple[str, str]]()
    for each in wanted.captions:
        for path, text in _captions(wanted, each, base).items():
            if path in texts:
                raise PlanError(f"{path} would be written twice")
            texts[path] = text
    return Job(file, sounds, film, texts, is_found)


def _captions(wanted: Wanted, name: str, base: Path) -> dict[Path, tuple[str, str]]:
    """The files for one ``--captions``: a file for each language, that of a single target under
    the name itself; JSON has all."""
    kind = name if name in CAPTIONS else Path(name).suffix.lower()[1:]
    if kind not in CAPTIONS:
        known = ", ".join(CAPTIONS)
        raise PlanError(f"{name}: captions end in one of {known}, or are one of these words")
    if name not in CAPTIONS:
        base = Path(name).with_suffix("")
    elif base.suffix[1:] in wanted.targets:  # talk.en.wav: talk.en.srt
        base = base.with_suffix("")
    if kind == "json":
        return {base.with_name(f"{base.name}.json"): (kind, "")}
    found = {_named(base, each, kind): (kind, each) for each in (wanted.source, *wanted.targets)}
    if name not in CAPTIONS and len(wanted.targets) == 1:
        (target,) = wanted.targets
        del found[_named(base, target, kind)]
        found[Path(name)] = (kind, target)
    return found


def _kind(output: str) -> str:
    kind = Path(output).suffix.lower()[1:]
    if kind not in FORMATS:
        raise PlanError(f"{output}: its name must end in one of {', '.join(FORMATS)}")
    return kind


def _named(base: Path, language: str, kind: str) -> Path:
    return base.with_name(f"{base.name}.{language}.{kind}")


def _refuse_overwriting(jobs: Sequence[Job]) -> None:
    """No output may be an input, by whatever name, nor another output."""
    seen = set[str]()
    inputs = {os.path.realpath(job.file) for job in jobs}
    numbers = {number for job in jobs if (number := _number(job.file))}
    for job in jobs:
        for path in job.outputs:
            real = os.path.realpath(path)
            if real in seen:
                raise PlanError(f"{path} would be written twice")
            seen.add(real)
            if real in inputs or _number(path) in numbers:
                raise PlanError(f"{path} is a recording to read; give the output another name")
            if path.exists() and not path.is_file():
                raise PlanError(f"{path} is not a file; give the output another name")


def _number(path: Path) -> tuple[int, int] | None:
    """What is the same for all names of a file: its device and its number there."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
