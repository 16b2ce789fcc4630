"""Most of these run the recogniser that is shipped."""

import re
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from server.bus.messages import RATE_HZ
from server.interpretation import vosk_recognizer
from server.interpretation.engines import ModelError, Recognizer
from server.interpretation.types import Pcm, Transcript, Word
from server.interpretation.vosk_recognizer import VoskRecognizer, VoskStream, check_folder
from server.models.catalogue import Catalogue
from tests.helpers.starter import Clip, error_rate


def transcripts(stream: VoskStream, pcm: Pcm, chunk_samples: int = 1600) -> list[Transcript]:
    """All that is told of ``pcm``, the end not included."""
    chunks = (pcm[at : at + chunk_samples] for at in range(0, len(pcm), chunk_samples))
    return [found for chunk in chunks if (found := stream.accept(chunk))]


def heard(found: Iterable[Transcript | None]) -> str:
    return " ".join(each.text for each in found if each and each.final)


@dataclass(frozen=True)
class Twice:
    """What one stream told of the clip, up to the end of which sample, and of the clip again. Each
    time ``finish`` came last."""

    first: list[tuple[int, Transcript]]
    again: list[Transcript]

    @property
    def once(self) -> list[Transcript]:
        return [found for _, found in self.first]


@pytest.fixture(scope="module")
def twice(dutch: VoskRecognizer, demo: Clip) -> Twice:
    stream, first = dutch.stream(), list[tuple[int, Transcript]]()
    for at in range(0, len(demo.pcm), 1600):
        if found := stream.accept(demo.pcm[at : at + 1600]):
            first.append((min(at + 1600, len(demo.pcm)), found))
    if last := stream.finish():
        first.append((len(demo.pcm), last))
    again = transcripts(stream, demo.pcm)
    if last := stream.finish():
        again.append(last)
    return Twice(first, again)


def test_it_reads_the_demo_clip(twice: Twice, demo: Clip) -> None:
    assert error_rate(demo.text, heard(twice.once)) <= 0.15


def test_partials_grow_and_every_utterance_becomes_final(twice: Twice) -> None:
    found = twice.once
    assert sum(not each.final for each in found) > sum(each.final for each in found) > 1
    assert all(one != other for one, other in pairwise(found))


def test_word_times_rise_within_the_sound_heard(twice: Twice) -> None:
    for heard_samples, found in twice.first:
        edges = [edge for word in found.words for edge in (word.start_sample, word.end_sample)]
        assert edges == sorted(edges)
        assert all(0 <= edge <= heard_samples for edge in edges)


def final_words(found: Iterable[Transcript | None]) -> list[Word]:
    return [word for each in found if each and each.final for word in each.words]


def test_word_times_count_on_over_utterances_and_finish(twice: Twice, demo: Clip) -> None:
    first, second = final_words(twice.once)[0], final_words(twice.again)[0]
    assert second.start_sample - first.start_sample == pytest.approx(
        len(demo.pcm), abs=RATE_HZ // 4
    )


def test_renewing_kaldi_after_each_utterance_changes_no_word(
    dutch: VoskRecognizer, twice: Twice, demo: Clip, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vosk_recognizer, "RENEWED_SAMPLES", 0)
    stream = dutch.stream()
    anew = final_words([*transcripts(stream, demo.pcm), stream.finish()])
    before = final_words(twice.once)
    assert [word.text for word in anew] == [word.text for word in before]
    for word, again in zip(before, anew, strict=True):
        assert again.start_sample == pytest.approx(word.start_sample, abs=RATE_HZ // 10)


def test_streams_of_one_model_do_not_mix(dutch: VoskRecognizer, demo: Clip) -> None:
    speaking, silent = dutch.stream(), dutch.stream()
    for at in range(0, len(demo.pcm), 1600):
        speaking.accept(demo.pcm[at : at + 1600])
        assert silent.accept(np.zeros(1600, np.int16)) is None


def noise(rng: np.random.Generator) -> Pcm:
    return rng.normal(0, 300, 5 * RATE_HZ).astype(np.int16)


def tone(rng: np.random.Generator) -> Pcm:
    seconds = np.arange(5 * RATE_HZ) / RATE_HZ
    return (8000 * np.sin(2 * np.pi * 1000 * seconds)).astype(np.int16)


def silence(rng: np.random.Generator) -> Pcm:
    return np.zeros(5 * RATE_HZ, np.int16)


@pytest.mark.parametrize("sound", [noise, tone, silence])
def test_without_speech_hardly_any_words_are_recognised(
    dutch: VoskRecognizer, sound: Callable[[np.random.Generator], Pcm]
) -> None:
    stream = dutch.stream()
    found = [*transcripts(stream, sound(np.random.default_rng(0))), stream.finish()]
    assert len(heard(found).split()) <= 2


def test_clipped_speech_is_recognised(dutch: VoskRecognizer, demo: Clip) -> None:
    loud = np.clip(demo.pcm.astype(np.int32) * 8, -32768, 32767).astype(np.int16)
    stream = dutch.stream()
    assert heard([*transcripts(stream, loud), stream.finish()])


@pytest.mark.parametrize("chunk_samples", [320, 16000])
def test_the_size_of_chunks_does_not_matter_much(
    dutch: VoskRecognizer, demo: Clip, chunk_samples: int
) -> None:
    stream = dutch.stream()
    text = heard([*transcripts(stream, demo.pcm, chunk_samples), stream.finish()])
    assert error_rate(demo.text, text) <= 0.2


# --- a folder that is not whole -------------------------------------------------------------

WHOLE = {
    "am/final.mdl": "x",
    "conf/mfcc.conf": "x",
    "conf/model.conf": "--endpoint.silence-phones=1\n--frame-subsampling-factor=3\n",
    "graph/HCLr.fst": "x",
    "graph/Gr.fst": "x",
    "graph/disambig_tid.int": "1\n",
}


def lay(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def complaint(folder: Path) -> str:
    try:
        check_folder(folder)
    except ModelError as error:
        return str(error)
    return ""


def test_a_whole_folder_passes(tmp_path: Path) -> None:
    assert complaint(lay(tmp_path, WHOLE)) == ""


def test_a_static_graph_passes_too(tmp_path: Path) -> None:
    static = {name: text for name, text in WHOLE.items() if not name.startswith("graph")}
    lay(tmp_path, static | {"graph/HCLG.fst": "x", "graph/words.txt": "x"})
    assert complaint(tmp_path) == ""


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("there", [False, True], ids=["missing", "empty"])
def test_a_file_that_is_missing_or_empty_is_named(tmp_path: Path, name: str, there: bool) -> None:
    rest = {each: text for each, text in WHOLE.items() if each != name}
    lay(tmp_path, rest | ({name: ""} if there else {}))
    with pytest.raises(ModelError, match=name) as error:
        check_folder(tmp_path)
    assert str(tmp_path) in str(error.value)


@pytest.mark.parametrize("option", ["--endpoint.silence-phones", "--frame-subsampling-factor"])
def test_an_option_without_which_vosk_aborts_is_named(tmp_path: Path, option: str) -> None:
    rest = "\n".join(line for line in WHOLE["conf/model.conf"].split() if option not in line)
    lay(tmp_path, WHOLE | {"conf/model.conf": rest + "\n--beam=9"})
    with pytest.raises(ModelError, match=re.escape(f"does not set {option}")):
        check_folder(tmp_path)


@pytest.mark.parametrize("name", ["am/final.mdl", "graph/HCLr.fst", "graph/Gr.fst"])
def test_a_model_cut_short_is_no_model(tmp_path: Path, starter: Catalogue, name: str) -> None:
    folder = tmp_path / "model"
    shutil.copytree(starter.path(starter.recognizers["nl"]), folder)
    whole = (folder / name).read_bytes()
    (folder / name).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelError, match="install the model again"):
        VoskRecognizer(folder, "nl")


def test_it_satisfies_the_recognizer_protocol(dutch: VoskRecognizer) -> None:
    recognizer: Recognizer = dutch
    assert recognizer.language == "nl"


@pytest.mark.parametrize("rms", [0, 2, 5])
def test_no_words_are_recognised_in_the_silence_after_speech(
    dutch: VoskRecognizer, demo: Clip, rms: float
) -> None:
    silence = np.random.default_rng(1).normal(0, rms, 20 * RATE_HZ).round().astype(np.int16)
    *others, last = demo.phrases[:3]
    speech = demo.pcm[: round((last.end_s + 0.3) * RATE_HZ)]
    said = " ".join(each.text for each in (*others, last))
    stream = dutch.stream()
    found = [*transcripts(stream, np.concatenate((speech, silence))), stream.finish()]
    assert error_rate(said, heard(found)) == 0
