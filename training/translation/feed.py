"""Makes batches in several processes: one cannot make examples as fast as a GPU learns from
them."""

import random
from collections.abc import Callable, Iterator

from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from training.translation.examples import Examples
from training.translation.train import Batch, tensors


class Feed(IterableDataset[Batch]):
    """What ``examples`` draws, with different examples in each process. ``seed``: of this
    session."""

    def __init__(self, examples: Callable[[random.Random], Examples], seed: str) -> None:
        self._examples, self._seed = examples, seed

    def __iter__(self) -> Iterator[Batch]:
        worker = get_worker_info()
        rng = random.Random(f"{self._seed} {worker.id if worker else 0}")
        return map(tensors, self._examples(rng).batches())


def batches(
    examples: Callable[[random.Random], Examples], seed: str, workers: int
) -> Iterator[Batch]:
    """Endless batches, made in this process if ``workers`` is 0."""
    return iter(DataLoader(Feed(examples, seed), batch_size=None, num_workers=workers))
