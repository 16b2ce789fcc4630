"""What a recording holds, as FFmpeg and a reader of JSON lines find it."""

import json
from pathlib import Path
from typing import Any

import av
import numpy as np

from server.media.opus import RATE_HZ, Pcm, mono

#: A decoder goes on a little after a sound.
LOUD = 2000


def only(shelf: Path) -> Path:
    """The one recording's folder."""
    (folder,) = shelf.iterdir()
    return folder


def sound(file: Path) -> Pcm:
    """All of an Ogg file, as FFmpeg decodes it."""
    parts: list[Pcm] = []
    with av.open(str(file)) as container:
        resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE_HZ)
        for frame in container.decode(audio=0):
            parts += [mono(each) for each in resampler.resample(frame)]
    return np.concatenate(parts)


def ends_ms(pcm: Pcm) -> list[float]:
    """When its sounds end: each is followed by 300 ms that are not loud."""
    loud = np.flatnonzero(np.abs(pcm) > LOUD)
    last = np.append(np.diff(loud) > 0.3 * RATE_HZ, True)
    return [float(at) * 1000 / RATE_HZ for at in loud[last]]


def lines(folder: Path) -> list[dict[str, Any]]:
    """The captions of a recording, each as it was last written."""
    text = (folder / "captions.jsonl").read_text(encoding="utf8")
    read = map(json.loads, text.splitlines())
    return list({(line["language"], line["segment"]): line for line in read}.values())
