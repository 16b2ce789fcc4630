"""The glossaries of all streams: those of the host's files, and those that were put."""

import dataclasses
import logging
from collections.abc import Callable, Collection, Container, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from server.bus import messages
from server.config import ConfigError
from server.interpretation.glossary import MAX_BYTES, Glossary, GlossaryError, Problem, read
from server.streams.glossary_files import Put
from signaling.errors import ProtocolError
from signaling.protocol import parse_stream_id

logger = logging.getLogger(__name__)

#: Maximum number of streams with a glossary. Another one takes the place of the glossary that was
#: put first, among those of streams that do not exist now and have no file.
MAX_GLOSSARIES: Final = 200
SUFFIX: Final = ".toml"


@dataclass(frozen=True, slots=True)
class Kept:
    """A stream's glossary, and the entries of it that cannot be used. ``version`` rises with every
    change. ``unexpected``: entries that the recogniser could not use, known some seconds later."""

    glossary: Glossary = Glossary()
    problems: tuple[Problem, ...] = ()
    version: int = 0
    unexpected: tuple[Problem, ...] = ()


NONE: Final = Kept()
#: Glossaries by their streams, and the entries of them that cannot be used.
Files = dict[str, tuple[Glossary, tuple[Problem, ...]]]
_NO_FILE: Final = (NONE.glossary, NONE.problems)


class Glossaries:
    """``languages`` returns the languages that there are models for now. ``in_use``: the streams
    that exist now."""

    def __init__(self, languages: Callable[[], Collection[str]]) -> None:
        self.in_use: Container[str] = ()
        self._languages = languages
        self._from_files: dict[str, Kept] = {}
        self._current: dict[str, Kept] = {}
        self._version = 0

    @classmethod
    def load(cls, folder: str, languages: Callable[[], Collection[str]]) -> "Glossaries":
        """Read the files in ``folder``, each named after its stream; "": no folder.

        Raises ConfigError, which names the file.
        """
        glossaries = cls(languages)
        glossaries.reload(folder)
        return glossaries

    def reload(self, folder: str) -> None:
        """Read the files again. A glossary that was put stays. Raises ConfigError, and changes
        nothing then."""
        self.use(self.files(folder), folder)

    def files(self, folder: str) -> Files:
        """What the files in ``folder`` say now. It may take a second, and changes nothing, so it
        is callable from any thread. Raises ConfigError."""
        try:
            paths = sorted(Path(folder).iterdir()) if folder else []
        except OSError as error:
            raise ConfigError(f"--glossaries {folder}: {error.strerror}") from error
        return dict(self._load(path) for path in paths if path.suffix == SUFFIX)

    def use(self, files: Files, folder: str) -> None:
        """Use what the files in ``folder`` say. Raises ConfigError."""
        before, found = self._from_files, dict[str, Kept]()
        for stream in {**before, **files}:
            old, (glossary, problems) = before.get(stream, NONE), files.get(stream, _NO_FILE)
            new = old if glossary == old.glossary else self._next(glossary, problems)
            if stream in files:
                found[stream] = new
            if new is not old and self.of(stream).glossary is old.glossary:  # else it was put
                try:
                    self._keep(stream, new)
                except GlossaryError as error:
                    raise ConfigError(f"{folder}: {error}") from error
        self._from_files = found

    def restore(self, earlier: Iterable[Put], folder: str) -> None:
        """Use the glossaries that were put before the server started; not one of a stream whose
        file in ``folder`` is newer."""
        for each in earlier:
            file = Path(folder, each.stream + SUFFIX)
            try:
                if folder and file.exists() and file.stat().st_mtime > each.put_s:
                    logger.info("%s is newer than the glossary that was put, and counts", file)
                else:
                    self.put(parse_stream_id(each.stream), each.data)
            except (OSError, GlossaryError, ProtocolError) as error:
                logger.warning("the glossary that was put for %s is lost: %s", each.stream, error)

    def _load(self, path: Path) -> tuple[str, tuple[Glossary, tuple[Problem, ...]]]:
        """The stream and the glossary of a file."""
        try:
            stream = parse_stream_id(path.stem)
            with path.open("rb") as file:
                glossary, problems = read(file.read(MAX_BYTES + 1), "toml", self._languages())
        except OSError as error:
            raise ConfigError(f"{path}: {error.strerror}") from error
        except (GlossaryError, ProtocolError) as error:
            raise ConfigError(f"{path}: {error}") from error
        for problem in problems:
            logger.warning("%s: %s %r %s", path, problem.entry, problem.text, problem.reason)
        return stream, (glossary, tuple(problems))

    def __len__(self) -> int:
        return len(self._current)

    def of(self, stream: str) -> Kept:
        """The stream's glossary; an empty one if it has none."""
        return self._current.get(stream, NONE)

    def put(self, stream: str, data: bytes) -> Kept:
        """Replace the stream's glossary by ``data``, JSON. Raises GlossaryError."""
        glossary, problems = read(data, "json", self._languages())
        return self._keep(stream, self._next(glossary, tuple(problems)))

    def delete(self, stream: str) -> Kept:
        """Delete the glossary that was put: the one from the stream's file counts again, if any."""
        if stream not in self._current:
            return NONE
        from_file = self._from_files.get(stream, NONE)
        return self._keep(stream, self._next(from_file.glossary, from_file.problems))

    def message(self, stream: str, epoch: int) -> messages.Glossary | None:
        """The stream's glossary as a message to the interpreter; None if it never had one."""
        kept = self._current.get(stream)
        if kept is None:
            return None
        return messages.Glossary(
            stream=stream,
            epoch=epoch,
            version=kept.version,
            terms=kept.glossary.terms,
            names=kept.glossary.names,
            words=kept.glossary.words,
        )

    def told(self, message: messages.Unexpected) -> None:
        """Take note of the entries that the interpreter cannot use. Those of an older version are
        ignored."""
        kept = self._current.get(message.stream)
        if kept is not None and kept.version == message.version:
            entry = f"words.{message.language}"
            others = [each for each in kept.unexpected if each.entry != entry]
            told = [Problem(entry, word, reason) for word, reason in message.words.items()]
            self._current[message.stream] = dataclasses.replace(kept, unexpected=(*others, *told))

    def _next(self, glossary: Glossary, problems: tuple[Problem, ...]) -> Kept:
        self._version += 1
        return Kept(glossary, problems, self._version)

    def _keep(self, stream: str, kept: Kept) -> Kept:
        if self._current.pop(stream, None) is None and len(self._current) >= MAX_GLOSSARIES:
            self._make_room()
        self._current[stream] = kept  # at the end: the order is that of putting
        return kept

    def _make_room(self) -> None:
        """Forget one glossary, a deleted one if there is any. Raises GlossaryError."""
        idle = [
            stream
            for stream in self._current
            if stream not in self.in_use and stream not in self._from_files
        ]
        if not idle:
            raise GlossaryError(
                f"{MAX_GLOSSARIES} streams have a glossary already, and are in use or have a file"
            )
        deleted = (stream for stream in idle if self._current[stream].glossary == Glossary())
        del self._current[next(deleted, idle[0])]
