"""BLEU and chrF are sacrebleu's, and their intervals are of the same sentences."""

import sacrebleu

from tools.evaluate.text_metrics import ratio, score

REFERENCES = [f"the {word} is in the great hall today" for word in "cat dog king bell".split()] * 10
GOOD = [text.replace("great", "big") for text in REFERENCES]
WORSE = [text.replace("in the", "on a") for text in GOOD]


def test_the_score_of_the_whole_is_sacrebleus() -> None:
    assert score("bleu", GOOD, REFERENCES).value == sacrebleu.corpus_bleu(GOOD, [REFERENCES]).score
    assert score("chrf", GOOD, REFERENCES).value == sacrebleu.corpus_chrf(GOOD, [REFERENCES]).score


def test_the_interval_is_around_the_value() -> None:
    mixed = GOOD[:20] + WORSE[20:]
    value, low, high = score("bleu", mixed, REFERENCES)
    assert 0 < low < value < high < 100
    assert high - low < 40


def test_a_system_against_itself_is_all_of_it() -> None:
    assert ratio("chrf", GOOD, GOOD, REFERENCES) == (100, 100, 100)


def test_a_worse_one_is_less_of_it() -> None:
    value, low, high = ratio("bleu", WORSE, GOOD, REFERENCES)
    assert low <= value <= high < 100
