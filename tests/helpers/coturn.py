"""A real coturn with the settings of ``deploy/``, over UDP, TCP and TLS."""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from pathlib import Path

from server.config import Config
from server.http.tls import self_signed

SETTINGS = Path(__file__).parents[2] / "deploy" / "coturn" / "turnserver.conf"
REALM = "tolk.example"
SECRET, OTHER_SECRET = "north", "south"


@dataclass(frozen=True)
class Coturn:
    """Where it is. ``folder``: has its "secret" and its certificate, which is for ``name``; "other"
    is another secret. ``host``: of the server to which it relays."""

    folder: Path
    port: int
    tls_port: int
    address: str = "127.0.0.1"
    name: str = "localhost"
    host: str = "127.0.0.1"

    @property
    def urls(self) -> list[str]:
        """By UDP, TCP and TLS."""
        return [
            f"turn:{self.address}:{self.port}",
            f"turn:{self.address}:{self.port}?transport=tcp",
            f"turns:{self.name}:{self.tls_port}?transport=tcp",
        ]

    @property
    def certificate(self) -> Path:
        """Its certificate and key."""
        return self.folder / "self-signed.pem"

    @property
    def log(self) -> Path:
        """What it said."""
        return self.folder / "log"

    def config(self, secret: str = "secret") -> Config:
        """The settings of a server that uses it. ``secret``: the name of the secret's file."""
        return Config(ice_servers=self.urls, turn_secret_file=str(self.folder / secret))

    def command(self) -> tuple[str, str, str]:
        """Write its files; returns the command that runs it."""
        for name, secret in (("secret", SECRET), ("other", OTHER_SECRET)):
            (self.folder / name).write_text(f"{secret}\n")
            (self.folder / name).chmod(0o600)
        self_signed(self.folder, [self.name])
        settings = SETTINGS.read_text(encoding="utf8").replace("\nno-tls\nno-dtls\n", "\nno-dtls\n")
        settings = settings.replace("listening-port=3478", f"listening-port={self.port}")
        path = self.folder / "turnserver.conf"
        path.write_text(settings + "\n".join(self._added()) + "\n")
        return "turnserver", "-c", str(path)

    def _added(self) -> list[str]:
        added = [
            f"\nrealm={REALM}",
            f"static-auth-secret={SECRET}",
            f"allowed-peer-ip={self.host}",
            f"tls-listening-port={self.tls_port}",
            f"cert={self.certificate}",
            f"pkey={self.certificate}",
            f"listening-ip={self.address}",
            f"relay-ip={self.address}",
            f"userdb={self.folder}/db",
            f"pidfile={self.folder}/pid",
        ]
        if self.host == "127.0.0.1":  # where it needs to be told that this is a test
            added.append("allow-loopback-peers")
        return added


def expired() -> tuple[str, str]:
    """A user name and its password, right until 1970."""
    username = "1000:tolk"
    digest = hmac.new(SECRET.encode(), username.encode(), hashlib.sha1).digest()
    return username, base64.b64encode(digest).decode()
