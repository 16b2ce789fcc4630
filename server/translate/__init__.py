"""``tolk translate``: interprets sound files and films into others, without a server, as fast as it
can. Files come one after another; one that fails does not stop the rest."""

import mimetypes
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, TextIO

from av.error import FFmpegError

from server.config import Config
from server.interpretation.loading import load
from server.interpretation.shared import Engines
from server.media.files import SoundFileError
from server.models.catalogue import Catalogue
from server.models.installed import catalogue_of
from server.translate.job import How, interpret
from server.translate.plan import Job, PlanError, Wanted, plan

#: Endings of sound and films that Python knows from the system's /etc/mime.types only, if at all.
_KNOWN: Final = frozenset(
    "aac ac3 amr caf flac m4a m4b m4v mka mkv mts oga ogg ogv vob wma wmv".split()
)


def run(config: Config, wanted: Wanted, how: How) -> int:
    """Interpret all that is ``wanted``; returns an exit status: 1 if something is missing, 2 if
    nothing can begin. Raises ModelError."""
    catalogue = catalogue_of(config.models, Path(config.state), config.recognizer)
    try:
        _known(catalogue, how.source, how.targets)
        jobs = plan(wanted)
    except PlanError as error:
        _tell(str(error))
        return 2
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: nothing half
    try:
        engines = load(catalogue, config.device)
        done = [
            _done(engines, job, how, f"{number}/{len(jobs)}") for number, job in enumerate(jobs, 1)
        ]
    finally:
        signal.signal(signal.SIGTERM, before)
    if len(jobs) > 1:
        print(f"{sum(done)} of {len(jobs)} files are interpreted.")
    return 0 if all(done) else 1


def _known(catalogue: Catalogue, source: str, targets: Sequence[str]) -> None:
    pairs = {each: ", ".join(catalogue.targets(each)) for each in catalogue.sources}
    for target in targets:
        if target not in catalogue.targets(source):
            known = "; ".join(f"{each} to {others}" for each, others in pairs.items())
            hint = " (files come before --to)" if Path(target).exists() else ""
            raise PlanError(f"no models from {source!r} to {target!r}{hint}; there are: {known}")


def _done(engines: Engines, job: Job, how: How, number: str) -> bool:
    """Whether all of ``job`` is done. Tells what is missing."""

    def tell(text: str) -> None:
        _tell(f"{job.file}: {text}")

    try:
        for path in job.outputs:
            path.parent.mkdir(parents=True, exist_ok=True)
        outcome = interpret(engines, job, how, tell)
    except (SoundFileError, OSError, FFmpegError) as error:
        if job.found and not _sounds_so(job.file):
            _tell(f"skipped: {error}")
            return True
        _tell(str(error))
        return False
    for note in outcome.notes:
        tell(note)
    if not outcome.understood:
        tell("nothing was understood")
    written = ", ".join(map(str, job.outputs))
    print(printable(f"[{number}] The interpretation is in {written}.", sys.stdout))
    return outcome.whole


def _sounds_so(file: Path) -> bool:
    """Whether a file's name says that it is sound or a film."""
    kind = mimetypes.guess_type(file.name)[0] or ""
    return kind.startswith(("audio/", "video/")) or file.suffix.lower()[1:] in _KNOWN


def _tell(text: str) -> None:
    print(printable(f"tolk: {text}", sys.stderr), file=sys.stderr)


def printable(text: str, stream: TextIO) -> str:
    """``text`` as ``stream`` can show it: names of files may have anything in them."""
    encoding = stream.encoding or "utf8"
    return text.encode(encoding, "backslashreplace").decode(encoding)
