from collections.abc import Sequence

import numpy as np
import pytest

from server.bus import messages
from server.interpretation.engines import Recognizer
from server.interpretation.glossary import Glossary
from server.interpretation.shared import Engines, Limits, Shared
from server.interpretation.stream_glossary import StreamGlossary
from tests.helpers.interpretation import EchoRecognizer, TaggingTranslator, eventually, sound


class Odd(EchoRecognizer):
    """Can expect nothing."""

    def expecting(self, words: Sequence[str]) -> tuple[Recognizer, dict[str, str]]:
        return EchoRecognizer(), dict.fromkeys(words, "is odd")


def shared(recognizer: Recognizer) -> Shared:
    engines = Engines({"nl": recognizer}, TaggingTranslator(), {})
    return Shared(engines, Limits(), lambda message: None)


def told(version: int, *words: str) -> messages.Glossary:
    return messages.Glossary(stream="s", epoch=1, version=version, words={"nl": words})


async def test_words_a_recogniser_cannot_expect_are_reported_with_the_version() -> None:
    everyone = shared(Odd())
    glossary = StreamGlossary()
    own = glossary.applied(everyone)
    stream = own.engines.recognizers["nl"].stream()
    assert not glossary.unexpected("s", 3)
    glossary.take(told(7, "kerk", "toren"))

    def is_told() -> bool:
        stream.accept(sound("."))
        return bool(glossary.unexpected("s", 3))

    await eventually(is_told)
    assert glossary.unexpected("s", 3) == [
        messages.Unexpected(
            stream="s",
            epoch=3,
            version=7,
            language="nl",
            words={"kerk": "is odd", "toren": "is odd"},
        )
    ]
    glossary.take(told(8))
    assert not glossary.unexpected("s", 3)
    stream.accept(sound("."))
    assert not glossary.unexpected("s", 3)


async def test_each_language_has_its_words_reported() -> None:
    glossary = StreamGlossary()
    everyone = Shared(
        Engines({"nl": Odd(), "de": Odd()}, TaggingTranslator(), {}), Limits(), lambda message: None
    )
    own = glossary.applied(everyone).engines.recognizers
    words: dict[str, tuple[str, ...]] = {"nl": ("kerk",), "de": ("kirche",)}
    glossary.take(messages.Glossary(stream="s", epoch=1, version=1, words=words))
    streams = [own[language].stream() for language in words]

    def are_told() -> bool:
        for stream in streams:
            stream.accept(sound("."))
        return len(glossary.unexpected("s", 1)) == 2

    await eventually(are_told)
    assert {each.language: tuple(each.words) for each in glossary.unexpected("s", 1)} == words


class Kept(EchoRecognizer):
    """Notes in ``made`` which recogniser was to expect words: its language, and its models."""

    def __init__(self, language: str, models: str, made: list[tuple[str, str]]) -> None:
        self.language = language
        self.models = models
        self._made = made

    def expecting(self, words: Sequence[str]) -> tuple[Recognizer, dict[str, str]]:
        self._made.append((self.language, self.models))
        return Kept(self.language, self.models, self._made), {}


async def test_other_models_are_prepared_for_the_languages_in_use_only() -> None:
    made = list[tuple[str, str]]()

    def engines(models: str) -> Engines:
        recognizers = {each: Kept(each, models, made) for each in ("nl", "de", "en")}
        return Engines(recognizers, TaggingTranslator(), {})

    shared, glossary = Shared(engines("old"), Limits(), lambda message: None), StreamGlossary()
    glossary.take(messages.Glossary(stream="s", epoch=1, version=1, names=("Van der Steen",)))
    own = glossary.applied(shared)
    own.engines.recognizers["nl"].stream()
    await eventually(lambda: made == [("nl", "old")])
    shared.engines = engines("new")
    glossary.move(shared)
    await eventually(lambda: ("nl", "new") in made)
    own.engines.recognizers["de"].stream()
    await eventually(lambda: ("de", "new") in made)
    assert made == [("nl", "old"), ("nl", "new"), ("de", "new")]


async def test_a_report_of_thousands_of_unusable_words_fits_a_message() -> None:
    glossary = StreamGlossary()
    own = glossary.applied(shared(Odd()))
    glossary.take(told(1, *(f"a{number}{'x' * 50}" for number in range(2000))))
    stream = own.engines.recognizers["nl"].stream()

    def is_told() -> bool:
        stream.accept(sound("."))
        return bool(glossary.unexpected("s", 3))

    await eventually(is_told)
    (unexpected,) = glossary.unexpected("s", 3)
    assert len(messages.encode(unexpected)) < 20_000


def test_the_next_interpreter_of_a_stream_uses_the_same_adapted_recogniser() -> None:
    everyone = shared(Odd())
    glossary = StreamGlossary()
    first, second = glossary.applied(everyone), glossary.applied(everyone)
    assert first.engines.recognizers["nl"] is second.engines.recognizers["nl"]
    assert first.engines.recognizers["nl"] is not everyone.engines.recognizers["nl"]


def test_a_recogniser_that_cannot_be_adapted_is_used_as_it_is() -> None:
    everyone = shared(EchoRecognizer())
    glossary = StreamGlossary()
    glossary.take(told(1, "een"))
    own = glossary.applied(everyone)
    heard = own.engines.recognizers["nl"].stream().accept(np.asarray(sound("een .")))
    assert heard is not None
    assert heard.text == "een"


async def test_a_glossary_that_changes_while_its_words_are_looked_up_is_not_the_old_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    glossary = StreamGlossary()
    stream = glossary.applied(shared(Odd())).engines.recognizers["nl"].stream()
    looked_up = Glossary.expected

    def changing(self: Glossary, language: str) -> tuple[str, ...]:
        words = looked_up(self, language)
        if "kerk" in words:
            glossary.take(told(2, "toren"))
        return words

    monkeypatch.setattr(Glossary, "expected", changing)
    glossary.take(told(1, "kerk"))

    def is_told() -> bool:
        stream.accept(sound("."))
        return bool(glossary.unexpected("s", 1))

    await eventually(is_told)
    (unexpected,) = glossary.unexpected("s", 1)
    assert (unexpected.version, [*unexpected.words]) == (2, ["toren"])
