"""Packages of models with the layout of each library and empty files."""

import json
from pathlib import Path


def lay_out(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def tokens(*names: str, first: int = 50257) -> str:
    added = [{"id": first + at, "content": f"<|{name}|>"} for at, name in enumerate(names)]
    return json.dumps({"added_tokens": added})


SPECIAL = ("endoftext", "startoftranscript", "en", "nl", "yue", "translate", "transcribe")
WHISPER = {
    "model.bin": "x",
    "config.json": '{"lang_ids": [50259], "alignment_heads": []}',
    "tokenizer.json": tokens(*SPECIAL),
    "vocabulary.txt": "x",
}
VOSK = {
    "am/final.mdl": "x",
    "conf/mfcc.conf": "--sample-frequency=16000\n",
    "conf/model.conf": "x",
    "graph/HCLr.fst": "x",
}
ARGOS = {
    "metadata.json": '{"from_code": "nl", "to_code": "en", "argos_version": "1.8"}',
    "sentencepiece.model": "x",
    "model/model.bin": "x",
}
OPUS = {
    "model.bin": "x",
    "config.json": "{}",
    "source.spm": "x",
    "target.spm": "x",
    "shared_vocabulary.json": "[]",
}
PIPER = {
    "nl_BE-nathalie-medium.onnx": "x",
    "nl_BE-nathalie-medium.onnx.json": json.dumps(
        {"audio": {"sample_rate": 22050}, "language": {"code": "nl_BE"}}
    ),
}
