import pytest

from server.banner import addresses, addresses_with, shared_url
from server.config import Config
from server.http.access import Access
from server.http.interfaces import Own
from server.http.netinfo import Visitor, qr_code

HOST = "10.1.2.3"
LAN = [HOST, "fd00::1"]
OWN = [Own(HOST, "wlan0", "lan")]
SEVERAL = [*OWN, Own("192.168.42.7", "usb0", "tether"), Own("172.17.0.1", "docker0", "inner")]
ACCESS = Access(b"x" * 32)


def test_on_loopback_only_localhost_is_printed() -> None:
    printed = addresses(Config(), 8080, ACCESS, OWN)
    assert printed.listener == "http://localhost:8080/listen/main"
    assert printed.speaker == "http://localhost:8080/speak/main"
    assert "--host 0.0.0.0 --tls self" in printed.text


def test_no_phone_is_invited_to_localhost() -> None:
    assert "█" not in addresses(Config(), 8080, ACCESS, OWN).text
    assert "█" in addresses(Config(host="0.0.0.0"), 8080, ACCESS, OWN).text
    behind_a_proxy = addresses(Config(public_url="https://tolk.example"), 8080, ACCESS, OWN)
    assert "█" in behind_a_proxy.text
    assert "no phone" not in behind_a_proxy.text


def test_where_listening_needs_a_token_the_printed_address_has_one() -> None:
    access = Access(b"x" * 32, open_listen=False)
    printed = addresses(Config(listen_token="required"), 8080, access, OWN)
    address, _, token = printed.listener.partition("#token=")
    assert address.endswith("/listen/main")
    grants = access.grants(token, "main")
    assert grants.listen
    assert not grants.speak


def test_a_token_is_printed_with_the_addresses_that_it_opens() -> None:
    base = "https://tolk.example"
    lines = addresses_with("abc", base, "hall", ["listen", "speak", "interpret"], ["fr", "de"])
    assert lines.split() == [
        *("Speak:", "https://tolk.example/speak/hall#token=abc"),
        *("Listen:", "https://tolk.example/listen/hall#token=abc"),
        *("Interpret:", "https://tolk.example/interpret/hall/fr#token=abc"),
        *("Interpret:", "https://tolk.example/interpret/hall/de#token=abc"),
    ]
    only = addresses_with("abc", base, "*", ["listen"])
    assert only.split() == ["Listen:", "https://tolk.example/listen/main#token=abc"]
    only = addresses_with("abc", base, "*", ["operate"])
    assert only.split() == ["Operate:", "https://tolk.example/operate#token=abc"]
    any_language = addresses_with("abc", base, "*", ["interpret"])
    assert "https://tolk.example/interpret/main/en#token=abc\n(any other language" in any_language


def test_the_operators_address_is_printed_without_a_token() -> None:
    text = addresses(Config(), 8080, ACCESS, OWN).text
    assert "http://localhost:8080/operate (its token: python -m server token --operate)" in text


def test_beyond_loopback_the_lan_address_and_a_token_are_printed() -> None:
    printed = addresses(Config(host="0.0.0.0", tls="self"), 8443, ACCESS, OWN, "AB:CD")
    assert printed.listener == f"https://{HOST}:8443/listen/main"
    assert printed.speaker.startswith(f"https://{HOST}:8443/speak/main#token=")
    assert "AB:CD" in printed.text
    token = printed.speaker.partition("#token=")[2]
    assert ACCESS.grants(token, "main").take_over


def test_without_tls_the_missing_microphone_is_explained() -> None:
    assert "no microphone" in addresses(Config(host="0.0.0.0"), 8080, ACCESS, OWN).text


def test_a_public_address_is_preferred() -> None:
    config = Config(host="0.0.0.0", public_url="https://tolk.example/")
    assert addresses(config, 8080, ACCESS, OWN).listener == "https://tolk.example/listen/main"
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


def test_all_addresses_are_printed_with_their_interfaces() -> None:
    config = Config(host="0.0.0.0", tls="self")
    text = addresses(config, 8443, ACCESS, SEVERAL).text
    assert "network of wlan0" in text
    assert "https://192.168.42.7:8443 (usb0), https://172.17.0.1:8443 (docker0)" in text
    assert "--address" not in addresses(config, 8443, ACCESS, OWN).text


def test_a_chosen_address_is_printed_and_shared() -> None:
    config = Config(host="0.0.0.0", address="hall.local")
    printed = addresses(config, 8080, ACCESS, SEVERAL)
    assert printed.listener == "http://hall.local:8080/listen/main"
    assert "docker0" not in printed.text
    for seen in ("172.17.0.1:8080", "localhost:8080"):
        visitor = Visitor("172.17.0.2", "http", seen)
        assert shared_url(config, visitor, LAN) == "http://hall.local:8080"


@pytest.mark.parametrize("encoding", ["ascii", "iso8859-1", "no-such"])
def test_a_terminal_without_blocks_gets_a_code_too(encoding: str) -> None:
    drawn = qr_code("https://192.168.1.2:8443/listen/main", encoding)
    drawn.encode("ascii")
    assert len(drawn.splitlines()) > 20
