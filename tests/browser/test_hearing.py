"""One speaks Dutch; three listen: to the interpretation, to it over the original, and to the
original. What each page received is recorded in the page and recognised after the run."""

import base64
import io
from dataclasses import dataclass, field
from typing import Any

import av
import jiwer
import numpy as np
import pytest

from server.config import STARTER_MODELS
from server.interpretation.types import Pcm
from server.interpretation.vosk_recognizer import VoskRecognizer
from server.models.catalogue import Catalogue
from tests.browser.people import (
    AUDIBLE,
    OpenPage,
    begin_listening,
    begin_speaking,
    lines,
    sees,
    wait_for_last_line,
    wait_until_spoken,
    wait_until_unchanged,
)

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180), pytest.mark.slow]

CHANNELS = {"en": ("en", False), "en+floor": ("en", True), "floor": ("floor", False)}
#: When no speech has been received for so long after the clip, no more is to come.
QUIET_S = 3.0
#: The energy received, in steps so large that silence does not fill one in that time.
ENERGY = f"inbound().then((sound) => Math.floor(sound.totalAudioEnergy / {AUDIBLE}))"
PLAIN = jiwer.Compose(
    [
        jiwer.ToLowerCase(),
        jiwer.SubstituteRegexes({r"[^\w\s']": " "}),
        jiwer.RemoveMultipleSpaces(),
        jiwer.Strip(),
    ]
)


@dataclass
class Run:
    """What the pages received and showed, by channel; ``heard``: what the recogniser of that
    channel's language makes of the sound."""

    sound: dict[str, Pcm] = field(default_factory=dict)
    heard: dict[str, str] = field(default_factory=dict)
    captions: dict[str, list[str]] = field(default_factory=dict)
    understood: list[str] = field(default_factory=list)
    audience: str = ""
    offers: dict[str, int] = field(default_factory=dict)


@pytest.fixture(scope="module")
def run(open_pages: OpenPage, clip: list[dict[str, Any]]) -> Run:
    """The clip, spoken once into a page, while three listen who were there before."""
    listeners = {name: open_pages("/listen/tour") for name in CHANNELS}
    speaker = open_pages("/speak/tour")
    for name, page in listeners.items():
        begin_listening(page, *CHANNELS[name])
        sees(page, "waiting")
        page.evaluate("record()")
    speaker.check("#line_in")
    begin_speaking(speaker)
    wait_until_spoken(speaker, clip[-1]["end_s"])
    wait_until_unchanged(list(listeners.values()), ENERGY, QUIET_S)
    speaker.click("#pause")
    wait_for_last_line([speaker, *listeners.values()])
    result = Run(understood=lines(speaker), audience=speaker.inner_text("#audience_channels"))
    for name, page in listeners.items():
        result.captions[name] = lines(page)
        result.offers[name] = page.evaluate("offers")
        result.sound[name] = decoded(page.evaluate("recorded()"))
        page.close()
    speaker.close()
    for name, sound in result.sound.items():
        result.heard[name] = recognised(sound, "nl" if name == "floor" else "en")
    return result


def decoded(recording: str) -> Pcm:
    """A base64 WebM recording as 16 kHz mono samples."""
    resampler = av.AudioResampler(format="s16", layout="mono", rate=16000)
    with av.open(io.BytesIO(base64.b64decode(recording)), "r") as file:
        pieces = [
            piece.to_ndarray()[0]
            for frame in [*file.decode(audio=0), None]
            for piece in resampler.resample(frame)
        ]
    return np.concatenate(pieces).astype(np.int16)


def recognised(sound: Pcm, language: str) -> str:
    """What the shipped recogniser hears in ``sound``."""
    catalogue = Catalogue.load(STARTER_MODELS)
    folder = catalogue.path(catalogue.recognizers[language])
    stream = VoskRecognizer(folder, language).stream()
    heard = []
    for start in range(0, len(sound), 1600):
        transcript = stream.accept(sound[start : start + 1600])
        if transcript is not None and transcript.final:
            heard.append(transcript.text)
    last = stream.finish()
    return " ".join([*heard, last.text if last else ""])


def wrong(expected: str, heard: str) -> float:
    """The share of words wrong, punctuation and case aside."""
    return float(jiwer.wer(PLAIN(expected), PLAIN(heard)))


def missed(expected: str, heard: str) -> float:
    """The share of the words expected that were not heard, whatever else was."""
    found = jiwer.process_words(PLAIN(expected), PLAIN(heard))
    return 1 - found.hits / (found.hits + found.substitutions + found.deletions)


def test_the_original_is_heard_as_it_was_said(run: Run, clip: list[dict[str, Any]]) -> None:
    said = " ".join(phrase["text"] for phrase in clip)
    assert wrong(said, run.heard["floor"]) <= 0.15, run.heard["floor"]


def test_the_interpretation_is_heard_as_its_captions_say(run: Run) -> None:
    assert wrong(" ".join(run.captions["en"]), run.heard["en"]) <= 0.15, run.heard["en"]


def test_the_interpretation_says_what_was_meant(run: Run, clip: list[dict[str, Any]]) -> None:
    meant = " ".join(phrase["translation"] for phrase in clip)
    assert wrong(meant, run.heard["en"]) <= 0.15, run.heard["en"]


def test_the_interpretation_is_understood_over_the_quiet_original(run: Run) -> None:
    """What an English recogniser makes of the Dutch between the sentences does not count."""
    heard = run.heard["en+floor"]
    assert missed(" ".join(run.captions["en+floor"]), heard) <= 0.25, heard


def test_the_original_is_heard_under_the_interpretation(run: Run) -> None:
    """Where the interpreter alone is silent, the mix is not."""
    alone, mixed = run.sound["en"], run.sound["en+floor"]
    assert silent_share(mixed) < silent_share(alone) - 0.1


def silent_share(sound: Pcm) -> float:
    """The share of 100 ms stretches without speech."""
    stretches = sound[: len(sound) // 1600 * 1600].reshape(-1, 1600).astype(float)
    return float(np.mean(np.sqrt(np.mean(stretches**2, axis=1)) < 30))


def test_every_listener_reads_captions_in_what_they_hear(
    run: Run, clip: list[dict[str, Any]]
) -> None:
    said = " ".join(phrase["text"] for phrase in clip)
    meant = " ".join(phrase["translation"] for phrase in clip)
    assert wrong(said, " ".join(run.captions["floor"])) <= 0.15
    assert wrong(meant, " ".join(run.captions["en"])) <= 0.15
    assert run.captions["en"] == run.captions["en+floor"]


def test_the_speaker_sees_what_was_understood_and_who_listens(run: Run) -> None:
    assert run.understood == run.captions["floor"]
    assert run.audience.split("\n") == [
        *("English", "1", "English over the original", "1", "Original", "1"),
    ]


def test_one_connection_lasts_from_before_the_speaker_to_the_end(run: Run) -> None:
    assert run.offers == dict.fromkeys(CHANNELS, 1)
