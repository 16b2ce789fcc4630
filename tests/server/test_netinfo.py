import re

import pytest
from multidict import CIMultiDict

from server.config import ConfigError
from server.http import netinfo
from server.http.interfaces import usable
from server.http.netinfo import (
    Visitor,
    base_url,
    client_address,
    gives_microphone,
    is_loopback,
    names,
    parse_addresses,
    parse_networks,
    printed_hosts,
    qr_code,
    visitor,
)

PROXIES = parse_networks(["10.0.0.0/8", "fd00::/8", "192.0.2.7"], "--trusted-proxies")


def test_addresses_that_others_cannot_reach_are_left_out() -> None:
    found = ["127.0.0.1", "::1", "169.254.3.4", "fe80::1%eth0", "0.0.0.0", "192.168.1.2", "fd00::2"]
    assert usable(found) == ["192.168.1.2", "fd00::2"]


def test_the_preferred_address_is_first_then_ipv4() -> None:
    found = ["fd00::2", "172.17.0.1", "192.168.1.2", "172.17.0.1"]
    assert usable(found, "192.168.1.2") == ["192.168.1.2", "172.17.0.1", "fd00::2"]
    assert usable(found, None) == ["172.17.0.1", "192.168.1.2", "fd00::2"]


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", True), ("127.1.2.3", True), ("::1", True), ("localhost", True)]
    + [("0.0.0.0", False), ("::", False), ("192.168.1.2", False), ("hall.local", False)],
)
def test_loopback(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", ["localhost"]),
        ("0.0.0.0", ["192.168.1.2", "localhost"]),
        ("::", ["192.168.1.2", "localhost"]),
        ("", ["192.168.1.2", "localhost"]),
        ("192.168.9.9", ["192.168.9.9"]),
        ("hall.local", ["hall.local"]),
    ],
)
def test_the_printed_hosts_can_be_reached(host: str, expected: list[str]) -> None:
    assert printed_hosts(host, ["192.168.1.2"]) == expected


def test_the_certificate_covers_the_printed_hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(netinfo, "lan_addresses", lambda: ["192.168.1.2"])
    monkeypatch.setattr("socket.gethostname", lambda: "Hall")
    assert names("127.0.0.1") == ["localhost", "127.0.0.1", "::1"]
    assert names("192.168.9.9") == ["localhost", "127.0.0.1", "::1", "192.168.9.9"]
    assert names("0.0.0.0")[3:] == ["hall", "hall.local", "192.168.1.2"]


@pytest.mark.parametrize(
    ("scheme", "host", "port", "url"),
    [
        ("http", "localhost", 8080, "http://localhost:8080"),
        ("https", "fd00::2", 8443, "https://[fd00::2]:8443"),
        ("https", "tolk.example", 443, "https://tolk.example"),
        ("http", "tolk.example", 80, "http://tolk.example"),
        ("http", "tolk.example", 443, "http://tolk.example:443"),
    ],
)
def test_addresses_are_written_as_browsers_take_them(
    scheme: str, host: str, port: int, url: str
) -> None:
    assert base_url(scheme, host, port) == url


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://192.168.1.2:8443", True),
        ("http://localhost:8080/speak/a", True),
        ("http://127.0.0.1:8080", True),
        ("http://[::1]:8080/", True),
        ("http://192.168.1.2:8080", False),
        ("http://localhost.evil.example", False),
        ("http://[fd00::2]:8080", False),
    ],
)
def test_browsers_give_a_microphone_to_secure_pages(url: str, expected: bool) -> None:
    assert gives_microphone(url) is expected


def test_a_qr_code_is_a_square_of_half_blocks() -> None:
    lines = qr_code("https://192.168.1.2:8443/listen/sunday").splitlines()
    plain = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in lines]
    assert len({len(line) for line in plain}) == 1
    assert abs(2 * len(plain) - len(plain[0])) <= 1
    assert set("".join(plain)) <= set(" █▀▄")


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("203.0.113.5", [], "203.0.113.5"),
        ("203.0.113.5", ["198.51.100.1"], "203.0.113.5"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["6.6.6.6, 198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["6.6.6.6", "198.51.100.1, 10.2.2.2"], "198.51.100.1"),
        ("10.0.0.1", ["10.3.3.3, 10.2.2.2"], "10.3.3.3"),
        ("192.0.2.7", ["198.51.100.1:5678"], "198.51.100.1"),
        ("::ffff:10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("fd00::1", ["[2001:db8::5]:443"], "2001:db8::5"),
        ("fd00::1", ["2001:db8::5"], "2001:db8::5"),
        ("10.0.0.1", ["198.51.100.1, unknown"], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1, "], "10.0.0.1"),
        ("10.0.0.1", ["<script>"], "10.0.0.1"),
        (None, ["198.51.100.1"], "unknown"),
        ("", ["198.51.100.1"], "unknown"),
    ],
)
def test_only_trusted_proxies_may_name_the_client_s_address(
    peer: str | None, forwarded: list[str], address: str
) -> None:
    headers = CIMultiDict([("X-Forwarded-For", value) for value in forwarded])
    assert client_address(headers, peer, PROXIES) == address


@pytest.mark.parametrize(
    ("peer", "headers", "url"),
    [
        ("203.0.113.5", {"X-Forwarded-Proto": "https"}, "http://inside:8080"),
        ("203.0.113.5", {"X-Forwarded-Host": "evil.example"}, "http://inside:8080"),
        ("10.0.0.1", {}, "http://inside:8080"),
        ("10.0.0.1", {"X-Forwarded-Proto": "https"}, "https://inside:8080"),
        ("10.0.0.1", {"x-forwarded-proto": "HTTPS"}, "https://inside:8080"),
        ("10.0.0.1", {"X-Forwarded-Proto": "wss"}, "https://inside:8080"),
        ("10.0.0.1", {"X-Forwarded-Proto": "javascript"}, "http://inside:8080"),
        ("10.0.0.1", {"X-Forwarded-Host": "tolk.example"}, "http://tolk.example"),
        ("10.0.0.1", {"X-Forwarded-Host": "tolk.example:8443"}, "http://tolk.example:8443"),
        ("10.0.0.1", {"X-Forwarded-Host": "[2001:db8::5]:8443"}, "http://[2001:db8::5]:8443"),
        ("10.0.0.1", {"X-Forwarded-Host": "evil.example, tolk.example"}, "http://tolk.example"),
        ("10.0.0.1", {"X-Forwarded-Host": "a/b"}, "http://inside:8080"),
        ("10.0.0.1", {"X-Forwarded-Host": "a\nb"}, "http://inside:8080"),
        ("10.0.0.1", {"X-Forwarded-Host": '"><script>'}, "http://inside:8080"),
    ],
)
def test_only_trusted_proxies_may_name_our_address(
    peer: str, headers: dict[str, str], url: str
) -> None:
    assert visitor(CIMultiDict(headers), peer, "http", "inside:8080", PROXIES).url == url


def test_the_client_s_address_is_read_from_a_proxy_s_headers() -> None:
    headers = CIMultiDict(
        {
            "X-Forwarded-For": "198.51.100.1",
            "X-Forwarded-Proto": "https",
            "X-Forwarded-Host": "tolk.example",
        }
    )
    assert visitor(headers, "10.0.0.1", "http", "inside:8080", PROXIES) == Visitor(
        address="198.51.100.1", scheme="https", host="tolk.example"
    )


@pytest.mark.parametrize(
    ("address", "site"),
    [
        ("198.51.100.1", "198.51.100.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::7", "2001:db8:1:2::/64"),
        ("unknown", "unknown"),
    ],
)
def test_addresses_of_one_network_count_as_one(address: str, site: str) -> None:
    assert Visitor(address, "http", "tolk.example").site == site


def test_networks_are_parsed_and_invalid_ones_named() -> None:
    assert [str(network) for network in parse_networks(["10.0.0.0/8", " ::1 "], "--here")] == [
        "10.0.0.0/8",
        "::1/128",
    ]
    with pytest.raises(ConfigError, match=r"--here: .*10\.0\.0\.1/8"):
        parse_networks(["10.0.0.1/8"], "--here")
    with pytest.raises(ConfigError, match="--here: 'proxy'"):
        parse_networks(["proxy"], "--here")


def test_ice_addresses_must_not_be_names() -> None:
    assert parse_addresses(["203.0.113.7", "2001:db8::1"]) == ["203.0.113.7", "2001:db8::1"]
    for text in ("tolk.example", "0.0.0.0", "203.0.113.7:8080"):
        with pytest.raises(ConfigError, match="--ice-addresses"):
            parse_addresses([text])
