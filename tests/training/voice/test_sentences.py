import lzma
import random
from itertools import islice
from pathlib import Path

import pytest

from training.data import Language
from training.voice.sentences import MAX_CHARACTERS, real_sentences, sentences


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Enough German pairs that some are kept apart."""
    rows = [f"Sentence {n} is here.\tSatz {n} ist hier." for n in range(4000)]
    rows.append("Long.\t" + "sehr " * MAX_CHARACTERS + "lang.")
    (tmp_path / "text").mkdir()
    with lzma.open(tmp_path / "text/tatoeba-en-de.train.tsv.xz", "wt", encoding="utf-8") as file:
        file.write("\n".join(rows))
    return tmp_path


def test_sentences_to_learn_from_and_to_develop_with_are_apart(data: Path) -> None:
    learnt, unseen = real_sentences("de", data)
    assert learnt
    assert unseen
    assert not set(learnt) & set(unseen)


def test_long_sentences_are_left_out(data: Path) -> None:
    assert max(map(len, sum(real_sentences("de", data), []))) <= MAX_CHARACTERS


def test_a_language_without_a_file_has_none(data: Path) -> None:
    assert real_sentences("fr", data) == ([], [])


@pytest.mark.parametrize(("language", "share"), [("nl", 0.5), ("en", 0.5), ("fr", 1.0)])
def test_phrases_take_turns_where_the_grammar_knows_the_language(
    language: Language, share: float
) -> None:
    drawn = list(islice(sentences(language, ["Real"], random.Random(1)), 200))
    assert sum(text.startswith("Real") for text in drawn) / len(drawn) == share


def test_some_sentences_end_as_clauses_do() -> None:
    drawn = list(islice(sentences("fr", ["Bonjour."], random.Random(1)), 400))
    assert {"Bonjour.", "Bonjour", "Bonjour,"} == set(drawn)
    assert drawn.count("Bonjour.") == pytest.approx(300, abs=40)


def test_a_language_without_any_sentences_is_named() -> None:
    with pytest.raises(ValueError, match="no sentences in 'fr'"):
        next(sentences("fr", [], random.Random(1)))
