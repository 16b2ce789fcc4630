"""A body that is nested too deeply for its parser is refused as any other that makes no sense."""

import aiohttp
import pytest

from server.app import Server
from tests.helpers.running import shared_server

pytestmark = pytest.mark.asyncio(loop_scope="module")
shared = shared_server()
NESTED = b'{"x":' + b"[" * 50_000


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/api/streams/hall/recording"),
        ("PUT", "/api/streams/hall/glossary"),
        ("POST", "/api/operate/invitations"),
    ],
)
async def test_a_nested_body_is_refused(shared: Server, method: str, path: str) -> None:
    rights = {"stream": "*", "operate": True, "speak": True, "admin": True}
    token = shared.access.issue(valid_s=60, **rights)  # type: ignore[arg-type]
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        aiohttp.ClientSession(shared.url) as http,
        http.request(method, path, data=NESTED, headers=headers) as answer,
    ):
        assert answer.status == 400, await answer.text()
