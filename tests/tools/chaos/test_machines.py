"""What the row "machines" stands on: machines that can be cut off, and counting what was heard
twice. The row itself takes minutes."""

import socket

import pytest

from signaling.messages import Caption
from tools.chaos.machines import heard_twice, machines
from tools.namespaces import Network, network

ANSWER_S, NO_ANSWER_S = 10.0, 0.3
PORT = 9000


def answers(network: Network, kind: socket.SocketKind) -> bool:
    """Whether a packet gets from "a" to "b" and back."""
    address = (network.address("b"), PORT)
    with network.inside("b"), socket.socket(type=kind) as there:
        there.bind(address)
        if kind is socket.SOCK_STREAM:
            there.listen()
        with network.inside("a"), socket.socket(type=kind) as here:
            here.settimeout(NO_ANSWER_S)
            try:
                here.connect(address)
                here.send(b"hello")
                if kind is socket.SOCK_DGRAM:
                    there.settimeout(NO_ANSWER_S)
                    there.recv(5)
            except TimeoutError:
                return False
    return True


async def test_machines_are_cut_off_without_a_word_and_joined_again() -> None:
    try:
        with network("a", "b", "c") as made:
            assert answers(made, socket.SOCK_STREAM)
            made.cut("a", "b")
            assert not answers(made, socket.SOCK_STREAM)
            made.mend("a", "b")
            made.cut("a", "c")
            assert answers(made, socket.SOCK_DGRAM)
            made.block_udp("a")
            assert not answers(made, socket.SOCK_DGRAM)
            assert answers(made, socket.SOCK_STREAM)
    except PermissionError:
        (figure,) = await machines(quick=True, busy=False)
        assert figure.name == "machines.not_possible_here"


@pytest.mark.parametrize(
    ("second", "skipped", "twice"),
    [((3100, 4000), False, 0), ((1200, 2800), False, 1), ((1200, 2800), True, 0)],
)
def test_speech_that_two_machines_interpret_is_heard_twice(
    second: tuple[int, int], skipped: bool, twice: int
) -> None:
    captions = [
        Caption(
            "hall", "en", number, 1, "final", *times, "Welcome.", skipped=number == 1 and skipped
        )
        for number, times in enumerate([(1000, 3000), second])
    ]
    assert heard_twice(captions) == twice
