"""What a speaker says while looking for words."""

import pytest

from server.interpretation.hesitations import without_hesitations
from server.interpretation.types import Transcript, Word


def heard(text: str, certain: int | None = None) -> Transcript:
    words = (Word(word, 100 * n, 100 * n + 90) for n, word in enumerate(text.split()))
    return Transcript(tuple(words), final=True, certain=certain)


@pytest.mark.parametrize(
    ("language", "said", "meant"),
    [
        ("en", "Uh, we will uhm begin, er, now.", "we will begin, now."),
        ("nl", "Eh, dat is euh mooi. Ehm.", "dat is mooi."),
        ("de", "Äh, ich ähm komme öh gleich. Uhm.", "ich komme gleich."),
        ("en", "Um, mhm, mmm, yes.", "yes."),
        ("fr", "Euh, je heu viens.", "je viens."),
        ("en", "the the house", "the house"),
        ("en", "the uh the house", "the house"),
        ("nl", "ik ik ik ga", "ik ga"),
        ("en", "Uhhhhh.", ""),
        ("en", "The, the house, my, my errr friend.", "The, house, my, friend."),
        ("nl", "de, de kerk van van ons", "de, kerk van ons"),
    ],
)
def test_hesitations_are_removed(language: str, said: str, meant: str) -> None:
    assert without_hesitations(heard(said), language).text == meant


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "Holy, holy, holy is the Lord. Ah, he had had it."),
        ("en", "That is what he is. Is it her? Her umbrella hummed."),
        ("nl", "Heel heel mooi. Ik weet dat dat zo is. Nee, nee."),
        ("de", "Er sagt, dass die die Tür öffnen. Ehe er kam."),
        ("fr", "Nous nous levons. Eh bien, un heureux euro."),
        ("en", "what it is is grace and all he was was a man"),
        ("en", "the world we live in in 2024, to err is human"),
        ("en", "i tell you you must after this this will come and do it it helps"),
        ("en", "So do I, I think. Those who they are, are welcome."),
        ("nl", "wij zijn zijn kinderen en dit zijn zijn woorden"),
        ("nl", "als u u bekeert en als het het volk betreft waar we in in geloven"),
        ("nl", "hij stond op op de derde dag en keerde om om te zien"),
        ("nl", "als jullie jullie vijanden liefhebben. Dat doe ik, ik kom."),
        ("nl", "wie hier is is welkom en God heeft ons ons leven gegeven"),
        ("de", "das Wort, das das Leben bringt, ist das, das gut ist"),
        ("de", "als ihr ihr Haus bautet und der Mann den den Weg kannte"),
        ("de", "ich weiß das, das ist gut. wer hier ist ist willkommen"),
        ("fr", "celui qui est est grand et pour elle elle vit. Si si."),
        ("de", "Wir treffen uns um acht Uhr, um zu beten. Die EM war 2024."),
        ("nl", "Geef 'em dat. Een plank van 5 mm dik."),
        ("en", "A board of 5 mm is thin. She works in the ER, for HM the King."),
        ("de", "Ein Brett von 5 mm ist dünn."),
        ("fr", "Une planche de 5 mm est mince."),
        ("it", "Eh uh the the."),
    ],
)
def test_intended_words_are_kept(language: str, said: str) -> None:
    assert without_hesitations(heard(said), language).text == said


def test_certain_words_are_counted_without_hesitations() -> None:
    meant = without_hesitations(heard("uh the the house uh stands", certain=4), "en")
    assert meant.text == "the house stands"
    assert meant.certain == 2


def test_words_keep_their_times() -> None:
    (word,) = without_hesitations(heard("uh yes"), "en").words
    assert (word.start_sample, word.end_sample) == (100, 190)


def test_certain_words_do_not_change_as_more_is_heard() -> None:
    said = "uh so the the uh the house is is white"
    words = said.split()
    told = [
        without_hesitations(heard(" ".join(words[:count]), certain=count), "en")
        for count in range(len(words) + 1)
    ]
    for before, after in zip(told, told[1:], strict=False):
        assert after.text.startswith(before.text)
