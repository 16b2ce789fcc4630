from training.translation.corpus import Pair, divide, held_out, keep_name, key


def numbered(n: int, other: str = "zin") -> list[Pair]:
    return [(f"Sentence {i}.", f"{other} {i}!") for i in range(n)]


def test_case_punctuation_and_spaces_make_no_other_sentence() -> None:
    assert key("It’s  LATE, Tom!") == key("its late tom")
    assert key("Où ?") != key("Ou ?")


def test_every_pair_is_in_one_part() -> None:
    (corpus,) = divide({"de": numbered(100)}, {}, 10, 5).values()
    assert (len(corpus.train), len(corpus.dev), len(corpus.test)) == (85, 5, 10)
    assert len({*corpus.train, *corpus.dev, *corpus.test}) == 100
    assert corpus.dropped == 15


def test_parts_are_the_same_whatever_the_order() -> None:
    (one,) = divide({"de": numbered(100)}, {}, 10, 5).values()
    (other,) = divide({"de": numbered(100)[::-1]}, {}, 10, 5).values()
    assert one.test == other.test
    assert one.dev == other.dev


def test_a_given_test_set_is_the_test_set() -> None:
    given = [("Sentence 3!", "een andere zin")]
    (corpus,) = divide({"nl": numbered(20)}, {"nl": given}, 5, 2).values()
    assert corpus.test == given
    assert ("Sentence 3.", "zin 3!") not in corpus.train + corpus.dev


def test_no_language_trains_on_what_another_is_tested_with() -> None:
    corpora = divide({"de": numbered(200, "Satz"), "fr": numbered(300, "phrase")}, {}, 20, 10)
    kept_apart = held_out(corpora)
    trained = {key(text) for corpus in corpora.values() for pair in corpus.train for text in pair}
    assert trained
    assert not trained & kept_apart


def test_a_pair_that_shares_its_translation_with_a_test_sentence_is_dropped() -> None:
    pairs = [("Hello there", "Hallo"), ("Hi there", "hallo!"), ("Goodbye", "Dag")]
    (corpus,) = divide({"nl": pairs}, {"nl": [("Hello there", "Hallo")]}, 1, 0).values()
    assert corpus.train == [("Goodbye", "Dag")]
    assert corpus.dropped == 2


def test_a_sentence_translated_twice_is_tested_once() -> None:
    pairs = [("Hi.", "Hallo."), ("Hi!", "Hoi."), *numbered(3)]
    (corpus,) = divide({"nl": pairs}, {}, 4, 0).values()
    assert len({key(english) for english, _ in corpus.test}) == 4


def test_mary_stays_mary() -> None:
    assert keep_name(("Mary sang.", "Marie chantait."), "fr") == ("Mary sang.", "Mary chantait.")
    assert keep_name(("Maria sang.", "Maria zong."), "nl") == ("Maria sang.", "Maria zong.")
