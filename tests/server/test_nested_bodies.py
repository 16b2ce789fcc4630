"""A body that is no text, or nested too deeply for its parser, is refused as any other that makes
no sense."""

import aiohttp
import pytest

from server.app import Server
from tests.helpers.running import shared_server

pytestmark = pytest.mark.asyncio(loop_scope="module")
shared = shared_server()
NESTED = b'{"x":' + b"[" * 50_000
NO_TEXT = b'{"recording": ["\xff"], "stream": "\xff", "\xff": 1}'


@pytest.mark.parametrize("body", [NESTED, NO_TEXT], ids=["nested", "no UTF-8"])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/api/streams/hall/recording"),
        ("PUT", "/api/streams/hall/glossary"),
        ("POST", "/api/operate/invitations"),
    ],
)
async def test_a_body_without_sense_is_refused(
    shared: Server, method: str, path: str, body: bytes
) -> None:
    rights = {"stream": "*", "operate": True, "speak": True, "admin": True}
    token = shared.access.issue(valid_s=60, **rights)  # type: ignore[arg-type]
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        aiohttp.ClientSession(shared.url) as http,
        http.request(method, path, data=body, headers=headers) as answer,
    ):
        assert answer.status == 400, await answer.text()


@pytest.mark.parametrize(("rights", "status"), [({}, 401), ({"listen": True}, 403)])
async def test_nobody_without_an_operators_token_is_listened_to(
    shared: Server, rights: dict[str, bool], status: int
) -> None:
    token = shared.access.issue(stream="hall", valid_s=60, **rights)  # type: ignore[arg-type]
    headers = {"Authorization": f"Bearer {token}"} if rights else {}
    async with (
        aiohttp.ClientSession(shared.url) as http,
        http.post("/api/operate/invitations", data=NESTED, headers=headers) as answer,
    ):
        assert answer.status == status, await answer.text()
