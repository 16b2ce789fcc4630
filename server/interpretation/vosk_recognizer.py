"""Speech recognition with Vosk, which is based on Kaldi."""

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import vosk

from server.bus.messages import RATE_HZ
from server.interpretation.engines import EngineError, ModelError
from server.interpretation.types import Pcm, Transcript, Word
from server.interpretation.vosk_graph import NotAdaptable, Pronounce, expect

#: Without these Kaldi aborts the process or reports wrong times.
NEEDED_OPTIONS: Final = ("--endpoint.silence-phones", "--frame-subsampling-factor")
NEEDED_FILES: Final = ("am/final.mdl", "conf/mfcc.conf", "conf/model.conf")
#: A model has one of these sets of graph files.
GRAPHS: Final = (
    ("graph/HCLr.fst", "graph/Gr.fst", "graph/disambig_tid.int"),
    ("graph/HCLG.fst", "graph/words.txt"),
)
#: One second of faint noise (dither), about -66 dBFS, which is added to all audio. Without it,
#: Kaldi's features amplify near-silence until it resembles speech, and words are invented.
DITHER: Final = np.random.default_rng(0).normal(0, 15, RATE_HZ).round().astype(np.int32)
#: Kaldi's symbols for a word that is not in the vocabulary.
UNKNOWN: Final = frozenset({"[unk]", "<unk>"})
#: Kaldi caches the parts of the graph that it has composed: 75 MB after two minutes of speech, 130
#: after ten, and growing. After this long a new recogniser is made, in a pause; it takes 80 ms.
RENEWED_SAMPLES: Final = 180 * RATE_HZ
#: The new recogniser gets this much of the pause again, or at least half of it. Without that, the
#: next words were lost.
RUN_UP_SAMPLES: Final = RATE_HZ // 2
#: The assumed length of words that have no times yet.
WORD_SAMPLES: Final = 35 * RATE_HZ // 100


def check_folder(folder: Path) -> None:
    """Check that ``folder`` has what Vosk needs, because Vosk may end the process if it does not.
    Raises ModelError."""
    remedy = "is not a complete Vosk model; install the model again"
    for name in NEEDED_FILES:
        if not _there(folder / name):
            raise ModelError(f"{folder} lacks {name}, or it is empty: it {remedy}")
    if not any(all(_there(folder / name) for name in graph) for graph in GRAPHS):
        graphs = " or ".join(" + ".join(graph) for graph in GRAPHS)
        raise ModelError(f"{folder} lacks {graphs}, or one is empty: it {remedy}")
    options = (folder / "conf/model.conf").read_text(encoding="utf-8", errors="replace")
    for option in NEEDED_OPTIONS:
        if not any(line.startswith(option + "=") for line in options.split()):
            raise ModelError(f"{folder}/conf/model.conf does not set {option}: it {remedy}")


class VoskRecognizer:
    """A Vosk model of one language, shared by all its streams."""

    def __init__(
        self, folder: Path, language: str, pronounce: Pronounce = lambda word: None
    ) -> None:
        """Load the model in ``folder``. ``pronounce``: returns the phones of words that it does not
        know. Raises ModelError."""
        check_folder(folder)
        vosk.SetLogLevel(-1)
        self.language = language
        self._folder = folder
        self._pronounce = pronounce
        try:
            self._model = vosk.Model(str(folder))
            self.stream()  # reads the rest of the graph
        except Exception as error:  # Vosk raises nothing narrower.
            raise ModelError(
                f"Vosk cannot load the model in {folder}: {error}; install the model again"
            ) from error

    def stream(self, timed: bool = True) -> "VoskStream":
        """A new stream, for one speaker. If not ``timed``, the word times of partial transcripts
        are estimated, which is faster."""
        return VoskStream(self._model, timed)

    def expecting(self, words: Sequence[str]) -> tuple["VoskRecognizer", dict[str, str]]:
        """See ``AdaptableRecognizer.expecting``. The model's graphs are changed, because Vosk's own
        grammars would replace its language model."""
        try:
            with tempfile.TemporaryDirectory(prefix="tolk-") as scratch:
                folder = Path(scratch) / "model"
                unusable = expect(self._folder, folder, words, self._pronounce)
                return VoskRecognizer(folder, self.language), unusable
        except (OSError, NotAdaptable) as error:
            raise ModelError(f"the model in {self._folder} cannot be adapted: {error}") from error


class VoskStream:
    """Recognition of one speaker. Word times count from the first ``accept``, whereas Kaldi's count
    from when the present Kaldi recogniser was made."""

    pause_samples = None

    def __init__(self, model: Any, timed: bool) -> None:
        self._model = model
        self._times_partials = timed
        self._partial: list[str] = []
        self._heard_samples = 0
        self._final_end = 0
        self._recent = np.zeros(0, np.int16)
        self._began_sample = 0
        self._kaldi = self._new()

    def _new(self) -> Any:
        try:
            kaldi = vosk.KaldiRecognizer(self._model, RATE_HZ)
        except Exception as error:  # Vosk raises nothing narrower.
            raise EngineError(f"Vosk: {error}") from error
        kaldi.SetWords(True)
        return kaldi

    def _renew(self, pause_samples: int) -> None:
        run_up = self._recent[-pause_samples:]
        self._began_sample = self._heard_samples - len(run_up)
        self._kaldi = self._new()
        self._hear(run_up)

    def _hear(self, pcm: Pcm) -> bool:
        """Whether an utterance ended."""
        try:
            return bool(self._kaldi.AcceptWaveform(pcm.tobytes()))
        except Exception as error:  # Vosk raises nothing narrower.
            raise EngineError(f"Vosk: {error}") from error

    def accept(self, pcm: Pcm) -> Transcript | None:
        """See ``RecognizerStream.accept``."""
        dither = np.resize(np.roll(DITHER, -self._heard_samples), len(pcm))
        self._heard_samples += len(pcm)
        heard = np.clip(pcm + dither, -32768, 32767).astype(np.int16)
        self._recent = np.concatenate((self._recent, heard))[-RUN_UP_SAMPLES:]
        if self._hear(heard):
            return self._final(self._kaldi.Result())
        partial = [
            word
            for word in json.loads(self._kaldi.PartialResult())["partial"].split()
            if word not in UNKNOWN
        ]
        if partial == self._partial:
            return None
        self._partial = partial
        return Transcript(self._timed(partial), final=False)

    def finish(self) -> Transcript | None:
        """See ``RecognizerStream.finish``."""
        return self._final(self._kaldi.FinalResult())

    def _final(self, result: str) -> Transcript | None:
        words = self._words(json.loads(result).get("result", ()))
        partial, self._partial = self._partial, []
        self._final_end = words[-1].end_sample if words else self._heard_samples
        pause = self._heard_samples - self._final_end
        due = self._heard_samples - self._began_sample >= RENEWED_SAMPLES
        if due and pause >= RUN_UP_SAMPLES // 2:
            self._renew(pause)
        return Transcript(words, final=True) if words or partial else None

    def _timed(self, partial: list[str]) -> tuple[Word, ...]:
        """``partial`` with word times. Kaldi is asked for them only when the words have changed,
        because that takes as long as recognising 100 ms. Its timed words are up to a second behind
        and may differ; the times of the others are estimated, up to the present sample."""
        if not partial:
            return ()
        timed: tuple[Word, ...] = ()
        if self._times_partials:
            self._kaldi.SetPartialWords(True)
            timed = self._words(json.loads(self._kaldi.PartialResult()).get("partial_result", ()))
            self._kaldi.SetPartialWords(False)
        words: list[Word] = []
        for text, word in zip(partial, timed, strict=False):
            if word.text != text:
                break
            words.append(word)
        end = words[-1].end_sample if words else self._final_end
        rest = partial[len(words) :]
        for left in range(len(rest), 0, -1):
            start = max(end, self._heard_samples - left * WORD_SAMPLES)
            end = start + max(0, self._heard_samples - start) // left
            words.append(Word(rest[-left], start, end))
        return tuple(words)

    def _words(self, result: list[dict[str, Any]]) -> tuple[Word, ...]:
        return tuple(
            Word(
                each["word"],
                self._began_sample + round(each["start"] * RATE_HZ),
                self._began_sample + round(each["end"] * RATE_HZ),
            )
            for each in result
            if each["word"] not in UNKNOWN
        )


def _there(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 0
