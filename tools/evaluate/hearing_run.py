"""The results of a talk of people that a recogniser heard, and their figures."""

from collections.abc import Iterator, Mapping

import jiwer
import msgspec

from tools.evaluate.alignment import Expected, align
from tools.evaluate.captions import Line, Shown, displayed
from tools.evaluate.certainty import certainty
from tools.evaluate.latency_metrics import growth, percentiles
from tools.evaluate.people import plain
from tools.evaluate.talks import Talk
from tools.figures import Figure

#: Memory is compared with that at this time, when everything has been loaded.
SETTLED_S = 600.0


class Run(msgspec.Struct, frozen=True):
    """``lines``: captions in the language spoken. ``cpu``: cores used, by process. ``dropped``: how
    many things of any kind the interpreter dropped. ``memory_mb``: its memory over time, as
    (seconds of the talk, MB)."""

    lines: list[Line]
    cpu: dict[str, float]
    dropped: float
    memory_mb: list[tuple[float, float]]


def figures(prefix: str, said: Talk, run: Run, bounds: Mapping[str, float]) -> Iterator[Figure]:
    """All figures of one run. ``bounds``: by the last part of a figure's name."""

    def figure(name: str, value: float | None, unit: str) -> Figure:
        return Figure(f"{prefix}.{name}", value, unit, bounds.get(name))

    compared = words_compared(said, run)
    said_words = compared.hits + compared.substitutions + compared.deletions
    yield figure("words_wrong", 100 * compared.wer, "%")
    yield figure("words_left_out", 100 * compared.deletions / said_words, "%")
    yield figure("words_put_in", 100 * compared.insertions / said_words, "%")
    sure = certainty(run.lines)
    lags = lags_s(said, sure.words)
    lag_s = [lag for _, lag in lags]
    for which, value in zip((50, 90, 100), percentiles(lag_s, 50, 90, 100), strict=True):
        yield figure(f"certain_after_{'longest' if which == 100 else f'p{which}'}", value, "s")
    grown_s = growth([at for at, _ in lags], lag_s, said.duration_s)
    yield figure("certain_after_growth", grown_s, "s")
    shown = displayed(run.lines).words()
    shown_s = [lag for _, lag in lags_s(said, shown)]
    for which, value in zip((50, 95), percentiles(shown_s, 50, 95), strict=True):
        yield figure(f"shown_after_p{which}", value, "s")
    yield figure("certain_words_changed", sure.changed, "words")
    for process, used in run.cpu.items():
        yield figure(f"cpu_{process}", used, "cores")
    yield figure("dropped", run.dropped, "")
    if run.memory_mb:
        yield figure("memory", run.memory_mb[-1][1], "MB")
    settled = [held for at_s, held in run.memory_mb if at_s >= SETTLED_S]
    if settled:
        yield figure("memory_growth", 100 * (settled[-1] / settled[0] - 1), "%")


def words_compared(said: Talk, run: Run) -> jiwer.WordOutput:
    """The words that were said, and those that captions show in the end."""
    expected = [word.text for each in said.sentences for word in each.words]
    return jiwer.process_words(" ".join(expected), " ".join(final_words(said.source, run)))


def final_words(language: str, run: Run) -> list[str]:
    """The words that captions show in the end, in the form in which they are compared."""
    texts = {line.segment: line.text for line in run.lines if line.status == "final"}
    return [word for segment in sorted(texts) for word in plain(texts[segment], language)]


def lags_s(said: Talk, words: list[Shown]) -> list[tuple[float, float]]:
    """(when a word was said, how long after its end it came), of the correct words."""
    heard = [Shown(text, word.start_s) for word in words for text in plain(word.text, said.source)]
    expected = [
        Expected([word.text for word in each.words], each.start_s, each.end_s)
        for each in said.sentences
    ]
    found = zip(heard, align(heard, expected), strict=True)
    spoken = (
        (said.sentences[place.sentence].words[place.word].end_s, word.start_s)
        for word, place in found
        if place.alike == 1
    )
    return [(end_s, at_s - end_s) for end_s, at_s in spoken]
