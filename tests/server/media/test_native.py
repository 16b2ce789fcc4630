"""When the compiled loop can be built and is used. test_batch tests that it sends."""

import ctypes
import subprocess
from pathlib import Path

import pytest

from server.media import native
from server.media.batch import MOST_PAYLOAD, Batch
from server.media.native import BuildError, NativeBatch, best, build, compiler, file_name, load


def compile_into(folder: Path, source: str) -> None:
    """Compile another source in place of native.c."""
    (folder / "other.c").write_text(source)
    library = folder / file_name()
    command = [*compiler(), "-fPIC", "-shared", "-o", str(library), str(folder / "other.c")]
    subprocess.run(command, check=True)
    library.chmod(0o700)


def test_the_compiled_loop_is_used(compiled: Path) -> None:
    sending, name = best(compiled)
    assert isinstance(sending, NativeBatch) and name == "native"


def test_without_the_compiled_loop_batches_are_sent_by_python(tmp_path: Path) -> None:
    sending, name = best(tmp_path)
    assert isinstance(sending, Batch) and name == "batches"
    assert load(tmp_path / "no such folder") is None


def test_the_source_compiles_without_warnings(compiled: Path) -> None:
    warnings = ["-Wall", "-Wextra", "-Wconversion", "-Werror"]
    subprocess.run(
        [*compiler(), "-std=c11", *warnings, "-fsyntax-only", str(native.SOURCE)], check=True
    )


def test_the_loop_refuses_packets_that_are_too_long(compiled: Path) -> None:
    """Even if its caller did not check."""
    send = ctypes.CDLL(str(compiled / file_name())).tolk_send
    size, none = ctypes.c_size_t, ctypes.c_void_p()
    for payload_bytes, result in ((MOST_PAYLOAD, 0), (MOST_PAYLOAD + 1, -1)):
        payload = bytes(payload_bytes)
        rest = [none] * 5
        assert send(-1, payload, size(payload_bytes), size(0), *rest) == result


def test_a_library_of_another_source_is_not_used(
    compiled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    newer = tmp_path / "native.c"
    newer.write_bytes(native.SOURCE.read_bytes() + b"\n")
    monkeypatch.setattr(native, "SOURCE", newer)
    assert load(compiled) is None


def test_without_the_source_python_sends(
    compiled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(native, "SOURCE", tmp_path / "native.c")
    assert load(compiled) is None
    with pytest.raises(BuildError, match="is not there"):
        build(tmp_path)


def test_a_file_that_is_not_a_library_is_not_used(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / file_name()).write_bytes(b"no library")
    (tmp_path / file_name()).chmod(0o700)
    assert load(tmp_path) is None
    assert "is not used: a batch cannot be sent" in caplog.text


@pytest.mark.parametrize(
    "source",
    ["int other(void) { return 0; }", "int tolk_send(void) { return 0; }"],
    ids=["no such function", "sends nothing"],
)
def test_a_library_that_does_not_work_is_not_used(
    compiled: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, source: str
) -> None:
    compile_into(tmp_path, source)
    assert load(tmp_path) is None
    assert "is not used: a batch cannot be sent" in caplog.text


def test_a_library_that_sends_other_packets_is_not_used(
    compiled: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made = native.SOURCE.read_text()
    plain = made.replace("protect(sessions[row], packet, &size) != 0", "!sessions || !protect")
    assert plain != made
    compile_into(tmp_path, plain)
    assert load(tmp_path) is None
    assert "something else came" in caplog.text


@pytest.mark.parametrize("which", ["library", "folder"])
def test_a_library_that_other_users_may_change_is_not_used(
    tmp_path: Path, compiled: Path, caplog: pytest.LogCaptureFixture, which: str
) -> None:
    library = build(tmp_path)
    assert load(tmp_path) is not None
    (library if which == "library" else tmp_path).chmod(0o770)
    assert load(tmp_path) is None
    assert "others may change it" in caplog.text


def test_nothing_is_compiled_into_a_folder_that_other_users_may_change(
    compiled: Path, tmp_path: Path
) -> None:
    tmp_path.chmod(0o777)
    with pytest.raises(BuildError, match="may write to"):
        build(tmp_path)
    assert not list(tmp_path.iterdir())


def test_without_a_compiler_the_error_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BuildError, match="install one"):
        build(tmp_path / "state")


@pytest.mark.parametrize("command", ["false", "no-such-compiler"])
def test_a_failed_compilation_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setenv("CC", command)
    with pytest.raises(BuildError, match=command):
        build(tmp_path)
    assert not list(tmp_path.iterdir())
