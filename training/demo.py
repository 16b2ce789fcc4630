"""Makes the clips of the demonstration: a short tour in Dutch, and a short lecture in English.

    python -m training.demo [--out server/demo]

Writes nl.opus and en.opus (Ogg Opus, 48 kHz mono) and for each a JSON file with every phrase, its
time and its translation. No model was trained on these sentences or voices.
"""

import argparse
import json
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import soxr

from training import phrases
from training.espeak import Espeak

VOICES: dict[phrases.Language, str] = {"nl": "nl+f3", "en": "en-us+f3"}
STORIES: dict[phrases.Language, list[phrases.Pair]] = {
    "nl": [
        ("Good morning and welcome to our village.", "Goedemorgen en welkom in ons dorp."),
        ("On the left you can see the old harbour.", "Links ziet u de oude haven."),
        ("Behind the museum is the high tower.", "Achter het museum is de hoge toren."),
        ("The tower is five hundred years old.", "De toren is vijfhonderd jaar oud."),
        ("The painter lived here for fifty years.", "De schilder woonde hier vijftig jaar."),
        ("We now walk to the castle.", "We lopen nu naar het kasteel."),
        ("From here you can see the new bridge.", "Vanaf hier kunt u de nieuwe brug zien."),
        ("The museum is closed on Monday.", "Het museum is op maandag gesloten."),
        ("There is coffee and cake in the castle.", "Er is koffie en taart in het kasteel."),
        ("We will meet in the garden at half past two.",
         "We ontmoeten elkaar om half drie in de tuin."),
        ("The bus leaves at eight o'clock.", "De bus vertrekt om acht uur."),
    ],
    "en": [
        ("Ladies and gentlemen, welcome to the museum.", "Dames en heren, welkom in het museum."),
        ("We have eighty guests today.", "We hebben vandaag tachtig gasten."),
        ("Today we will talk about language and education.",
         "Vandaag praten we over taal en onderwijs."),
        ("The professor will speak about the economy.", "De professor spreekt over de economie."),
        ("Look at the picture on page fifteen.", "Kijk naar de foto op bladzijde vijftien."),
        ("Everyone can learn something about energy.", "Iedereen kan iets leren over energie."),
        ("This library was built in the year fourteen hundred.",
         "Deze bibliotheek werd gebouwd in het jaar veertienhonderd."),
        ("There is soup and bread in the museum.", "Er is soep en brood in het museum."),
        ("We will meet in the great hall at three o'clock.",
         "We ontmoeten elkaar om drie uur in de grote zaal."),
        ("The choir sings tonight in the garden.", "Het koor zingt vanavond in de tuin."),
        ("See you on Friday.", "Tot ziens op vrijdag."),
    ],
}  # fmt: skip
_RATE_HZ = 48000
_FRAME = 960
_PAUSE_S = 1.0
_PEAK = 16000
_BIT_RATE = 28000
Samples = npt.NDArray[np.float64]


def tell(language: phrases.Language, espeak: Espeak) -> tuple[Samples, list[dict[str, object]]]:
    """Speak the story. Returns its samples at 48 kHz in int16 range, and its phrases with their
    times in seconds."""
    side = phrases.LANGUAGES.index(language)
    parts: list[Samples] = [np.zeros(int(_RATE_HZ * _PAUSE_S / 2))]
    timed: list[dict[str, object]] = []
    at_s = _PAUSE_S / 2
    for pair in STORIES[language]:
        if phrases.split_of(pair[0]) != "held-out":
            raise ValueError(f"the recogniser was trained on {pair[0]!r}: choose another sentence")
        spoken = espeak.synthesise(pair[side], VOICES[language], words_per_minute=150)
        loud = np.flatnonzero(np.abs(spoken.samples) > 50)
        spoken_only = spoken.samples[loud[0] : loud[-1]].astype(np.float64)
        samples = np.asarray(soxr.resample(spoken_only, spoken.rate_hz, _RATE_HZ), np.float64)
        end_s = at_s + len(samples) / _RATE_HZ
        timed.append({"text": pair[side], "start_s": round(at_s, 3), "end_s": round(end_s, 3),
                      "translation": pair[1 - side]})  # fmt: skip
        parts += [samples, np.zeros(int(_RATE_HZ * _PAUSE_S))]
        at_s = end_s + _PAUSE_S
    story = np.concatenate(parts)
    return story * (_PEAK / np.abs(story).max()), timed


def write_opus(path: Path, samples: Samples) -> None:
    """Write samples at 48 kHz in int16 range as Ogg Opus."""
    pcm = np.pad(samples.round().astype(np.int16), (0, -len(samples) % _FRAME))
    with av.open(str(path), "w", format="ogg") as container:
        stream = container.add_stream("libopus", rate=_RATE_HZ, layout="mono", format="s16")
        stream.bit_rate = _BIT_RATE
        for start in range(0, len(pcm), _FRAME):
            frame = av.AudioFrame.from_ndarray(pcm[None, start : start + _FRAME], "s16", "mono")
            frame.sample_rate = _RATE_HZ
            frame.pts = start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def main() -> None:
    parser = argparse.ArgumentParser(description="Make the speech of the demonstration.")
    parser.add_argument("--out", type=Path, default=Path("server/demo"))
    out: Path = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    espeak = Espeak()
    for language in phrases.LANGUAGES:
        samples, timed = tell(language, espeak)
        write_opus(out / f"{language}.opus", samples)
        description = {"language": language, "phrases": timed}
        text = json.dumps(description, indent=2, ensure_ascii=False) + "\n"
        (out / f"{language}.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
