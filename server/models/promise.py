"""Checks that a fetched model is what its description promises."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

from server.interpretation.engines import ModelError
from server.models.available import Available
from server.models.catalogue import Model
from server.models.disk import FetchError, digest, disk_error
from server.models.events import Source
from server.models.formats import recognised
from server.models.store import Record


def made(model: Available, folder: Path, source: Source, address: str) -> Record:
    """Check that ``folder`` contains what ``model`` describes, and return its record. If it does
    not, removes the folder and raises FetchError."""
    try:
        sums = {
            path.relative_to(folder).as_posix(): digest(path)
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }
        problem = _broken_promise(model, folder, sums)
        sizes = {name: (folder / name).stat().st_size for name in sums}
    except OSError as error:
        raise disk_error(folder, error) from error
    if problem:
        shutil.rmtree(folder, ignore_errors=True)
        raise FetchError(f"{model.name} from {address}: {problem}; it is not used")
    entry = Model(
        name=model.name, path=model.name, licence=model.licence, files=sums, **model.traits
    )
    return Record(entry, sizes, source, address, datetime.now(UTC).isoformat(timespec="seconds"))


def _broken_promise(model: Available, folder: Path, sums: dict[str, str]) -> str | None:
    for file in model.files:
        if file.path not in sums:
            return f"it lacks {file.path}"
        if file.sha256 and sums[file.path] != file.sha256:
            return f"the SHA-256 of {file.path} is {sums[file.path]}, not {file.sha256}"
        if file.size and (size := (folder / file.path).stat().st_size) != file.size:
            return f"{file.path} has {size:,} bytes, not {file.size:,}"
    try:
        found = recognised(folder, model.name)
    except ModelError as error:
        return str(error)
    if (found.kind, found.format) != (model.kind, model.format):
        return f"it is a {found.kind} ({found.format}), not a {model.kind} ({model.format})"
    spoken, promised = (sorted(map(str, each.pairs or each.languages)) for each in (found, model))
    if spoken != promised:
        return f"it is for {', '.join(spoken[:9])}, not for {', '.join(promised[:9])}"
    return None
