"""Where NATS is, as it is given."""

from pathlib import Path

from server.bus.addresses import NatsServer, parse
from server.bus.credentials import Credentials


def test_several_servers_with_and_without_secrets(tmp_path: Path) -> None:
    file = tmp_path / "bus"
    file.write_text("tolk:from:file\n")
    given = "nats://a%40b:p%2Fw@one.example:4223, tls://two.example,[::1]:7"
    assert parse(given, str(file)) == [
        NatsServer("one.example", 4223, False, Credentials("a@b", "p/w")),
        NatsServer("two.example", 4222, True, Credentials("tolk", "from:file")),
        NatsServer("::1", 7, False, Credentials("tolk", "from:file")),
    ]


def test_a_server_is_shown_without_its_password() -> None:
    (server,) = parse("tls://tolk:secret-one@[::1]")
    assert (server.url, server.place) == ("tls://[::1]:4222", "[::1]:4222")
    assert "secret-one" not in repr(server)
