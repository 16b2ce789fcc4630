import dataclasses
import itertools
import random
from collections import Counter

from training.data import Language
from training.translation.corpus import Corpus, Foreign, Pair
from training.translation.examples import Example, Examples, Pieces, by_length
from training.translation.library import Text
from training.translation.recipe import Direction, Recipe

TAGS: dict[Language, int] = {"en": -1, "nl": -2, "de": -3}
PIECES = Pieces(lambda text: [ord(char) for char in text], TAGS, end=1)
PLAIN = Recipe(
    grammar=0, recognised=0, prefixes=0, joined=0, names=0, batch_tokens=2000,
    shares={("en", "nl"): 0.5, ("nl", "en"): 0.25, ("en", "de"): 0.25},
)  # fmt: skip


def made(first: str, second: str, n: int = 20) -> list[Pair]:
    return [(f"{first} {chr(97 + i)}.", f"{second} {chr(97 + i)}.") for i in range(n)]


TEXTS = [
    Text("one", "tatoeba", ("en", "nl"), made("English", "Nederlands")),
    Text("two", "tatoeba", ("en", "de"), made("English", "Deutsch")),
]


def examples(recipe: Recipe = PLAIN, texts: list[Text] = TEXTS) -> Examples:
    return Examples(texts, set(), PIECES, recipe, random.Random(1))


def text(ids: list[int]) -> str:
    return "".join(chr(piece) for piece in ids if piece > 1)


def direction(example: Example) -> Direction:
    source, target = example
    (to,) = (language for language, tag in TAGS.items() if tag == source[0])
    return ("en", to) if text(source).startswith("English") else ("nl", to)


def test_a_source_begins_with_its_tag_and_both_sides_end() -> None:
    source, target = examples().draw()
    assert source[0] in TAGS.values()
    assert source[-1] == target[-1] == 1


def test_directions_come_in_their_shares() -> None:
    drawn = examples()
    counts = Counter(direction(drawn.draw()) for _ in range(2000))
    assert 0.45 < counts["en", "nl"] / 2000 < 0.55
    assert 0.2 < counts["nl", "en"] / 2000 < 0.3
    assert 0.2 < counts["en", "de"] / 2000 < 0.3


def test_every_pair_comes_once_before_any_comes_again() -> None:
    recipe = dataclasses.replace(PLAIN, shares={("en", "nl"): 1.0})
    drawn = examples(recipe)
    seen = [text(drawn.draw()[0]) for _ in range(20)]
    assert len(set(seen)) == 20


def test_two_foreign_languages_are_translated_both_ways() -> None:
    recipe = dataclasses.replace(PLAIN, shares={("nl", "de"): 0.5, ("de", "nl"): 0.5})
    texts = [Text("one", "tatoeba", ("nl", "de"), made("Nederlands", "Deutsch"))]
    endless = examples(recipe, texts)
    drawn = [endless.draw() for _ in range(30)]
    assert {(source[0], text(target).split()[0]) for source, target in drawn} == {
        (TAGS["de"], "Deutsch"),
        (TAGS["nl"], "Nederlands"),
    }


def test_a_kind_of_text_has_its_share_whatever_there_is_of_it() -> None:
    texts = [
        Text("much", "tatoeba", ("en", "nl"), made("English", "Nederlands", 25)),
        Text("little", "verses", ("en", "nl"), made("Verse", "Vers", 2)),
    ]
    recipe = dataclasses.replace(PLAIN, kinds={"tatoeba": 0.5, "verses": 0.5})
    drawn = examples(recipe, texts)
    verses = sum("ers" in text(drawn.draw()[1])[:4] for _ in range(1000))
    assert 0.4 < verses / 1000 < 0.6


def test_old_spelling_is_read_and_not_written() -> None:
    texts = [
        Text("new", "verses", ("en", "nl"), made("English", "Nederlands")),
        Text("old", "verses", ("en", "nl"), made("English", "Nederlandsch"), archaic=True),
    ]
    endless = examples(PLAIN, texts)
    drawn = [endless.draw() for _ in range(500)]
    assert not any("sch" in text(target) for _, target in drawn)
    assert any("sch" in text(source) for source, _ in drawn)


def test_the_same_seed_draws_the_same_examples() -> None:
    one, other = examples(Recipe()), examples(Recipe())
    assert [one.draw() for _ in range(50)] == [other.draw() for _ in range(50)]


def test_recognised_sources_are_plain_and_their_targets_are_not() -> None:
    drawn = examples(dataclasses.replace(PLAIN, recognised=1))
    for source, target in (drawn.draw() for _ in range(50)):
        assert text(source) == text(source).lower()
        assert "." not in text(source)
        assert text(target).endswith(".")


def test_without_pairs_there_is_the_grammar() -> None:
    source, target = examples(Recipe(), []).draw()
    assert text(source)
    assert text(target)


def test_batches_hold_like_lengths_and_no_more_than_they_may() -> None:
    rng = random.Random(2)
    batch_of = [([0] * rng.randint(1, 30), [0] * rng.randint(1, 30)) for _ in range(500)]
    batches = list(by_length(batch_of, 300))
    assert sum(map(len, batches)) == 500
    for batch in batches:
        widths = [max(map(len, side)) for side in zip(*batch, strict=True)]
        assert sum(widths) * len(batch) <= 300
    longest = [max(len(side) for example in batch for side in example) for batch in batches]
    assert all(one <= following for one, following in itertools.pairwise(longest))


def test_batches_do_not_end() -> None:
    drawn = examples().batches()
    assert sum(len(next(drawn)) for _ in range(100)) > 1000


def test_development_sentences_come_as_they_are_both_ways() -> None:
    dev: list[Pair] = [("It is 3.", "Het is 3."), ("Ask Tom.", "Vraag Tom.")]
    corpora: dict[Foreign, Corpus] = {"nl": Corpus([], dev, [], 0)}
    batches = examples(Recipe()).held_out(corpora, 1)
    found = [
        (source[0], text(source), text(target)) for batch in batches for source, target in batch
    ]
    assert sorted(found) == [(-2, "It is 3.", "Het is 3."), (-1, "Het is 3.", "It is 3.")]
