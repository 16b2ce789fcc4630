"""Which of a machine's addresses is that of the hall."""

from pathlib import Path

import pytest

from server.http.interfaces import best_first, kind, own_addresses


@pytest.mark.parametrize(
    ("interface", "address", "expected"),
    [
        ("eth0", "192.168.1.2", "lan"),
        ("wlp3s0", "10.1.2.3", "lan"),
        ("enx00e04c", "192.168.1.2", "lan"),
        ("en0", "192.168.1.2", "lan"),
        ("br0", "192.168.1.2", "lan"),
        ("docker0", "172.17.0.1", "inner"),
        ("br-0123456789ab", "172.18.0.1", "inner"),
        ("virbr0", "192.168.122.1", "inner"),
        ("tun0", "10.8.0.2", "inner"),
        ("tailscale0", "100.64.0.3", "inner"),
        ("wg0", "10.9.0.2", "inner"),
        ("usb0", "192.168.42.129", "tether"),
        ("enx00e04c", "172.20.10.2", "tether"),
        ("enp0s20u1", "192.168.42.17", "tether"),
    ],
)
def test_the_kind_of_an_interface(
    tmp_path: Path, interface: str, address: str, expected: str
) -> None:
    assert kind(interface, address, tmp_path) == expected


def test_a_bridge_is_a_network_if_it_has_a_real_card(tmp_path: Path) -> None:
    net = tmp_path / "sys/class/net"
    for bridge in ("hall", "inside"):
        (net / bridge / "bridge").mkdir(parents=True)
    (net / "eth0/device").mkdir(parents=True)
    (net / "hall/lower_eth0").symlink_to(net / "eth0")
    (net / "veth1").mkdir()
    (net / "inside/lower_veth1").symlink_to(net / "veth1")
    assert kind("hall", "10.0.0.2", tmp_path) == "lan"
    assert kind("inside", "10.0.1.1", tmp_path) == "inner"


def test_a_tunnel_of_any_name_is_no_hall(tmp_path: Path) -> None:
    (tmp_path / "sys/class/net/office").mkdir(parents=True)
    (tmp_path / "sys/class/net/office/tun_flags").write_text("0x1002")
    assert kind("office", "10.0.0.2", tmp_path) == "inner"


FOUND = {
    "172.17.0.1": "docker0",
    "10.8.0.2": "tun0",
    "192.168.42.129": "usb0",
    "fd00::5": "wlan0",
    "192.168.1.5": "wlan0",
    "127.0.0.1": "lo",
}


@pytest.mark.parametrize("preferred", ["10.8.0.2", "192.168.42.129", None])
def test_the_hall_s_network_is_first_whatever_the_default_route(
    tmp_path: Path, preferred: str | None
) -> None:
    own = best_first(FOUND, preferred, tmp_path)
    assert [each.interface for each in own] == ["wlan0", "wlan0", "usb0", *own_inner(preferred)]
    assert own[0].address == "192.168.1.5"


def own_inner(preferred: str | None) -> list[str]:
    return ["tun0", "docker0"] if preferred == "10.8.0.2" else ["docker0", "tun0"]


def test_of_two_halls_the_one_of_the_default_route_is_first(tmp_path: Path) -> None:
    found = {"192.168.1.5": "wlan0", "10.0.0.5": "eth0"}
    assert best_first(found, "10.0.0.5", tmp_path)[0].interface == "eth0"


def test_this_machine_s_addresses_have_interfaces() -> None:
    assert all(each.interface for each in own_addresses())
