import lzma
from pathlib import Path

import pytest

from training.recognizer import text

PAIRS = (
    "I am here.\tIk ben hier.\nWe have 12 cats.\tWe hebben 12 katten.\nGo home!\tGa naar huis!\n"
)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "text"
    folder.mkdir()
    files = {
        "tatoeba-en-nl.train.tsv.xz": PAIRS + "Test me.\tTest mij.\n",
        "tatoeba-en-nl.test.tsv.xz": "TEST ME\tGA NAAR HUIS\n",
        "tatoeba-en-de.train.tsv.xz": "i am here\tIch bin da.\n",
        "tatoeba-en-fr.train.tsv.xz": "Come on.\tAllez.\n",
        "librispeech-train-clean-100.txt.xz": "A BOOK IT'S\nTEST ME\n",
    }
    for name, lines in files.items():
        (folder / name).write_bytes(lzma.compress(lines.encode()))
    return tmp_path


def test_test_sentences_and_digits_are_left_out(data: Path) -> None:
    assert text.tatoeba(data, "nl") == ("Ik ben hier.", "Test mij.")
    assert text.books(data, "en") == ("a book it's",)


def test_every_sentence_is_there_once(data: Path) -> None:
    assert text.tatoeba(data, "en") == ("Come on.", "Go home!", "I am here.")


def test_dutch_has_no_books(data: Path) -> None:
    assert text.books(data, "nl") == ()


def test_a_sentence_is_held_out_however_it_is_written() -> None:
    said = [f"sentence number {chr(97 + n)} {chr(97 + m)}" for n in range(26) for m in range(26)]
    held = [text.is_held_out(each) for each in said]
    assert held == [text.is_held_out(each.upper() + "!") for each in said]
    assert 0.2 < sum(held) / len(held) < 0.3
