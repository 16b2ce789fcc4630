"""Whether a task is to end, for loops around NATS's library, which takes a cancellation that comes
while it flushes for its own."""

import asyncio


def is_cancelled() -> bool:
    """Whether somebody has cancelled the present task."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
