import re

import pytest

from server.interpretation.ctranslate2_translator import CTranslate2Translator
from server.interpretation.engines import EngineError
from server.interpretation.glossary import Glossary
from server.interpretation.term_translator import MOST_ATTEMPTS, TermTranslator
from server.models.catalogue import Catalogue

DUTCH = (
    "de=the het=the stad=city deur=door tafel=table tuin=garden hond=dog probleem=problem "
    "water=water boek=book raam=window is=is oud=old en=and over=about een=a bank=bank "
    "boeken=books zijn=are"
)
ENGLISH = dict(pair.split("=") for pair in DUTCH.split())


class WordByWord:
    """Knows few words and mangles the others; ``loses`` are words that come out as nothing."""

    def __init__(self, *loses: str) -> None:
        self.asked: list[str] = []
        self.loses = set(loses)

    def translate(self, text: str, source: str, target: str, prefix: str = "") -> str:
        self.asked.append(text)
        words = [self._word(word) for word in text.split() if word not in self.loses]
        given = prefix.split()
        return " ".join([*given, *words[len(given) :]])

    def _word(self, word: str) -> str:
        return word if word[:1].isupper() else ENGLISH.get(word, "blob")


GLOSSARY = Glossary(
    terms=(
        {"nl": "het verbond", "en": "covenant"},
        {"nl": "oud verbond", "en": "old order"},
        {"nl": "digitale tweeling", "en": "digital twin"},
        {"nl": "digitale", "en": "numeric"},
        {"nl": "ouderling", "en": "elder"},
        {"nl": "ouderlingen", "en": "elders"},
        {"nl": "bank", "en": "bank"},
        {"nl": "boom", "en": "water"},
        {"nl": "water", "en": "boom"},
    ),
    names=("Van der Steen",),
)


def translate(text: str, prefix: str = "", model: WordByWord | None = None) -> str:
    translator = TermTranslator(model or WordByWord(), lambda: GLOSSARY)
    return translator.translate(text, "nl", "en", prefix)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("het is oud", "the is old"),
        ("het verbond is oud", "the covenant is old"),
        ("Het Verbond is oud", "het covenant is old"),
        ("verbond", "Covenant"),
        ("over oud verbond", "about old order"),
        ("een ouderling", "an elder"),
        ("de ouderlingen zijn oud", "the elders are old"),
        ("het verbond en het verbond", "the covenant and the covenant"),
        ("het verbond en de digitale tweeling", "the covenant and the digital twin"),
        ("de stad en het verbond", "the city and the covenant"),
        ("de ouderling en de digitale tweeling", "the elder and the digital twin"),
        ("over van der steen", "about Van der Steen"),
        ("het verbondje", "the blob"),
        ("de boom en het water", "the water and the boom"),
    ],
)
def test_terms_are_translated_as_the_glossary_says(text: str, expected: str) -> None:
    assert translate(text).casefold() == expected.casefold()


def test_a_term_that_the_model_knows_needs_no_further_translation() -> None:
    model = WordByWord()
    assert translate("de bank is oud", model=model) == "the bank is old"
    assert model.asked == ["de bank is oud"]


def test_without_terms_the_model_is_called_once() -> None:
    model = WordByWord()
    assert translate("de stad", model=model) == "the city"
    assert len(model.asked) == 1


def test_if_a_placeholder_is_lost_another_is_tried() -> None:
    assert translate("het verbond is oud", model=WordByWord("probleem", "water")) == (
        "the covenant is old"
    )


class Stammering(WordByWord):
    """Says one word twice."""

    def _word(self, word: str) -> str:
        made = super()._word(word)
        return "problem to problem" if made == "problem" else made


def test_if_a_placeholder_comes_out_twice_another_is_tried() -> None:
    assert translate("het verbond is oud", model=Stammering()) == "the covenant is old"


def test_a_word_of_the_text_is_not_used_as_a_placeholder() -> None:
    model = WordByWord()
    assert translate("het probleem en het verbond", model=model) == "the problem and the covenant"
    assert all(asked.split().count("probleem") == 1 for asked in model.asked)


class Moody(WordByWord):
    """Takes a problem for something else altogether."""

    def translate(self, text: str, source: str, target: str, prefix: str = "") -> str:
        made = super().translate(text, source, target, prefix)
        return "problem ever so young" if "problem" in made else made


def test_of_several_translations_the_most_typical_is_taken() -> None:
    assert translate("het verbond is oud", model=Moody()) == "the covenant is old"


def test_if_no_placeholder_comes_out_the_plain_translation_is_taken() -> None:
    model = WordByWord(*ENGLISH)
    assert translate("het verbond is oud", model=model) == "blob"
    assert len(model.asked) == 1 + MOST_ATTEMPTS


@pytest.mark.parametrize(
    "prefix",
    ["the", "the covenant", "the covenant is", "about the digital", "about the digital twin"],
)
def test_spoken_words_stay_the_prefix(prefix: str) -> None:
    text = "over de digitale tweeling" if "digital" in prefix else "het verbond is oud"
    translated = translate(text, prefix)
    assert translated.startswith(prefix)
    assert translated in ("the covenant is old", "about the digital twin")


def test_spoken_words_stay_the_prefix_if_no_placeholder_comes_out() -> None:
    model = WordByWord(*ENGLISH)
    assert translate("het verbond is oud", "an old covenant", model) == "an old covenant"


def test_spoken_words_stay_the_prefix_if_they_differ_from_the_term() -> None:
    assert translate("het verbond is oud", "the alliance") == "the alliance is old"


class Broken:
    def translate(self, text: str, source: str, target: str, prefix: str = "") -> str:
        if "verbond" in text:
            raise EngineError("a loop")
        return WordByWord().translate(text, source, target, prefix)


def test_a_term_is_translated_even_if_the_model_fails_on_its_word() -> None:
    translator = TermTranslator(Broken(), lambda: GLOSSARY)
    assert translator.translate("het verbond is oud", "nl", "en") == "the covenant is old"


def test_an_error_for_every_placeholder_is_raised() -> None:
    class Failing:
        def translate(self, text: str, source: str, target: str, prefix: str = "") -> str:
            raise EngineError("a loop")

    with pytest.raises(EngineError, match="a loop"):
        TermTranslator(Failing(), lambda: GLOSSARY).translate("het verbond", "nl", "en")


def test_a_new_glossary_applies_from_the_next_text() -> None:
    glossary = Glossary()
    translator = TermTranslator(WordByWord(), lambda: glossary)
    assert translator.translate("de ouderling", "nl", "en") == "the blob"
    glossary = GLOSSARY
    assert translator.translate("de ouderling", "nl", "en") == "the elder"
    glossary = Glossary()
    assert translator.translate("de ouderling", "nl", "en") == "the blob"


def test_an_entry_applies_only_in_its_languages() -> None:
    assert (
        TermTranslator(WordByWord(), lambda: GLOSSARY).translate("het verbond", "nl", "fr")
        == "the blob"
    )


def test_each_of_five_hundred_terms_is_translated() -> None:
    glossary = Glossary(tuple({"nl": f"woord {i}x", "en": f"word {i}x"} for i in range(500)))
    translator = TermTranslator(WordByWord(), lambda: glossary)
    assert translator.translate("het woord 499x is oud", "nl", "en") == "the word 499x is old"


def test_a_text_with_many_terms_stays_complete() -> None:
    glossary = Glossary(tuple({"nl": f"woord{i}", "en": f"word{i}"} for i in range(40)))
    text = " ".join(f"woord{i}" for i in range(40))
    translated = TermTranslator(WordByWord(), lambda: glossary).translate(text, "nl", "en")
    assert len(re.findall(r"word\d", translated)) >= 8
    assert len(translated.split()) == 40


@pytest.mark.parametrize("prefix", ["", "The gallery is"])
def test_the_shipped_model_translates_a_term(starter: Catalogue, prefix: str) -> None:
    model = starter.translations["nl", "en"]
    plain = CTranslate2Translator(starter.path(model), ["en", "nl"])
    translator = TermTranslator(plain, lambda: Glossary(({"nl": "museum", "en": "gallery"},)))
    text = "het museum is op maandag gesloten"
    translated = translator.translate(text, "nl", "en", prefix)
    assert translated.startswith(prefix)
    assert translated.count("gallery") == 1
    assert "closed" in translated
