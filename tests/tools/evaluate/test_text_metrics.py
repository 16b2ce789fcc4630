"""BLEU and chrF are sacrebleu's, and their intervals are of the same sentences."""

import sacrebleu

from tools.evaluate.text_metrics import ratio, score

REFERENCES = [f"the {word} is in the great hall today" for word in "cat dog king bell".split()] * 10
GOOD = [text.replace("great", "big") for text in REFERENCES]
WORSE = [text.replace("in the", "on a") for text in GOOD]


def test_the_score_is_that_of_sacrebleu() -> None:
    assert score("bleu", GOOD, REFERENCES).value == sacrebleu.corpus_bleu(GOOD, [REFERENCES]).score
    assert score("chrf", GOOD, REFERENCES).value == sacrebleu.corpus_chrf(GOOD, [REFERENCES]).score


def test_the_interval_contains_the_value() -> None:
    mixed = GOOD[:20] + WORSE[20:]
    value, low, high = score("bleu", mixed, REFERENCES)
    assert 0 < low < value < high < 100
    assert high - low < 40


def test_a_system_has_100_percent_of_its_own_score() -> None:
    assert ratio("chrf", GOOD, GOOD, REFERENCES) == (100, 100, 100)


def test_a_worse_system_has_less_than_100_percent() -> None:
    value, low, high = ratio("bleu", WORSE, GOOD, REFERENCES)
    assert low <= value <= high < 100
