"""Batches of packets, encrypted and sent together."""

import os
import random
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import numpy as np
import pytest
from numpy.typing import NDArray
from pylibsrtp import Policy, Session

from server.media.batch import HEADER, MOST_PAYLOAD, ROWS, Batch, Destinations

KEY_BYTES = {
    Policy.SRTP_PROFILE_AEAD_AES_256_GCM: 44,
    Policy.SRTP_PROFILE_AEAD_AES_128_GCM: 28,
    Policy.SRTP_PROFILE_AES128_CM_SHA1_80: 30,
}
PROFILE = Policy.SRTP_PROFILE_AEAD_AES_256_GCM


def _ipv6() -> str:
    """An IPv6 address of this machine, if it has one."""
    with socket.socket(socket.AF_INET6) as tried:
        try:
            tried.bind(("::1", 0))
        except OSError:
            return "127.0.0.1"
    return "::1"


IPV6 = _ipv6()


@pytest.fixture
def batch() -> Batch:
    return Batch()


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


class Ear:
    """A receiver, and the SRTP session of its sender."""

    def __init__(self, stack: ExitStack, profile: int = PROFILE, host: str = "127.0.0.1") -> None:
        key = os.urandom(KEY_BYTES[profile])
        policy = Policy(key=key, ssrc_type=Policy.SSRC_ANY_OUTBOUND, srtp_profile=profile)
        policy.allow_repeat_tx = True
        self.sending = Session(policy)
        self._own = Session(
            Policy(key=key, ssrc_type=Policy.SSRC_ANY_INBOUND, srtp_profile=profile)
        )
        self._socket = opened(stack, host)
        self.address: tuple[str, int] = self._socket.getsockname()[:2]

    def heard(self) -> list[bytes]:
        """The packets received, decrypted."""
        found = []
        while True:
            try:
                found.append(self._own.unprotect(self._socket.recv(2000)))
            except BlockingIOError:
                return found


def opened(stack: ExitStack, host: str = "127.0.0.1") -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    found = stack.enter_context(socket.socket(family, socket.SOCK_DGRAM))
    found.bind((host, 0))
    found.setblocking(False)
    return found


def headers_of(count: int, sequence: int = 1) -> NDArray[np.void]:
    """Distinct RTP headers. In every field the order of the bytes matters."""
    rows = [(0x80, 111, sequence, 0x01020304 + row, 0xA0B0C000 + row) for row in range(count)]
    return np.array(rows, HEADER)


def destinations(ears: list[Ear], sockets: list[socket.socket]) -> Destinations:
    return Destinations(
        [ear.sending._srtp[0] for ear in ears], sockets, [ear.address for ear in ears]
    )


@pytest.mark.parametrize("profile", KEY_BYTES)
def test_packets_of_every_size_arrive_unchanged(
    batch: Batch, stack: ExitStack, profile: int
) -> None:
    ears = [Ear(stack, profile) for _ in range(3)]
    to = destinations(ears, [opened(stack)] * 3)
    sizes = [*range(0, 70), 127, 128, 129, 255, 256, 1100, 1275, MOST_PAYLOAD]
    for number, size in enumerate(sizes):
        payload, headers = random.Random(size).randbytes(size), headers_of(3, number)
        assert batch.send(headers, payload, to) == []
        assert [ear.heard() for ear in ears] == [[row.tobytes() + payload] for row in headers]


@pytest.mark.parametrize("count", [0, 1, 2, 31, 32, 33, ROWS])
def test_any_number_of_rows_is_sent(batch: Batch, stack: ExitStack, count: int) -> None:
    ears = [Ear(stack) for _ in range(count)]
    headers = headers_of(count)
    assert batch.send(headers, b"opus", destinations(ears, [opened(stack)] * count)) == []
    assert [ear.heard() for ear in ears] == [[row.tobytes() + b"opus"] for row in headers]


def test_selected_rows_of_a_table_are_sent(batch: Batch, stack: ExitStack) -> None:
    ears = [Ear(stack) for _ in range(3)]
    headers = headers_of(6)[::2]
    assert batch.send(headers, b"opus", destinations(ears, [opened(stack)] * 3)) == []
    assert [ear.heard() for ear in ears] == [[row.tobytes() + b"opus"] for row in headers]


@pytest.mark.parametrize("seed", range(20))
def test_refused_rows_are_reported_and_affect_no_other(
    batch: Batch, stack: ExitStack, seed: int
) -> None:
    """Among good rows: sessions that cannot encrypt, an address that the kernel refuses, a closed
    socket. By several sockets and both kinds of address."""
    rng = random.Random(seed)
    closed = opened(stack)
    closed.close()
    ears, sockets, refused = list[Ear](), list[socket.socket](), list[int]()
    for host, out in [
        ("127.0.0.1", opened(stack)),
        (IPV6, opened(stack, IPV6)),
        ("127.0.0.1", closed),
        ("127.0.0.1", opened(stack)),
    ]:
        for _ in range(rng.choice([1, 2, 40])):
            ear = Ear(stack, host=host)
            kind = rng.choice(["hears", "hears", "no session", "no way"])
            if kind == "no session":
                ear.sending = Session()
            elif kind == "no way":  # it needs a permission
                ear.address = ("255.255.255.255", 9)
            if kind != "hears" or out is closed:
                refused.append(len(ears))
            ears.append(ear)
            sockets.append(out)
    headers, payload = headers_of(len(ears)), rng.randbytes(rng.randrange(MOST_PAYLOAD))
    assert sorted(batch.send(headers, payload, destinations(ears, sockets))) == refused
    for number, ear in enumerate(ears):
        expected = [] if number in refused else [headers[number].tobytes() + payload]
        assert ear.heard() == expected


def test_rows_that_do_not_fit_are_not_sent(batch: Batch, stack: ExitStack) -> None:
    ears = [Ear(stack) for _ in range(2)]
    to = destinations(ears, [opened(stack)] * 2)
    with pytest.raises(ValueError, match="a payload of"):
        batch.send(headers_of(2), bytes(MOST_PAYLOAD + 1), to)
    with pytest.raises(ValueError, match="3 headers"):
        batch.send(headers_of(3), b"opus", to)
    many = destinations(ears * ROWS, [opened(stack)] * 2 * ROWS)
    with pytest.raises(ValueError, match=f"{2 * ROWS} headers"):
        batch.send(headers_of(2 * ROWS), b"opus", many)
    assert not any(ear.heard() for ear in ears)


def test_numbers_in_this_machines_byte_order_are_not_sent(batch: Batch, stack: ExitStack) -> None:
    """NumPy makes such numbers when it joins tables."""
    ears = [Ear(stack) for _ in range(2)]
    headers = np.concatenate((headers_of(1), headers_of(1)))
    with pytest.raises(ValueError, match="headers of"):
        batch.send(headers, b"opus", destinations(ears, [opened(stack)] * 2))
    assert not any(ear.heard() for ear in ears)
