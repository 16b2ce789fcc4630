"""What participants are told of STUN and TURN servers."""

import base64
import hashlib
import hmac
from pathlib import Path

import pytest

from server.config import Config, ConfigError
from server.http.ice_servers import VALID_S, Refusals, ice_servers
from signaling.messages import IceServer

STUN, TURN, TURNS = "stun:s.example", "turn:t.example:3478", "turns:t.example?transport=tcp"


def test_participants_are_told_only_of_configured_servers() -> None:
    assert ice_servers(Config())(0) == []


def test_stun_needs_no_password() -> None:
    assert ice_servers(Config(ice_servers=[STUN]))(0) == [IceServer(urls=[STUN])]


def test_a_fixed_password_goes_with_turn_only() -> None:
    config = Config(ice_servers=[TURN, STUN, TURNS], turn_username="u", turn_password="p")
    assert ice_servers(config)(0) == [
        IceServer(urls=[STUN]),
        IceServer(urls=[TURN, TURNS], username="u", credential="p"),
    ]


def test_with_a_shared_secret_everybody_gets_an_expiring_password(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("north\n")
    config = Config(ice_servers=[TURN], turn_secret_file=str(tmp_path / "secret"))
    (told,) = ice_servers(config)(1_000_000.9)
    assert told.username is not None and told.username.startswith(f"{1_000_000 + VALID_S}:")
    digest = hmac.new(b"north", told.username.encode(), hashlib.sha1).digest()
    assert told.credential == base64.b64encode(digest).decode()


@pytest.mark.parametrize(
    ("config", "named"),
    [
        (Config(ice_servers=["turn.example"]), "turn.example"),
        (Config(ice_servers=["https://turn.example"]), "https"),
        (Config(ice_servers=["stun:s.example?transport=tcp"]), "stun:s"),
        (Config(ice_servers=[TURN]), "--turn-secret-file"),
        (Config(ice_servers=[TURN], turn_username="u"), "--turn-password"),
        (
            Config(ice_servers=[TURN], turn_username="u", turn_password="p", turn_secret_file="f"),
            "either",
        ),
        (Config(ice_servers=[TURN], turn_username="u", turn_secret_file="f"), "either"),
        (Config(ice_servers=[TURN], turn_secret_file="/does/not/exist"), "/does/not/exist"),
        (Config(ice_servers=[TURN], turn_secret_file="/dev/null"), "empty"),
    ],
)
def test_impossible_settings_are_refused_at_the_start(config: Config, named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        ice_servers(config)


def test_refused_passwords_are_logged_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    told = ice_servers(Config(ice_servers=[STUN, TURN], turn_username="u", turn_password="p"))(0)
    refusals = Refusals()
    for at_s in (0, 1, 59, 61):
        refusals.count(told, at_s)
    assert [TURN in each for each in caplog.messages] == [True, True]
    assert not any(STUN in each for each in caplog.messages)


def test_a_refusal_by_a_server_that_nobody_was_told_of_is_not_believed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    Refusals().count(ice_servers(Config(ice_servers=[STUN]))(0), 0)
    assert not caplog.messages
