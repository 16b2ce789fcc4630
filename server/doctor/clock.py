"""Whether the clock is right: tokens, certificates and TURN passwords end by it."""

import ctypes
import shutil
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from server.doctor.findings import Finding

#: The last year in which this program may run unchanged.
LAST_YEAR: Final = 2100
WATCHED_S: Final = 0.3
#: The wall clock may run this much faster or slower than the monotonic one while it is watched.
APART_S: Final = 0.02
_TIME_ERROR: Final = 5
_TIMEX_BYTES: Final = 512


def clock() -> list[Finding]:
    """Look at the clock. Takes WATCHED_S."""
    now = datetime.now(UTC)
    written = datetime.fromtimestamp(Path(__file__).stat().st_mtime, UTC)
    return [*_year(now, written), *_steady(), *_synchronised()]


def _year(now: datetime, written: datetime) -> Iterator[Finding]:
    if (written - now).days > 1 or now.year > LAST_YEAR:
        text = f"it says {now.date()}; this program was installed on {written.date()}"
        advice = "set it: tokens and certificates are refused by a wrong clock"
        yield Finding("clock", "problem", text, advice)
    else:
        yield Finding("clock", "ok", f"it says {now:%Y-%m-%d %H:%M} UTC")


def _steady() -> Iterator[Finding]:
    wall, steady = time.time(), time.monotonic()
    time.sleep(WATCHED_S)
    apart = (time.time() - wall) - (time.monotonic() - steady)
    if abs(apart) > APART_S:
        text = f"it moved by {apart:+.2f} s against the time that passed"
        advice = "see what sets it (chronyc tracking, timedatectl timesync-status)"
        yield Finding("clock", "problem", text, advice)


def _synchronised() -> Iterator[Finding]:
    answer = _asked()
    if answer is None:
        yield Finding("clock", "note", "whether anything synchronises it cannot be known here")
    elif answer:
        yield Finding("clock", "ok", "it is synchronised")
    else:
        text = "nothing synchronises it; it may be wrong after a while"
        advice = "sudo timedatectl set-ntp true; without internet, compare it with a phone"
        yield Finding("clock", "note", text, advice)


def _asked() -> bool | None:
    """Whether the clock is synchronised; None if that cannot be known."""
    if shutil.which("timedatectl"):
        command = ["timedatectl", "show", "--property=NTPSynchronized", "--value"]
        try:
            ran = subprocess.run(command, capture_output=True, text=True, timeout=3, check=False)
            if ran.stdout.strip() in ("yes", "no"):
                return ran.stdout.strip() == "yes"
        except (OSError, subprocess.SubprocessError):
            pass
    try:  # adjtimex with no modes only reads
        state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    except (OSError, AttributeError):
        return None
    return None if state < 0 else bool(state != _TIME_ERROR)
