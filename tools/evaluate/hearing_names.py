"""Are rare names recognised better if a glossary has them? People read them in LibriSpeech."""

import unicodedata
from collections.abc import Iterator
from typing import Final

import numpy as np

from server.interpretation.engines import AdaptableRecognizer, Recognizer
from server.interpretation.gate import Gate
from server.interpretation.glossary import Glossary
from server.interpretation.silero_detector import SileroDetector
from server.interpretation.types import Pcm
from server.media.files import SoundFile
from server.media.opus import joined
from tools.evaluate import material
from tools.evaluate.gate import recognised
from tools.evaluate.material import RATE_HZ
from tools.evaluate.people import TEST, plain, rows
from tools.figures import Figure

#: All are in one glossary.
NAMES: Final = tuple(
    """
    Aignan Anaxagoras Athenais Bragelonne Branwell Charente Conti Critias Dropidas Elcho
    Heracleitus Hermocrates Innerlochy Keswick Locris Lucretius Marais Marivaux Merchiston
    Montalais Montrose Pegre Pegrenne Phaedrus Platonists Portes Quinson Sauveur Sceura Scevra
    Solon Southey Timaeus Tonnay Valliere Villeroy
    """.split()
)
GAIN_POINTS: Final = 20
#: Silence before and after each recording.
SILENCE: Final = RATE_HZ


def figures(name: str, recognizer: Recognizer) -> Iterator[Figure]:
    """All figures of one recogniser."""
    clips = list(spoken())
    without = _share(recognizer, clips)
    yield Figure(f"{name}.names_heard_without", without, "%", None, "higher")
    if not isinstance(recognizer, AdaptableRecognizer):
        return
    expecting, unusable = recognizer.expecting(Glossary(names=NAMES).expected("en"))
    share = _share(expecting, clips)
    yield Figure(f"{name}.names_heard", share, "%", None, "higher")
    yield Figure(f"{name}.names_gained", share - without, "points", GAIN_POINTS, "higher")
    yield Figure(f"{name}.names_unusable", len(unusable), "")


def spoken() -> Iterator[tuple[list[str], Pcm]]:
    """The recordings that have names in them, with these names."""
    names = {name.lower() for name in NAMES}
    for part in TEST["en"]:
        for row in rows(part):
            said = [word for word in plain(row["text"], "en") if word in names]
            if said:
                with SoundFile(
                    material.folder() / "corpora" / part.corpus / row["file"], RATE_HZ
                ) as file:
                    yield said, joined(list(file))


def _share(recognizer: Recognizer, clips: list[tuple[list[str], Pcm]]) -> float:
    """The percentage of the names that are recognised as they are written."""
    right = 0
    for names, pcm in clips:
        padded = np.pad(pcm, SILENCE)
        heard = recognised(Gate(recognizer.stream(), SileroDetector()), padded)
        words = plain(unaccented(heard), "en")
        right += sum(min(names.count(name), words.count(name)) for name in set(names))
    return 100 * right / sum(len(names) for names, _ in clips)


def unaccented(text: str) -> str:
    apart = unicodedata.normalize("NFD", text)
    return "".join(each for each in apart if not unicodedata.combining(each))
