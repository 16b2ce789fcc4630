"""Are the terms of a glossary translated as it says, and the other words as well as before?

    python -m tools.evaluate glossary [--json] [--quick] [--models FOLDER]

Sentences with terms that models do not know are translated with a glossary and without: as a whole,
and word by word, with the words already spoken as a forced prefix, as the policy "prefix" does.
Then recognisers hear the terms: see tools/evaluate/vocabulary.py.
"""

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from pathlib import Path
from typing import Final

from server.config import STARTER_MODELS
from server.interpretation.draft import Draft
from server.interpretation.engines import EngineError, Translator
from server.interpretation.loading import plain_translator
from server.interpretation.routes import RoutedTranslator
from server.interpretation.term_translator import TermTranslator
from server.models.installed import catalogue_of
from tools.evaluate import vocabulary
from tools.evaluate.glossary_cases import SLOT, Case, cases, glossary
from tools.evaluate.material import SIDES
from tools.evaluate.text_metrics import score
from tools.figures import Figure, measuring_parser, report
from training.espeak import Espeak

WAYS: Final = (("nl", "en"), ("en", "nl"))
#: Sentences per term.
CARRIERS, QUICK_CARRIERS = 10, 2
#: The same, for sentences that grow word by word.
GROWING, QUICK_GROWING = 2, 1


def figures(translator: Translator, quick: bool) -> Iterator[Figure]:
    """All figures of a translator."""
    with_terms = TermTranslator(translator, glossary)
    for source, target in WAYS:
        name = f"glossary.{source}_{target}"
        some = cases(source, QUICK_CARRIERS if quick else CARRIERS)
        made = [_translated(with_terms, each.text, source, target) for each in some]
        yield Figure(f"{name}.terms_through", _share(some, made), "%", 95, "higher")
        before = [_translated(translator, each.text, source, target) for each in some]
        rest, rest_before = (_rest_score(some, each) for each in (made, before))
        yield Figure(f"{name}.terms_through_without", _share(some, before), "%", None, "higher")
        yield Figure(f"{name}.bleu_of_rest", rest, "BLEU", None, "higher")
        yield Figure(f"{name}.bleu_of_rest_lost", rest_before - rest, "BLEU", 0.5)
        few = cases(source, QUICK_GROWING if quick else GROWING)
        grown = [_grown(with_terms, each.text, source, target) for each in few]
        yield Figure(f"{name}.terms_through_growing", _share(few, grown), "%", 95, "higher")


def rest_of(made: str, reference: str) -> str:
    """``made`` without the words that stand where ``reference`` has ``SLOT``."""
    words, wanted = _words(made), _words(reference)
    place = wanted.index(SLOT)
    start, end = 0, len(words)
    for in_made, in_wanted, length in SequenceMatcher(
        None, words, wanted, autojunk=False
    ).get_matching_blocks():
        if in_wanted < place:
            start = in_made + length
        elif length:
            end = min(end, in_made)
    return " ".join(words[:start] + words[end:])


def came_through(case: Case, made: str) -> bool:
    """Whether ``made`` has the whole term as it is written. A capital letter is allowed."""
    first, rest = re.escape(case.term[0]), re.escape(case.term[1:])
    return bool(re.search(rf"\b(?i:{first}){rest}\b", made))


def _share(some: Sequence[Case], made: Sequence[str]) -> float:
    return 100 * sum(map(came_through, some, made)) / len(some)


def _rest_score(some: Sequence[Case], made: Sequence[str]) -> float:
    rests = [rest_of(each, case.reference) for case, each in zip(some, made, strict=True)]
    references = [" ".join(w for w in _words(case.reference) if w != SLOT) for case in some]
    return score("bleu", rests, references).value


def _words(text: str) -> list[str]:
    return re.findall(r"[\w']+", text.lower())


def _translated(translator: Translator, text: str, source: str, target: str) -> str:
    try:
        return translator.translate(text, source, target)
    except EngineError:
        return ""


def _grown(translator: Translator, text: str, source: str, target: str) -> str:
    """The translation that is spoken if ``text`` comes word by word."""
    words = text.split()
    draft = Draft(0)
    for count in range(1, len(words) + 1):
        heard = " ".join(words[:count])
        try:
            translated = translator.translate(heard, source, target, draft.text)
        except EngineError:
            continue
        draft.revise(heard, translated, count == len(words))
    return draft.text


def main(words: Sequence[str]) -> int:
    """Run it. Returns the exit status: 1 if a bound does not hold."""
    parser = measuring_parser("tools.evaluate glossary", __doc__)
    parser.add_argument(
        "--models",
        type=Path,
        default=STARTER_MODELS,
        help="folder of other models than the shipped ones",
    )
    options = parser.parse_args(words)
    Espeak()  # vocabulary needs it; if it is missing, fail before minutes of translation
    catalogue = catalogue_of(str(options.models), Path())
    loaded = {
        model.name: plain_translator(catalogue, model) for model in catalogue.translations.values()
    }
    translator = RoutedTranslator(
        {pair: loaded[model.name] for pair, model in catalogue.translations.items()},
        catalogue.route,
    )
    found = list(figures(translator, options.quick))
    for language in SIDES:
        if model := catalogue.recognizers.get(language):
            found += vocabulary.figures(language, catalogue.path(model), options.quick)
    return report(found, as_json=options.json, quick=options.quick)
