import platform
import subprocess
import sys
from pathlib import Path

import pytest

from server.process import TUNABLES, with_huge_pages

_HUGE = "glibc.malloc.hugetlb=1"
#: Allocates 64 MB and tells how many kB of it lie in huge pages.
_ALLOCATES = """
kept = [bytearray(100_000) for _ in range(640)]
rollup = open("/proc/self/smaps_rollup").read().split()
print(rollup[rollup.index("AnonHugePages:") + 1])
"""


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, {TUNABLES: _HUGE}),
        ({"A": "b"}, {"A": "b", TUNABLES: _HUGE}),
        ({TUNABLES: "glibc.malloc.check=1"}, {TUNABLES: f"glibc.malloc.check=1:{_HUGE}"}),
        ({TUNABLES: "glibc.malloc.hugetlb=0"}, {TUNABLES: "glibc.malloc.hugetlb=0"}),
    ],
)
def test_huge_pages_are_asked_for_and_what_was_set_stays(
    before: dict[str, str], after: dict[str, str]
) -> None:
    assert with_huge_pages(before) == after


def test_a_process_started_so_has_its_memory_in_huge_pages() -> None:
    setting = Path("/sys/kernel/mm/transparent_hugepage/enabled")
    library, version = platform.libc_ver()
    gives = setting.exists() and "[madvise]" in setting.read_text()
    asks = library == "glibc" and tuple(map(int, version.split("."))) >= (2, 35)
    got_kb = subprocess.run(
        [sys.executable, "-c", _ALLOCATES], env=with_huge_pages({}), capture_output=True, check=True
    ).stdout
    assert int(got_kb) > 0 or not (gives and asks)
