"""NATS's own credentials files, with a real server that lets in only who is signed for."""

import base64
import binascii
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from server.bus.addresses import NatsServer, parse
from server.bus.credentials import read
from server.bus.nats_connection import Nats
from tests.helpers.nats import nats_server

OPERATOR, ACCOUNT, USER = 14 << 3, 0, 20 << 3
HEADER = {"typ": "JWT", "alg": "ed25519-nkey"}


def encoded(data: bytes) -> str:
    check = binascii.crc_hqx(data, 0).to_bytes(2, "little")
    return base64.b32encode(data + check).decode().rstrip("=")


class Key:
    """A key as NATS writes it. ``kind``: the first byte."""

    def __init__(self, kind: int) -> None:
        self._key = Ed25519PrivateKey.generate()
        self.public = encoded(bytes((kind,)) + self._key.public_key().public_bytes_raw())
        first = bytes((18 << 3 | kind >> 5, (kind & 31) << 3))
        self.seed = encoded(first + self._key.private_bytes_raw())

    def token(self, about: "Key", **claims: object) -> str:
        """A JWT about another key, signed by this one."""
        body = {"jti": "x", "iat": 1, "iss": self.public, "sub": about.public, "name": "tolk"}
        parts = [HEADER, {**body, "nats": {"version": 2, **claims}}]
        text = ".".join(_base64(json.dumps(part).encode()) for part in parts)
        return f"{text}.{_base64(self._key.sign(text.encode()))}"


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def creds(jwt: str, seed: str) -> str:
    return (
        f"-----BEGIN NATS USER JWT-----\n{jwt}\n------END NATS USER JWT------\n\n"
        "************************* IMPORTANT *************************\n\n"
        f"-----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
    )


async def test_a_credentials_file_lets_in(tmp_path: Path) -> None:
    operator, account, user, stranger = Key(OPERATOR), Key(ACCOUNT), Key(USER), Key(USER)
    most = {each: -1 for each in ("subs", "data", "payload", "imports", "exports", "conn", "leaf")}
    account_jwt = operator.token(account, type="account", limits={**most, "wildcards": True})
    user_jwt = account.token(user, type="user", subs=-1, data=-1, payload=-1, pub={}, sub={})
    settings = {
        "operator": operator.token(operator, type="operator"),
        "resolver": "MEMORY",
        "resolver_preload": {account.public: account_jwt},
    }
    good, bad = tmp_path / "good.creds", tmp_path / "bad.creds"
    good.write_text(creds(user_jwt, user.seed))
    bad.write_text(creds(user_jwt, stranger.seed))
    with nats_server(tmp_path, **settings) as process:
        for file, lets_in in ((good, True), (bad, False)):
            server = NatsServer("127.0.0.1", process.port, False, read(file))
            async with Nats.opened([server], "hall", "hub") as nats:
                assert nats.up is lets_in


@pytest.mark.parametrize(
    "text",
    [
        creds("a.b.c", "SUAAAAAA"),
        creds("a.b.c", Key(ACCOUNT).seed),
        creds("a.b.c", "not!base32"),
        "-----BEGIN NATS USER JWT-----\na.b.c\n------END NATS USER JWT------\n",
    ],
    ids=["short", "of an account", "no base 32", "no seed"],
)
def test_a_file_that_cannot_be_used_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "bad.creds").write_text(text)
    with pytest.raises(ValueError, match="nsc generate creds"):
        parse("bus.example", str(tmp_path / "bad.creds"))
