import pytest

from server.interpretation.policies import POLICIES, PolicyName
from server.interpretation.segmenter import Segmenter
from server.interpretation.sentence_ends import bare, is_written, spoken_ends, written_ends
from server.interpretation.types import Clause, Transcript, Word
from training.data import LANGUAGES, Language
from training.translation.library import rooms


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("We came. They left.", [2]),
        ("Dr. Smith and Mr. Jones came. Why?", [6]),
        ("J. S. Bach wrote it! Yes… it was him", [5, 6]),
        ("It costs 3.5 euros, not more", []),
        ('He said "come." Then he left', [3]),
        ("(They came.) “Why?” ‘Who?’ I knew", [2, 3, 4]),
        ('"Come!" he said. "Do come," he said', [3]),
        ("We were 22. They left", [3]),
        ("", []),
    ],
)
def test_sentences_end_with_punctuation(text: str, places: list[int]) -> None:
    assert written_ends(text.split(), "en") == places


@pytest.mark.parametrize(
    ("text", "language", "places"),
    [
        ("Wir treffen uns am 22. Mai. Danke", "de", [6]),
        ("das 150. Mal", "de-CH", []),
        ("Sejdeme se 22. května", "cs", []),
        ("Das war 2024. Danach nicht", "de", [3]),
    ],
)
def test_an_ordinal_number_ends_no_sentence(text: str, language: str, places: list[int]) -> None:
    assert written_ends(text.split(), language) == places


@pytest.mark.parametrize("policy", ["sentence", "clause"])
def test_a_number_at_the_end_of_an_utterance_ends_its_sentence(policy: PolicyName) -> None:
    texts = "Wir sind 22.".split()
    words = tuple(Word(word, 4000 * at, 4000 * at + 4000) for at, word in enumerate(texts))
    news = Segmenter("de", policy=POLICIES[policy]).feed(Transcript(words, final=True), 80_000)
    assert [each.text for each in news if isinstance(each, Clause)] == ["Wir sind 22."]


@pytest.mark.parametrize(
    ("words", "known"),
    [
        (["paul", "zei"], False),
        (["Paul", "zei"], True),
        (["zei,"], True),
        (["'s", "morgens"], False),
        (["'cause", "’t", "l'"], False),
        (["“ja”"], True),
    ],
)
def test_words_with_capitals_or_punctuation_count_as_written(words: list[str], known: bool) -> None:
    assert any(map(is_written, words)) is known


@pytest.mark.parametrize("language", LANGUAGES)
def test_without_punctuation_ends_are_found_from_the_words(language: Language) -> None:
    """Three sentences in one breath, of those that nothing was learnt from."""
    right = wrong = 0
    sentences = rooms()[language]
    for at in range(0, len(sentences) - 2, 3):
        three = [[bare(word) for word in text.split()] for text in sentences[at : at + 3]]
        first, second = len(three[0]), len(three[0]) + len(three[1])
        found = spoken_ends([word for text in three for word in text], language)
        right += len({first, second}.intersection(found))
        wrong += len(set(found) - {first, second})
    assert right >= 0.3 * 2 * (len(sentences) // 3)
    assert wrong <= 0.25 * (right + wrong)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("wij hebben mevrouw van dijk gezien in de kerk", "nl"),
        ("dominee jansen en meneer de vries komen ook", "nl"),
        ("this is doctor martin luther king speaking", "en"),
        ("das ist herr müller und frau von der leyen", "de"),
        ("voici madame du pont et monsieur le maire", "fr"),
    ],
)
def test_titles_stay_with_their_names(text: str, language: str) -> None:
    assert spoken_ends(text.split(), language) == []


@pytest.mark.parametrize("words", [[], ["ja"], ["ja", "nee"]])
def test_too_few_words_have_no_found_ends(words: list[str]) -> None:
    assert spoken_ends(words, "nl") == []


def test_other_languages_have_no_found_ends() -> None:
    assert spoken_ends("dobrý den jak se máte já se mám dobře".split(), "cs") == []


def test_three_sentences_in_one_breath_are_three_clauses() -> None:
    """One word with an apostrophe, as Vosk writes them, does not count as punctuation."""
    text = "this church is very old it has a beautiful tower you can see 'em bells from here"
    words = tuple(Word(word, 4000 * at, 4000 * at + 4000) for at, word in enumerate(text.split()))
    segmenter = Segmenter("en", policy=POLICIES["sentence"])
    news = segmenter.feed(Transcript(words, final=True), 80_000)
    assert [each.text for each in news if isinstance(each, Clause)] == [
        "this church is very old",
        "it has a beautiful tower",
        "you can see 'em bells from here",
    ]
