import random
from itertools import pairwise

import pytest

from server.bus.messages import RATE_HZ, Caption
from server.interpretation.policies import POLICIES, Bounded, PolicyName
from server.interpretation.segmenter import AGREED_SAMPLES, SHOWN_SAMPLES, Segmenter
from server.interpretation.types import Clause, Transcript, Word

pytestmark = pytest.mark.usefixtures("endless")


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


def steady(text: str, start_s: float = 0.0) -> list[Transcript | None]:
    """A hypothesis that does not change until it is shown."""
    return [partial(text, start_s), *[None] * (SHOWN_SAMPLES // AGREED_SAMPLES)]


class Fed:
    """A segmenter that is fed a hypothesis every 100 ms."""

    def __init__(self, policy: PolicyName = "clause", first_segment: int = 0) -> None:
        self.segmenter = Segmenter("nl", first_segment, POLICIES[policy])
        self.heard = 0

    def feed(self, *transcripts: Transcript | None) -> list[Clause | Caption]:
        out = []
        for transcript in transcripts:
            self.heard += AGREED_SAMPLES
            out += self.segmenter.feed(transcript, self.heard)
        return out


def clauses(policy: PolicyName, *transcripts: Transcript | None) -> list[str]:
    """The ended ones as they are, others with dots."""
    return [
        each.text + ("" if each.ended else " ...")
        for each in Fed(policy).feed(*transcripts)
        if isinstance(each, Clause)
    ]


def lines(fed: Fed, *transcripts: Transcript | None) -> list[tuple[int, int, str, str]]:
    return [
        (each.segment, each.revision, each.status, each.text)
        for each in fed.feed(*transcripts)
        if isinstance(each, Caption)
    ]


SIX = "a b c d e f"


@pytest.mark.parametrize(
    ("transcripts", "expected"),
    [
        pytest.param([final("a b c")], ["a b c"], id="a final is a clause"),
        pytest.param([partial("a b"), partial("a b c")], [], id="few words wait"),
        pytest.param([partial("a b"), final("x y")], ["x y"], id="what is not said may change"),
        pytest.param([partial(SIX + " g h")], [], id="one hypothesis alone is not believed"),
        pytest.param(
            [partial(SIX + " g h"), partial(SIX + " g h i")],
            ["a b c d e f g"],
            id="too many words that two agree on",
        ),
        pytest.param(
            [partial(SIX + " g h"), None],
            ["a b c d"],
            id="too many words, agreed on by the same hypothesis again: in even parts",
        ),
        pytest.param(
            [partial(SIX + " g h"), partial("a b x d e f g h i")],
            [],
            id="too many words, but they disagree early",
        ),
        pytest.param(
            [partial(SIX + " g h"), partial(SIX + " g h i"), final(SIX + " g h i j")],
            ["a b c d e f g", "h i j"],
            id="the final says the rest",
        ),
        pytest.param(
            [partial(SIX + " g h"), partial(SIX + " g h i"), final("a X c d e f g H I j")],
            ["a b c d e f g", "H I j"],
            id="what was said stays though the final contradicts it",
        ),
        pytest.param(
            [partial("a b c d , f"), partial("a b c d , f g")],
            ["a b c d"],
            id="cut at a pause, once the speaker goes on",
        ),
        pytest.param(
            [partial("a b c d en"), partial("a b c d en f"), partial("a b c d en f g")],
            ["a b c d"],
            id="cut before a conjunction",
        ),
        pytest.param(
            [partial("a b en d e"), partial("a b en d e f"), None],
            [],
            id="a conjunction soon after the start is none to cut at",
        ),
        pytest.param([final(SIX + " g h i")], ["a b c d e", "f g h i"], id="a long final"),
        pytest.param([final("a b"), final("a b", 10.0)], ["a b", "a b"], id="the same said twice"),
    ],
)
def test_words_are_divided_into_clauses(
    transcripts: list[Transcript | None], expected: list[str]
) -> None:
    assert clauses("clause", *transcripts) == expected


@pytest.mark.parametrize(
    ("transcripts", "expected"),
    [
        pytest.param(
            [partial(SIX + " g h"), partial(SIX + " g h i"), final(SIX + " g h i")],
            [False, True],
            id="cut in the middle",
        ),
        pytest.param(
            [partial("a b c d , f"), partial("a b c d , f g"), final("a b c d , f g")],
            [False, False],
            id="cut at a pause",
        ),
        pytest.param(
            [partial(SIX + " g h"), partial(SIX + " g h i"), final(SIX + " g"), final("h i", 9.0)],
            [False, False],
            id="another utterance",
        ),
        pytest.param([final(SIX + " g h i")], [False, True], id="a long final"),
    ],
)
def test_a_clause_knows_whether_its_sentence_goes_on(
    transcripts: list[Transcript | None], expected: list[bool]
) -> None:
    found = Fed("clause").feed(*transcripts)
    assert [each.goes_on for each in found if isinstance(each, Clause)] == expected


def test_after_a_pause_no_clause_goes_on() -> None:
    segmenter = Fed("clause").segmenter
    segmenter.feed(partial("a b c"), 16_000)
    (before,) = [e for e in segmenter.feed(None, 20_000, 4000) if isinstance(e, Clause)]
    found = segmenter.feed(final("a b c d e"), 30_000)
    assert before.text == "a b c"
    assert [(e.text, e.goes_on) for e in found if isinstance(e, Clause)] == [("d e", False)]


def test_slow_speech_is_cut_by_time() -> None:
    slow = [Transcript(words("a b c d e f"[: 2 * n], word_s=1.0), final=False) for n in (5, 6)]
    assert clauses("clause", *slow) == ["a b c d"]


def test_a_sentence_waits_for_its_end() -> None:
    said = [partial("a b c d , f g h en j"), partial("a b c d , f g h en j k l m n o p"), None]
    assert clauses("sentence", *said) == []
    assert clauses("sentence", *said, final("a b c d")) == ["a b c d"]


def test_a_sentence_without_end_is_cut() -> None:
    endless = " ".join(f"w{i}" for i in range(60))
    assert len(clauses("sentence", partial(endless), None)[0].split()) == 30


def test_the_prefix_on_which_two_hypotheses_agree_is_offered() -> None:
    found = Fed("prefix").feed(
        partial("a b"), partial("a b c"), None, None, partial("a b x d"), final("a b x d e")
    )
    assert [
        (each.segment, each.text, each.ended) for each in found if isinstance(each, Clause)
    ] == [
        (0, "a b", False),
        (0, "a b c", False),
        (0, "a b x d e", True),
    ]


def test_a_word_is_shown_when_two_hypotheses_have_it() -> None:
    found = lines(Fed(), partial("a"), partial("a b"), partial("a c"), partial("a c d"), None, None)
    assert [text for *_, text in found] == ["a", "a c"]


def test_a_line_is_revised_until_it_is_final_and_the_next_has_a_new_segment() -> None:
    found = lines(
        Fed("clause", 7),
        *steady("a"),
        *steady("a b"),
        partial("a b c"),
        final("a c"),
        *steady("d", 9),
    )
    assert found == [
        (7, 0, "partial", "a"),
        (7, 1, "partial", "a b"),
        (7, 2, "final", "a c"),
        (8, 0, "partial", "d"),
    ]


def test_a_line_that_becomes_empty_is_cleared() -> None:
    found = lines(Fed(), *steady("a"), Transcript((), final=True), *steady("b", 9))
    assert [line[:3] for line in found] == [(0, 0, "partial"), (0, 1, "clear"), (1, 0, "partial")]


def test_after_a_clause_the_line_shows_the_remaining_words() -> None:
    found = lines(Fed(), *steady(SIX), *steady(SIX + " g h"))
    assert [(segment, status, text) for segment, _, status, text in found] == [
        (0, "partial", SIX),
        (0, "final", "a b c d"),
        (1, "partial", "e f"),
        (1, "partial", "e f g h"),
    ]


def test_finish_emits_the_words_of_the_last_hypothesis() -> None:
    fed = Fed()
    fed.feed(partial("a b"))
    said = [each.text for each in fed.segmenter.finish() if isinstance(each, Clause)]
    assert said == ["a b"]
    assert fed.segmenter.finish() == []


def test_nothing_is_settled_while_words_are_open() -> None:
    fed = Fed()
    fed.feed(partial("a b c", 5.0))
    assert fed.segmenter.settled(20 * RATE_HZ) <= 5 * RATE_HZ
    fed.feed(final("a b c", 5.0))
    assert fed.segmenter.settled(20 * RATE_HZ) >= 5.75 * RATE_HZ


def test_audio_without_a_hypothesis_yet_is_not_settled() -> None:
    assert Segmenter("nl").settled(10 * RATE_HZ) == 8 * RATE_HZ


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("seed", range(20))
def test_no_word_is_lost_or_doubled_while_hypotheses_grow(seed: int, policy: PolicyName) -> None:
    """Hypotheses grow by some words at a time, whatever their last words become; each clause is
    within its bounds, after the one before, and in a segment of its own."""
    rng = random.Random(seed)
    fed = Fed(policy)
    spoken: list[Word] = []
    found: list[Clause] = []
    sample = 0

    def feed(transcript: Transcript) -> None:
        found.extend(each for each in fed.feed(transcript) if isinstance(each, Clause))

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

    ended = [clause for clause in found if clause.ended]
    assert " ".join(clause.text for clause in ended) == " ".join(word.text for word in spoken)
    limits = POLICIES[policy]
    assert isinstance(limits, Bounded)
    assert all(len(clause.text.split()) <= limits.max_words for clause in ended)
    assert all(
        clause.end_sample - clause.start_sample <= limits.max_samples
        or len(clause.text.split()) == 1
        for clause in ended
    )
    assert all(
        one.end_sample <= other.start_sample and one.segment < other.segment
        for one, other in pairwise(ended)
    )
    assert all(
        one.segment < other.segment or (one.segment == other.segment and not one.ended)
        for one, other in pairwise(found)
    )
