"""Speech of people: who is learnt from, when they said what, and their speech spoilt as heard."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from training import phrases
from training.recognizer import augment, features, text
from training.recognizer.align import align
from training.recognizer.corpus import Utterance, labelled, save
from training.recognizer.phones import phone_set
from training.recognizer.speech import Lexicon, Samples, Segment

_FOLDERS: dict[phrases.Language, tuple[str, ...]] = {
    "en": ("librispeech-train", "kathleen-en"),
    "nl": ("flemishguy-nl",),
}
_SHARED_SENTENCES = ("flemishguy-nl", "nathalie-nl")
_DEV_SPEAKERS = 20
_PART_CLIPS = 200
_SPEEDS = (0.88, 1.14)
Scorer = Callable[[features.Features], npt.NDArray[np.float32]]


@dataclass(frozen=True)
class Clip:
    """One recording, and its words as a recogniser writes them."""

    path: Path
    speaker: str
    words: list[str]


def clips(data: Path, language: phrases.Language) -> tuple[list[Clip], list[Clip]]:
    """Those to learn from, and those that choices are measured with (no speaker in both,
    where there are many). Text with digits is left out: nobody wrote how it was read."""
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
    """A whole file at 16 kHz, mono, its peak at -3 dBFS."""
    resampler = av.AudioResampler("s16", "mono", augment.RATE_HZ)
    with av.open(str(path)) as container:
        frames = [out for frame in container.decode(audio=0) for out in resampler.resample(frame)]
    frames += resampler.resample(None)
    samples = np.concatenate([frame.to_ndarray().reshape(-1) for frame in frames])
    return augment.at_level(samples.astype(np.float64), -3)


def align_clips(
    wanted: list[Clip], lexicon: Lexicon, language: phrases.Language, score: Scorer, path: Path
) -> dict[str, list[Segment]]:
    """When the phones of every clip were said, by file name; kept in `path` for the next run.

    The twentieth that fit their sound worst are left out: their text is often not what was said.
    """
    if path.exists():
        kept = json.loads(path.read_text())
        return {name: [Segment(*each) for each in row] for name, row in kept.items()}
    found: dict[str, tuple[list[Segment], float]] = {}
    for clip in tqdm(wanted, desc="aligning people", unit="clip"):
        scores = score(features.mfcc(augment.dithered(decode(clip.path), np.random.default_rng(0))))
        ways = [[way for way, _ in lexicon[word].most_common(3)] if word in lexicon else []
                for word in clip.words]  # fmt: skip
        try:
            found[clip.path.name] = align(scores, ways, phone_set(language))
        except ValueError:
            continue  # a word that espeak-ng cannot say, or a clip cut short
    worst = float(np.quantile([fit for _, fit in found.values()], 0.05))
    aligned = {name: segments for name, (segments, fit) in found.items() if fit > worst}
    rows = {name: [list(asdict(s).values()) for s in row] for name, row in aligned.items()}
    path.write_text(json.dumps(rows))
    return aligned


def people_parts(
    folder: Path,
    language: phrases.Language,
    wanted: list[Clip],
    aligned: dict[str, list[Segment]],
    copies: int,
) -> list[Path]:
    """Parts with every clip in `copies` versions, the first one as it is."""
    folder.mkdir(parents=True, exist_ok=True)
    known = [clip for clip in wanted if clip.path.name in aligned]
    groups = [known[at : at + _PART_CLIPS] for at in range(0, len(known), _PART_CLIPS)]
    jobs = [(copy, number) for copy in range(copies) for number in range(len(groups))]
    paths = [folder / f"people-{copy}-{number:03}.npz" for copy, number in jobs]
    for path, (copy, number) in tqdm(
        [job for job in zip(paths, jobs, strict=True) if not job[0].exists()],
        desc="people's speech", unit="part",
    ):  # fmt: skip
        rng = np.random.default_rng([copy, number])
        save(path, [_version(clip, aligned, language, copy, rng) for clip in groups[number]])
    return paths


def _version(
    clip: Clip,
    aligned: dict[str, list[Segment]],
    language: phrases.Language,
    copy: int,
    rng: np.random.Generator,
) -> Utterance:
    samples, segments = decode(clip.path), aligned[clip.path.name]
    if copy == 0:
        samples = augment.dithered(augment.at_level(samples, rng.uniform(-24, -2)), rng)
        return labelled(samples, segments, 1.0, 0.0, phone_set(language))
    heard, stretch, lead_s = augment.as_heard(samples, augment.RATE_HZ, rng, None, _SPEEDS)
    return labelled(heard, segments, stretch, lead_s, phone_set(language))
