"""With the network that is shipped, and the words of the shipped Dutch clip but for two."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from server.interpretation.const_fst import ConstFst
from server.interpretation.engines import ModelError
from server.interpretation.vosk_graph import NotAdaptable, expect
from server.interpretation.vosk_recognizer import VoskRecognizer
from server.models.catalogue import Catalogue
from tests.helpers.graphs import dutch_model, pronounce
from tests.helpers.starter import Clip, plain

UNHEARD = {"toren", "museum"}


@pytest.fixture(scope="module")
def model(starter: Catalogue, demo: Clip, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "few"
    return dutch_model(starter.path(starter.recognizers["nl"]), folder, known_sentences(demo))


def known_sentences(clip: Clip) -> list[str]:
    said = [plain(phrase.text) for phrase in clip.phrases]
    return [each for each in said if not UNHEARD & set(each.split())]


def heard(recognizer: VoskRecognizer, clip: Clip) -> list[str]:
    stream = recognizer.stream()
    found = [stream.accept(clip.pcm[at : at + 1600]) for at in range(0, len(clip.pcm), 1600)]
    found.append(stream.finish())
    return [word.text for each in found if each and each.final for word in each.words]


def test_unknown_words_are_recognised_when_expected(model: Path, demo: Clip) -> None:
    before = VoskRecognizer(model, "nl", pronounce)
    after, unusable = before.expecting(["toren", "museum", "haven"])
    assert not UNHEARD & set(heard(before, demo))
    words = heard(after, demo)
    assert words.count("toren") == 2
    assert words.count("museum") == 2
    assert not unusable


def test_other_words_are_recognised_as_before(model: Path, demo: Clip) -> None:
    recognizer, _ = VoskRecognizer(model, "nl", pronounce).expecting(["toren", "museum"])
    said = {word for each in known_sentences(demo) for word in each.split()}
    assert len(said - set(heard(recognizer, demo))) <= len(said) // 10


def costs(folder: Path, word: str) -> list[float]:
    """Of ``word``, wherever it may come."""
    lines = (folder / "graph/words.txt").read_text(encoding="utf-8").splitlines()
    number = dict(line.split() for line in lines)[word]
    arcs = ConstFst.read(folder / "graph/Gr.fst").arcs
    return [float(cost) for cost in arcs["cost"][arcs["in"] == int(number)]]


def test_expecting_lowers_the_cost_of_rare_words(model: Path, tmp_path: Path) -> None:
    raised = ConstFst.read(model / "graph/Gr.fst")
    raised.arcs["cost"] += 3.0
    rare = tmp_path / "rare"
    expect(model, rare, [], pronounce)
    raised.write(rare / "graph/Gr.fst")
    expect(rare, tmp_path / "after", ["haven"], pronounce)
    gains = np.subtract(costs(rare, "haven"), costs(tmp_path / "after", "haven"))
    assert 0 < gains.max() <= 4
    assert np.ptp(gains) < 1e-5
    assert costs(rare, "brug") == costs(tmp_path / "after", "brug")


def test_expecting_does_not_change_the_cost_of_common_words(model: Path, tmp_path: Path) -> None:
    expect(model, tmp_path / "after", ["haven", "de"], pronounce)
    for word in ("haven", "de"):
        assert max(costs(model, word)) < 6
        assert costs(tmp_path / "after", word) == costs(model, word)


@pytest.mark.parametrize(
    ("words", "unusable"),
    [
        ([], set()),
        (["toren", "toren", "haven"], set()),
        (["…"], {"…"}),
        (["toren", "xyz!", "museum"], {"xyz!"}),
        ([f"woord{number}" for number in range(2000)], set()),
    ],
)
def test_unusable_words_are_reported(
    model: Path, tmp_path: Path, words: Sequence[str], unusable: set[str]
) -> None:
    def sounds(word: str) -> tuple[str, ...] | None:
        return ("QQ",) if word == "xyz!" else pronounce("woord" if "woord" in word else word)

    found = expect(model, tmp_path / "after", words, sounds)
    assert set(found) == unusable
    assert all(reason.startswith("has sounds") for reason in found.values())
    VoskRecognizer(tmp_path / "after", "nl")


@pytest.mark.parametrize(("name", "side"), [("HCLr.fst", "out"), ("Gr.fst", "in")])
def test_a_model_with_another_layout_expects_known_words_only(
    model: Path, tmp_path: Path, name: str, side: str
) -> None:
    other = tmp_path / "other"
    expect(model, other, [], pronounce)
    fst = ConstFst.read(other / "graph" / name)
    retreat = int(fst.arcs[side].max())
    fst.arcs[side][fst.arcs[side] == retreat] = 1
    fst.write(other / "graph" / name)
    found = expect(other, tmp_path / "after", ["haven", "toren"], pronounce)
    assert list(found) == ["toren"]
    assert "cannot grow" in found["toren"]


def test_the_original_model_is_not_changed_and_hardly_copied(model: Path, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in model.rglob("*") if path.is_file()}
    expect(model, tmp_path / "after", ["toren"], pronounce)
    assert {path: path.read_bytes() for path in before} == before
    (network,) = tmp_path.glob("after/am/final.mdl")
    assert network.stat().st_ino == (model / "am/final.mdl").stat().st_ino


@pytest.mark.parametrize("name", ["Gr.fst", "HCLr.fst", "words.txt", "phones.txt"])
def test_a_broken_graph_cannot_be_adapted(model: Path, tmp_path: Path, name: str) -> None:
    broken = tmp_path / "broken"
    expect(model, broken, [], pronounce)
    (broken / "graph" / name).unlink()
    (broken / "graph" / name).write_bytes(b"nothing of the kind")
    with pytest.raises(NotAdaptable):
        expect(broken, tmp_path / "after", ["toren"], pronounce)


def test_a_model_that_cannot_be_adapted_is_named(model: Path, tmp_path: Path) -> None:
    own = tmp_path / "own"
    expect(model, own, [], pronounce)
    recognizer = VoskRecognizer(own, "nl", pronounce)
    (own / "graph/Gr.fst").unlink()
    with pytest.raises(ModelError, match=f"{own} cannot be adapted"):
        recognizer.expecting(["toren"])
