"""Are the words of a glossary recognised, and other words as well as before? And at what cost?

The sentences of ``glossary_cases`` are spoken by voices of espeak-ng that are reserved for tests,
and recognised by a recogniser as it is and by one that expects the glossary's words.
"""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import jiwer

from server.interpretation.engines import Recognizer
from server.interpretation.glossary import words_of
from server.interpretation.piper_synthesizer import ipa
from server.interpretation.pronunciation import pronouncer
from server.interpretation.types import Pcm
from server.interpretation.vosk_recognizer import VoskRecognizer
from server.process import rss_bytes
from tools.evaluate import unseen_voices
from tools.evaluate.glossary_cases import Case, cases, glossary, known
from tools.evaluate.material import RATE_HZ, Clip, Language
from tools.figures import Figure

CHUNK = RATE_HZ // 10
#: Every STEP-th sentence is used.
STEP, QUICK_STEP = 1, 4


def figures(language: Language, folder: Path, quick: bool) -> Iterator[Figure]:
    """All figures of one recogniser. ``folder``: its model."""
    name = f"vocabulary.{language}"
    step = QUICK_STEP if quick else STEP
    with_terms = cases(language, 1)[::step]
    spoken = list(unseen_voices.by_espeak([each.text for each in with_terms], language))
    others = list(unseen_voices.by_espeak(known(language)[::step], language))
    plain = VoskRecognizer(folder, language, pronouncer(language, ipa))
    wrong_before = _wrong(plain, others)
    yield Figure(f"{name}.terms_heard_without", _heard(plain, with_terms, spoken, language), "%",
                 None, "higher")  # fmt: skip
    began_s, before_bytes = time.monotonic(), rss_bytes()
    expecting, unusable = plain.expecting(glossary().expected(language))
    took_s, bytes_more = time.monotonic() - began_s, rss_bytes() - before_bytes
    yield Figure(f"{name}.terms_heard", _heard(expecting, with_terms, spoken, language), "%",
                 80, "higher")  # fmt: skip
    yield Figure(f"{name}.words_wrong_more", _wrong(expecting, others) - wrong_before, "%", 0.5)
    yield Figure(f"{name}.words_unusable", len(unusable), "", 0)
    yield Figure(f"{name}.time_to_make", took_s, "s", 1.5)
    yield Figure(f"{name}.memory", bytes_more / 1e6, "MB", 250)


def transcribed(recognizer: Recognizer, pcm: Pcm) -> str:
    """The text recognised in ``pcm``, which is fed as it comes."""
    stream = recognizer.stream()
    heard = [stream.accept(pcm[at : at + CHUNK]) for at in range(0, len(pcm), CHUNK)]
    heard.append(stream.finish())
    return " ".join(each.text for each in heard if each and each.final)


def _heard(
    recognizer: Recognizer, some: Sequence[Case], spoken: Sequence[Clip], language: Language
) -> float:
    """The percentage of the terms that are recognised word for word."""
    right = 0
    for case, clip in zip(some, spoken, strict=True):
        wanted = " ".join(word for word, _, _ in words_of(case.spoken, language))
        right += f" {wanted} " in f" {transcribed(recognizer, clip.pcm)} "
    return 100 * right / len(some)


def _wrong(recognizer: Recognizer, clips: Sequence[Clip]) -> float:
    """The word error rate in percent."""
    heard = [transcribed(recognizer, clip.pcm) for clip in clips]
    return 100 * float(jiwer.wer([clip.text for clip in clips], heard))
