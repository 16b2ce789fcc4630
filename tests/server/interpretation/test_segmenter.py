import random
from itertools import pairwise

import pytest

from server.bus.messages import RATE_HZ
from server.interpretation.segmenter import MAX_SAMPLES, MAX_WORDS, Line, Segmenter
from server.interpretation.types import Clause, Transcript, Word


def words(text: str, start_s: float = 0.0, word_s: float = 0.25) -> tuple[Word, ...]:
    """Words one after the other; "," is a pause as long as a word."""
    made = []
    for i, each in enumerate(text.split()):
        start = round((start_s + i * word_s) * RATE_HZ)
        made.append(Word(each, start, start + round(word_s * RATE_HZ)))
    return tuple(word for word in made if word.text != ",")


def partial(text: str, start_s: float = 0.0) -> Transcript:
    return Transcript(words(text, start_s), final=False)


def final(text: str, start_s: float = 0.0) -> Transcript:
    return Transcript(words(text, start_s), final=True)


def clauses(segmenter: Segmenter, *transcripts: Transcript) -> list[str]:
    return [
        each.text
        for transcript in transcripts
        for each in segmenter.feed(transcript)
        if isinstance(each, Clause)
    ]


def lines(segmenter: Segmenter, *transcripts: Transcript) -> list[tuple[int, int, str, str]]:
    return [
        (each.segment, each.revision, each.status, each.text)
        for transcript in transcripts
        for each in segmenter.feed(transcript)
        if isinstance(each, Line)
    ]


FIFTEEN = "a b c d e f g h i j k l m n o"


@pytest.mark.parametrize(
    ("transcripts", "expected"),
    [
        pytest.param([final("a b c")], ["a b c"], id="a final is a clause"),
        pytest.param([partial("a b"), partial("a b c")], [], id="few words wait"),
        pytest.param([partial("a b"), final("x y")], ["x y"], id="only finals count so far"),
        pytest.param([partial(FIFTEEN)], [], id="one hypothesis alone is not believed"),
        pytest.param(
            [partial(FIFTEEN), partial(FIFTEEN + " p")],
            ["a b c d e f g h i j k l m n"],
            id="too many words that two agree on",
        ),
        pytest.param(
            [partial(FIFTEEN), partial("a b c x e f g h i j k l m n o p")],
            [],
            id="too many words, but they disagree early",
        ),
        pytest.param(
            [partial(FIFTEEN), partial(FIFTEEN + " p"), final(FIFTEEN + " p q")],
            ["a b c d e f g h i j k l m n", "o p q"],
            id="the final says the rest",
        ),
        pytest.param(
            [partial(FIFTEEN), partial(FIFTEEN + " p"), final("a X c d e f g h i j k l m n O P q")],
            ["a b c d e f g h i j k l m n", "O P q"],
            id="what was said stays though the final contradicts it",
        ),
        pytest.param(
            [
                partial("a b c d e f g h i , j k l m n o"),
                partial("a b c d e f g h i , j k l m n o p"),
            ],
            ["a b c d e f g h i"],
            id="cut at a pause",
        ),
        pytest.param(
            [
                partial("a b c d e f g h i en k l m n o"),
                partial("a b c d e f g h i en k l m n o p"),
            ],
            ["a b c d e f g h i"],
            id="cut before a conjunction",
        ),
        pytest.param(
            [
                partial("a b en d e f g h i j k l m n o"),
                partial("a b en d e f g h i j k l m n o p"),
            ],
            ["a b en d e f g h i j k l m n"],
            id="a conjunction far from the end is none to cut at",
        ),
        pytest.param([final(FIFTEEN)], ["a b c d e f g h", "i j k l m n o"], id="a long final"),
        pytest.param([final("a b"), final("a b", 10.0)], ["a b", "a b"], id="the same said twice"),
    ],
)
def test_clauses(transcripts: list[Transcript], expected: list[str]) -> None:
    assert clauses(Segmenter("nl"), *transcripts) == expected


def test_slow_speech_is_cut_by_time() -> None:
    slow = [Transcript(words("a b c d e f g h"[: 2 * n], word_s=1.0), final=False) for n in (7, 8)]
    assert clauses(Segmenter("nl"), *slow) == ["a b c d e f"]


def test_a_line_is_revised_until_it_is_final_and_the_next_has_a_new_segment() -> None:
    found = lines(
        Segmenter("nl", 7),
        partial("a"),
        partial("a b"),
        partial("a b"),
        final("a c"),
        partial("d", 9),
    )
    assert found == [
        (7, 0, "partial", "a"),
        (7, 1, "partial", "a b"),
        (7, 2, "final", "a c"),
        (8, 0, "partial", "d"),
    ]


def test_a_line_that_turns_out_to_be_nothing_is_cleared() -> None:
    found = lines(Segmenter("nl"), partial("a"), Transcript((), final=True), partial("b", 9))
    assert [line[:3] for line in found] == [(0, 0, "partial"), (0, 1, "clear"), (1, 0, "partial")]


def test_after_a_clause_the_line_shows_what_is_left() -> None:
    found = lines(Segmenter("nl"), partial(FIFTEEN), partial(FIFTEEN + " p"))
    assert [(segment, status, text) for segment, _, status, text in found] == [
        (0, "partial", FIFTEEN),
        (0, "final", "a b c d e f g h i j k l m n"),
        (1, "partial", "o p"),
    ]


def test_finish_says_what_the_last_hypothesis_had() -> None:
    segmenter = Segmenter("nl")
    segmenter.feed(partial("a b"))
    said = [each.text for each in segmenter.finish() if isinstance(each, Clause)]
    assert said == ["a b"]
    assert segmenter.finish() == []


def test_nothing_is_settled_while_words_are_open() -> None:
    segmenter = Segmenter("nl")
    segmenter.feed(partial("a b c", 5.0))
    assert segmenter.settled(20 * RATE_HZ) <= 5 * RATE_HZ
    segmenter.feed(final("a b c", 5.0))
    assert segmenter.settled(20 * RATE_HZ) >= 5.75 * RATE_HZ


def test_what_may_not_have_shown_yet_is_not_settled() -> None:
    assert Segmenter("nl").settled(10 * RATE_HZ) == 9 * RATE_HZ


@pytest.mark.parametrize("seed", range(50))
def test_no_word_is_lost_or_doubled_while_hypotheses_grow(seed: int) -> None:
    """Hypotheses grow by some words at a time, whatever their last words become; each clause is
    within its bounds, after the one before, and in a segment of its own."""
    rng = random.Random(seed)
    segmenter = Segmenter("nl")
    spoken: list[Word] = []
    found: list[Clause] = []
    sample = 0

    def feed(transcript: Transcript) -> None:
        found.extend(each for each in segmenter.feed(transcript) if isinstance(each, Clause))

    for _ in range(20):
        utterance: list[Word] = []
        for _ in range(rng.randrange(1, 60)):
            start = sample + rng.choice([0, 0, 0, 2000, 6000])
            sample = start + rng.randrange(1600, 9600)
            utterance.append(Word(rng.choice(["en", "w1", "w2", "w3", "w4"]), start, sample))
        known = 0
        while known < len(utterance):
            known = min(len(utterance), known + rng.randrange(1, 9))
            feed(Transcript(tuple(utterance[:known]), final=False))
        feed(Transcript(tuple(utterance), final=True))
        spoken += utterance
        sample += RATE_HZ

    assert " ".join(clause.text for clause in found) == " ".join(word.text for word in spoken)
    assert all(len(clause.text.split()) <= MAX_WORDS for clause in found)
    assert all(
        clause.end_sample - clause.start_sample <= MAX_SAMPLES or len(clause.text.split()) == 1
        for clause in found
    )
    assert all(
        one.end_sample <= other.start_sample and one.segment < other.segment
        for one, other in pairwise(found)
    )
