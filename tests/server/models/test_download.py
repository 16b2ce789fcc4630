"""Downloads from a host that misbehaves: correct files arrive, errors are named."""

import hashlib
import re
import ssl
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import numpy as np
import pytest

from server.http import tls
from server.models import download
from server.models.available import File
from server.models.disk import FetchError, Missing, Unreachable
from server.models.download import WORTH_BYTES, Downloader, Patience
from tools.model_host import (
    Fault,
    ModelHost,
    cut,
    dribble,
    model_host,
    page,
    redirect,
    status,
    whole_again,
)

DATA = np.random.default_rng(1).bytes(5 * WORTH_BYTES)
SUM = hashlib.sha256(DATA).hexdigest()
RIGHT = File("model.bin", len(DATA), sha256=SUM)
UNKNOWN = File("model.bin")
HASTE = Patience(
    connect_s=1.0, stall_s=0.3, rate_s=0.5, rate_bytes=50_000, attempts=3, retry_s=0.01
)
PATH = "/m/model.bin"


@pytest.fixture
async def host() -> AsyncIterator[ModelHost]:
    async with model_host({PATH: DATA}) as host:
        yield host


async def fetched(host: ModelHost, target: Path, wanted: File = RIGHT) -> bytes:
    async with aiohttp.ClientSession() as session:
        await Downloader(session, patience=HASTE).file(host.url + PATH, target, wanted)
    return target.read_bytes()


async def test_a_file_is_downloaded_with_progress(host: ModelHost, tmp_path: Path) -> None:
    told: list[int] = []
    async with aiohttp.ClientSession() as session:
        downloader = Downloader(session, told.append, HASTE)
        await downloader.file(host.url + PATH, tmp_path / "model.bin", RIGHT)
    assert (tmp_path / "model.bin").read_bytes() == DATA
    assert told == sorted(told) and told[-1] == len(DATA)
    assert [path.name for path in tmp_path.iterdir()] == ["model.bin"]


@pytest.mark.parametrize("wanted", [RIGHT, UNKNOWN], ids=["pinned", "unknown"])
async def test_an_interrupted_download_is_resumed(
    host: ModelHost, tmp_path: Path, wanted: File
) -> None:
    host.faults[PATH] = [cut(host, len(DATA) // 3), status(503), cut(host, len(DATA) // 2)]
    assert await fetched(host, tmp_path / "model.bin", wanted) == DATA
    assert sum(each.count for each in host.sent[PATH]) < len(DATA) + WORTH_BYTES


async def test_a_later_pull_resumes_a_download(host: ModelHost, tmp_path: Path) -> None:
    host.faults[PATH] = [cut(host, 3 * WORTH_BYTES), *[status(500)] * 3]
    with pytest.raises(FetchError, match="broke off 3 times .*the download will be resumed"):
        await fetched(host, tmp_path / "model.bin")
    assert await fetched(host, tmp_path / "model.bin") == DATA
    assert host.sent[PATH][-1].start >= 2 * WORTH_BYTES


async def test_a_changed_file_is_downloaded_from_the_beginning(
    host: ModelHost, tmp_path: Path
) -> None:
    host.faults[PATH] = [cut(host, 3 * WORTH_BYTES), *[status(500)] * 3]
    with pytest.raises(FetchError):
        await fetched(host, tmp_path / "model.bin", UNKNOWN)
    host.files[PATH] = newer = DATA[::-1]
    assert await fetched(host, tmp_path / "model.bin", UNKNOWN) == newer


async def test_without_ranges_the_whole_file_is_downloaded_again(
    host: ModelHost, tmp_path: Path
) -> None:
    host.faults[PATH] = [cut(host, 3 * WORTH_BYTES), whole_again()]
    assert await fetched(host, tmp_path / "model.bin") == DATA


async def test_a_damaged_part_is_downloaded_again(host: ModelHost, tmp_path: Path) -> None:
    (tmp_path / "model.bin.part").write_bytes(b"x" * WORTH_BYTES)
    assert await fetched(host, tmp_path / "model.bin") == DATA


@pytest.mark.parametrize(
    ("wanted", "complaint"),
    [
        (File("m", len(DATA), sha256="0" * 64), f"its sha256 is {SUM}, not {'0' * 64}"),
        (File("m", len(DATA), md5="0" * 32), "its md5 is .*, not 0000"),
        (File("m", len(DATA) + 1, sha256=SUM), r"has 5,242,880 bytes, not 5,242,881"),
        (File("m", len(DATA) - 1, sha256=SUM), r"has 5,242,880 bytes, not 5,242,879"),
    ],
)
async def test_a_wrong_checksum_is_refused(
    host: ModelHost, tmp_path: Path, wanted: File, complaint: str
) -> None:
    with pytest.raises(FetchError, match=complaint):
        await fetched(host, tmp_path / "model.bin", wanted)
    assert not (tmp_path / "model.bin").exists()


@pytest.mark.parametrize(
    ("fault", "complaint"),
    [
        (status(404), "answered 404 Not Found"),
        (status(403), "answered 403 Forbidden"),
        (page(), "a web page instead of the file.*login page"),
        (page("application/octet-stream"), "a web page instead of the file.*login page"),
        (redirect("ftp://elsewhere.example/model.bin"), "redirects to ftp:.*not followed"),
        (redirect(PATH), "redirects more than 5 times"),
    ],
)
async def test_permanent_errors_are_not_retried(
    host: ModelHost, tmp_path: Path, fault: Fault, complaint: str
) -> None:
    host.faults[PATH] = [fault] * 6
    with pytest.raises(FetchError, match=complaint) as error:
        await fetched(host, tmp_path / "model.bin", UNKNOWN)
    assert host.url in str(error.value)
    assert len(host.sent[PATH]) == (6 if "more than" in complaint else 1)
    assert isinstance(error.value, Missing) == ("404" in complaint)


async def test_a_text_that_comes_in_pieces_is_whole(host: ModelHost) -> None:
    host.faults[PATH] = [dribble(len(DATA) // 3, 0.05)]
    async with aiohttp.ClientSession() as session:
        text, _ = await Downloader(session, patience=HASTE).text(host.url + PATH, "*/*")
    assert text == DATA.decode("utf8", "replace")


async def test_a_text_too_long_is_refused(host: ModelHost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "MOST_TEXT_BYTES", len(DATA) - 1)
    async with aiohttp.ClientSession() as session:
        with pytest.raises(Unreachable, match="sends more than"):
            await Downloader(session, patience=HASTE).text(host.url + PATH, "*/*")


async def test_a_redirect_is_followed(host: ModelHost, tmp_path: Path) -> None:
    host.files["/elsewhere"] = DATA
    host.faults[PATH] = [redirect("/elsewhere")]
    assert await fetched(host, tmp_path / "model.bin") == DATA


async def test_a_redirect_from_https_to_http_is_refused(host: ModelHost, tmp_path: Path) -> None:
    own = tls.self_signed(tmp_path, ["127.0.0.1"]).context
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    async with model_host({PATH: DATA}, own) as safe:
        safe.faults[PATH] = [redirect(host.url + PATH)]
        connector = aiohttp.TCPConnector(ssl=trusting)
        async with aiohttp.ClientSession(connector=connector) as session:
            downloader = Downloader(session, patience=HASTE)
            with pytest.raises(FetchError, match=re.escape(f"to {host.url}{PATH}, which is not")):
                await downloader.file(safe.url + PATH, tmp_path / "model.bin", RIGHT)
            await downloader.file(safe.url + PATH, tmp_path / "model.bin", RIGHT)
    assert not host.sent[PATH]


@pytest.mark.parametrize(
    ("fault", "complaint"),
    [(dribble(0, 1), "no answer in time"), (dribble(1000, 0.1), "less than 50 kB per second")],
    ids=["stalls", "dribbles"],
)
async def test_a_stalled_host_is_given_up(
    host: ModelHost, tmp_path: Path, fault: Fault, complaint: str
) -> None:
    host.faults[PATH] = [fault] * 10
    began = time.monotonic()
    with pytest.raises(FetchError, match=f"broke off 3 times .*{complaint}"):
        await fetched(host, tmp_path / "model.bin")
    assert time.monotonic() - began < 5


async def test_an_unreachable_host_is_given_up_at_once(tmp_path: Path) -> None:
    async with model_host({}) as gone:
        pass
    began = time.monotonic()
    with pytest.raises(Unreachable, match=r"127\.0\.0\.1 cannot be reached"):
        await fetched(gone, tmp_path / "model.bin")
    assert time.monotonic() - began < 1


async def test_a_folder_that_cannot_be_written_is_named(host: ModelHost, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(
        FetchError, match=r"file/model\.bin\.part cannot be written: Not a dir.*--to"
    ):
        await fetched(host, tmp_path / "file" / "model.bin")
