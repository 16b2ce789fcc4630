import base64
import json
import os
import random
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jwt
import pytest

from server.config import ConfigError
from server.http.access import Access, Grants, load_secret
from signaling.errors import ProtocolError
from signaling.messages import ErrorCode

SECRET = b"s" * 32
ACCESS = Access(SECRET)


def refused(token: str, access: Access = ACCESS) -> ProtocolError:
    with pytest.raises(ProtocolError) as caught:
        access.grants(token, "sunday")
    assert token not in caught.value.message
    return caught.value


def signed(secret: bytes = SECRET, algorithm: str = "HS256", **claims: object) -> str:
    standard = {"sub": "a", "exp": datetime.now(UTC) + timedelta(hours=1), "speak": True}
    kept = {name: value for name, value in (standard | claims).items() if value is not None}
    return jwt.encode(kept, secret, algorithm=algorithm)


def test_a_token_grants_the_rights_it_was_issued_for() -> None:
    token = ACCESS.issue(
        subject="an", stream="sunday", speak=True, languages=["nl"], take_over=True, valid_s=60
    )
    assert ACCESS.grants(token, "sunday") == Grants(
        subject="an",
        speak=True,
        listen=True,  # open to all
        languages=frozenset({"nl"}),
        take_over=True,
    )


def test_a_token_for_all_streams_is_valid_in_each() -> None:
    token = ACCESS.issue(speak=True, valid_s=60)
    assert ACCESS.grants(token, "sunday").speak
    assert ACCESS.grants(token, "monday").speak


def test_a_token_of_another_stream_is_refused() -> None:
    error = refused(ACCESS.issue(stream="monday", speak=True, valid_s=60))
    assert error.code == "forbidden"


@pytest.mark.parametrize("open_speak", [False, True])
@pytest.mark.parametrize("open_listen", [False, True])
def test_without_a_token_only_open_rights_are_granted(open_listen: bool, open_speak: bool) -> None:
    access = Access(SECRET, open_listen=open_listen, open_speak=open_speak)
    assert access.grants(None, "sunday") == Grants(
        listen=open_listen, speak=open_speak, interpret=open_speak
    )


def test_a_listener_s_token_never_lets_anybody_speak() -> None:
    access = Access(SECRET, open_speak=True)
    grants = access.grants(access.issue(listen=True, valid_s=60), "sunday")
    assert grants == Grants(subject="", listen=True)


@pytest.mark.parametrize(
    ("token", "words"),
    [
        (ACCESS.issue(speak=True, valid_s=-60), "expired"),
        (signed(nbf=datetime.now(UTC) + timedelta(hours=1)), "not valid yet"),
        (Access(b"t" * 32).issue(speak=True, valid_s=60), "did not issue it"),
        (signed(exp=None), "did not issue it"),
        (signed(sub=None), "did not issue it"),
        (signed(speak="yes"), "did not issue it"),
        (signed(languages="nl"), "did not issue it"),
        (signed(stream=None) + "x", "did not issue it"),
        (jwt.encode({"sub": "a", "exp": 2**40, "speak": True}, "", "none"), "did not issue it"),
        (signed(b"s" * 64, "HS512"), "did not issue it"),
        ("garbage", "did not issue it"),
        ("a.b.c", "did not issue it"),
        ("é€\ud800", "did not issue it"),
        ("..", "did not issue it"),
    ],
)
def test_an_invalid_token_is_refused_with_a_reason(token: str, words: str) -> None:
    error = refused(token)
    assert error.code == "unauthorised"
    assert words in error.message


def test_a_header_nested_too_deeply_is_refused() -> None:
    header = base64.urlsafe_b64encode(b"[" * 1400).decode().rstrip("=")
    assert refused(f"{header}.e30.AAAA").code == "unauthorised"


def test_any_token_raises_only_protocol_errors() -> None:
    seeded = random.Random(20)
    good = ACCESS.issue(speak=True, valid_s=600)
    for _ in range(2000):
        start = seeded.randrange(len(good))
        scrap = seeded.choice(["", ".", "e30", "=", "\0", "é", "AAAA", "W10"])
        token = good[:start] + scrap + good[start + seeded.randint(1, 30) :]
        if token != good:
            assert refused(token).code == "unauthorised"


@pytest.mark.parametrize(
    "header", [{"alg": "HS256", "crit": ["x"]}, {"alg": None}, {"alg": "RS256"}, [], "x", 1]
)
def test_forged_headers_are_refused(header: object) -> None:
    encoded = base64.urlsafe_b64encode(json.dumps(header).encode()).decode().rstrip("=")
    assert refused(encoded + signed()[signed().index(".") :]).code == "unauthorised"


@pytest.mark.parametrize(
    ("grants", "language", "code"),
    [
        (Grants(), None, "unauthorised"),
        (Grants(subject="a", listen=True), None, "forbidden"),
        (Grants(subject="a", speak=True, languages=frozenset({"nl"})), "en", "forbidden"),
    ],
)
def test_a_right_that_is_not_granted_is_refused(
    grants: Grants, language: str | None, code: ErrorCode
) -> None:
    with pytest.raises(ProtocolError) as caught:
        grants.require("speak", language)
    assert caught.value.code == code


def test_a_right_that_is_granted_is_accepted() -> None:
    grants = Grants(subject="a", speak=True, languages=frozenset({"nl"}))
    assert grants.require("speak", "nl") is grants


def test_operators_and_administrators_operate() -> None:
    for token in (ACCESS.issue(operate=True, valid_s=60), ACCESS.issue(admin=True, valid_s=60)):
        assert ACCESS.grants(token, "hall").require("operate").operate
    with pytest.raises(ProtocolError):
        ACCESS.grants(ACCESS.issue(speak=True, valid_s=60), "hall").require("operate")


def test_a_secret_is_created_once_and_readable_by_its_owner_only(tmp_path: Path) -> None:
    state = tmp_path / "new" / "state"
    secret = load_secret("", state)
    assert load_secret("", state) == secret
    assert len(secret) >= 32
    assert stat.S_IMODE((state / "secret").stat().st_mode) == 0o600
    assert [path.name for path in state.iterdir()] == ["secret"]


def test_what_a_killed_server_left_of_a_secret_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / f"secret.{os.getpid()}").write_text("half")
    assert len(load_secret("", tmp_path)) >= 32
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]


def test_a_secret_may_be_configured(tmp_path: Path) -> None:
    (tmp_path / "given").write_text("k" * 32 + "\n")
    assert load_secret(str(tmp_path / "given"), tmp_path / "state") == b"k" * 32
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize("content", [None, "", "short"])
def test_a_configured_secret_that_is_missing_or_short_is_refused(
    tmp_path: Path, content: str | None
) -> None:
    path = tmp_path / "given"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ConfigError, match="given"):
        load_secret(str(path), tmp_path)


def test_an_unusable_state_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    with pytest.raises(ConfigError, match="state"):
        load_secret("", tmp_path / "state")


CLOSED = Access(SECRET, open_listen=False)


def test_who_may_be_there_invites_listeners_for_as_long_and_the_same_languages() -> None:
    own = CLOSED.issue(speak=True, listen=True, take_over=True, languages=["nl"], valid_s=60)
    invitation = CLOSED.invitation(own, "sunday")
    assert invitation is not None
    assert CLOSED.grants(invitation, "sunday") == Grants(
        subject="invited", listen=True, languages=frozenset({"nl"})
    )
    assert refused(CLOSED.invitation(own, "monday") or "", CLOSED).code == "forbidden"
    ends = [jwt.decode(each, SECRET, ["HS256"])["exp"] for each in (own, invitation)]
    assert ends[1] <= ends[0]


def test_nobody_else_invites() -> None:
    assert CLOSED.invitation(None, "sunday") is None
    assert ACCESS.invitation(ACCESS.issue(speak=True, valid_s=60), "sunday") is None
    for token, code in (
        (CLOSED.issue(admin=False, valid_s=60), "forbidden"),
        (CLOSED.issue(listen=True, stream="monday", valid_s=60), "forbidden"),
        ("forged", "unauthorised"),
    ):
        with pytest.raises(ProtocolError) as caught:
            CLOSED.invitation(token, "sunday")
        assert caught.value.code == code
