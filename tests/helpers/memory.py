"""How much memory this process has."""

import os
from pathlib import Path


def own_memory() -> int:
    """In bytes, without files that are mapped."""
    resident, shared = Path("/proc/self/statm").read_text(encoding="ascii").split()[1:3]
    return (int(resident) - int(shared)) * os.sysconf("SC_PAGE_SIZE")
