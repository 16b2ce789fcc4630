"""What is counted about recordings, for metrics."""

from dataclasses import dataclass


@dataclass
class RecordingCounts:
    """``running``: now. ``bytes``: written so far. ``stopped``: by the disk or a limit so far.
    ``dropped``: seconds of recordings that were not written, because the disk was too slow or
    failed."""

    running: int = 0
    bytes: int = 0
    stopped: int = 0
    dropped: int = 0
