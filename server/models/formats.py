"""Finds out what a model's folder contains: its kind, format and languages, or why it cannot be
used. Loads no model.
"""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from server.interpretation.engines import ModelError
from server.models.catalogue import Traits

#: Language codes that Vosk uses, and the usual ones.
VOSK_NAMES: Final = {"cn": "zh", "kz": "kk", "vn": "vi", "ua": "uk", "gr": "el"}
#: The pair of languages in a name of OPUS-MT's.
OPUS_PAIR: Final = r"(?:^|opus-mt-(?:tc-(?:big|base)-)?)([a-z]{2,3})-([a-z]{2,3})(?=-|$)"
#: The end token's number in the vocabulary of English-only Whisper models.
ENGLISH_END: Final = 50256
RATE_HZ: Final = 16_000


def recognised(folder: Path, name: str = "", language: str = "") -> Traits:
    """What the model in ``folder`` is.

    ``name``: the model's name, if it differs from the folder's; some formats have the language only
    there. ``language``: such as "nl", or "nl-en" for a translation, if the model does not contain
    it. Raises ModelError, which says what was expected.
    """
    name = name or folder.name
    has = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    if "metadata.json" in has:
        return _argos(folder, has)
    if "am/final.mdl" in has or "conf/mfcc.conf" in has:
        return _vosk(folder, has, name, language)
    if any(each.endswith(".onnx") for each in has):
        return _piper(folder, has, language)
    if "model.bin" in has and "source.spm" in has and "target.spm" in has:
        return _opus(folder, has, name, language)
    if "model.bin" in has and "config.json" in has:
        return _whisper(folder, has)
    if "final.mdl" in has:
        raise ModelError(f"{folder} is a Vosk model of the old format; use a newer one")
    if any(each.endswith((".pt", ".safetensors", "pytorch_model.bin", ".gguf")) for each in has):
        raise ModelError(
            f"{folder} is a model that was not converted for CTranslate2; use one that was"
        )
    raise ModelError(
        f"{folder} contains no usable model: no Whisper or OPUS-MT (model.bin), Vosk "
        "(am/final.mdl), Argos (metadata.json) or Piper (….onnx); unpack it completely, or use "
        "another"
    )


def _whisper(folder: Path, has: set[str]) -> Traits:
    settings = _json(folder / "config.json")
    if "alignment_heads" not in settings and "lang_ids" not in settings:
        raise ModelError(
            f"{folder} is a CTranslate2 model, but neither Whisper nor OPUS-MT (source.spm and "
            "target.spm): it cannot be used"
        )
    _needs(folder, has, ("tokenizer.json",), ("vocabulary.txt", "vocabulary.json"))
    added = _json(folder / "tokenizer.json").get("added_tokens", [])
    tokens = {each.get("content"): each.get("id") for each in added}
    codes = [
        found[1] for token in tokens if (found := re.fullmatch(r"<\|([a-z]{2,3})\|>", str(token)))
    ]
    if not codes:
        raise ModelError(f"{folder}/tokenizer.json has no languages: it is not Whisper's")
    only_english = tokens.get("<|endoftext|>") == ENGLISH_END
    return Traits("recognizer", "whisper", ["en"] if only_english else codes)


def _vosk(folder: Path, has: set[str], name: str, language: str) -> Traits:
    _needs(folder, has, ("am/final.mdl",), ("conf/mfcc.conf",), ("conf/model.conf",))
    _needs(folder, has, ("graph/HCLG.fst", "graph/HCLr.fst"))
    settings = (folder / "conf/mfcc.conf").read_text(encoding="utf8", errors="replace")
    rate = re.search(r"--sample-frequency=(\d+)", settings)
    if rate and int(rate[1]) != RATE_HZ:
        raise ModelError(f"{folder} takes audio of {rate[1]} Hz, not {RATE_HZ}; use another")
    if not language:
        said = re.match(r"vosk-model-(?:small-|big-)?([a-z]{2,3})(?=-|$)", name)
        if not said:
            raise ModelError(f"{folder} does not say its language; add it, such as --language nl")
        language = VOSK_NAMES.get(said[1], said[1])
    return Traits("recognizer", "vosk", [language])


def _argos(folder: Path, has: set[str]) -> Traits:
    about = _json(folder / "metadata.json")
    source, target = about.get("from_code"), about.get("to_code")
    if not isinstance(source, str) or not isinstance(target, str):
        raise ModelError(f"{folder}/metadata.json has no from_code and to_code: it is not Argos's")
    if about.get("type", "translate") != "translate":
        raise ModelError(
            f"{folder} is an Argos package of the type {about['type']!r}, not a translation"
        )
    if "sentencepiece.model" not in has and "bpe.model" in has:
        raise ModelError(
            f"{folder} is an Argos package with BPE instead of SentencePiece, which cannot be "
            "used; use an OPUS-MT model or another version of it"
        )
    _needs(folder, has, ("sentencepiece.model",), ("model/model.bin",))
    return Traits("translation", "argos", pairs=[(source, target)], wants_case=True)


def _opus(folder: Path, has: set[str], name: str, language: str) -> Traits:
    _needs(folder, has, ("config.json",))
    vocabularies = ("shared_vocabulary.json", "shared_vocabulary.txt")
    _needs(folder, has, (*vocabularies, "source_vocabulary.json", "source_vocabulary.txt"))
    said = re.search(OPUS_PAIR, language or name.lower())
    if not said:
        raise ModelError(
            f"{folder} does not say what it translates; add it, such as --language nl-en"
        )
    return Traits("translation", "opus-mt", pairs=[(said[1], said[2])], wants_case=True)


def _piper(folder: Path, has: set[str], language: str) -> Traits:
    voices = sorted(each for each in has if each.endswith(".onnx"))
    if len(voices) != 1:
        raise ModelError(f"{folder} has {len(voices)} .onnx files, but a Piper voice has one")
    _needs(folder, has, (voices[0] + ".json",))
    settings = _json(folder / (voices[0] + ".json"))
    if not isinstance(settings.get("audio", {}).get("sample_rate"), int):
        raise ModelError(f"{folder}/{voices[0]}.json has no sample rate: it is not Piper's")
    code = settings.get("language", {}).get("code") or settings.get("espeak", {}).get("voice")
    spoken = language or re.split("[_-]", str(code or ""))[0].lower()
    if not re.fullmatch("[a-z]{2,3}", spoken):
        raise ModelError(f"{folder} does not say its language; add it, such as --language nl")
    return Traits("voice", "piper", [spoken])


def _needs(folder: Path, has: set[str], *each_of: Sequence[str]) -> None:
    for names in each_of:
        there = [name for name in names if name in has]
        if not there:
            raise ModelError(
                f"{folder} lacks {' or '.join(names)}: it is incomplete; fetch it again"
            )
        if not (folder / there[0]).stat().st_size:
            raise ModelError(f"{folder}/{there[0]} is empty; fetch it again")


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"{path} cannot be read ({error}); fetch the model again") from error
    if not isinstance(found, dict):
        raise ModelError(f"{path} has unexpected content; fetch the model again")
    return found
