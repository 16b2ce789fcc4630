"""Translation by way of a third language, where no model translates a pair directly."""

from collections.abc import Callable, Mapping, Sequence

from server.interpretation.engines import EngineError, Translator

Pair = tuple[str, str]


class RoutedTranslator:
    """One translator made of several.

    ``route``: the pairs that lead from a source to a target, one after the other.
    """

    def __init__(
        self,
        translators: Mapping[Pair, Translator],
        route: Callable[[str, str], Sequence[Pair]],
    ) -> None:
        self._translators = translators
        self._route = route

    def translate(self, text: str, source: str, target: str, prefix: str = "") -> str:
        """As engines has it, pair by pair on the way. Raises EngineError."""
        route = self._route(source, target)
        if not route:
            raise EngineError(f"no model translates {source} to {target}")
        *first, last = route
        for pair in first:
            text = self._translators[pair].translate(text, *pair)
        return self._translators[last].translate(text, *last, prefix)
