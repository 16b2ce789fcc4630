import re
import socket

from tests.helpers.echo import echo, writer
from tests.helpers.waiting import until
from tools.detour import Detour
from tools.impair import LOOPBACK, Address, Network


def answer(port: int) -> str:
    return f"v=0\r\na=candidate:0 1 udp 2130706431 {LOOPBACK} {port} typ host\r\na=sendrecv\r\n"


def told(sdp: str) -> Address:
    """The address that an answer tells to send to."""
    return LOOPBACK, int(re.findall(rf"{LOOPBACK} (\d+) typ host", sdp)[0])


async def test_only_the_port_of_an_answer_is_changed_and_datagrams_pass_the_relay() -> None:
    async with echo() as (_, port):
        with Detour(Network()) as detour:
            sdp = detour(answer(port))
            assert told(sdp)[1] != port and sdp == answer(told(sdp)[1])
            with writer(told(sdp)) as one:
                one.write(b"one")
                assert await one.hear() == [b"ONE"]
            assert detour.sent.came == 1


async def test_each_port_of_the_server_has_one_relay() -> None:
    async with echo() as (_, port), echo() as (_, another):
        with Detour(Network()) as detour:
            first, again, other = (detour(answer(each)) for each in (port, port, another))
            assert first == again != other
            with writer(told(other)) as one:
                one.write(b"one")
                assert await one.hear() == [b"ONE"]
            assert detour.sent.came == 0, "counts the first port's way"


async def test_by_default_only_the_direction_to_the_server_is_impaired() -> None:
    twice = Network(double=1.0)
    async with echo() as (_, port):
        for detour, times in ((Detour(twice), 2), (Detour(Network(), twice), 2),
                              (Detour(twice, twice), 4)):  # fmt: skip
            with detour, writer(told(detour(answer(port)))) as one:
                one.write(b"one", b"two")
                assert await one.hear(times + 1) == [b"ONE"] * times + [b"TWO"]


async def test_a_changed_network_applies_to_all_ports() -> None:
    async with echo() as (_, port), echo() as (_, later):
        with Detour(Network(loss=1.0)) as detour, writer(told(detour(answer(port)))) as one:
            one.write(b"lost")
            await until(lambda: detour.sent.lost == 1)
            detour.become(Network())
            one.write(b"one")
            assert await one.hear() == [b"ONE"]
            with writer(told(detour(answer(later)))) as other:
                other.write(b"other")
                assert await other.hear() == [b"OTHER"]


async def test_the_relays_end_with_the_detour() -> None:
    with Detour(Network()) as detour:
        address = told(detour(answer(40_000)))
    with socket.socket(type=socket.SOCK_DGRAM) as own:
        own.bind(address)
