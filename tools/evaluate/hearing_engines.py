"""The recognisers that ``hearing`` compares, by name."""

import contextlib
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from server.config import STARTER_MODELS
from server.interpretation.engines import Recognizer
from server.interpretation.piper_synthesizer import ipa
from server.interpretation.pronunciation import pronouncer
from server.interpretation.vosk_recognizer import VoskRecognizer
from server.interpretation.whisper_model import WhisperModel
from server.interpretation.whisper_recognizer import WhisperRecognizer
from server.models.catalogue import Catalogue
from tools.evaluate.two_ears import TwoEars

VOSK, BASE = "vosk", "whisper-base"
#: The words of Vosk at once, then those of Whisper base, which are translated.
BOTH = "both"
#: The first of these models that is present tells when words were said.
ALIGNERS = ("whisper-base", "whisper-tiny.en")
NAMES = (VOSK, "whisper-base", "whisper-tiny.en", BOTH)


def recognizer(name: str, language: str, folders: Sequence[Path]) -> Recognizer | None:
    """``vosk``: the shipped recogniser; None if there is none of the language. Otherwise the
    Whisper model in the folder of that name. Raises FileNotFoundError."""
    if name == VOSK:
        catalogue = Catalogue.load(STARTER_MODELS)
        model = catalogue.recognizers.get(language)
        if model is None:
            return None
        return VoskRecognizer(catalogue.path(model), language, pronouncer(language, ipa))
    if name == BOTH:
        quick, sure = recognizer(VOSK, language, folders), recognizer(BASE, language, folders)
        if not isinstance(quick, VoskRecognizer) or not isinstance(sure, WhisperRecognizer):
            return None
        return TwoEars(quick, sure)
    if name.endswith(".en") and language != "en":
        return None
    # In virtual time a pass takes the processor time that it used.
    return WhisperRecognizer(WhisperModel(found(name, folders)), language, time.process_time)


def found(name: str, folders: Sequence[Path]) -> Path:
    """The folder of a model: one of ``folders`` or inside one. Raises FileNotFoundError."""
    for folder in folders:
        for path in (folder, folder / name):
            if path.name == name and (path / "model.bin").is_file():
                return path
    raise FileNotFoundError(
        f"there is no model {name} in {', '.join(map(str, folders)) or 'no folder'}: name the "
        "folder that has it"
    )


def aligner(language: str, folders: Sequence[Path]) -> Path | None:
    """The folder of a Whisper model for the language, if there is one."""
    for name in ALIGNERS:
        if language == "en" or not name.endswith(".en"):
            with contextlib.suppress(FileNotFoundError):
                return found(name, folders)
    return None


@contextlib.contextmanager
def server_options(name: str, folders: Sequence[Path]) -> Iterator[list[str]]:
    """Options with which a server uses this recogniser; see ``recognizer``."""
    if name == VOSK:
        yield ["--models", str(STARTER_MODELS)]
        return
    with tempfile.TemporaryDirectory(prefix="tolk-") as scratch:
        # A folder with only this Whisper; everything else is shipped.
        (Path(scratch) / name).symlink_to(found(name, folders).resolve())
        yield ["--models", scratch, "--recognizer", "whisper"]
