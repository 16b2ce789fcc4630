"""Talks of people: recordings of several speakers reading aloud, in turn and with pauses, with the
time of each word. They are made once and cached, as those of ``talks``.

Tests and tuning use different recordings, and in English and German different speakers.
"""

import hashlib
import json
import re
import unicodedata
import wave
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

import msgspec
import numpy as np

from server.interpretation.types import Pcm
from server.interpretation.whisper_model import WhisperModel
from server.media.files import SoundFile
from server.media.opus import joined
from tools.evaluate import material
from tools.evaluate.material import RATE_HZ
from tools.evaluate.noises import pink
from tools.evaluate.talks import PEAK_DBFS, Sentence, Talk, Timed, pauses
from tools.evaluate.word_times import aligned, evenly
from training.recognizer import augment
from training.recognizer.text import is_held_out

#: Increased when the same request gives another talk than before.
VERSION: Final = 1
#: How long a speaker speaks before the next one's turn.
TURN_S: Final = 30.0
#: The pace, in words a minute, for which pauses are drawn; see ``talks``.
PACE_WPM: Final = 180
#: The longest recording that an aligner takes.
LONGEST_S: Final = 25.0

Half = Literal["all", "first", "second", "held-out", "not-held-out"]


class Part(NamedTuple):
    """Recordings of a corpus: all, the first or second half in the manifest's order, or those of
    sentences that no training may use."""

    corpus: str
    half: Half


#: By language.
TEST: Final[dict[str, tuple[Part, ...]]] = {
    "en": (Part("librispeech-test-clean-part", "all"),),
    "nl": (Part("nathalie-nl", "held-out"), Part("flemishguy-nl", "second")),
    "de": (Part("kerstin-de", "second"),),
}
DEVELOPMENT: Final[dict[str, tuple[Part, ...]]] = {
    "en": (Part("librispeech-train", "all"), Part("kathleen-en", "all")),
    "nl": (Part("nathalie-nl", "not-held-out"), Part("flemishguy-nl", "first")),
    "de": (Part("kerstin-de", "first"),),
}
#: Abbreviations as they are read aloud, and as LibriSpeech writes them.
ABBREVIATIONS: Final = {"en": {"mr": "mister", "mrs": "missus", "dr": "doctor"}}

#: The echo of a room: its length in seconds, and its loudness relative to the direct sound. And
#: how far the noise of the room is below the speech.
ROOM: Final = (0.5, 0.35)
NOISE_DB: Final = 10

Row = dict[str, Any]


def plain(text: str, language: str) -> list[str]:
    """The words of ``text`` in the form in which they are compared: lower case, no punctuation,
    abbreviated titles written out. Figures are kept."""
    text = unicodedata.normalize("NFC", text).lower().replace("\u2019", "'")
    short = ABBREVIATIONS.get(language, {})
    words = (word.strip("'") for word in re.findall(r"\w[\w']*", text))
    return [short.get(word, word) for word in words]


def talk(
    folder: Path, language: str, minutes: float, *, development: bool = False,
    aligner: Path | None = None,
) -> tuple[Talk, Pcm]:  # fmt: skip
    """A talk of ``minutes``, or shorter if there is not enough material, and its sound at 16 kHz.
    It is read from ``folder`` if it was made before. ``aligner``: a Whisper model that finds the
    times of words; without it they are estimated. The sentences of the talk are the recordings;
    they have no translations."""
    key = f"{VERSION} {language} {minutes} {development} {aligner and aligner.name}"
    digest = hashlib.sha256(key.encode()).hexdigest()[:10]
    name = f"people-{'development' if development else 'test'}-{language}-{minutes:g}min-{digest}"
    described, sound = folder / f"{name}.json", folder / f"{name}.wav"
    if not described.exists():
        folder.mkdir(parents=True, exist_ok=True)
        parts = (DEVELOPMENT if development else TEST)[language]
        spoken, pcm = made(language, chosen(parts, minutes * 60), aligner)
        with wave.open(str(sound), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE_HZ)
            file.writeframes(pcm.tobytes())
        described.write_bytes(msgspec.json.encode(spoken))
    with SoundFile(sound, RATE_HZ) as file:
        return msgspec.json.decode(described.read_bytes(), type=Talk), joined(list(file))


def chosen(parts: Sequence[Part], seconds: float) -> list[tuple[Path, Row]]:
    """Recordings of about ``seconds`` with their pauses: the speakers of all parts in turn, each in
    the manifest's order. Each recording is used once."""
    by_speaker: dict[tuple[str, str], list[tuple[Path, Row]]] = {}
    for each in parts:
        for row in rows(each):
            entry = (material.folder() / "corpora" / each.corpus / row["file"], row)
            by_speaker.setdefault((each.corpus, row["speaker"]), []).append(entry)
    found: list[tuple[Path, Row]] = []
    left_s = seconds
    pause_s = float(np.mean(pauses(1000, PACE_WPM)))
    while by_speaker:
        for speaker, waiting in list(by_speaker.items()):
            turn_s = TURN_S
            while waiting and turn_s > 0:
                if left_s <= 0:
                    return found
                found.append(waiting.pop(0))
                took_s = found[-1][1]["seconds"] + pause_s
                turn_s -= took_s
                left_s -= took_s
            if not waiting:
                del by_speaker[speaker]
    return found


def rows(part: Part) -> list[Row]:
    """The manifest's rows of a part. Recordings with figures are left out, because it is not known
    how they were read, and so are those that are too long for an aligner."""
    manifest = material.folder() / "corpora" / part.corpus / "manifest.jsonl"
    every = [json.loads(line) for line in manifest.read_text("utf8").splitlines()]
    middle = len(every) // 2
    if part.half in ("first", "second"):
        every = every[:middle] if part.half == "first" else every[middle:]
    elif part.half != "all":
        wanted = part.half == "held-out"
        every = [row for row in every if is_held_out(row["text"]) == wanted]
    return [
        row
        for row in every
        if row["text"] and row["seconds"] <= LONGEST_S and not re.search(r"\d", row["text"])
    ]


def made(
    language: str, recordings: Sequence[tuple[Path, Row]], aligner: Path | None
) -> tuple[Talk, Pcm]:
    """A talk of these recordings; see ``talk``."""
    model = aligner and WhisperModel(aligner)
    pieces: list[Pcm] = []
    said: list[Sentence] = []
    now_s = 0.0
    pauses_s = pauses(len(recordings), PACE_WPM)
    for pause_s, (pcm, text) in zip(pauses_s, _opened(recordings), strict=True):
        silence = np.zeros(round(pause_s * RATE_HZ), np.int16)
        now_s += len(silence) / RATE_HZ
        words = plain(text, language)
        spans = aligned(model, language, pcm, words) if model else evenly(pcm, words)
        timed = [
            Timed(word, now_s + start_s, now_s + end_s)
            for word, (start_s, end_s) in zip(words, spans, strict=True)
        ]
        said.append(Sentence(timed, text, ""))
        pieces += [silence, pcm]
        now_s += len(pcm) / RATE_HZ
    count = sum(len(each.words) for each in said)
    speaking_s = sum(len(pcm) for pcm in pieces[1::2]) / RATE_HZ
    wpm = 60 * count / now_s
    talk = Talk(language, "", round(wpm), 60 * count / speaking_s, now_s, said)
    return talk, np.concatenate(pieces)


def _opened(recordings: Sequence[tuple[Path, Row]]) -> Iterator[tuple[Pcm, str]]:
    for path, row in recordings:
        with SoundFile(path, RATE_HZ) as file:
            # LibriSpeech has only capitals.
            text = row["text"].lower() if row["text"].isupper() else row["text"]
            yield joined(list(file)), text


def in_a_room(said: Talk, pcm: Pcm) -> Pcm:
    """The sound of a talk in a room that echoes for 0.5 s, at 16 kHz, with all speakers equally
    loud and pink noise 10 dB below the speech."""
    rng = np.random.default_rng(53)
    loud = pcm.astype(np.float64)
    speech = np.zeros(len(pcm), bool)
    for each in said.sentences:
        span = slice(round(each.start_s * RATE_HZ), round(each.end_s * RATE_HZ))
        loud[span] /= augment.rms(loud[span])
        speech[span] = True
    loud[~speech] = 0
    echoing = augment.room(loud, rng, *ROOM)
    noise = pink(len(pcm), rng)
    noise *= augment.rms(echoing[speech]) / augment.rms(noise) * 10 ** (-NOISE_DB / 20)
    return augment.at_level(echoing + noise, PEAK_DBFS).astype(np.int16)
