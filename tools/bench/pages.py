"""The pages: see ``page_weight``, and ``operating``."""

from tools.bench import operating, page_weight
from tools.figures import Figure


async def run(quick: bool) -> list[Figure]:
    """The figures of the pages."""
    return [*await page_weight.run(quick), *await operating.run(quick)]
