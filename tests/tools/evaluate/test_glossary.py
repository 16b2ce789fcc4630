import pytest

from server.interpretation.engines import EngineError
from tools.evaluate.glossary import came_through, figures, rest_of
from tools.evaluate.glossary_cases import NAMES, SLOT, TERMS, Case, cases, glossary, known


def test_there_are_sixty_terms_each_in_as_many_sentences_as_asked() -> None:
    assert len(TERMS) + len(NAMES) == 60
    for source in ("nl", "en"):
        found = cases(source, 3)
        assert len(found) == 180
        assert len({each.text for each in found}) == 180
        assert all(each.reference.split().count(SLOT) == 1 for each in found)


@pytest.mark.parametrize(
    ("source", "text"), [("nl", "een ouderling"), ("en", "an elder"), ("en", "a covenant")]
)
def test_articles_fit_their_nouns(source: str, text: str) -> None:
    assert any(text in each.text for each in cases(source, 20))


def test_the_glossary_has_all_terms() -> None:
    assert (len(glossary().terms), len(glossary().names)) == (50, 10)


@pytest.mark.parametrize(
    ("made", "rest"),
    [
        ("We saw the covenant yesterday.", "we saw the yesterday"),
        ("We saw the old blue thing yesterday.", "we saw the yesterday"),
        ("We saw the yesterday", "we saw the yesterday"),
        ("Nothing of it", ""),
        ("Yesterday we saw it", "yesterday we saw"),
    ],
)
def test_the_rest_of_a_translation_leaves_out_the_term(made: str, rest: str) -> None:
    assert rest_of(made, f"we saw the {SLOT} yesterday") == rest


@pytest.mark.parametrize(
    ("term", "made", "expected"),
    [
        ("covenant", "Covenant is here", True),
        ("covenant", "the covenants", False),
        ("digital twin", "a digital twin.", True),
        ("Van der Steen", "with van der steen", False),
        ("Van der Steen", "with Van der Steen's", True),
    ],
)
def test_a_term_must_be_translated_as_a_whole(term: str, made: str, expected: bool) -> None:
    assert came_through(Case("", "", term, ""), made) is expected


class Refusing:
    def translate(self, text: str, source: str, target: str, prefix: str = "") -> str:
        raise EngineError("no")


def test_a_refused_sentence_counts_as_a_lost_term() -> None:
    measured = {each.name: each for each in figures(Refusing(), quick=True)}
    assert measured["glossary.nl_en.terms_through"].value == 0
    assert measured["glossary.nl_en.terms_through"].holds is False
    assert measured["glossary.en_nl.terms_through_growing"].value == 0


def test_every_sentence_contains_its_term() -> None:
    for source in ("nl", "en"):
        assert all(each.spoken in each.text for each in cases(source, 20))


def test_sentences_without_terms_have_none() -> None:
    for language in ("nl", "en"):
        assert not set(known(language)) & {each.text for each in cases(language, 20)}
        assert len(set(known(language))) == 60
