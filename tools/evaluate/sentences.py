"""Each sentence of a talk, and what was heard of it."""

from collections.abc import Sequence
from dataclasses import dataclass

from tools.evaluate.alignment import ALIKE, Aligned, Expected, Word, align, of_each
from tools.evaluate.captions import Shown, displayed
from tools.evaluate.latency_metrics import (
    average_token_delay,
    length_adaptive_average_lagging,
    stretches,
)
from tools.evaluate.live import Heard
from tools.evaluate.talks import Sentence, Talk
from tools.evaluate.words import content
from training.phrases import normalise

#: A sentence counts as heard if this share of it was.
HALF = 0.5
#: Words with a longer pause between them are in different stretches.
PAUSE_S = 0.2


@dataclass(frozen=True, slots=True)
class Interpreted:
    """``said``: the sentence. ``reference``: the words of its translation. ``words``: those that
    were heard. ``came``: whether enough of it was heard; if not, lags are None."""

    said: Sentence
    reference: list[str]
    words: list[Word]
    came: bool
    start_lag_s: float | None = None
    end_lag_s: float | None = None
    laal_s: float | None = None
    atd_s: float | None = None

    @property
    def text(self) -> str:
        """The words that were heard, as a text."""
        return " ".join(word.text for word in self.words)


def interpreted(talk: Talk, heard: Heard) -> list[Interpreted]:
    """The sentences of the talk in order, with what was heard of them."""
    assert heard.words is not None
    expected = [
        Expected(normalise(each.translation).split(), each.start_s, each.end_s)
        for each in talk.sentences
    ]
    words = of_each(heard.words, align(heard.words, expected), len(expected))
    captioned = _heard_of_captions(heard, expected)
    return [
        _interpreted(talk, sentence, list(reference), found, of_captions)
        for sentence, (reference, _, _), found, of_captions in zip(
            talk.sentences, expected, words, captioned, strict=True
        )
    ]


def _interpreted(
    talk: Talk,
    sentence: Sentence,
    reference: list[str],
    found: Sequence[tuple[Word, Aligned]],
    of_captions: tuple[int, int],
) -> Interpreted:
    words = [word for word, _ in found]
    meant = set(content(reference, talk.target))
    there = {place.word for _, place in found if place.alike >= ALIKE}
    captioned, captioned_heard = of_captions
    came = bool(words) and (
        len(meant & there) >= HALF * len(meant)
        or captioned_heard >= HALF * captioned >= HALF * HALF * len(reference)
    )
    if not came:
        return Interpreted(sentence, reference, words, False)
    said_first = sentence.words[content([w.text for w in sentence.words], talk.source)[0]]
    # Words that are certainly of this sentence, so that a stray word does not make it early.
    sure = [word for word, place in found if place.alike >= ALIKE and place.word in meant]
    heard_first = [*sure, words[content([w.text for w in words], talk.target)[0]]][0]
    spans_s = [(w.start_s - sentence.start_s, w.end_s - sentence.start_s) for w in words]
    length_s = sentence.end_s - sentence.start_s
    return Interpreted(
        sentence,
        reference,
        words,
        True,
        start_lag_s=heard_first.start_s - said_first.end_s,
        end_lag_s=words[-1].end_s - sentence.end_s,
        laal_s=length_adaptive_average_lagging(
            [end_s for _, end_s in spans_s], length_s, len(reference)
        ),
        atd_s=average_token_delay(stretches(spans_s, PAUSE_S), length_s),
    )


def _heard_of_captions(heard: Heard, expected: Sequence[Expected]) -> list[tuple[int, int]]:
    """For each sentence: the number of words in its captions, and how many of these were heard.
    Captions are used because a translation may have other words than the reference."""
    assert heard.words is not None
    lines = displayed(heard.captions).lines()
    shown = [word for line in lines for word in line]
    belongs = align(shown, expected)
    heard_places = {
        (place.sentence, place.word)
        for place in align(heard.words, [_as_expected(line) for line in lines])
        if place.alike >= ALIKE
    }
    counts = [(0, 0)] * len(expected)
    places = [(number, place) for number, line in enumerate(lines) for place in range(len(line))]
    for place, aligned in zip(places, belongs, strict=True):
        if aligned.sentence >= 0:
            captioned, came = counts[aligned.sentence]
            counts[aligned.sentence] = (captioned + 1, came + (place in heard_places))
    return counts


def _as_expected(line: Sequence[Shown]) -> Expected:
    times_s = [word.start_s for word in line]
    return Expected([word.text for word in line], min(times_s), max(times_s))
