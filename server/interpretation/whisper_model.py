"""Runs Whisper with CTranslate2: one pass over a piece of audio.

The encoder gets less than the 30 s that Whisper was trained on, which takes less time. The number
of decoded tokens is limited by the length of the audio, because Whisper can loop.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import ctranslate2
import tokenizers

from server.bus.messages import RATE_HZ
from server.interpretation.ctranslate2_device import COMPUTE_TYPES, Device
from server.interpretation.engines import EngineError, ModelError
from server.interpretation.log_mel import FRAMES_PER_SECOND, HOP, LogMel
from server.interpretation.types import Pcm

#: Whisper's window: 30 s of audio and silence.
LONGEST_S: Final = 30.0
#: Silence after the audio. Without it, Whisper repeats itself or omits the end. For continuous
#: speech 2.5 s are as good as 4 s (base in English and Dutch; tiny.en), and a tenth faster.
SILENCE_S: Final = 2.5
#: Audio and silence together are a multiple of half a second, because the library under CTranslate2
#: caches half a megabyte for each length (250 MB after an hour of arbitrary lengths).
LENGTH_FRAMES: Final = FRAMES_PER_SECOND // 2
#: Nobody says more tokens per second, in any language; TOKENS_MORE allows for short audio.
TOKENS_PER_SECOND: Final = 7.0
TOKENS_MORE: Final = 12
#: The decoder's limit of tokens, including the prompt.
MOST_TOKENS: Final = 448
#: The limit of tokens in a prompt; each token makes every pass slower.
MOST_PROMPT_TOKENS: Final = 120
#: Frames of the encoder's output are 20 ms long.
FRAME_SAMPLES: Final = 2 * HOP
NEEDED_FILES: Final = ("model.bin", "config.json", "tokenizer.json")
#: Languages that put no spaces between words: each token counts as a word.
UNSPACED: Final = frozenset(("zh", "ja", "th", "lo", "my", "yue", "km", "bo"))


@dataclass(frozen=True, slots=True)
class Token:
    """A decoded token. Times are samples from the start of the audio. ``likelihood``: 0 to 1."""

    id: int
    start_sample: int
    end_sample: int
    likelihood: float


class WhisperModel:
    """One Whisper model, shared by all its streams. Callable from several threads at once."""

    def __init__(self, folder: Path, device: Device = "cpu", passes_at_once: int = 1) -> None:
        """Load the model in ``folder``, in CTranslate2's format. Raises ModelError."""
        self._folder = folder
        try:
            for name in NEEDED_FILES:
                if not (folder / name).is_file():
                    raise ModelError(
                        f"{folder} lacks {name}: it is not a complete Whisper model in "
                        "CTranslate2's format; install the model again"
                    )
            self._tokenizer: Any = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
            self._model = ctranslate2.models.Whisper(
                str(folder),
                device=device,
                compute_type=COMPUTE_TYPES[device],
                intra_threads=1,
                inter_threads=passes_at_once,
            )
        except ModelError:
            raise
        except Exception as error:  # Both libraries raise nothing narrower.
            raise ModelError(
                f"CTranslate2 cannot load the Whisper model in {folder}: {error}; "
                "install the model again"
            ) from error
        self._mel = LogMel(self._model.n_mels)

    @cached_property
    def languages(self) -> tuple[str, ...]:
        """The languages that it recognises, as tags."""
        if not self._model.is_multilingual:
            return ("en",)
        config = json.loads((self._folder / "config.json").read_bytes())
        tokens = (self._tokenizer.id_to_token(each) for each in config.get("lang_ids", ()))
        return tuple(token.strip("<|>") for token in tokens if token)

    def encode(self, pcm: Pcm, silence_s: float = SILENCE_S) -> "Encoded":
        """Encode ``pcm``, 16 kHz mono, at most LONGEST_S, followed by at least ``silence_s`` of
        silence. Raises EngineError."""
        features = self._mel(pcm, silence_after(len(pcm), silence_s))
        try:
            view = ctranslate2.StorageView.from_array(features[None])
            return Encoded(self._model.encode(view), len(pcm), features.shape[1])
        except RuntimeError as error:
            raise EngineError(f"Whisper cannot encode {len(pcm)} samples: {error}") from error

    def decode(
        self,
        sound: "Encoded",
        language: str,
        begins: Sequence[int] = (),
        new_s: float = LONGEST_S,
        prompt: str = "",
    ) -> "Decoded":
        """Decode greedily. ``begins``: the tokens that the result begins with, said before the last
        ``new_s`` seconds. ``prompt``: text said before the audio, or words to expect. Raises
        EngineError."""
        before = self._prompt(prompt)
        start = [*before, *self._start(language), self._id("<|notimestamps|>")]
        new = TOKENS_PER_SECOND * min(new_s, sound.seconds) + TOKENS_MORE
        longest = min(round(new) + len(begins), MOST_TOKENS // 2)
        try:
            (result,) = self._model.generate(
                sound.frames,
                [[*start, *begins]],
                beam_size=1,
                # CTranslate2 makes at most half of this, less the prompt.
                max_length=max(2 * longest, longest + len(start)),
                return_no_speech_prob=True,
            )
        except RuntimeError as error:
            raise EngineError(f"Whisper cannot decode: {error}") from error
        return Decoded(result.sequences_ids[0], result.no_speech_prob)

    def aligned(self, sound: "Encoded", language: str, ids: Sequence[int]) -> list[Token]:
        """The time and likelihood of each token of ``ids``. Raises EngineError."""
        if not ids:
            return []
        try:
            (found,) = self._model.align(
                sound.frames,
                list(self._start(language)),
                [list(ids)],
                [sound.length],
                median_filter_width=7,
            )
        except RuntimeError as error:
            raise EngineError(f"Whisper cannot align: {error}") from error
        firsts: dict[int, int] = {}
        lasts: dict[int, int] = {}
        for place, frame in found.alignments:
            firsts.setdefault(place, frame)
            lasts[place] = frame
        tokens, end = [], 0
        for place, each in enumerate(ids):
            start = min(firsts.get(place, end) * FRAME_SAMPLES, sound.samples)
            end_sample = min(lasts.get(place, end) * FRAME_SAMPLES, sound.samples)
            end = lasts.get(place, end)
            tokens.append(Token(each, start, end_sample, found.text_token_probs[place]))
        return tokens

    def identify(self, pcm: Pcm) -> Mapping[str, float]:
        """See ``LanguageIdentifier.identify``. Only for models of several languages."""
        try:
            (found,) = self._model.detect_language(self.encode(pcm, 1.0).frames)
        except RuntimeError as error:
            raise EngineError(f"Whisper cannot tell the language: {error}") from error
        return {token.strip("<|>"): likelihood for token, likelihood in found}

    def words(self, ids: Sequence[int], language: str) -> Iterator[list[int]]:
        """Group ``ids`` by word; punctuation belongs to a word."""
        word: list[int] = []
        for each in ids:
            text = self.text([each])
            starts = language in UNSPACED or text.startswith(" ")
            if word and starts and any(map(str.isalnum, text)):
                yield word
                word = []
            word.append(each)
        if word:
            yield word

    def text(self, ids: Sequence[int]) -> str:
        """The text of the tokens."""
        return str(self._tokenizer.decode(list(ids)))

    def ids(self, text: str) -> list[int]:
        """The tokens of ``text``. The space before a word belongs to the word's token."""
        made: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return made

    def tokens_of(self, text: str) -> int:
        """How many tokens ``text`` has."""
        return len(self._tokenizer.encode(" " + text, add_special_tokens=False).ids)

    def _prompt(self, text: str) -> list[int]:
        if not text:
            return []
        ids = self._tokenizer.encode(" " + text.strip(), add_special_tokens=False).ids
        return [self._id("<|startofprev|>"), *ids[-MOST_PROMPT_TOKENS:]]

    def _start(self, language: str) -> tuple[int, ...]:
        start = self._id("<|startoftranscript|>")
        if not self._model.is_multilingual:
            return (start,)
        return start, self._id(f"<|{language}|>"), self._id("<|transcribe|>")

    def _id(self, token: str) -> int:
        found = self._tokenizer.token_to_id(token)
        if found is None:
            raise EngineError(f"this Whisper model does not know {token}")
        return int(found)


def silence_after(samples: int, silence_s: float) -> float:
    """The seconds of silence to add to ``samples``: at least ``silence_s``, and enough to make the
    total a multiple of LENGTH_FRAMES, within LONGEST_S."""
    sound = samples // HOP
    least = sound + round(silence_s * FRAMES_PER_SECOND)
    frames = -(-least // LENGTH_FRAMES) * LENGTH_FRAMES
    return (min(frames, round(LONGEST_S * FRAMES_PER_SECOND)) - sound) / FRAMES_PER_SECOND


@dataclass(frozen=True, slots=True)
class Decoded:
    """The result of a pass. ``ids``: its tokens. ``no_speech``: the probability that nobody speaks,
    0 to 1."""

    ids: list[int]
    no_speech: float


@dataclass(frozen=True, slots=True)
class Encoded:
    """The encoder's output for ``samples`` of audio and the silence after it. ``length``: of both,
    in frames of 10 ms."""

    frames: Any
    samples: int
    length: int

    @property
    def seconds(self) -> float:
        """The length of the audio, without the silence."""
        return self.samples / RATE_HZ


assert RATE_HZ == FRAMES_PER_SECOND * HOP
