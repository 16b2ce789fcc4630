import numpy as np
import pytest

from training.recognizer.language_model import BEGIN, Trigrams, estimate

WORDS = 12
END = WORDS + 1


def sentences() -> list[list[int]]:
    """Random walks that prefer the next word."""
    rng = np.random.default_rng(0)
    made = []
    for _ in range(400):
        words = [int(rng.integers(1, WORDS))]
        while rng.random() < 0.8:
            step = 1 if rng.random() < 0.6 else int(rng.integers(1, WORDS))
            words.append((words[-1] + step) % (WORDS - 1) + 1)
        made.append(words)
    return made


def probability(model: Trigrams, one: int, two: int, three: int) -> float:
    """Of `three` after `one` and `two`, as the graph walks it."""
    rows = {tuple(row): n for n, row in enumerate(model.three.tolist())}
    if (one, two, three) in rows:
        return float(model.three_p[rows[one, two, three]])
    pairs = {tuple(row): n for n, row in enumerate(model.two.tolist())}
    weight = model.back_off_two[pairs[one, two]] if (one, two) in pairs else 1.0
    if (two, three) in pairs:
        return float(weight * model.two_p[pairs[two, three]])
    return float(weight * model.back_off_one[two] * model.one[three])


@pytest.fixture(params=[(1000, 1000), (40, 60), (5, 0)], ids=["whole", "pruned", "nearly empty"])
def model(request: pytest.FixtureRequest) -> Trigrams:
    pairs, triples = request.param
    return estimate(sentences(), END, most_two=pairs, most_three=triples)


def test_every_distribution_sums_to_one(model: Trigrams) -> None:
    assert model.one.sum() == pytest.approx(1)
    for one in range(WORDS + 1):
        for two in range(1, WORDS + 1):
            total = sum(probability(model, one, two, three) for three in range(1, END + 1))
            assert total == pytest.approx(1), (one, two)


def test_no_word_is_impossible(model: Trigrams) -> None:
    assert (model.one[1:] > 0).all()


def test_what_follows_often_is_likely() -> None:
    model = estimate(sentences(), END, most_two=1000, most_three=1000)
    assert probability(model, 2, 3, 5) > 3 * probability(model, 2, 3, 4)


def test_pruning_keeps_what_it_is_allowed_and_the_histories() -> None:
    model = estimate(sentences(), END, most_two=20, most_three=30)
    assert len(model.three) <= 30
    pairs = {tuple(pair) for pair in model.two.tolist()}
    assert {tuple(triple[:2]) for triple in model.three.tolist()} <= pairs


def test_a_sentence_begins_with_what_begins_sentences() -> None:
    model = estimate([[1, 2], [1, 3], [1, 2]], 4, most_two=10, most_three=10)
    rows = {tuple(row): p for row, p in zip(model.two.tolist(), model.two_p, strict=True)}
    assert rows[BEGIN, 1] > 0.5


def test_what_is_common_elsewhere_is_likelier_and_all_is_still_one() -> None:
    usual = [1e-4] * (END - 1)
    usual[2] = 0.5
    plain = estimate(sentences(), END, most_two=40, most_three=60)
    mixed = estimate(sentences(), END, most_two=40, most_three=60, usual=usual)
    assert mixed.one[3] > 2 * plain.one[3]
    assert mixed.one[END] == pytest.approx(plain.one[END])
    assert mixed.one.sum() == pytest.approx(1)
