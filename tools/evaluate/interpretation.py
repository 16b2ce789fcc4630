"""Talks through a whole server in real time: how soon, how well and how completely are they heard?

The words heard are aligned with the sentences of the talk, whose beginnings and ends are known.
Where the server divided the speech does not matter. Times are of arrival, and include computing
time.

With ``--speech people`` a sentence is a recording of somebody reading aloud. There are no
translations of these by people. The server's translation of the whole correct text stands in for
one: it tells which of the words heard belong to a sentence, but not how good they are.
"""

import argparse
import asyncio
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Literal

import msgspec
import numpy as np

from server.bus.messages import RATE_HZ as RECOGNIZER_HZ
from server.config import STARTER_MODELS
from server.interpretation.engines import Recognizer, Synthesizer
from server.interpretation.loading import load
from server.interpretation.piper_synthesizer import PiperSynthesizer
from server.interpretation.types import Pcm
from server.interpretation.vosk_recognizer import VoskRecognizer
from server.media.opus import RATE_HZ, Resampler
from server.models.catalogue import Catalogue
from tools.evaluate import people, strip, text_metrics
from tools.evaluate.captions import displayed
from tools.evaluate.hearing_engines import VOSK, aligner, server_options
from tools.evaluate.latency_metrics import growth, percentiles
from tools.evaluate.live import Heard, Observation, observe
from tools.evaluate.pace import delays_s, rates
from tools.evaluate.sentences import Interpreted, interpreted
from tools.evaluate.talks import VERSION, Talk, cache_folder, talk
from tools.figures import Figure, measuring_parser, report

#: The policy that the others are compared with.
BASE = "sentence"
POLICIES = ("sentence", "clause", "prefix", "default")
QUICK_MINUTES = 0.4
#: Bounds of talks of people, by recogniser.
PEOPLE_BOUNDS: Mapping[str, Mapping[str, float]] = {
    "whisper-base": {
        "start_lag_p50": 2.4,
        "start_lag_p90": 3.6,
        "end_lag_p50": 2.9,
        "end_lag_p95": 4.6,
        "atd": 2.8,
        "caption_delay_p50": 0.8,
        "caption_delay_p95": 1.5,
    }
}
#: The bounds of normal speech apply up to this number of words a minute.
NORMAL_WPM = 180
#: A talk of this many minutes or more has the bounds of long talks.
LONG_MIN = 60


def bounds(words_per_minute: int, minutes: float) -> dict[str, float]:
    """The bounds of a talk, by figure."""
    normal = words_per_minute <= NORMAL_WPM
    held: dict[str, float] = {"heard": 98 if normal else 92, "caption_words_changed": 5, "cpu": 0.2}
    held |= {"caption_delay_p50": 0.8, "caption_delay_p95": 1.3}
    held |= {f"{metric}_of_sentence_policy": 95 for metric in text_metrics.METRICS}
    if normal:
        held |= {"start_lag_p50": 1.8, "start_lag_p90": 3.0, "end_lag_p50": 2.0}
        held |= {"end_lag_p95": 3.5, "atd": 2.8, "rate_p50": 1.15}
        if minutes >= LONG_MIN:
            held |= {"end_lag_p95": 4.0, "end_lag_growth": 0.3}
    elif minutes >= 10:
        held |= {"end_lag_p95": 5.0, "end_lag_growth": 0.3}
    return held


def main(argv: Sequence[str]) -> int:
    """Run it. Returns the exit status: 1 if a bound does not hold."""
    options = _parser().parse_args(argv)
    minutes = QUICK_MINUTES if options.quick else options.minutes
    catalogue = Catalogue.load(STARTER_MODELS)
    by_people = options.speech == "people"
    if by_people:
        said, pcm = people_talk(options, minutes, catalogue)
    else:
        said, pcm = talk(options.cache, options.source, options.rate, minutes, options.sentences)
    targets = options.targets or [said.target]
    recognizers: dict[str, Recognizer] = {
        language: VoskRecognizer(catalogue.path(catalogue.recognizers[language]), language)
        for language in targets
        if language in catalogue.recognizers
    }
    observations = []
    for policy in options.policies:
        kept = options.cache / "runs" / _name(policy, options, minutes)
        if not options.again:
            with server_options(options.recognizer, options.models) as words:
                live = observe(said, pcm, policy, recognizers, targets, options.listeners, words)
                made = asyncio.run(live)
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_bytes(msgspec.json.encode(made))
        observations.append(msgspec.json.decode(kept.read_bytes(), type=Observation))
    voice = PiperSynthesizer(catalogue.path(catalogue.voices[said.target]), said.target)
    judged = {each.policy: sentences(said, each) for each in observations}
    command = "interpretation"
    held: Mapping[str, float] = bounds(options.rate, minutes)
    if by_people:
        command += f".people.{options.recognizer}.{options.source}"
        held = PEOPLE_BOUNDS.get(options.recognizer, {})
    figures = [
        Figure(f"{command}.sentences", len(said.sentences), ""),
        Figure(f"{command}.speaking_pace", said.speaking_wpm, "words/min"),
    ]
    for observed in observations:
        figures += figures_of(said, observed, judged, voice, held, command)
    if by_people:
        figures = [each for each in figures if not re.search(r"\.(bleu|chrf)", each.name)]
    if options.page:
        page = strip.page(said, judged, figures)
        options.page.write_text(page, encoding="utf8")
    return report(figures, as_json=options.json, quick=options.quick)


def people_talk(
    options: argparse.Namespace, minutes: float, catalogue: Catalogue
) -> tuple[Talk, Pcm]:
    """A talk of people with translations by the shipped models, and its sound at 48 kHz."""
    folder, source = options.cache, options.source
    said, heard = people.talk(folder, source, minutes, aligner=aligner(source, options.models))
    target = "en" if source == "nl" else "nl"
    translator = load(catalogue).translator
    translated = [
        msgspec.structs.replace(
            each,
            translation=translator.translate(
                " ".join(word.text for word in each.words), source, target
            ),
        )
        for each in said.sentences
    ]
    resampler = Resampler(RECOGNIZER_HZ, RATE_HZ)
    pcm = np.concatenate((resampler.push(heard), resampler.flush()))
    return msgspec.structs.replace(said, target=target, sentences=translated), pcm


def sentences(said: Talk, observed: Observation) -> list[Interpreted]:
    heard = _judgeable(said, observed)
    return [] if heard is None else interpreted(said, heard)


def _judgeable(said: Talk, observed: Observation) -> Heard | None:
    """What was heard in the language of the references; None if nobody listened to it."""
    return next(
        (
            each
            for each in observed.heard
            if each.language == said.target and each.words is not None
        ),
        None,
    )


def figures_of(
    said: Talk,
    observed: Observation,
    judged: Mapping[str, Sequence[Interpreted]],
    voice: Synthesizer,
    held: Mapping[str, float],
    command: str = "interpretation",
) -> Iterator[Figure]:
    """All figures of one run. The policy that others are compared with has no bounds."""
    prefix = f"{command}.{observed.policy}"
    if observed.policy == BASE:
        held = {}

    def figure(name: str, value: float | None, unit: str, higher: bool = False) -> Figure:
        better: Literal["lower", "higher"] = "higher" if higher else "lower"
        return Figure(f"{prefix}.{name}", value, unit, held.get(name), better)

    heard = _judgeable(said, observed)
    if heard is not None:
        sentences = judged[observed.policy]
        yield from (figure(*each) for each in _lags(said, sentences))
        share = 100 * sum(each.came for each in sentences) / len(sentences)
        yield figure("heard", share, "%", higher=True)
        texts, references = _texts(sentences)
        for metric in text_metrics.METRICS:
            whole = text_metrics.score(metric, texts, references)
            yield figure(metric, whole.value, metric, higher=True)
            yield figure(f"{metric}_low", whole.low, metric, higher=True)
            yield figure(f"{metric}_high", whole.high, metric, higher=True)
            if observed.policy != BASE and BASE in judged:
                base, _ = _texts(judged[BASE])
                share_of = text_metrics.ratio(metric, texts, base, references)
                name = f"{metric}_of_sentence_policy"
                yield figure(name, share_of.value, "%", higher=True)
                yield figure(f"{name}_low", share_of.low, "%", higher=True)
                yield figure(f"{name}_high", share_of.high, "%", higher=True)
        yield figure("rate_p50", percentiles(rates(heard, voice), 50)[0], "")
    yield from (figure(*each) for each in _captions(said, observed))
    yield figure("interpreter_dropped", observed.dropped, "")
    for process, used in observed.cpu.items():
        yield figure(f"cpu_{process}", used, "cores")
    alone = len(observed.heard) == observed.listeners == 1
    cores = sum(observed.cpu.values()) if len(observed.cpu) == 2 else None
    yield Figure(f"{prefix}.cpu", cores, "cores", bound=held.get("cpu") if alone else None)
    for process, held_mb in observed.memory_mb.items():
        yield figure(f"memory_{process}", held_mb, "MB")
    many = observed.listeners >= 20
    late_ms = observed.lateness_p99_ms
    yield Figure(f"{prefix}.lateness_p99", late_ms, "ms", bound=10 if many else None)


def _lags(said: Talk, sentences: Sequence[Interpreted]) -> Iterator[tuple[str, float | None, str]]:
    """Lags of the sentences that were heard: name, value and unit."""
    start_s = [each.start_lag_s for each in sentences if each.start_lag_s is not None]
    ends = [(e.said.end_s, e.end_lag_s) for e in sentences if e.end_lag_s is not None]
    end_s = [lag for _, lag in ends]
    for which, value in zip((50, 90), percentiles(start_s, 50, 90), strict=True):
        yield f"start_lag_p{which}", value, "s"
    for which, value in zip((50, 95), percentiles(end_s, 50, 95), strict=True):
        yield f"end_lag_p{which}", value, "s"
    yield "end_lag_growth", growth([at for at, _ in ends], end_s, said.duration_s), "s"
    laal_s = [each.laal_s for each in sentences if each.laal_s is not None]
    atd_s = [each.atd_s for each in sentences if each.atd_s is not None]
    yield "laal", fmean(laal_s) if laal_s else None, "s"
    yield "atd", fmean(atd_s) if atd_s else None, "s"


def _texts(sentences: Sequence[Interpreted]) -> tuple[list[str], list[str]]:
    """The texts heard of the sentences, and the references."""
    references = [" ".join(each.reference) for each in sentences]
    return [each.text for each in sentences], references


def _captions(said: Talk, observed: Observation) -> Iterator[tuple[str, float | None, str]]:
    source = displayed(observed.source_captions)
    shown = source.words()
    p50, p95 = percentiles(delays_s(said, shown), 50, 95)
    yield "caption_delay_p50", p50, "s"
    yield "caption_delay_p95", p95, "s"
    yield "caption_words", len(shown), ""
    displays = {"caption_words_changed": source}
    displays |= {
        f"caption_words_changed_{each.language}": displayed(each.captions)
        for each in observed.heard
    }
    for name, display in displays.items():
        count = len(display.words())
        yield name, 100 * display.changed / count if count else None, "%"


def _name(policy: str, options: argparse.Namespace, minutes: float) -> str:
    spoken = f"{options.sentences}-{options.source}-{options.rate}wpm-{minutes:g}min"
    if options.speech == "people":
        spoken = f"people-{options.source}-{options.recognizer}-{minutes:g}min"
    return f"{policy}-{spoken}-v{VERSION}.json"


def _parser() -> argparse.ArgumentParser:
    parser = measuring_parser("tools.evaluate interpretation", __doc__, quick="use 24 s of speech")
    parser.add_argument(
        "--policies", nargs="+", choices=POLICIES, default=["default"], metavar="POLICY",
        help=f"some of: {' '.join(POLICIES)}; with {BASE}, the others are compared with it",
    )  # fmt: skip
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--rate", type=int, choices=[120, 180, 250], default=180)
    parser.add_argument("--source", choices=["nl", "en"], default="nl")
    parser.add_argument("--targets", nargs="+", metavar="LANGUAGE", help="languages to listen to")
    parser.add_argument("--speech", choices=["synthetic", "people"], default="synthetic")
    parser.add_argument(
        "--recognizer", default=VOSK, metavar="NAME", help="a recogniser, see hearing --help"
    )
    parser.add_argument(
        "--models",
        type=Path,
        nargs="+",
        default=[],
        metavar="FOLDER",
        help="folder of Whisper models",
    )
    parser.add_argument("--sentences", choices=["grammar", "tatoeba", "rooms"], default="grammar")
    parser.add_argument("--listeners", type=int, default=0, help="further listeners")
    parser.add_argument("--cache", type=Path, default=cache_folder(), metavar="FOLDER")
    parser.add_argument("--again", action="store_true", help="figures of runs already in --cache")
    parser.add_argument("--page", type=Path, metavar="HTML", help="file for plots of the runs")
    return parser
