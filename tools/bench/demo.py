"""The sound of the demonstration, recognised: does it say the words of the translation?"""

import contextlib
import re
import sys
import tempfile
from pathlib import Path

import jiwer

from server import demo
from server.config import STARTER_MODELS, Config
from server.media.files import SoundFile
from server.media.opus import RATE_HZ, joined
from tools.figures import Figure
from tools.listen import recognized

BOUND = 15.0


async def run(quick: bool) -> list[Figure]:
    figures = []
    for source, target in (("nl", "en"),) if quick else (("nl", "en"), ("en", "nl")):
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(sys.stderr):
            out = Path(folder)
            await demo.run(Config(state=folder), source, target, out)
            said = bare(" ".join(cues((out / "demo.vtt").read_text(encoding="utf8"))))
            with SoundFile(out / "demo.wav", RATE_HZ) as sound:
                heard = recognized(joined(list(sound)), STARTER_MODELS, target) or ""
        wrong = 100 * jiwer.wer(said, bare(heard)) if said else 100.0
        bound = BOUND if target == "en" else None
        figures.append(Figure(f"demo.words_wrong_{target}", wrong, "%", bound=bound))
        figures.append(Figure(f"demo.words_{target}", len(said.split()), ""))
    return figures


def cues(vtt: str) -> list[str]:
    """The text of each cue of a WebVTT file."""
    return [block.split("\n", 1)[1] for block in vtt.strip().split("\n\n")[1:]]


def bare(text: str) -> str:
    """Words in lower case without punctuation, as a recogniser writes them."""
    return " ".join(re.findall(r"[\w']+", text.lower().replace("’", "'")))
