"""Unpacks untrusted zip files. Refuses links, paths outside the folder, and zip bombs."""

import lzma
import stat
import struct
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Final

from server.models.disk import FetchError, check_free, disk_error

#: The largest ratio of unpacked to packed size. Models hardly compress.
MOST_SWELLING: Final = 20
MOST_BYTES: Final = 8 << 30
MOST_MEMBERS: Final = 10_000
CHUNK_BYTES: Final = 1 << 20
#: What unpacking damaged data raises; bz2 raises an OSError without a number.
_DAMAGED: Final = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error),
    *(EOFError, RuntimeError, ValueError),
)


def unpack(archive: Path, folder: Path) -> None:
    """Unpack ``archive`` into ``folder``. If all of it is in one top folder, that level is left
    out. Raises FetchError, which names the wrong member; ``folder`` may then have a part of it."""
    with _opened(archive) as source:
        # Not is_dir(), which fails for a member without a name.
        members = [each for each in source.infolist() if not each.filename.endswith("/")]
        paths = {each.filename: _path(archive, each) for each in members}
        tops = {path.parts[0] for path in paths.values()}
        strip = 1 if len(tops) == 1 and all(len(path.parts) > 1 for path in paths.values()) else 0
        targets = [(each, folder.joinpath(*paths[each.filename].parts[strip:])) for each in members]
        if len({str(target).casefold() for _, target in targets}) != len(targets):
            raise FetchError(f"{archive.name} contains the same file twice; it is not used")
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise disk_error(folder, error) from error
        check_free(folder, sum(each.file_size for each in members))
        for member, target in targets:
            _write(source, archive, member, target)


def take(archive: Path, folder: Path, members: Mapping[str, str]) -> None:
    """Unpack ``members`` of ``archive``, each to the file of ``folder`` that it is mapped to. The
    data is appended to the file. Raises FetchError."""
    with _opened(archive) as source:
        for name, target in members.items():
            try:
                member = source.getinfo(name)
            except KeyError as error:
                raise FetchError(f"{archive.name} lacks {name}: the package was changed") from error
            _path(archive, member)
            _write(source, archive, member, folder / target, add=True)


def _opened(archive: Path) -> zipfile.ZipFile:
    try:
        source = zipfile.ZipFile(archive)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise FetchError(
            f"{archive.name} is not a zip file, or was cut off: {error}; fetch it again"
        ) from error
    members = source.infolist()
    total = sum(each.file_size for each in members)
    if total > min(MOST_BYTES, MOST_SWELLING * archive.stat().st_size + (1 << 20)):
        source.close()
        raise FetchError(
            f"{archive.name} would unpack to {total / 1e6:,.0f} MB, too much for its size; it is "
            "not used"
        )
    if not 0 < len(members) <= MOST_MEMBERS:
        source.close()
        raise FetchError(f"{archive.name} contains {len(members)} files: it is not a model")
    return source


def _path(archive: Path, member: zipfile.ZipInfo) -> PurePosixPath:
    """The path of a member. Raises FetchError if it is outside the folder, or not a plain file."""
    name = member.filename
    path = PurePosixPath(name)
    mode = member.external_attr >> 16
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        raise FetchError(f"{archive.name} contains {name!r}, a link or device; it is not unpacked")
    if path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name or not path.parts:
        raise FetchError(
            f"{archive.name} contains {name!r}, outside its folder; it is not unpacked"
        )
    if member.flag_bits & 1:
        raise FetchError(f"{archive.name} is encrypted; it is not used")
    return path


def _write(
    source: zipfile.ZipFile,
    archive: Path,
    member: zipfile.ZipInfo,
    target: Path,
    add: bool = False,
) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with source.open(member) as packed, target.open("ab" if add else "xb") as file:
            left = member.file_size
            while data := packed.read(CHUNK_BYTES):
                left -= len(data)
                if left < 0:
                    raise FetchError(
                        f"{archive.name}: {member.filename} is larger than it says; it is not used"
                    )
                file.write(data)
    except (*_DAMAGED, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise disk_error(target, error) from error
        raise FetchError(
            f"{archive.name}: {member.filename} is damaged ({error}); fetch it again"
        ) from error
