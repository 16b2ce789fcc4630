import pytest

from server.media import batch, libopus
from server.media_setup import check_media


def test_this_machine_passes_the_check_of_media() -> None:
    check_media()


def test_missing_requirements_of_media_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "problem", lambda: "nothing is sent")
    with pytest.raises(RuntimeError, match="listeners cannot be sent to: nothing is sent"):
        check_media()
    monkeypatch.undo()

    def absent() -> None:
        raise OSError("no libopus")

    monkeypatch.setattr(libopus, "load", absent)
    with pytest.raises(RuntimeError, match="audio cannot be encoded or decoded: no libopus"):
        check_media()
