"""Clauses that were cut from each other, translated one after the other."""

import asyncio

import pytest

from server.bus.messages import Caption, Message
from server.interpretation.booth import Booth
from server.interpretation.context import Said, in_context
from server.interpretation.ctranslate2_translator import CTranslate2Translator
from server.interpretation.engines import EngineError
from server.interpretation.shared import Engines, Limits, Shared
from server.interpretation.types import Clause, Target
from server.models.catalogue import Catalogue


class Capitals:
    """Translates into capitals, and what it was told in ``instead`` as it was told."""

    def __init__(self, instead: dict[str, str] | None = None) -> None:
        self.instead = instead or {}
        self.asked: list[tuple[str, str]] = []

    def __call__(self, text: str, prefix: str) -> str:
        self.asked.append((text, prefix))
        if self.instead.get(text) == "fails":
            raise EngineError("a loop")
        return self.instead.get(text, text.upper())


class Recording:
    """Capitals, as an engine."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def translate(self, text: str, source: str, target: str, prefix: str = "") -> str:
        self.asked.append(text)
        if "fails" in text:
            raise EngineError("a loop")
        return text.upper()


def clause(segment: int, text: str, goes_on: bool = False) -> Clause:
    return Clause(segment, text, 0, 1, True, goes_on)


BEFORE = Said(clause(4, "a b c"), "A B C.")
NEXT = clause(5, "d e f g", goes_on=True)
BOTH = "a b c d e f g"


def test_a_clause_that_continues_a_sentence_is_translated_with_the_one_before() -> None:
    translate = Capitals()
    assert in_context(translate, NEXT, "", BEFORE) == "D E F G"
    assert translate.asked == [(BOTH, "A B C")]


def test_spoken_words_of_a_growing_clause_stay_the_prefix() -> None:
    translate = Capitals()
    assert in_context(translate, NEXT, "D E", BEFORE).startswith("D E ")
    assert translate.asked == [(BOTH, "A B C D E")]


@pytest.mark.parametrize(
    ("next_one", "before"),
    [
        pytest.param(NEXT, None, id="nothing before"),
        pytest.param(clause(5, "d e f g"), BEFORE, id="after a pause"),
        pytest.param(clause(6, "d e f g", True), BEFORE, id="the one before was not translated"),
        pytest.param(clause(5, "d " * 18, True), BEFORE, id="too long together"),
    ],
)
def test_other_clauses_are_translated_alone(next_one: Clause, before: Said | None) -> None:
    translate = Capitals()
    assert in_context(translate, next_one, "", before) == next_one.text.upper()
    assert translate.asked == [(next_one.text, "")]


@pytest.mark.parametrize(
    "both",
    [
        pytest.param("A B C", id="nothing more"),
        pytest.param("A B C D", id="hardly anything more"),
        pytest.param("A B C " + "D " * 9, id="it runs on"),
        pytest.param("X Y Z U V W Z", id="another beginning"),
        pytest.param("fails", id="it fails"),
    ],
)
def test_an_unlikely_continuation_is_translated_alone(both: str) -> None:
    assert in_context(Capitals({BOTH: both}), NEXT, "", BEFORE) == "D E F G"


def test_an_empty_translation_is_not_used_as_context() -> None:
    assert in_context(Capitals(), NEXT, "", Said(BEFORE.clause, "…")) == "D E F G"


async def test_a_booth_remembers_its_last_translation() -> None:
    translator, published = Recording(), list[Message]()
    engines = Engines({}, translator, {})
    shared = Shared(engines, Limits(), published.append)
    booth = Booth(shared, Target("s", 0, "nl", "en"), lambda: 0)
    for number, text in enumerate(("a b c", "fails", "d e f", "g h i")):
        booth.offer(clause(number, text, goes_on=number > 0))
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        group.create_task(booth.run())
        await asyncio.sleep(0)
        booth.close()
    assert translator.asked == ["a b c", "a b c fails", "fails", "d e f", "d e f g h i"]
    texts = [each.text for each in published if isinstance(each, Caption) and not each.skipped]
    assert texts == ["A B C", "D E F", "G H I"]


def test_the_shipped_model_continues_a_sentence(starter: Catalogue) -> None:
    model = starter.translations["nl", "en"]
    shipped = CTranslate2Translator(
        starter.path(model), sorted({target for _, target in model.pairs})
    )

    def translate(text: str, prefix: str) -> str:
        return shipped.translate(text, "nl", "en", prefix)

    first, second = (
        clause(0, "toen ik gisteren thuis kwam"),
        clause(1, "was mijn moeder al weg", True),
    )
    before = Said(first, translate(first.text, ""))
    assert in_context(translate, second, "", before).startswith("my mother was")
    assert in_context(translate, second, "", None).endswith("?")
