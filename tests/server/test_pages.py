"""The pages as they are sent: joined modules, what they are told, and who lost the way."""

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from yarl import URL

from server.client.participants import Speaker
from server.http.bundle import BundleError, bundle, imports
from server.http.pages import Pages, preferred
from server.instance import Server
from static import ROOT
from tests.helpers.running import tolk

HTML = {"Accept": "text/html,application/xhtml+xml"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    async with tolk(
        tmp_path_factory.mktemp("state"), ready=False, public_streams=["main", "hall"]
    ) as server:
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def http(server: Server) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(server.url, headers=HTML) as session:
        yield session


async def told(http: aiohttp.ClientSession, path: str, status: int = 200) -> dict[str, object]:
    """What the page at ``path`` is told."""
    async with http.get(path) as response:
        assert response.status == status
        match = re.search(r'id="first">(.*)</script>', await response.text())
        assert match is not None
        found: dict[str, object] = json.loads(match[1])
        return found


def test_modules_are_joined_in_the_order_in_which_they_are_needed() -> None:
    sources = {
        "a": 'import { b as other,\n  c }\n  from "./b.js";\n// A remark.\nother(c);\n',
        "b": 'import "./d.js";\n/** A remark. */\nexport function b() {}\nexport const c = 1;\n',
        "d": "globalThis.d = 1;\n",
    }
    joined = bundle(["a"], sources)
    assert "remark" not in joined
    assert joined.index("globalThis") < joined.index("function b") < joined.index("other(c)")
    assert "const { b: other,\n  c } = $b;" in joined
    assert "return { b, c };" in joined


@pytest.mark.parametrize(
    "sources",
    [
        {"a": 'import { b } from "./b.js";\n'},
        {"a": 'import { a } from "./a.js";\nexport const a = 1;\n'},
        {"a": "export default {};\n"},
        {"a": 'import * as b from "./b.js";\n', "b": ""},
    ],
)
def test_modules_that_cannot_be_joined_are_refused(sources: dict[str, str]) -> None:
    with pytest.raises(BundleError):
        bundle(["a"], sources)


def test_every_page_gets_all_its_modules_in_one_file() -> None:
    pages = Pages.read(ROOT)
    for path in ROOT.glob("*.html"):
        if path.name == "operate.html":
            continue  # its modules are a folder, and one by one: few people open it
        html = pages.html[path.name]
        (script,) = re.findall(r'src="(?:\.\./)*static/([^"]*\.js)"', html.begin + html.end)
        joined = pages.files[script].plain.decode()
        entries = re.findall(r"static/js/(\w+)\.js", path.read_text(encoding="utf8"))
        needed, seen = list(entries), set()
        while needed:
            name = needed.pop()
            if name not in seen:
                seen.add(name)
                needed += imports((ROOT / "js" / f"{name}.js").read_text(encoding="utf8"))
        for name in seen - {entries[-1]}:
            assert f"const ${name} = " in joined, (path.name, name)


@pytest.mark.parametrize(
    ("accepted", "language"),
    [("", "en"), ("nl-BE,nl;q=0.9", "nl"), ("pl, fr;q=0.3, de;q=0.7", "de"), ("fr;q=x", "en")],
)
def test_the_texts_are_those_of_the_visitor_s_language(accepted: str, language: str) -> None:
    assert preferred(accepted, ("de", "en", "fr", "nl")) == language


@pytest.mark.asyncio(loop_scope="module")
async def test_a_page_is_told_the_languages_and_the_state(
    server: Server, http: aiohttp.ClientSession
) -> None:
    assert (await told(http, "/listen/hall"))["session"] == {"state": "waiting"}
    async with Speaker(server.url, "hall", "nl"), Speaker(server.url, "secret", "nl"):
        found = await told(http, "/listen/hall")
        assert found["session"]["state"] == "live"  # type: ignore[index]
        assert found["session"]["source"] == "nl"  # type: ignore[index]
        assert "nl" in found["languages"]["sources"]  # type: ignore[index]
        assert found["streams"] == [{"id": "hall", "source": "nl"}]
        assert (await told(http, "/"))["streams"] == [{"id": "hall", "source": "nl"}]


@pytest.mark.asyncio(loop_scope="module")
async def test_where_listening_needs_a_token_a_page_tells_nothing_of_streams(
    tmp_path: Path,
) -> None:
    async with (
        tolk(tmp_path, ready=False, listen_token="required", public_streams=["*"]) as server,
        aiohttp.ClientSession(server.url, headers=HTML) as http,
        Speaker(server.url, "hall", "nl"),
    ):
        found = await told(http, "/listen/hall")
        assert "session" not in found
        assert found["streams"] == []
        assert (await told(http, "/listen/HALL"))["streams"] == []
        # Only who may be there is given an address that lets others in.
        for token, invites in ((None, False), (server.access.issue(speak=True, valid_s=60), True)):
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            async with http.get("/qr/hall.svg?language=en", headers=headers) as response:
                title = re.search("<title>(.*)</title>", await response.text())
                assert title is not None
                assert ("/listen/hall?language=en" in title[1], "#token=" in title[1]) == (
                    True,
                    invites,
                )
        async with http.get("/qr/hall.svg", headers={"Authorization": "Bearer x"}) as response:
            assert response.status == 401
        async with http.get("/qr/hall.svg?language=xx") as response:
            assert response.status == 404


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/listen", "./"),
        ("/Speak/", "../"),
        ("/listen/hall/?over=1", "../../listen/hall?over=1"),
        ("/Captions/hall", "../captions/hall"),
        ("/listen/hall.", "../listen/hall"),
    ],
)
async def test_who_nearly_has_an_address_is_led_to_it(
    http: aiohttp.ClientSession, path: str, place: str
) -> None:
    async with http.get(path, allow_redirects=False) as response:
        assert (response.status, response.headers["Location"]) == (307, place)


@pytest.mark.asyncio(loop_scope="module")
async def test_a_name_in_other_capitals_leads_to_the_stream_in_use(
    server: Server, http: aiohttp.ClientSession
) -> None:
    async with Speaker(server.url, "hall", "nl"):
        async with http.get("/listen/Hall?over=1", allow_redirects=False) as response:
            assert (response.status, response.headers["Location"]) == (307, "hall?over=1")
    async with http.get("/listen/Nobody", allow_redirects=False) as response:
        assert response.status == 200


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("path", "missing"),
    [("/listen/no%20name", "name"), ("/listen/a/b", "name"), ("/shop/cart/x", "page")],
)
async def test_where_there_is_no_page_the_start_page_helps(
    http: aiohttp.ClientSession, path: str, missing: str
) -> None:
    assert (await told(http, path, 404))["missing"] == missing
    async with http.get(path) as response:
        scripts = re.findall(r'src="([^"]*start[^"]*)"', await response.text())
        async with http.get(response.url.join(URL(scripts[0]))) as script:
            assert script.status == 200


@pytest.mark.asyncio(loop_scope="module")
async def test_a_very_deep_address_gets_a_plain_404(http: aiohttp.ClientSession) -> None:
    async with http.get("/a" * 100, headers={"Accept": "text/html"}) as response:
        assert (response.status, len(await response.read()) < 100) == (404, True)


@pytest.mark.asyncio(loop_scope="module")
async def test_programs_get_a_plain_404(http: aiohttp.ClientSession) -> None:
    for path, headers in (("/listen/no%20name", {"Accept": "*/*"}), ("/api/nothing", HTML)):
        async with http.get(path, headers=headers) as response:
            assert response.status == 404
            assert "<html" not in await response.text()
