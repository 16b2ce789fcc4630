import asyncio
from collections.abc import AsyncIterator

import pytest


@pytest.fixture
async def nothing_is_left_running() -> AsyncIterator[None]:  # noqa: ASYNC124
    yield
    left = {task.get_name() for task in asyncio.all_tasks()}
    assert not [name for name in left if name.startswith("speaker-")]
