import pytest

from server.interpretation.engines import EngineError
from server.interpretation.routes import RoutedTranslator


class Tagging:
    def translate(self, text: str, source: str, target: str) -> str:
        return f"{target}({text})"


def route(source: str, target: str) -> list[tuple[str, str]]:
    routes = {
        ("nl", "en"): [("nl", "en")],
        ("nl", "de"): [("nl", "en"), ("en", "de")],
    }
    return routes.get((source, target), [])


@pytest.mark.parametrize(("target", "expected"), [("en", "en(ja)"), ("de", "de(en(ja))")])
def test_it_translates_along_the_route(target: str, expected: str) -> None:
    translator = RoutedTranslator({("nl", "en"): Tagging(), ("en", "de"): Tagging()}, route)
    assert translator.translate("ja", "nl", target) == expected


def test_where_there_is_no_route_it_says_so() -> None:
    with pytest.raises(EngineError, match="no model translates nl to fr"):
        RoutedTranslator({}, route).translate("ja", "nl", "fr")
