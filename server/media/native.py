"""The inner loop of ``batch`` in C, for hosts with a compiler. ``tolk native`` compiles it into a
folder; servers that keep their state there use it from their next start on.

A compiled library is used only if its name has the digest of this source and the platform, if
nobody else may change it, and if it sends what libsrtp makes. Otherwise ``batch`` sends without it.
"""

import ctypes
import hashlib
import logging
import os
import shlex
import shutil
import subprocess
import sysconfig
import tempfile
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from server.media.batch import (
    ADDRESS_BYTES,
    HEADER,
    ROWS,
    Batch,
    BatchSender,
    Destinations,
    check,
    problem_of,
)
from server.media.transport import ffi, lib

SOURCE: Final = Path(__file__).with_name("native.c")
_COMPILERS: Final = ("cc", "gcc", "clang")
_FLAGS: Final = ("-std=c11", "-O2", "-fPIC", "-shared")
_COMPILE_S: Final = 60.0
#: Of libsrtp 2; another version may take other arguments.
_PROTECT: Final = "srtp_err_status_t(*)(struct srtp_ctx_t_ *, void *, int *)"
_OTHERS_MAY_WRITE: Final = 0o022

_log = logging.getLogger(__name__)


class BuildError(Exception):
    """The library cannot be built here; the message says what to do."""


class NativeBatch:
    """Sends batches by a compiled library. Raises OSError or AttributeError if it is not one."""

    def __init__(self, library: Path) -> None:
        if str(ffi.typeof(lib.srtp_protect).cname) != _PROTECT:
            raise AttributeError("libsrtp is not of version 2")
        self._protect = int(ffi.cast("uintptr_t", ffi.addressof(lib, "srtp_protect")))
        self._send = ctypes.CDLL(str(library)).tolk_send
        number, pointer = ctypes.c_size_t, ctypes.c_void_p
        self._send.argtypes = (
            *(ctypes.c_int, ctypes.c_char_p, number, number),
            *(pointer, pointer, pointer, pointer, pointer),
        )
        self._refused = np.zeros(ROWS, np.uint8)
        self._refused_at = self._refused.ctypes.data

    def send(self, headers: NDArray[np.void], payload: bytes, to: Destinations) -> list[int]:
        """See BatchSender."""
        check(headers, payload, to)
        headers = np.ascontiguousarray(headers)
        at, sessions, addresses = headers.ctypes.data, to.pointers.ctypes.data, to.packed_at
        refused: list[int] = []
        for out, start, stop in to.runs:
            failures = self._send(
                out.fileno(),
                payload,
                len(payload),
                stop - start,
                at + start * HEADER.itemsize,
                sessions + start * to.pointers.itemsize,
                addresses + start * ADDRESS_BYTES,
                self._protect,
                self._refused_at,
            )
            if failures:
                refused += (start + np.flatnonzero(self._refused[: stop - start])).tolist()
        return refused


def best(folder: Path) -> tuple[BatchSender, str]:
    """The fastest BatchSender here, and its name for the metrics: "native" if ``folder`` has a
    library of this source that works, else "batches"."""
    found = load(folder)
    return (found, "native") if found is not None else (Batch(), "batches")


def load(folder: Path) -> NativeBatch | None:
    """The library in ``folder``. None if there is none, or it is not trusted: the log says why."""
    reason = ""
    try:
        library = folder / file_name()
        if _others_may_change(library) or _others_may_change(folder):
            reason = "others may change it"
        else:
            reason = problem_of(lambda: NativeBatch(library))
    except FileNotFoundError:
        return None
    if reason:
        _log.warning("%s is not used: %s", library, reason)
        return None
    return NativeBatch(library)


def build(folder: Path) -> Path:
    """Compile the library. Returns its path. Raises BuildError."""
    command = compiler()
    if not SOURCE.exists():
        raise BuildError(f"{SOURCE} is not there: install Tolk again")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if _others_may_change(folder):
        raise BuildError(f"others than its owner may write to {folder}: what is there is not used")
    library = folder / file_name()
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        made = Path(scratch) / library.name
        try:
            result = subprocess.run(
                [*command, *_FLAGS, "-o", str(made), str(SOURCE)],
                capture_output=True,
                text=True,
                timeout=_COMPILE_S,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise BuildError(f"{shlex.join(command)} cannot be run: {error}") from None
        if result.returncode:
            raise BuildError(f"{shlex.join(command)} failed: {result.stderr}")
        if reason := problem_of(lambda: NativeBatch(made)):
            raise BuildError(f"what was compiled does not work here: {reason}")
        made.chmod(0o700)
        made.replace(library)
    return library


def compiler() -> list[str]:
    """The command of a C compiler: ``$CC``, or one that is found. Raises BuildError."""
    if named := shlex.split(os.environ.get("CC", "")):
        return named
    for name in _COMPILERS:
        if found := shutil.which(name):
            return [found]
    raise BuildError(
        "there is no C compiler; install one (on Debian: apt-get install gcc libc6-dev), or name"
        " it in the environment variable CC"
    )


def file_name() -> str:
    """The library's name for this source and platform. Raises FileNotFoundError."""
    digest = hashlib.sha256(SOURCE.read_bytes()).hexdigest()[:16]
    return f"fan-out-{digest}-{sysconfig.get_platform()}.so"


def _others_may_change(path: Path) -> bool:
    """Whether other users may write to it. Raises FileNotFoundError."""
    status = path.stat()
    return status.st_uid not in (0, os.geteuid()) or bool(status.st_mode & _OTHERS_MAY_WRITE)
