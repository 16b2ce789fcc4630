"""What becomes of words that the recogniser is certain of, and of the sentences it writes."""

import pytest

from server.bus.messages import RATE_HZ, Caption
from server.interpretation.policies import POLICIES, PolicyName
from server.interpretation.segmenter import Segmenter
from server.interpretation.types import Clause, Transcript, Word

WORD = RATE_HZ // 4


def transcript(text: str, certain: int, final: bool = False) -> Transcript:
    words = (Word(each, i * WORD, (i + 1) * WORD) for i, each in enumerate(text.split()))
    return Transcript(tuple(words), final, certain)


def fed(segmenter: Segmenter, *transcripts: Transcript) -> list[Clause | Caption]:
    return [
        each
        for number, given in enumerate(transcripts)
        for each in segmenter.feed(given, (number + 1) * RATE_HZ)
    ]


def clauses(*transcripts: Transcript, policy: PolicyName = "prefix") -> list[tuple[str, bool]]:
    news = fed(Segmenter("en", policy=POLICIES[policy]), *transcripts)
    return [(each.text, each.ended) for each in news if isinstance(each, Clause)]


def lines(*transcripts: Transcript) -> list[tuple[str, str, int]]:
    news = fed(Segmenter("en", policy=POLICIES["sentence"]), *transcripts)
    return [(each.status, each.text, each.certain) for each in news if isinstance(each, Caption)]


def test_only_certain_words_are_interpreted() -> None:
    assert clauses(transcript("a b c", 2)) == [("a b", False)]
    assert clauses(transcript("a b c", 0)) == []


def test_words_that_are_not_certain_are_not_trusted_for_staying_the_same() -> None:
    same = [transcript("a b c", 1)] * 5
    assert clauses(*same) == [("a", False)]


def test_all_words_are_shown_at_once_with_how_many_are_certain() -> None:
    assert lines(transcript("a b c", 1)) == [("partial", "a b c", 1)]
    assert lines(transcript("a b c", 1), transcript("a b c", 2)) == [
        ("partial", "a b c", 1),
        ("partial", "a b c", 2),
    ]


def test_all_of_a_final_line_is_certain() -> None:
    assert lines(transcript("a b c", 1, final=True)) == [("final", "a b c", 3)]


@pytest.mark.parametrize("policy", POLICIES)
def test_a_sentence_ends_a_segment_as_soon_as_another_one_begins(policy: PolicyName) -> None:
    said = clauses(transcript("Come in. Sit", 2), policy=policy)
    assert said == [("Come in.", True)]
    assert ("Come in.", True) not in clauses(transcript("Come in.", 2), policy=policy)


def test_an_end_that_is_not_certain_ends_nothing() -> None:
    assert clauses(transcript("Come in. Sit", 1)) == [("Come", False)]


def test_several_sentences_in_one_breath_are_segments_each() -> None:
    said = clauses(transcript("Come in. Sit down! Why not? Because it", 7))
    assert [text for text, ended in said if ended] == ["Come in.", "Sit down!", "Why not?"]


@pytest.mark.parametrize("title", ["Mr.", "dr.", "bijv.", "J.", "z.B."])
def test_an_abbreviation_ends_no_sentence(title: str) -> None:
    said = clauses(transcript(f"Ask {title} Brown now", 4))
    assert not any(ended for _, ended in said)


def test_what_follows_a_sentence_does_not_go_on_from_it() -> None:
    news = fed(
        Segmenter("en", policy=POLICIES["prefix"]),
        transcript("Come in. Sit down", 2),
        transcript("Come in. Sit down", 4, final=True),
    )
    ended = [each for each in news if isinstance(each, Clause) and each.ended]
    assert [each.goes_on for each in ended] == [False, False]


def test_words_after_an_ended_segment_are_counted_from_there() -> None:
    said = clauses(transcript("Come in. Sit", 2), transcript("Come in. Sit down now", 4))
    assert said == [("Come in.", True), ("Sit down", False)]
