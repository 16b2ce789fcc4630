import hashlib
import json
from pathlib import Path

import pytest

from server.interpretation.engines import EngineError
from server.interpretation.routes import RoutedTranslator
from server.models.catalogue import Catalogue


class Tagging:
    def translate(self, text: str, source: str, target: str, prefix: str = "") -> str:
        return f"{target}({prefix}{text})"


def route(source: str, target: str) -> list[tuple[str, str]]:
    routes = {
        ("nl", "en"): [("nl", "en")],
        ("nl", "de"): [("nl", "en"), ("en", "de")],
    }
    return routes.get((source, target), [])


@pytest.mark.parametrize(("target", "expected"), [("en", "en(ja)"), ("de", "de(en(ja))")])
def test_text_is_translated_along_the_route(target: str, expected: str) -> None:
    translator = RoutedTranslator({("nl", "en"): Tagging(), ("en", "de"): Tagging()}, route)
    assert translator.translate("ja", "nl", target) == expected


@pytest.mark.parametrize(("target", "expected"), [("en", "en(o ja)"), ("de", "de(o en(ja))")])
def test_only_the_last_translation_gets_the_prefix(target: str, expected: str) -> None:
    translator = RoutedTranslator({("nl", "en"): Tagging(), ("en", "de"): Tagging()}, route)
    assert translator.translate("ja", "nl", target, "o ") == expected


def test_a_missing_route_is_an_error() -> None:
    with pytest.raises(EngineError, match="no model translates nl to fr"):
        RoutedTranslator({}, route).translate("ja", "nl", "fr")


@pytest.fixture
def four_ways(tmp_path: Path) -> Catalogue:
    """A folder with one translation model, of the pairs that the starter model has."""
    (tmp_path / "model.bin").write_bytes(b"weights")
    model = {
        "name": "translation",
        "kind": "translation",
        "path": ".",
        "licence": "none",
        "target_tags": True,
        "pairs": [["en", "nl"], ["nl", "en"], ["en", "de"], ["en", "fr"]],
        "files": {"model.bin": hashlib.sha256(b"weights").hexdigest()},
    }
    (tmp_path / "manifest.json").write_text(json.dumps({"models": [model]}))
    return Catalogue.load(tmp_path)


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        ("nl", "en", "en(ja)"),
        ("nl", "de", "de(en(ja))"),
        ("nl", "fr", "fr(en(ja))"),
        ("en", "de", "de(ja)"),
        ("en", "fr", "fr(ja)"),
    ],
)
def test_a_multilingual_model_from_english_gives_routes_from_dutch(
    four_ways: Catalogue, source: str, target: str, expected: str
) -> None:
    engine = Tagging()
    translator = RoutedTranslator(dict.fromkeys(four_ways.translations, engine), four_ways.route)
    assert translator.translate("ja", source, target) == expected
