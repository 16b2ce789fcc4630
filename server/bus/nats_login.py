"""What a server of NATS is shown, and only over the kind of connection that was asked for."""

import ssl
from collections.abc import Callable
from typing import Any

from server.bus.credentials import Credentials


class Tls(ssl.SSLContext):
    """``used``: whether a handshake was begun. The library goes on without one if the server, or
    somebody between, says that it needs none."""

    used = False

    def __new__(cls) -> "Tls":
        return super().__new__(cls, ssl.PROTOCOL_TLS_CLIENT)

    def __init__(self) -> None:
        self.minimum_version = ssl.TLSVersion.TLSv1_2
        self.load_default_certs()

    def wrap_bio(self, *args: Any, **options: Any) -> ssl.SSLObject:
        """See ssl.SSLContext.wrap_bio."""
        self.used = True
        return super().wrap_bio(*args, **options)


def check(context: Tls | None) -> None:
    """Raises OSError if an encrypted connection is wanted and this one is not."""
    if context is not None and not context.used:
        raise OSError("offers no TLS, and --bus asks for it with tls://")


def shown(credentials: Credentials, context: Tls | None) -> dict[str, Any]:
    """The library's options with what the server is shown. It asks for these only then."""

    def secret(value: str) -> Callable[[], str]:
        def given() -> str:
            check(context)
            return value

        return given

    def signed(nonce: str) -> bytes:
        check(context)
        return credentials.signed(nonce)

    options: dict[str, Any] = {} if context is None else {"tls": context}
    if credentials.user:
        options["user"] = secret(credentials.user)
        options["password"] = secret(credentials.password)
    elif credentials.jwt:
        options["signature_cb"] = signed
        options["user_jwt_cb"] = lambda: credentials.jwt.encode()
    return options
