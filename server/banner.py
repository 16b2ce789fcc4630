"""The text printed at the start: the addresses to use, and a QR code to join."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from server.config import Config
from server.http import netinfo
from server.http.access import Access

#: The stream's name in the printed addresses; any other works as well.
STREAM = "main"
#: How long the token in the speaker's address is valid. Each start prints a new one.
TOKEN_VALID_S = 30 * 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Addresses:
    """``speaker`` contains a token if one is needed. ``listens_beyond``: other machines can reach
    the server. ``fingerprint``: of our self-signed certificate; empty without one."""

    speaker: str
    listener: str
    listens_beyond: bool
    fingerprint: str = ""

    @property
    def text(self) -> str:
        """The text for a terminal."""
        lines = [
            "",
            "Tolk is listening.",
            f"  Speak:   {self.speaker}",
            f"  Listen:  {self.listener}",
            f"  (any other name in place of {STREAM!r} is a stream of its own)",
        ]
        if not netinfo.gives_microphone(self.speaker):
            lines.append(
                "  Browsers give no microphone to this address: it is not secure. Add --tls self."
            )
        if not self.listens_beyond:
            lines.append(
                "  Only this machine can reach these, no phone can; for that: "
                "--host 0.0.0.0 --tls self"
            )
        if self.fingerprint:
            lines.append(f"  Certificate (SHA-256): {self.fingerprint}")
        lines.append("  Ctrl-C ends it.")
        return "\n".join([*lines, "", netinfo.qr_code(self.listener)])


def addresses(
    config: Config, port: int, access: Access, lan: Sequence[str], fingerprint: str = ""
) -> Addresses:
    """The addresses to print for a server on ``port``. ``lan``: the machine's own addresses."""
    scheme = "https" if config.has_tls else "http"
    host = netinfo.printed_hosts(config.host, lan)[0]
    base = config.public_url.rstrip("/") or netinfo.base_url(scheme, host, port)
    speaker = f"{base}/speak/{STREAM}"
    if config.speaking_needs_token:
        token = access.issue(
            subject="host", speak=True, listen=True, take_over=True, valid_s=TOKEN_VALID_S
        )
        speaker += f"#token={token}"
    return Addresses(
        speaker=speaker,
        listener=f"{base}/listen/{STREAM}",
        listens_beyond=not config.is_loopback,
        fingerprint=fingerprint,
    )


def shared_url(config: Config, visitor: netinfo.Visitor, lan: Sequence[str]) -> str:
    """The server's URL for ``visitor`` to pass on. It is the URL that the visitor used, unless
    that says "localhost": to everybody else this is another machine. The name in that URL must
    have been checked, see ``hosts``."""
    if config.public_url:
        return config.public_url.rstrip("/")
    seen = urlsplit(visitor.url if visitor.host else f"{visitor.scheme}://localhost:{config.port}")
    if config.is_loopback or not lan or not netinfo.is_loopback(seen.hostname or ""):
        return f"{seen.scheme}://{seen.netloc}"
    host = netinfo.printed_hosts(config.host, lan)[0]
    return netinfo.base_url(
        visitor.scheme, host, seen.port or (443 if seen.scheme == "https" else 80)
    )
