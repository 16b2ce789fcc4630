"""The text printed at the start: the addresses to use, and a QR code to join."""

import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from server.config import Config
from server.http import netinfo
from server.http.access import Access
from server.http.interfaces import Own

#: The stream's name in the printed addresses; any other works as well.
STREAM = "main"
#: The language in the printed address of those who may interpret into all.
EXAMPLE = "en"
#: How long the token in the speaker's address is valid. Each start prints a new one.
TOKEN_VALID_S = 30 * 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Addresses:
    """``speaker`` and ``listener`` contain a token if one is needed; ``operator`` does not, as what
    is printed may be logged. ``listens_beyond``: other
    machines can reach the server, so that there is a QR code. ``fingerprint``: of our self-signed
    certificate; empty without one. ``choice``: which of this machine's addresses it is, and the
    others; empty if there are no others."""

    speaker: str
    listener: str
    operator: str
    listens_beyond: bool
    fingerprint: str = ""
    choice: str = ""

    @property
    def text(self) -> str:
        """The text for a terminal."""
        lines = [
            "",
            "Tolk is listening.",
            f"  Speak:   {self.speaker}",
            f"  Listen:  {self.listener}",
            f"  Operate: {self.operator} (its token: python -m server token --operate)",
            f"  (any other name in place of {STREAM!r} is a stream of its own)",
        ]
        if self.choice:
            lines.append(f"  {self.choice}")
        if not netinfo.gives_microphone(self.speaker):
            lines.append(
                "  Browsers give no microphone to this address: it is not secure. Add --tls self."
            )
        if not self.listens_beyond:
            lines.append(
                "  Only this machine can reach these, no phone can. For that, start with "
                "--host 0.0.0.0 --tls self: then there is a QR code here."
            )
        if self.fingerprint:
            lines.append(f"  Certificate (SHA-256): {self.fingerprint}")
        lines.append("  Ctrl-C ends it.")
        if self.listens_beyond:
            encoding = getattr(sys.stdout, "encoding", None) or "ascii"
            lines += ["", netinfo.qr_code(self.listener, encoding)]
        return "\n".join(lines)


def addresses(
    config: Config, port: int, access: Access, own: Sequence[Own], fingerprint: str = ""
) -> Addresses:
    """The addresses to print for a server on ``port``. ``own``: the machine's own addresses."""
    base = base_url(config, port, [each.address for each in own])

    def token(*, speak: bool = False) -> str:
        return "#token=" + access.issue(
            subject="host",
            listen=True,
            speak=speak,
            interpret=speak,
            take_over=speak,
            valid_s=TOKEN_VALID_S,
        )

    speaker, listener = f"{base}/speak/{STREAM}", f"{base}/listen/{STREAM}"
    if config.speaking_needs_token:
        speaker += token(speak=True)
    if not access.everybody_may_listen:
        listener += token()
    return Addresses(
        speaker=speaker,
        listener=listener,
        operator=f"{base}/operate",
        listens_beyond=not config.is_loopback or bool(config.public_url),
        fingerprint=fingerprint,
        choice=_choice(config, port, own),
    )


def _choice(config: Config, port: int, own: Sequence[Own]) -> str:
    """Which of ``own`` is printed, and what to do if phones are in another's network."""
    chosen = config.address or config.public_url or not netinfo.is_unspecified(config.host)
    if chosen or len(own) < 2:
        return ""
    first, *others = own
    scheme = "https" if config.has_tls else "http"
    listed = ", ".join(
        f"{netinfo.base_url(scheme, each.address, port)} ({each.interface})" for each in others
    )
    return (
        f"This is the address in the network of {first.interface}. The others are {listed}: choose "
        "one with --address."
    )


def base_url(config: Config, port: int, lan: Sequence[str]) -> str:
    """The server's URL that others can use, as far as the settings tell. ``lan``: the machine's own
    addresses."""
    scheme = "https" if config.has_tls else "http"
    host = config.address or netinfo.printed_hosts(config.host, lan)[0]
    return config.public_url.rstrip("/") or netinfo.base_url(scheme, host, port)


def addresses_with(
    token: str, base: str, stream: str, rights: Collection[str], languages: Sequence[str] = ()
) -> str:
    """The lines that say where ``token`` opens what. ``stream``: its stream, or "*".
    ``languages``: those that its holder may interpret into; none: all."""
    name = STREAM if stream == "*" else stream
    pages = [(right.title(), f"{right}/{name}") for right in ("speak", "listen") if right in rights]
    if "interpret" in rights:
        into = languages or [EXAMPLE]
        pages += [("Interpret", f"interpret/{name}/{each}") for each in into]
    if "operate" in rights:
        pages.append(("Operate", "operate"))
    lines = [f"{title + ':':<10} {base}/{path}#token={token}\n" for title, path in pages]
    if "interpret" in rights and not languages:
        lines.append(f"(any other language in place of {EXAMPLE!r} can be interpreted into, too)\n")
    return "".join(lines)


def shared_url(config: Config, visitor: netinfo.Visitor, lan: Sequence[str]) -> str:
    """The server's URL for ``visitor`` to pass on. It is the URL that the visitor used, unless
    that says "localhost": to everybody else this is another machine. ``config.address`` takes the
    place of its name. The name in that URL must have been checked, see ``hosts``."""
    if config.public_url:
        return config.public_url.rstrip("/")
    seen = urlsplit(visitor.url if visitor.host else f"{visitor.scheme}://localhost:{config.port}")
    stays = config.is_loopback or not lan or not netinfo.is_loopback(seen.hostname or "")
    if stays and not config.address:
        return f"{seen.scheme}://{seen.netloc}"
    host = config.address or netinfo.printed_hosts(config.host, lan)[0]
    return netinfo.base_url(
        visitor.scheme, host, seen.port or (443 if seen.scheme == "https" else 80)
    )
