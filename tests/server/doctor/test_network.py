"""Addresses and ports, as people could use them."""

import asyncio
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest

from server.config import Config
from server.doctor import ports
from server.doctor.addresses import addresses
from server.doctor.findings import Finding
from server.http.interfaces import Own
from tests.helpers.running import STAND_IN, tolk

HALL = Own("192.168.1.5", "wlan0", "lan")
DOCKER = Own("172.17.0.1", "docker0", "inner")
PHONE = Own("192.168.42.5", "usb0", "tether")


def first(config: Config, own: Sequence[Own]) -> Finding:
    return addresses(config, own)[0]


def test_the_printed_address_is_named_with_its_interface() -> None:
    found = addresses(Config(host="0.0.0.0", tls="self"), [HALL, PHONE, DOCKER])
    assert found[0].text == "https://192.168.1.5:8080 is printed, that of wlan0"
    assert [each.level for each in found if "docker0" in each.text] == ["ok"]


@pytest.mark.parametrize("own", [[DOCKER], [PHONE, DOCKER], []])
def test_a_machine_that_is_in_no_hall_is_told(own: list[Own]) -> None:
    found = first(Config(host="0.0.0.0"), own)
    assert found.level == "problem"
    assert "network of the phones" in found.advice


def test_a_public_url_that_leads_nowhere_or_home_is_told() -> None:
    for url in ("https://nobody.invalid", "https://localhost"):
        found = first(Config(public_url=url), [HALL])
        assert (found.level, bool(found.advice)) == ("problem", True), url
    assert "this machine" in first(Config(public_url="https://192.168.1.5"), [HALL]).text


def test_sound_that_does_not_pass_a_proxy_is_told() -> None:
    proxied = Config(public_url="https://192.168.1.5", trusted_proxies=["127.0.0.1/32"])
    assert "over the WebSocket" in addresses(proxied, [HALL])[1].text
    offered = msgspec.structs.replace(proxied, ice_addresses=["192.168.1.5"])
    assert not any("over the WebSocket" in each.text for each in addresses(offered, [HALL]))


def microphone(config: Config) -> str:
    (found,) = (each for each in addresses(config, [HALL]) if each.part == "microphone")
    return found.level


def test_a_page_without_https_gets_no_microphone() -> None:
    assert microphone(Config(host="0.0.0.0")) == "problem"
    assert microphone(Config(host="0.0.0.0", tls="self")) == "ok"
    assert microphone(Config()) == "ok"


def test_only_this_machine_is_told_how_to_let_phones_in() -> None:
    found = first(Config(), [HALL])
    assert "--host 0.0.0.0 --tls self" in found.advice


def levels(found: Sequence[Finding]) -> set[str]:
    return {each.level for each in found}


def test_free_ports_are_tried(unused_tcp_port: int) -> None:
    found = ports.ports(Config(port=unused_tcp_port), ["127.0.0.1"])
    assert levels(found) == {"ok"}
    assert "a datagram came through at 127.0.0.1" in found[1].text


def test_ports_of_others_are_problems() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as tcp,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
    ):
        udp.bind(("127.0.0.1", 0))
        config = Config(port=tcp.getsockname()[1], media_port=udp.getsockname()[1])
        found = ports.ports(config, ["127.0.0.1"])
    assert [each.level for each in found] == ["problem", "problem"]
    assert "another program" in found[0].text
    assert all("ss -l" in each.advice for each in found)


@pytest.mark.parametrize("tls", ["off", "self"])
async def test_beside_a_server_that_runs_all_is_well(tmp_path: Path, tls: str) -> None:
    async with tolk(tmp_path, STAND_IN, ready=False, tls=tls) as server:
        port = server.port
        config = Config(port=port, media_port=port, tls=tls)  # type: ignore[arg-type]
        # The server answers only if its loop runs.
        found = await _in_a_thread(config)
    assert levels(found) == {"ok"}
    assert "a Tolk that runs" in found[0].text


async def _in_a_thread(config: Config) -> list[Finding]:
    with ThreadPoolExecutor(1) as pool:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(pool, ports.ports, config, ["127.0.0.1"])


def test_a_firewall_is_named_with_what_opens_it(tmp_path: Path) -> None:
    (tmp_path / "etc/ufw").mkdir(parents=True)
    (tmp_path / "etc/ufw/ufw.conf").write_text("# x\nENABLED=yes\nLOGLEVEL=low\n")
    (tmp_path / "run").mkdir()
    (tmp_path / "run/firewalld.pid").write_text("7")
    config = Config(host="0.0.0.0", media_processes=3)
    told = ports.firewall(config, "https://192.168.1.5:8080", tmp_path)
    advice = " ".join(each.advice for each in told)
    assert "ufw allow 8080/tcp && sudo ufw allow 8080:8082/udp" in advice
    assert "--add-port=8080-8082/udp" in advice
    assert "open https://192.168.1.5:8080/listen/main on a phone" in advice
