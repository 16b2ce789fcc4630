"""Installs a model that is not in ``available.toml``, from a file, a folder or an address."""

import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from server.interpretation.engines import ModelError
from server.models.available import Available, File
from server.models.disk import FetchError, Missing, check_free, digest, disk_error
from server.models.download import Downloader
from server.models.formats import recognised
from server.models.store import Store
from server.models.unpack import unpack

ARCHIVES: Final = (".zip", ".argosmodel")
#: The files that may belong to a model.bin.
BESIDE: Final = (
    *("config.json", "tokenizer.json", "preprocessor_config.json", "vocabulary.txt"),
    *("vocabulary.json", "shared_vocabulary.json", "shared_vocabulary.txt"),
    *("source_vocabulary.json", "target_vocabulary.json", "source.spm", "target.spm"),
)


def from_file(store: Store, path: Path, language: str) -> tuple[Path, Available]:
    """Copy or unpack the model at ``path`` into ``store``'s staging. Returns its folder and
    description. ``language``: see ``recognised``. Raises FetchError."""
    if not path.exists():
        raise FetchError(f"{path} does not exist")
    name = model_name(path.name)
    folder = store.staging(name) / "unpacked"
    shutil.rmtree(folder, ignore_errors=True)
    if path.suffix in ARCHIVES:
        unpack(path, folder)
    elif path.is_dir():
        _copied(sorted(path.rglob("*")), path, folder)
    elif path.suffix == ".onnx":
        _copied([path, Path(f"{path}.json")], path.parent, folder)
    else:
        raise FetchError(
            f"{path} is not a model: give a folder, a zip file, an .argosmodel, or an .onnx with "
            "its .onnx.json beside it"
        )
    return folder, _described(folder, name, path.stem, language)


async def from_address(
    store: Store, downloader: Downloader, address: str, language: str
) -> tuple[Path, Available, dict[str, str]]:
    """Download the model at ``address`` into ``store``'s staging. Returns its folder, its
    description, and the checksums to pin, by address. Raises FetchError."""
    base, _, file = urlsplit(address).path.rpartition("/")
    beside = address.rpartition("/")[0]
    repository = re.sub("/(resolve|raw)/[^/]+$", "", base).rpartition("/")[2]
    name = model_name(repository if file == "model.bin" else file)
    staging, known = store.staging(name), store.pins()
    whole = staging / "whole"
    whole.mkdir(exist_ok=True)
    pins: dict[str, str] = {}

    async def fetch(source: str, target: Path) -> None:
        if not target.exists():
            await downloader.file(source, target, File(target.name, sha256=known.get(source, "")))
        pins[source] = digest(target)

    if file.endswith(ARCHIVES):
        await fetch(address, staging / file)
        shutil.rmtree(whole)
        try:
            unpack(staging / file, whole)
        except FetchError:
            (staging / file).unlink()  # or it would be taken for what the next pull wants
            raise
    elif file.endswith(".onnx"):
        await fetch(address + ".json", whole / f"{file}.json")
        await fetch(address, whole / file)
    elif file == "model.bin":
        for each in BESIDE:
            try:
                await fetch(f"{beside}/{each}", whole / each)
            except Missing:
                pass  # which of them exist depends on the format
        await fetch(address, whole / file)
    else:
        raise FetchError(
            f"{address} is not a model: give the address of a zip file, an .argosmodel, an .onnx "
            "or a model.bin"
        )
    return whole, _described(whole, name, file, language), pins


def model_name(text: str) -> str:
    """A model name made from the file or folder name ``text``."""
    stem = text.removesuffix(".zip").removesuffix(".argosmodel").removesuffix(".onnx")
    return re.sub("[^A-Za-z0-9._-]+", "-", stem).strip(".-") or "model"


def _described(folder: Path, name: str, called: str, language: str) -> Available:
    try:
        found = recognised(folder, called, language)
    except ModelError as error:
        shutil.rmtree(folder.parent, ignore_errors=True)
        raise FetchError(str(error).replace(str(folder), name)) from error
    return Available(name=name, licence="see the package", **found.traits)


def _copied(files: Sequence[Path], base: Path, folder: Path) -> None:
    """Copy files and folders. Raises FetchError, also for links."""
    try:
        folder.mkdir()
        check_free(folder, sum(each.stat().st_size for each in files if each.is_file()))
        for each in files:
            target = folder / each.relative_to(base)
            if each.is_symlink():
                raise FetchError(f"{each} is a link, which is not copied")
            if each.is_file():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(each, target)
            elif not each.is_dir():
                raise FetchError(f"{each} is missing, or not a file")
    except OSError as error:
        raise disk_error(folder, error) from error
