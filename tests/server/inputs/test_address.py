"""What the user calls a source."""

from pathlib import Path

import pytest

from server.inputs.address import AddressError, address


def test_passwords_are_not_shown() -> None:
    assert address("rtsp://me:secret@camera:554/1?token=x").shown == "rtsp://camera:554/1"
    assert address("srt://desk:9000?passphrase=x").shown == "srt://desk:9000"


@pytest.mark.parametrize("name", ["a:b.wav", "rtmp:x.wav", "-x.wav", "hw:1", "50%.wav"])
def test_a_path_is_a_path(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name).touch()
    found = address(name)
    assert found.is_file and found.url == f"file:{name}"


@pytest.mark.parametrize("text", ["nowhere.wav", "", "http:/desk", "udp://["])
def test_what_is_no_address_is_told(text: str) -> None:
    with pytest.raises(AddressError):
        address(text)


def test_devices_need_no_prefix() -> None:
    assert (address("hw:1,0").url, address("hw:1,0").format) == ("hw:1,0", "alsa")
    assert address("alsa:").url == "default"


@pytest.mark.parametrize("url", ["rtmp://0.0.0.0/live", "tcp://0.0.0.0:5", "http://0.0.0.0:5"])
def test_a_source_that_connects_to_us_may_take_its_time(url: str) -> None:
    assert address(url, listen=True).listens
    assert not address(url).listens
    assert address("srt://0.0.0.0:9000?mode=listener").listens
