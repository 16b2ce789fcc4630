"""Drives Firefox by WebDriver BiDi, and WebKit's MiniBrowser by WebDriver: a page each."""

import asyncio
import contextlib
import json
import os
import shutil
import socket
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Protocol

import aiohttp

from server.process import end

START_S, END_S, ANSWER_S = 120.0, 5.0, 240.0
FIREFOX_PREFERENCES = {
    "media.autoplay.default": 1,  # sound needs a gesture, as everywhere
    "datareporting.policy.dataSubmissionEnabled": False,
    "app.normandy.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.page": 0,
    "browser.newtabpage.enabled": False,
    "fission.autostart": False,  # one process for pages is enough
    "dom.ipc.processCount": 1,
}
#: Its sandbox needs privileges that a container lacks, and its graphics a display.
WEBKIT_SETTINGS = {"WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS": "1", "LIBGL_ALWAYS_SOFTWARE": "1"}


class Missing(Exception):
    """A program is not installed."""


class Page(Protocol):
    """``errors``: what its console said was wrong."""

    errors: list[str]

    async def open(self, url: str) -> None:
        """Go there; return once it has loaded."""

    async def run(self, expression: str) -> Any:
        """The value of an expression in JavaScript; of what it promises, if it does."""

    async def click(self, selector: str) -> None:
        """Click on an element, as a user does."""


def program(name: str) -> str:
    """The path of a program. Raises Missing."""
    if (path := shutil.which(name)) is None:
        raise Missing(f"{name} is not installed")
    return path


@contextlib.asynccontextmanager
async def started(*command: str, **options: Any) -> AsyncIterator[Process]:
    """A program that runs while the body does, and is ended, with what it started, afterwards."""
    process = await asyncio.create_subprocess_exec(*command, **options)
    try:
        yield process
    finally:
        await end(process, END_S)


async def said(process: Process, what: str) -> str:
    """The rest of the first line in which the program says ``what``; if that is empty, of its first
    line."""
    assert process.stdout is not None
    async with asyncio.timeout(START_S):
        while line := (await process.stdout.readline()).decode():
            if what in line:
                return line[line.index(what) + len(what) :].strip()
    raise RuntimeError(f"the program ended before it said {what!r}")


# --- Firefox ---------------------------------------------------------------------------------


class BiDi:
    """A page of Firefox."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.errors: list[str] = []
        self.context = ""
        self._socket = socket
        self._number = 0

    async def ask(self, method: str, **params: object) -> dict[str, Any]:
        """Give a command, and return its result. Notes errors that come meanwhile."""
        self._number += 1
        await self._socket.send_json({"id": self._number, "method": method, "params": params})
        while True:
            told = await self._socket.receive_json(timeout=ANSWER_S)
            if told.get("method") == "log.entryAdded" and told["params"]["level"] == "error":
                self.errors.append(str(told["params"]["text"]))
            elif told.get("id") == self._number:
                assert told["type"] == "success", told
                return dict(told["result"])

    async def open(self, url: str) -> None:
        await self.ask("browsingContext.navigate", context=self.context, url=url, wait="complete")

    async def run(self, expression: str, activated: bool = False) -> Any:
        result = await self.ask(
            "script.evaluate",
            expression=f"Promise.resolve({expression}).then(JSON.stringify)",
            target={"context": self.context},
            awaitPromise=True,
            userActivation=activated,
        )
        assert result["type"] == "success", result
        value = result["result"].get("value")
        return None if value is None else json.loads(value)

    async def click(self, selector: str) -> None:
        await self.run(f"document.querySelector({json.dumps(selector)}).click()", activated=True)


@contextlib.asynccontextmanager
async def firefox(folder: Path) -> AsyncIterator[Page]:
    """A Firefox with a new profile in ``folder``. Raises Missing."""
    lines = [f'user_pref("{k}", {str(v).lower()});' for k, v in FIREFOX_PREFERENCES.items()]
    (folder / "user.js").write_text("\n".join(lines))
    command = [program("firefox-esr"), "--headless", "--no-remote", "--profile", str(folder)]
    async with (
        started(*command, "--remote-debugging-port", "0", stdout=PIPE, stderr=STDOUT) as process,
        aiohttp.ClientSession() as http,
    ):
        address = await said(process, "WebDriver BiDi listening on ")
        async with http.ws_connect(f"{address}/session", max_msg_size=0) as socket:
            page = BiDi(socket)
            await page.ask("session.new", capabilities={})
            await page.ask("session.subscribe", events=["log.entryAdded"])
            tree = await page.ask("browsingContext.getTree")
            page.context = tree["contexts"][0]["context"]
            yield page


# --- WebKit ----------------------------------------------------------------------------------


class MiniBrowser:
    """A page of WebKit. WebDriver tells nothing of its console."""

    def __init__(self, http: aiohttp.ClientSession) -> None:
        self.errors: list[str] = []
        self.session = ""
        self._http = http

    async def ask(self, path: str, **body: object) -> Any:
        """Give a command, and return its result."""
        timeout = aiohttp.ClientTimeout(total=ANSWER_S)
        async with self._http.post(path, json=body, timeout=timeout) as response:
            answer = await response.json(content_type=None)
        assert response.status == 200, answer
        return answer["value"]

    async def open(self, url: str) -> None:
        await self.ask(f"/session/{self.session}/url", url=url)

    async def run(self, expression: str) -> Any:
        script = f"""const done = arguments[0];
            Promise.resolve({expression}).then((value) => done(value ?? null));"""
        return await self.ask(f"/session/{self.session}/execute/async", script=script, args=[])

    async def click(self, selector: str) -> None:
        found = await self.ask(
            f"/session/{self.session}/element", using="css selector", value=selector
        )
        (element,) = found.values()
        await self.ask(f"/session/{self.session}/element/{element}/click")


@contextlib.asynccontextmanager
async def webkit(folder: Path) -> AsyncIterator[MiniBrowser]:
    """A MiniBrowser on a display of its own. Raises Missing."""
    browsers = sorted(Path("/usr/lib").glob("*/webkit2gtk-4.*/MiniBrowser"))
    if not browsers:
        raise Missing("MiniBrowser of webkit2gtk is not installed")
    driver, display = program("WebKitWebDriver"), program("Xvfb")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = {"binary": str(browsers[-1]), "args": ["--automation"]}
    async with contextlib.AsyncExitStack() as stack:
        screen = await stack.enter_async_context(
            started(display, "-displayfd", "1", "-nolisten", "tcp", stdout=PIPE, stderr=DEVNULL)
        )
        environment = {**os.environ, **WEBKIT_SETTINGS, "DISPLAY": f":{await said(screen, '')}"}
        environment |= {"HOME": str(folder), "XDG_RUNTIME_DIR": str(folder)}
        await stack.enter_async_context(
            started(driver, f"--port={port}", stdout=DEVNULL, stderr=DEVNULL, env=environment)
        )
        http = await stack.enter_async_context(aiohttp.ClientSession(f"http://127.0.0.1:{port}"))
        page = MiniBrowser(http)
        await until_it_answers(http)
        made = await page.ask(
            "/session",
            capabilities={"alwaysMatch": {"webkitgtk:browserOptions": options}},
        )
        page.session = made["sessionId"]
        stack.push_async_callback(closed, http, page.session)
        yield page


async def until_it_answers(http: aiohttp.ClientSession) -> None:
    async with asyncio.timeout(START_S):
        while True:
            with contextlib.suppress(aiohttp.ClientConnectionError):
                async with http.get("/status"):
                    return
            await asyncio.sleep(0.2)


async def closed(http: aiohttp.ClientSession, session: str) -> None:
    """End the session, and with it the browser."""
    with contextlib.suppress(aiohttp.ClientError, TimeoutError):
        async with http.delete(f"/session/{session}", timeout=aiohttp.ClientTimeout(END_S)):
            pass
