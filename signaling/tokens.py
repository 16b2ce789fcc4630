"""Where a request over plain HTTP has its token."""

from collections.abc import Mapping

from signaling.errors import ProtocolError


def bearer_token(authorization: str | None, query: Mapping[str, str]) -> str | None:
    """The token in an Authorization header, else in ``?token=``: players take an address, and no
    header. ``query`` is {} where an address must have none. None: there is no token.

    Raises ProtocolError if the header is of another kind.
    """
    if not authorization:
        return query.get("token") or None
    scheme, _, token = authorization.strip().partition(" ")
    if scheme.lower() != "bearer":
        raise ProtocolError(
            "unauthorised", 'the Authorization header must be "Bearer", a space and the token'
        )
    if not token.isascii():
        raise ProtocolError("unauthorised", "this token is not valid: it is not ASCII")
    return token.strip() or None
