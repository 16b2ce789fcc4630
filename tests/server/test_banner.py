import pytest

from server.banner import addresses, shared_url
from server.config import Config
from server.http.access import Access
from server.http.netinfo import Visitor

HOST = "10.1.2.3"
LAN = [HOST, "fd00::1"]
ACCESS = Access(b"x" * 32)


def test_on_loopback_only_localhost_is_printed() -> None:
    printed = addresses(Config(), 8080, ACCESS, LAN)
    assert printed.listener == "http://localhost:8080/listen/main"
    assert printed.speaker == "http://localhost:8080/speak/main"
    assert "--host 0.0.0.0 --tls self" in printed.text


def test_beyond_loopback_the_lan_address_and_a_token_are_printed() -> None:
    printed = addresses(Config(host="0.0.0.0", tls="self"), 8443, ACCESS, LAN, "AB:CD")
    assert printed.listener == f"https://{HOST}:8443/listen/main"
    assert printed.speaker.startswith(f"https://{HOST}:8443/speak/main#token=")
    assert "AB:CD" in printed.text
    token = printed.speaker.partition("#token=")[2]
    assert ACCESS.grants(token, "main").take_over


def test_without_tls_the_missing_microphone_is_explained() -> None:
    assert "no microphone" in addresses(Config(host="0.0.0.0"), 8080, ACCESS, LAN).text


def test_a_public_address_is_preferred() -> None:
    config = Config(host="0.0.0.0", public_url="https://tolk.example/")
    assert addresses(config, 8080, ACCESS, LAN).listener == "https://tolk.example/listen/main"
    assert (
        shared_url(config, Visitor("::1", "http", "localhost:8080"), LAN) == "https://tolk.example"
    )


@pytest.mark.parametrize(
    ("host", "seen", "shared"),
    [
        ("0.0.0.0", "localhost:8080", f"http://{HOST}:8080"),
        ("0.0.0.0", "127.0.0.1", f"http://{HOST}"),
        ("0.0.0.0", "hall.example:8080", "http://hall.example:8080"),
        ("127.0.0.1", "localhost:8080", "http://localhost:8080"),
    ],
)
def test_printed_links_can_be_reached_by_others(host: str, seen: str, shared: str) -> None:
    assert shared_url(Config(host=host), Visitor("127.0.0.1", "http", seen), LAN) == shared
