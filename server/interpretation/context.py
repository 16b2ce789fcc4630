"""Translates a clause with the clause before as context, if both belong to one sentence.

Both are translated together, with the known translation of the first as a forced prefix. What
follows the prefix is the translation of the second. On development sentences cut into clauses
this gives 43 BLEU (Dutch to English) and 39 (English to Dutch); each clause by itself 30 and 26;
whole sentences 47 and 46.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from server.interpretation.draft import MOST_WORDS_MORE, MOST_WORDS_PER_WORD, words_of
from server.interpretation.engines import EngineError
from server.interpretation.types import Clause
from server.interpretation.written import ENDS

#: If both clauses have more words than this together, the clause is translated by itself: models
#: trained on sentences translate longer text worse than a single clause.
MOST_WORDS: Final = 20
#: A translation with fewer words per source word than this has left something out.
FEWEST_WORDS_PER_WORD: Final = 0.5


@dataclass(frozen=True, slots=True)
class Said:
    """A clause and its complete translation."""

    clause: Clause
    translation: str


def in_context(
    translate: Callable[[str, str], str], clause: Clause, prefix: str, before: Said | None
) -> str:
    """The translation of ``clause``, which begins with ``prefix``. ``translate``: takes a text and
    the prefix of its translation. ``before`` is used as context if ``clause`` continues it and the
    result has a plausible length. Raises EngineError."""
    if before and _goes_on(clause, before):
        given = before.translation.rstrip(ENDS)
        try:
            both = translate(f"{before.clause.text} {clause.text}", f"{given} {prefix}".strip())
        except EngineError:
            both = ""
        own = words_of(both)[len(words_of(given)) :]
        if given and both.startswith(given) and _is_likely(own, clause.text.split()):
            return " ".join(own)
    return translate(clause.text, prefix)


def _goes_on(clause: Clause, before: Said) -> bool:
    words = len(before.clause.text.split()) + len(clause.text.split())
    return clause.goes_on and before.clause.segment == clause.segment - 1 and words <= MOST_WORDS


def _is_likely(words: list[str], source: list[str]) -> bool:
    most = MOST_WORDS_PER_WORD * len(source) + MOST_WORDS_MORE
    return FEWEST_WORDS_PER_WORD * len(source) <= len(words) <= most
