"""What ``translate`` would write, and what it refuses before anything is opened."""

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.translate.plan import Job, PlanError, Wanted, plan


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a recording, and a folder of recordings."""
    monkeypatch.chdir(tmp_path)
    for name in ("talk.wav", "talks/one.mp3", "talks/day 2/two.mp4", "talks/.hidden.mp3"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"sound")
    return tmp_path


def planned(
    *inputs: str, to: tuple[str, ...] = ("en",), output: str = "", **kw: object
) -> list[Job]:
    return plan(Wanted(inputs, "nl", to, output, **kw))  # type: ignore[arg-type]


def outputs(*inputs: str, **kw: object) -> set[str]:
    return {str(path) for job in planned(*inputs, **kw) for path in job.outputs}  # type: ignore[arg-type]


def test_one_language_is_written_to_the_name_that_was_given() -> None:
    assert outputs("talk.wav", output="out.mp3") == {"out.mp3"}


def test_several_languages_are_written_to_a_file_each() -> None:
    assert outputs("talk.wav", to=("en", "de"), output="out.mp3") == {"out.en.mp3", "out.de.mp3"}


def test_a_film_has_all_languages() -> None:
    (job,) = planned("talk.wav", to=("en", "de"), output="out.mp4")
    assert job.film == Path("out.mp4") and not job.sounds


def test_captions_are_written_in_both_languages() -> None:
    assert outputs("talk.wav", captions=["a.srt"]) == {"a.srt", "a.nl.srt"}
    several = outputs("talk.wav", to=("en", "de"), captions=["a.srt", "b.json"])
    assert several == {"a.nl.srt", "a.en.srt", "a.de.srt", "b.json"}


def test_an_ending_alone_is_named_after_the_output() -> None:
    assert outputs("talk.wav", output="t.en.wav", captions=["vtt"]) == {
        *("t.en.wav", "t.en.vtt", "t.nl.vtt")
    }
    assert outputs("talks/one.mp3", captions=["txt"]) == {"talks/one.en.txt", "talks/one.nl.txt"}


def test_a_folder_is_written_to_a_folder_alike() -> None:
    found = outputs("talks", output="out", kind="opus")
    assert found == {"out/one.en.opus", "out/day 2/two.en.opus"}


def test_what_was_written_into_the_same_folder_is_not_read_again(folder: Path) -> None:
    before = outputs("talks", output="talks/out/")
    (folder / "talks/out").mkdir()
    (folder / "talks/out/one.en.wav").touch()
    (folder / "talks/one.en.srt").touch()
    assert outputs("talks", output="talks/out/") == before


def test_recordings_of_one_name_are_kept_apart(folder: Path) -> None:
    (folder / "talks/one.wav").touch()
    found = outputs("talks/one.mp3", "talks/one.wav", output="out/")
    assert found == {"out/one.mp3.en.wav", "out/one.wav.en.wav"}


def links(folder: Path) -> list[str]:
    (folder / "link.wav").symlink_to("talk.wav")
    os.link(folder / "talk.wav", folder / "hard.wav")
    (folder / "here").symlink_to(folder)
    return ["talk.wav", "./talks/../talk.wav", "link.wav", "hard.wav", "here/talk.wav"]


def test_an_output_over_an_input_is_refused_by_any_name(folder: Path) -> None:
    for name in [*links(folder), str(folder / "talk.wav")]:
        with pytest.raises(PlanError, match="is a recording to read"):
            planned("talk.wav", output=name)
    assert (folder / "talk.wav").read_bytes() == b"sound"


@pytest.mark.parametrize("seed", range(10))
def test_an_output_over_an_input_is_refused_in_any_spelling(folder: Path, seed: int) -> None:
    chance = random.Random(seed)
    (folder / "here").symlink_to(folder)
    (folder / "deep").symlink_to(folder / "talks" / "day 2")
    detours = ["./", "talks/../", "here/", "/", "talks/day 2/../../", "deep/../../", "./here/./"]
    spelled = "".join(chance.choices(detours, k=chance.randint(1, 6))).lstrip("/") + "talk.wav"
    start = chance.choice(["", f"{folder}/", f"{folder}//here/"])
    with pytest.raises(PlanError, match="is a recording to read"):
        planned("talk.wav", output=start + spelled)


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        ({"output": ""}, "say what to write"),
        ({"output": "out.xyz"}, "must end in one of wav"),
        ({"output": "out"}, "must end in one of wav"),
        ({"output": "o.wav", "captions": ["a.doc"]}, "captions end in one of srt"),
        ({"output": "o.wav", "captions": ["a.srt", "./a.srt"]}, "written twice"),
        ({"output": "/dev/null.wav/../null", "captions": []}, "must end in"),
        ({"captions": ["talk.wav"]}, "captions end in"),
    ],
)
def test_what_cannot_be_is_told(wanted: dict[str, object], why: str) -> None:
    with pytest.raises(PlanError, match=why):
        planned("talk.wav", **wanted)  # type: ignore[arg-type]


def test_what_is_no_file_is_not_replaced(folder: Path) -> None:
    os.mkfifo(folder / "pipe.wav")
    with pytest.raises(PlanError, match="is not a file"):
        planned("talk.wav", output="pipe.wav")


def test_one_output_for_several_recordings_is_refused() -> None:
    with pytest.raises(PlanError, match="one file, for several"):
        planned("talks", output="out.wav")
    with pytest.raises(PlanError, match="one file, for several"):
        planned("talk.wav", "talks", output="out/", captions=["a.srt"])


def test_an_empty_folder_is_told(folder: Path) -> None:
    (folder / "nothing").mkdir()
    with pytest.raises(PlanError, match="no files in nothing"):
        planned("nothing", output="out/")


def test_a_folder_that_cannot_be_read_is_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = os.scandir

    def scandir(path: str) -> Iterator[os.DirEntry[str]]:
        if str(path).endswith("day 2"):
            raise PermissionError(13, "Permission denied", str(path))
        return own(path)

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(PlanError, match="talks/day 2 cannot be read: Permission denied"):
        planned("talks", output="out/")


def test_many_recordings_are_planned_in_a_moment(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = 300
    (folder / "many").mkdir()
    for number in range(many):
        (folder / "many" / f"{number}.wav").touch()
    looked, own = list[object](), os.path.realpath

    def realpath(path: str) -> str:
        looked.append(path)
        return own(path)

    monkeypatch.setattr(os.path, "realpath", realpath)
    assert len(planned("many", output="out/")) == many
    assert len(looked) < 5 * many
