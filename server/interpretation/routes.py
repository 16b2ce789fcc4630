"""Translation through a third language, if no model translates a pair directly."""

from collections.abc import Callable, Mapping, Sequence

from server.interpretation.engines import EngineError, Translator

Pair = tuple[str, str]


class RoutedTranslator:
    """Combines the translators of several pairs.

    ``route``: returns the pairs to translate in turn, from a source to a target; empty for none.
    """

    def __init__(
        self,
        translators: Mapping[Pair, Translator],
        route: Callable[[str, str], Sequence[Pair]],
    ) -> None:
        self._translators = translators
        self._route = route

    def translate(self, text: str, source: str, target: str, prefix: str = "") -> str:
        """See ``Translator.translate``. Raises EngineError, also if there is no route."""
        route = self._route(source, target)
        if not route:
            raise EngineError(f"no model translates {source} to {target}")
        *first, last = route
        for pair in first:
            text = self._translators[pair].translate(text, *pair)
        return self._translators[last].translate(text, *last, prefix)
