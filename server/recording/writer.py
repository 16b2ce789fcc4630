"""A thread that writes to the disk, as a disk may be slow, or hang."""

import logging
import queue
import threading
from collections.abc import Callable
from typing import Final

from server.process import described

logger = logging.getLogger(__name__)

#: A recording makes one job a second.
MOST_JOBS: Final = 256

Job = Callable[[], None]


class Writer:
    """Does jobs one after another. Its thread starts with the first one."""

    def __init__(self) -> None:
        self._jobs: queue.Queue[Job | None] = queue.Queue(MOST_JOBS)
        self._thread: threading.Thread | None = None

    def put(self, job: Job) -> bool:
        """Do ``job`` after those that wait; False if too many wait. It handles its own errors."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="recording", daemon=True)
            self._thread.start()
        try:
            self._jobs.put_nowait(job)
        except queue.Full:
            return False
        return True

    def close(self) -> None:
        """End the thread after the jobs that wait now."""
        if self._thread is not None:
            try:
                self._jobs.put_nowait(None)
            except queue.Full:
                logger.warning("the disk of the recordings hangs: the last seconds are lost")
                self._thread = None

    @property
    def is_busy(self) -> bool:
        """Whether jobs are done still, after ``close``."""
        return self._thread is not None and self._thread.is_alive()

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                job()
            except Exception as error:  # noqa: BLE001  a bug ends this job only
                logger.error("a job of the recordings failed: %s", described(error))
