"""What is learnt from and what is not."""

import lzma
from pathlib import Path

import pytest

from training.data import DATA
from training.translation.corpus import Corpus, Foreign, Pair
from training.translation.library import held_out_verses, read, rooms
from training.translation.verses import TEST_BOOKS, Book, Passages, verses_of

JONAH = next(book for book in TEST_BOOKS if book.name == "Jonah")
OPENS = ("Now the word of the LORD came to Jonah son of Amittai, saying,", "Het woord van Jahweh")
NEXT_OPENS = (
    "This is the word of the LORD that came to Micah the Moreshite",
    "Het woord van Jahweh dat kwam",
)
IN_JONAH = ("Get up! Go to the great city of Nineveh and preach against it", "Trek naar Ninive")
BEFORE: Pair = ("And the kingdom will belong to the LORD.", "Het koninkrijk zal zijn van Jahweh.")
AFTER: Pair = ("Hear, O peoples, all of you; listen, O earth", "Hoort, gij volken allen")


def write(folder: Path, name: str, pairs: list[Pair]) -> None:
    more = folder / "text" / "more"
    more.mkdir(parents=True, exist_ok=True)
    lines = "".join(f"{english}\t{other}\n" for english, other in pairs)
    (more / f"{name}.tsv.xz").write_bytes(lzma.compress(lines.encode()))


def corpora(train: list[Pair], test: list[Pair]) -> dict[Foreign, Corpus]:
    return {"nl": Corpus(train, [], test, 0)}


def learnt(folder: Path, test: list[Pair] | None = None) -> set[str]:
    """The English of all that is learnt from."""
    return {
        pair[0]
        for text in read(folder, corpora([], test or []))
        if text.languages[0] == "en"
        for pair in text.pairs
    }


def test_whole_books_are_left_out_in_every_version(tmp_path: Path) -> None:
    write(tmp_path, "bible-a-en-nl", [BEFORE, OPENS, IN_JONAH, NEXT_OPENS, AFTER])
    joined = (f"So it was. {OPENS[0]} {IN_JONAH[0]}.", "Jahweh sprak tot Jonas: Trek naar Ninive")
    write(tmp_path, "bible-b-en-de", [BEFORE, joined, AFTER])  # and does not open as it should
    assert learnt(tmp_path) == {BEFORE[0], NEXT_OPENS[0], AFTER[0]}


def test_news_and_sentences_to_test_with_are_left_out(tmp_path: Path) -> None:
    news = ("It has arisen because of plans.", "Het komt door plannen.")
    tested = ("We begin with a song!", "We beginnen met een lied.")
    room = (rooms()["en"][0].upper(), "Welkom in deze dienst, wie u ook bent.")
    plain = ("Find the toolbar.", "Zoek de werkbalk.")
    write(tmp_path, "ntrex128-en-nl", [news])
    write(tmp_path, "libreoffice-help-en-nl", [news, tested, room, plain])
    assert learnt(tmp_path, [("we begin with a song", "Iets anders.")]) == {plain[0]}


def test_there_are_two_hundred_sentences_of_rooms_in_each_language() -> None:
    assert [len(set(texts)) for texts in rooms().values()] == [200] * 4


def test_what_is_badly_aligned_is_left_out(tmp_path: Path) -> None:
    good = ("Find the toolbar in the window.", "Zoek de werkbalk in het venster.")
    short = ("Find the toolbar in the window, then choose what you want to do.", "Zoek.")
    write(tmp_path, "gnome-en-nl", [good, short, ("", "leeg"), ("OK", "OK")])
    assert learnt(tmp_path) == {good[0]}


def test_what_translates_the_same_english_translates_each_other(tmp_path: Path) -> None:
    write(tmp_path, "mozilla-www-en-nl", [("Go back!", "Ga terug!"), ("Home", "Thuis")])
    write(tmp_path, "mozilla-www-en-de", [("Go back", "Zurück"), ("Away", "Fort")])
    texts = read(tmp_path, {})
    assert [(text.languages, text.pairs) for text in texts if "en" not in text.languages] == [
        (("nl", "de"), [("Ga terug!", "Zurück")])
    ]


def test_a_book_whose_end_is_not_found_is_refused() -> None:
    book = Book("Short", "in the beginning", "never", verses=2)
    pairs: list[Pair] = [("In the beginning", "a"), ("b", "b"), ("c", "c")]
    with pytest.raises(ValueError, match="Short does not end"):
        verses_of(book, pairs)


def test_passages_know_parts_of_themselves_and_nothing_else() -> None:
    passages = Passages(["Get up! Go to the great city of Nineveh and preach against it", "Amen."])
    assert passages.hold("go to the great city of Nineveh")
    assert passages.hold("Amen")
    assert not passages.hold("Hear, O peoples, all of you; listen, O earth")
    assert not passages.hold("Go to the city.")


@pytest.mark.skipif(not (DATA / "text" / "more").is_dir(), reason="needs the verses to train on")
def test_the_books_are_found_in_what_there_is() -> None:
    verses = held_out_verses(DATA)
    assert set(verses.test) == {"nl", "de", "fr"}
    for foreign in verses.test:
        assert 600 < len(verses.test[foreign]) < 680
        assert 130 < len(verses.dev[foreign]) < 160
