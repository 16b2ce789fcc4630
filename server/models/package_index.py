"""Finds wheels in the package index that pip is configured for. A wheel is requested by its exact
name and version. Its contents are checked like those of any other source."""

import asyncio
import importlib
import json
import os
import re
import sys
from html.parser import HTMLParser
from typing import Any, Final
from urllib.parse import urldefrag, urljoin, urlsplit

from server.models.available import File, Package
from server.models.disk import FetchError
from server.models.download import Downloader

ACCEPT: Final = "application/vnd.pypi.simple.v1+json, text/html;q=0.5"
PIP_S: Final = 20.0


async def indexes() -> list[str]:
    """The index addresses that pip uses, in its order, without those on the local disk."""
    own = os.environ.get("PIP_INDEX_URL")
    further = os.environ.get("PIP_EXTRA_INDEX_URL")
    if own is None or further is None:
        configured = await _configured()
        own = own or _last(configured, "index-url") or _pips_own()
        further = further if further is not None else _last(configured, "extra-index-url")
    found = [own or "", *further.split()]
    return [each for each in found if urlsplit(each).scheme in ("https", "http")]


async def find_wheel(downloader: Downloader, package: Package) -> tuple[str, File]:
    """The address of the wheel of this version, and its size and checksum. Raises FetchError."""
    problems = []
    for index in await indexes():
        address = f"{index.rstrip('/')}/{_normal(package.name)}/"
        try:
            text, kind = await downloader.text(address, ACCEPT)
        except FetchError as error:
            problems.append(str(error))
            continue
        links = _of_json(text, address) if kind.endswith("json") else _of_html(text, address)
        for link, file in links:
            if _is_wheel(file.path, package):
                return link, file
        problems.append(f"{urlsplit(index).hostname} has no wheel of {package.version}")
    raise FetchError(f"{package.name}: {'; '.join(problems) or 'pip has no index configured'}")


def _pips_own() -> str:
    """pip's default index; "" if pip does not tell."""
    try:
        return str(importlib.import_module("pip._internal.models.index").PyPI.simple_url)
    except (ImportError, AttributeError):
        return ""


async def _configured() -> dict[str, str]:
    """pip's configuration; empty if pip is not installed."""
    try:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "pip", "config", "list", "--disable-pip-version-check"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
    except OSError:
        return {}
    try:
        async with asyncio.timeout(PIP_S):
            output, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        return {}
    pairs = (line.partition("=") for line in output.decode("utf8", "replace").splitlines())
    return {name.strip(): value.strip().strip("'\"") for name, _, value in pairs}


def _last(configured: dict[str, str], name: str) -> str:
    """A value of pip's configuration: that of `pip install`, or else the global one."""
    for section in ("install", "global"):
        if value := configured.get(f"{section}.{name}"):
            return value.replace("\\n", " ")
    return ""


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _is_wheel(file: str, package: Package) -> bool:
    name, version, *_ = [*file.split("-"), ""]
    return (
        file.endswith("-py3-none-any.whl")
        and _normal(name) == _normal(package.name)
        and version == package.version
    )


def _of_json(text: str, address: str) -> list[tuple[str, File]]:
    try:
        files: list[dict[str, Any]] = json.loads(text)["files"]
        return [
            (
                urljoin(address, each["url"]),
                File(
                    each["filename"],
                    size=int(each.get("size") or 0),
                    sha256=str(each.get("hashes", {}).get("sha256", "")),
                ),
            )
            for each in files
        ]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise FetchError(f"{address} does not answer like a package index: {error!r}") from error


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.extend(value for name, value in attrs if tag == "a" and name == "href" and value)


def _of_html(text: str, address: str) -> list[tuple[str, File]]:
    parser = _Links()
    parser.feed(text)
    links = []
    for href in parser.found:
        link, fragment = urldefrag(urljoin(address, href))
        algorithm, _, value = fragment.partition("=")
        name = urlsplit(link).path.rsplit("/", 1)[-1]
        links.append((link, File(name, sha256=value if algorithm == "sha256" else "")))
    return links
