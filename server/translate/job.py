"""Interprets one file: reads it once, and writes its sounds, its film and its captions."""

import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from babel import Locale, UnknownLocaleError
from tqdm import tqdm

from server.bus.messages import RATE_HZ as STREAM_HZ
from server.interpretation.shared import Engines
from server.media import film
from server.media.files import SoundFile, SoundFileError
from server.media.opus import RATE_HZ
from server.media.writing import FORMATS, Format, SoundWriter, appearing, beside
from server.subtitles import Cue, readable, spread, srt, vtt
from server.translate.dubbing import Dubbing, Spoken
from server.translate.listening import Listening, Said
from server.translate.plan import Job

#: A recording that is shorter than its file says, by more than this, has been cut off.
CUT_S: Final = 1.0
#: A voice that is behind, or runs past the end, by less than this is not worth telling.
TELL_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class How:
    """How to interpret, for all files. ``track``: of the sound, "" for the usual one. ``hurries``:
    whether a late voice speaks faster. ``keep_sound``: whether a film keeps its own sound."""

    source: str
    targets: Sequence[str]
    track: str = ""
    hurries: bool = True
    keep_sound: bool = True


@dataclass(slots=True)
class Outcome:
    """What came of a file. ``lost``: clauses that are missing. ``notes``: what else to tell.
    ``understood``: whether anything was."""

    lost: int = 0
    understood: bool = False
    notes: list[str] = field(default_factory=list)

    @property
    def whole(self) -> bool:
        """Whether everything that was said is there."""
        return self.understood and not self.lost


def interpret(engines: Engines, job: Job, how: How, tell: Callable[[str], None]) -> Outcome:
    """Do ``job``. ``tell``: is given a line at once for each clause that is lost. Its files appear
    when all are whole; nothing of them stays after an exception. Raises SoundFileError, OSError,
    av.FFmpegError."""
    outcome = Outcome()

    def lose(at_s: float, why: str) -> None:
        outcome.lost += 1
        tell(f"left out at {at_s:.0f} s: {why}")

    with ExitStack() as stack:
        sound = stack.enter_context(SoundFile(job.file, STREAM_HZ, how.track))
        kind = FORMATS[job.film.suffix.lower()[1:]] if job.film else None
        if kind and (why := film.unfit(job.file, kind.container, how.keep_sound)):
            raise SoundFileError(why)
        files = {path: stack.enter_context(appearing(path)) for path in job.outputs}
        voices = _voices(job, how, files, kind, stack)
        with ExitStack() as writing:
            writers = {
                to: writing.enter_context(SoundWriter(path, form, to, container))
                for to, (path, form, container) in voices.items()
            }
            dubs = [
                Dubbing(engines, how.source, to, writers.get(to), how.hurries, lose)
                for to in how.targets
            ]
            listening = Listening(engines, how.source, lose)
            passages = list(_passages(sound, listening, dubs))
            end_s = sound.end_s
            for writer in writers.values():
                writer.pad(round(end_s * RATE_HZ))
        if job.film and kind:
            made = [film.Dub(voices[to][0], to, _title(to)) for to in how.targets]
            if not film.put_together(
                job.file, made, files[job.film], kind.container, how.keep_sound
            ):
                outcome.notes.append("its own subtitles do not fit into the film, and are left out")
        for path, (form, language) in job.texts.items():
            text = _captions(form, language, passages, how, job.file, end_s)
            files[path].write_text(text, encoding="utf8")
    outcome.understood = any(passage.spoken for passage in passages)
    outcome.notes += _notes(sound, dubs, writers, end_s)
    outcome.lost += bool(sound.broke_off)
    return outcome


@dataclass(frozen=True, slots=True)
class Passage:
    """A clause and its interpretations, by language."""

    said: Said
    spoken: dict[str, Spoken]

    def words(self, language: str | None) -> Sequence[Cue]:
        """Each word in ``language``, None for the source, and when it is heard."""
        if language is not None:
            return self.spoken[language].words if language in self.spoken else []
        clause, words = self.said.clause, self.said.words
        if " ".join(word.text for word in words) == clause.text:
            return [
                Cue(word.start_sample / STREAM_HZ, word.end_sample / STREAM_HZ, word.text)
                for word in words
            ]
        start_s, end_s = clause.start_sample / STREAM_HZ, clause.end_sample / STREAM_HZ
        return spread(clause.text, start_s, end_s)


def _voices(
    job: Job, how: How, files: dict[Path, Path], kind: Format | None, stack: ExitStack
) -> dict[str, tuple[Path, Format, str]]:
    """Where the sound of each language goes, in which format, and in which container if not in
    that of the format. A film's is written beside it at first, and removed at the end."""
    if not job.film or not kind:
        return {
            to: (files[path], FORMATS[path.suffix.lower()[1:]], "")
            for to, path in job.sounds.items()
        }
    parts = {to: beside(job.film.resolve()) for to in how.targets}
    for part in parts.values():
        stack.callback(part.unlink, missing_ok=True)
    return {to: (part, kind, "matroska") for to, part in parts.items()}


def _passages(sound: SoundFile, listening: Listening, dubs: Sequence[Dubbing]) -> Iterator[Passage]:
    """Interpret all that is said in ``sound``. Shows a progress bar on standard error."""
    seconds = round(sound.duration_s) or None
    before: Said | None = None
    with tqdm(total=seconds, unit="s", leave=False, disable=not sys.stderr.isatty()) as bar:
        for said in listening.clauses(sound):
            if before:
                yield _passage(before, said.clause.start_sample / STREAM_HZ, dubs)
            before = said
            bar.update(listening.heard // STREAM_HZ - bar.n)
        if before:
            yield _passage(before, sound.end_s, dubs)


def _passage(said: Said, until_s: float, dubs: Sequence[Dubbing]) -> Passage:
    spoken = {dub.target: dub.interpret(said.clause, until_s) for dub in dubs}
    return Passage(said, {to: each for to, each in spoken.items() if each})


def _notes(
    sound: SoundFile, dubs: Sequence[Dubbing], writers: dict[str, SoundWriter], end_s: float
) -> Iterator[str]:
    if sound.skipped_s:
        yield f"{sound.skipped_s:.1f} s of it could not be decoded, and are left out"
    if sound.broke_off:
        yield sound.broke_off
    elif sound.knows_duration and end_s < sound.duration_s - CUT_S:
        yield f"it has been cut off: {end_s:.1f} s of {sound.duration_s:.1f} s are there"
    for dub in dubs:
        if dub.behind_s >= TELL_S:
            yield f"{dub.target}: the voice is up to {dub.behind_s:.1f} s behind"
    for to, writer in writers.items():
        if (over_s := writer.samples / RATE_HZ - end_s) >= TELL_S:
            yield f"{to}: the voice goes on for {over_s:.1f} s after the end"


def _captions(
    form: str, language: str, passages: Sequence[Passage], how: How, file: Path, end_s: float
) -> str:
    if form == "json":
        return _as_json(passages, how, file, end_s)
    if form == "txt":
        return "".join(f"{text}\n" for text in _texts(language, passages, how))
    said = (passage.words(None if language == how.source else language) for passage in passages)
    cues = [cue for words in said for cue in readable(words)]
    return {"srt": srt, "vtt": vtt}[form](cues)


def _texts(language: str, passages: Sequence[Passage], how: How) -> Iterator[str]:
    for passage in passages:
        if language == how.source:
            yield passage.said.clause.text
        elif language in passage.spoken:
            yield passage.spoken[language].text


def _as_json(passages: Sequence[Passage], how: How, file: Path, end_s: float) -> str:
    segments = [
        {
            "start_s": round(passage.said.clause.start_sample / STREAM_HZ, 3),
            "end_s": round(passage.said.clause.end_sample / STREAM_HZ, 3),
            "text": passage.said.clause.text,
            "translations": {
                to: {
                    "start_s": round(spoken.start_s, 3),
                    "end_s": round(spoken.end_s, 3),
                    "text": spoken.text,
                    "doubtful": spoken.doubtful,
                }
                for to, spoken in passage.spoken.items()
            },
        }
        for passage in passages
    ]
    whole = {
        "file": os.fsencode(file.name).decode("utf8", "replace"),  # a name may be no UTF-8
        "source": how.source,
        "targets": list(how.targets),
        "duration_s": round(end_s, 3),
        "segments": segments,
    }
    return json.dumps(whole, ensure_ascii=False, indent=1) + "\n"


def _title(language: str) -> str:
    """The name of a language in itself, such as "Deutsch"."""
    try:
        name = Locale.parse(language, sep="-").get_display_name()
    except (UnknownLocaleError, ValueError):
        return language
    return name or language
