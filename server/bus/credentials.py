"""What a machine shows NATS to be let in: a user and password, or a key that signs.

NATS's own credentials file (``.creds``, made by ``nsc``) has a JWT and the seed of an Ed25519 key.
The server sends a nonce, and gets the JWT and the nonce's signature; the seed is never sent.
"""

import base64
import binascii
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_BLOCK: Final = re.compile(
    r"-+BEGIN (NATS USER JWT|USER NKEY SEED)-+\s*([A-Za-z0-9_.=-]+?)\s*-+END \1-+"
)
#: The first two bytes of the seed of a user's key, as far as they are fixed.
_USER_SEED: Final = bytes((18 << 3 | 20 >> 2, (20 << 3 & 0x1F) << 3))


@dataclass(frozen=True)
class Credentials:
    """``user`` and ``password``, or ``jwt`` and ``seed``, 32 bytes; all empty if none are
    needed."""

    user: str = ""
    password: str = field(default="", repr=False)
    jwt: str = field(default="", repr=False)
    seed: bytes = field(default=b"", repr=False)

    def signed(self, nonce: str) -> bytes:
        """The nonce's signature, in base 64."""
        key = Ed25519PrivateKey.from_private_bytes(self.seed)
        return base64.b64encode(key.sign(nonce.encode()))


def read(file: Path) -> Credentials:
    """The credentials in ``file``: one line USER:PASSWORD, or a .creds file. Raises ValueError,
    whose text begins with the setting and has no secret."""
    try:
        text = file.read_text(encoding="utf8").strip()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise ValueError(f"--bus-credentials: {file} cannot be read: {reason}") from None
    if "-----BEGIN" in text:
        return _creds(file, text)
    user, colon, password = text.partition(":")
    if not (user and colon and password) or "\n" in text:
        raise ValueError(
            f"--bus-credentials: {file} must have one line, USER:PASSWORD, or be a .creds file of "
            "NATS"
        )
    return Credentials(user, password)


def _creds(file: Path, text: str) -> Credentials:
    found = dict(_BLOCK.findall(text))
    try:
        return Credentials(jwt=found["NATS USER JWT"], seed=_seed(found["USER NKEY SEED"]))
    except (KeyError, ValueError):
        raise ValueError(
            f"--bus-credentials: {file} lacks a NATS USER JWT or a valid USER NKEY SEED; make it "
            "again with nsc generate creds"
        ) from None


def _seed(text: str) -> bytes:
    """The 32 bytes of a user's seed. Raises ValueError."""
    raw = base64.b32decode(text + "=" * (-len(text) % 8))
    data, check = raw[:-2], int.from_bytes(raw[-2:], "little")
    if len(data) != 34 or data[:2] != _USER_SEED or binascii.crc_hqx(data, 0) != check:
        raise ValueError("no seed of a user")
    return data[2:]
