"""Access control: who may speak, listen, take over and administer, and in which stream.

Tokens are JWTs (RFC 7519), signed with HS256 by the server's own secret. Claims: ``sub``,
``exp``, ``nbf``, ``stream`` (a name, or "*" for all), ``speak``, ``listen``, ``interpret``,
``languages``, ``operate``, ``admin``, ``take_over``. The holder of a token may speak or interpret
only if a claim grants it, even on a server where people without a token may: a listener's token
never lets anybody speak. People without a token may interpret where they may speak.
"""

import os
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Literal

import jwt
import msgspec

from server.config import Config, ConfigError
from signaling.errors import ProtocolError

#: RFC 7518, 3.2: the key must be at least as long as the hash of HS256.
MIN_SECRET_BYTES: Final = 32
#: Tolerance in ``exp`` and ``nbf``, as the clocks of two machines differ.
LEEWAY_S: Final = 10

Right = Literal["speak", "listen", "interpret", "take_over", "operate", "admin"]
_VERBS: Final[dict[Right, str]] = {
    "speak": "speak",
    "listen": "listen",
    "interpret": "interpret",
    "take_over": "take over from a speaker",
    "operate": "record, and get recordings,",
    "admin": "administer the server",
}


@dataclass(frozen=True, slots=True)
class Grants:
    """What one participant may do in one stream. ``subject``: the token's ``sub``; None without a
    token. ``languages``: those that it may speak, hear and interpret into; None: all.
    ``operate``: may switch recording on and off, and get and delete recordings; administrators
    may."""

    subject: str | None = None
    speak: bool = False
    listen: bool = False
    interpret: bool = False
    languages: frozenset[str] | None = None
    operate: bool = False
    admin: bool = False
    take_over: bool = False

    def require(self, right: Right, language: str | None = None) -> "Grants":
        """These grants, if they include ``right``, and ``language`` if one is given.

        Raises ProtocolError: "unauthorised" without a token, "forbidden" with one.
        """
        if not getattr(self, right):
            if self.subject is None:
                raise ProtocolError(
                    "unauthorised", f"a token is needed to {_VERBS[right]} here; ask the host"
                )
            raise ProtocolError("forbidden", f"this token does not allow to {_VERBS[right]} here")
        if language is not None and self.languages is not None and language not in self.languages:
            allowed = ", ".join(sorted(self.languages))
            raise ProtocolError("forbidden", f"this token is for {allowed} only, not {language}")
        return self

    def among(self, languages: Sequence[str]) -> list[str]:
        """Those of ``languages`` that are allowed."""
        return [each for each in languages if self.languages is None or each in self.languages]


class _Claims(msgspec.Struct, frozen=True):
    sub: str = ""
    exp: float = 0
    stream: str = "*"
    speak: bool = False
    listen: bool = False
    interpret: bool = False
    languages: list[str] | None = None
    operate: bool = False
    admin: bool = False
    take_over: bool = False


class Access:
    """Issues and checks tokens. ``open_listen``, ``open_speak``: people may listen or speak
    without a token."""

    def __init__(
        self, secret: bytes, *, open_listen: bool = True, open_speak: bool = False
    ) -> None:
        self._secret = secret
        self._without_token = Grants(speak=open_speak, listen=open_listen, interpret=open_speak)

    def renew(self, secret: bytes) -> None:
        """Sign and check with another secret from now on. Sessions that have begun go on."""
        self._secret = secret

    def grants(self, token: str | None, stream: str) -> Grants:
        """What the holder of ``token`` may do in ``stream``; None: somebody without a token.

        Raises ProtocolError: "unauthorised" if the token is not valid now, "forbidden" if it is
        for another stream.
        """
        if token is None:
            return self._without_token
        claims = self._claims(token)
        if claims.stream not in ("*", stream):
            raise ProtocolError("forbidden", "this token is for another stream")
        return Grants(
            subject=claims.sub,
            speak=claims.speak,
            listen=claims.listen or self._without_token.listen,
            interpret=claims.interpret,
            languages=None if claims.languages is None else frozenset(claims.languages),
            operate=claims.operate or claims.admin,
            admin=claims.admin,
            take_over=claims.take_over,
        )

    def stream_of(self, token: str | None) -> str:
        """The stream that ``token`` is for; "*": all, or there is no token. Raises ProtocolError
        if the token is not valid now."""
        return "*" if token is None else self._claims(token).stream

    def invitation(self, token: str | None, stream: str) -> str | None:
        """A token for the listeners that the holder of ``token`` invites to ``stream``: for the
        same languages, and valid no longer. None if listeners need none, or nobody invites.

        Raises ProtocolError if ``token`` is not valid, or does not allow to be there oneself.
        """
        if self._without_token.listen or token is None:
            return None
        grants = self.grants(token, stream)
        if not (grants.speak or grants.operate):
            grants.require("listen")
        left_s = self._claims(token).exp - datetime.now(UTC).timestamp()
        return self.issue(
            subject="invited",
            stream=stream,
            listen=True,
            languages=grants.languages,
            valid_s=left_s,
        )

    @property
    def everybody_may_listen(self) -> bool:
        """Whether listening needs no token."""
        return self._without_token.listen

    def issue(
        self,
        *,
        subject: str = "",
        stream: str = "*",
        speak: bool = False,
        listen: bool = False,
        interpret: bool = False,
        languages: Collection[str] | None = None,
        operate: bool = False,
        admin: bool = False,
        take_over: bool = False,
        valid_s: float,
    ) -> str:
        """A token that is valid for ``valid_s`` seconds from now."""
        now = datetime.now(UTC)
        claims: dict[str, object] = {
            "sub": subject,
            "nbf": now,
            "exp": now + timedelta(seconds=valid_s),
            "stream": stream,
        }
        rights = {"speak": speak, "listen": listen, "interpret": interpret}
        rights |= {"take_over": take_over, "operate": operate, "admin": admin}
        claims |= {name: True for name, value in rights.items() if value}
        if languages is not None:
            claims["languages"] = sorted(languages)
        return jwt.encode(claims, self._secret, algorithm="HS256")

    def _claims(self, token: str) -> _Claims:
        try:
            claims = jwt.decode(
                token,
                self._secret,
                algorithms=["HS256"],
                leeway=LEEWAY_S,
                options={"require": ["exp", "sub"]},
            )
            return msgspec.convert(claims, _Claims)
        except jwt.ExpiredSignatureError:
            problem = "has expired; ask for a new one"
        except jwt.ImmatureSignatureError:
            problem = "is not valid yet"
        except (jwt.InvalidTokenError, msgspec.ValidationError, ValueError, RecursionError):
            problem = "is not valid: this server did not issue it"
        raise ProtocolError("unauthorised", f"this token {problem}")


def access_of(config: Config, *, keep: bool = True) -> Access:
    """The access control of a server with these settings. ``keep``: see ``load_secret``. Raises
    ConfigError."""
    return Access(
        load_secret(config.secret_file, Path(config.state), keep=keep),
        open_speak=not config.speaking_needs_token,
        open_listen=config.listen_token == "open",
    )


def load_secret(file: str, state: Path, *, keep: bool = True) -> bytes:
    """The secret that signs tokens: the contents of ``file`` if one is named; else a secret made
    on first use and kept in the ``state`` folder, readable by its owner only. ``keep``: False
    makes one without storing it.

    Raises ConfigError.
    """
    path = Path(file) if file else state / "secret"
    try:
        if not file and not path.exists():
            if not keep:
                return secrets.token_bytes(MIN_SECRET_BYTES)
            _make_secret(path)
        secret = path.read_bytes().strip()
    except OSError as error:
        raise ConfigError(f"the secret that signs tokens, {path}: {error.strerror}") from error
    if len(secret) < MIN_SECRET_BYTES:
        raise ConfigError(
            f"the secret in {path} has {len(secret)} bytes; at least {MIN_SECRET_BYTES} are needed "
            "(openssl rand -hex 32 makes one)"
        )
    return secret


def _make_secret(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # The file appears complete or not at all. If two servers start at once, the first link wins.
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)  # of a process that was killed
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(MIN_SECRET_BYTES) + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
