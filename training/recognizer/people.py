"""Recordings of people: which are used, the times of their words, and degraded versions of them."""

import json
import random
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from training import phrases
from training.recognizer import augment, features, frames, revoice, text
from training.recognizer.align import align
from training.recognizer.corpus import Utterance, labelled, labelled_cepstra, save
from training.recognizer.phones import phone_set
from training.recognizer.speech import Lexicon, Samples, Segment

_FOLDERS: dict[phrases.Language, tuple[str, ...]] = {
    "en": ("librispeech-train", "kathleen-en"),
    "nl": ("flemishguy-nl",),
}
_SHARED_SENTENCES = ("flemishguy-nl", "nathalie-nl")
_DEV_SPEAKERS = 20
_PART_CLIPS = 100
_MOST_WAYS = 3
_SPEEDS = (0.88, 1.14)
Scorer = Callable[[frames.Features], npt.NDArray[np.float32]]


@dataclass(frozen=True)
class Clip:
    """One recording, and its words as a recogniser writes them."""

    path: Path
    speaker: str
    words: list[str]


def clips(data: Path, language: phrases.Language) -> tuple[list[Clip], list[Clip]]:
    """The clips for training, and those for making choices. No speaker is in both, if there are
    many. Clips whose text has digits are left out, as it does not say how they were read."""
    found = [
        Clip(data / "corpora" / folder / row["file"], row["speaker"],
             phrases.normalise(row["text"]).split())
        for folder in _FOLDERS[language]
        for row in text.read_manifest(data / "corpora" / folder)
        if not any(char.isdigit() for char in row["text"])
        and not (folder in _SHARED_SENTENCES and text.is_held_out(row["text"]))
    ]  # fmt: skip
    said = [clip.speaker for clip in found]
    single = sorted(speaker for speaker in set(said) if said.count(speaker) == 1)
    dev = set(single[:: max(1, len(single) // _DEV_SPEAKERS)][:_DEV_SPEAKERS])
    if not dev:
        chosen = [clip for clip in found if text.share(" ".join(clip.words)) > 0.96]
        return [clip for clip in found if clip not in chosen], chosen
    return (
        [clip for clip in found if clip.speaker not in dev],
        [clip for clip in found if clip.speaker in dev],
    )


def decode(path: Path) -> Samples:
    """Decode a whole file to 16 kHz mono with its peak at -3 dBFS."""
    resampler = av.AudioResampler("s16", "mono", augment.RATE_HZ)
    with av.open(str(path)) as container:
        frames = [out for frame in container.decode(audio=0) for out in resampler.resample(frame)]
    frames += resampler.resample(None)
    samples = np.concatenate([frame.to_ndarray().reshape(-1) for frame in frames])
    return augment.at_level(samples.astype(np.float64), -3)


@dataclass
class People:
    """Makes parts of people's speech in `folder`. `score` returns a network's log-probabilities.

    The clips are shuffled, so that the first parts already have many voices.
    """

    folder: Path
    language: phrases.Language
    clips: list[Clip]
    lexicon: Lexicon
    score: Scorer

    def parts(self, copies: int) -> list[Path]:
        """Parts that have every clip in `copies` versions; the first version is unchanged."""
        self.folder.mkdir(parents=True, exist_ok=True)
        shuffled = random.Random(5).sample(self.clips, len(self.clips))
        groups = [shuffled[at : at + _PART_CLIPS] for at in range(0, len(shuffled), _PART_CLIPS)]
        paths = [self.folder / f"people-{copy}-{number:03}.npz"
                 for copy in range(copies) for number in range(len(groups))]  # fmt: skip
        for number, group in enumerate(tqdm(groups, desc="people's speech", unit="part")):
            segments = self.folder / f"aligned-{number:03}.json"
            first, *others = paths[number :: len(groups)]
            if not first.exists():
                self._align(first, segments, group)
            kept = json.loads(segments.read_text())
            missing = {copy: path for copy, path in enumerate(others, 1) if not path.exists()}
            rngs = {copy: np.random.default_rng([copy, number]) for copy in missing}
            said = {name: rows for name, rows in kept.items() if missing}
            made = [self._spoilt(clip, said[clip.path.name], list(rngs.values()))
                    for clip in group if clip.path.name in said]  # fmt: skip
            for path, utterances in zip(missing.values(), zip(*made, strict=True), strict=True):
                save(path, list(utterances))
        return paths

    def _align(self, path: Path, aligned: Path, group: list[Clip]) -> None:
        """Align the clips. The twentieth of them with the worst scores is left out: their text is
        often not what was said."""
        rng = np.random.default_rng(0)
        found: dict[str, tuple[Utterance, list[Segment], float]] = {}
        for clip in group:
            samples = augment.dithered(decode(clip.path), rng)
            cepstra = features.mfcc(samples)
            ways = [[way for way, _ in self.lexicon[word].most_common(_MOST_WAYS)]
                    if word in self.lexicon else [] for word in clip.words]  # fmt: skip
            try:
                segments, fit = align(self.score(cepstra), ways, phone_set(self.language))
            except ValueError:
                continue  # a word that espeak-ng cannot say, or a clip cut short
            utterance = labelled_cepstra(cepstra, segments, 1.0, 0.0, phone_set(self.language))
            found[clip.path.name] = utterance, segments, fit
        worst = float(np.quantile([fit for _, _, fit in found.values()], 0.05))
        good = {name: each for name, each in found.items() if each[2] >= worst}
        rows = {name: [list(asdict(segment).values()) for segment in segments]
                for name, (_, segments, _) in good.items()}  # fmt: skip
        aligned.write_text(json.dumps(rows))
        save(path, [utterance for utterance, _, _ in good.values()])

    def _spoilt(
        self, clip: Clip, kept: list[list[str | float | int]], rngs: list[np.random.Generator]
    ) -> list[Utterance]:
        """One degraded version for each of `rngs`; with other voices if only one person was
        recorded."""
        segments = [Segment(str(phone), float(at_s), int(word)) for phone, at_s, word in kept]
        samples = decode(clip.path)
        alone = len({each.speaker for each in self.clips}) == 1
        voice = revoice.analyse(samples) if alone and rngs else None
        made = []
        for rng in rngs:
            spoken = revoice.revoiced(voice, rng) if voice else samples
            heard = augment.as_heard(spoken, augment.RATE_HZ, rng, None, _SPEEDS)
            made.append(labelled(heard[0], segments, *heard[1:], phone_set(self.language)))
        return made
