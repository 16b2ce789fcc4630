"""Translates with the terms of a glossary, using any translator.

If the translator translates all terms as the glossary says, its translation is taken. Otherwise the
terms are replaced by stand-ins, words that the translator knows (see ``stand_ins``), and put back
into the translation. An attempt is complete if each stand-in is in it as often as in the source. Of
three complete attempts, the one most similar to all others is taken. Terms are searched for once,
the longest first. In a prefix terms are replaced the same way, so that the words spoken already
stay unchanged.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Final, NamedTuple

from server.interpretation.engines import EngineError, Translator
from server.interpretation.glossary import Glossary, Spelled, spelled, words_of
from server.interpretation.stand_ins import StandIn, stand_ins
from server.interpretation.wording import swapped

#: At most this many attempts with stand-ins are made, until ENOUGH are complete. More than one is
#: needed only for the comparison.
MOST_ATTEMPTS: Final = 5
ENOUGH: Final = 3
#: The score of a term in a translation: as often as in the source; another number of times, or in
#: another form; not at all.
WHOLE: Final = 2
SOMEHOW: Final = 1
NOT: Final = 0


@dataclass(frozen=True, slots=True)
class Term:
    """``spoken`` in the source language must become ``becomes`` in the target language."""

    spoken: Spelled
    becomes: Spelled


class Found(NamedTuple):
    """A term found in a text. ``start``, ``end``: its indices. ``before``: the word before it."""

    term: Term
    start: int
    end: int
    before: str


class Terms:
    """The terms of a glossary for one pair of languages."""

    def __init__(self, glossary: Glossary, source: str, target: str) -> None:
        self._source = source
        self._terms: dict[tuple[str, ...], Term] = {}
        for entry in glossary.terms:
            if source in entry and target in entry:
                term = Term(spelled(entry[source], source), spelled(entry[target], target))
                self._terms.setdefault(term.spoken.words, term)
        for name in glossary.names:
            stays = Spelled(name, tuple(word for word, _, _ in words_of(name, source)), "")
            self._terms.setdefault(stays.words, Term(stays, stays))
        self._longest = max(map(len, self._terms), default=0)

    def find(self, text: str) -> list[Found]:
        """The terms in ``text``, in order, without overlaps."""
        words = list(words_of(text, self._source)) if self._terms else []
        found: list[Found] = []
        place = 0
        while place < len(words):
            for end in range(min(place + self._longest, len(words)), place, -1):
                span = words[place:end]
                if term := self._terms.get(tuple(word for word, _, _ in span)):
                    before = words[place - 1][0] if place else ""
                    found.append(Found(term, span[0][1], span[-1][2], before))
                    break
            place = end if term else place + 1
        return found


class TermTranslator:
    """Translates with a glossary. ``glossary``: returns the stream's present one."""

    def __init__(self, translator: Translator, glossary: Callable[[], Glossary]) -> None:
        self._translator = translator
        self._glossary = glossary
        self._terms: dict[tuple[str, str], tuple[Glossary, Terms]] = {}

    def translate(self, text: str, source: str, target: str, prefix: str = "") -> str:
        """See ``Translator.translate``. Raises EngineError if every attempt fails."""
        found = self._of(source, target).find(text)
        if not found:
            return self._translator.translate(text, source, target, prefix)
        made: list[tuple[int, str]] = []
        failure: EngineError | None = None
        for number, attempt in enumerate(_attempts(text, source, target, prefix, found)):
            try:
                translated = self._translator.translate(
                    attempt.text, source, target, attempt.prefix
                )
            except EngineError as error:
                failure = error
                continue
            made.append(attempt.read(translated))
            whole = [score for score, _ in made].count(WHOLE * len(attempt.terms))
            if whole == ENOUGH or (whole and not number):
                break
        if failure and not any(score >= 0 for score, _ in made):
            raise failure
        return _likeliest(made)

    def _of(self, source: str, target: str) -> Terms:
        glossary = self._glossary()
        known = self._terms.get((source, target))
        if known is None or known[0] is not glossary:
            known = self._terms[source, target] = glossary, Terms(glossary, source, target)
        return known[1]


@dataclass(frozen=True, slots=True)
class _Attempt:
    """One attempt: ``text`` and ``prefix`` to translate, with stand-ins in place of some ``terms``.
    ``said``: the prefix without stand-ins. ``terms``: how often each is in the text.
    ``stand_ins``: their forms in the target language."""

    text: str
    prefix: str
    said: str
    target: str
    terms: Counter[Term]
    stand_ins: dict[Term, StandIn]

    def read(self, made: str) -> tuple[int, str]:
        """The score of the translation ``made``, and its text with the terms put back. -1: not
        usable, because it does not begin with ``said``."""
        read, score = made, 0
        for term, times in self.terms.items():
            written = term.becomes.written
            stand_in = self.stand_ins.get(term, StandIn(written))
            read, count = swapped(read, [stand_in.written], written, self.target)
            whole = count == times
            if not whole and stand_in.others:
                read, more = swapped(read, stand_in.others, written, self.target)
                count += more
            score += WHOLE if whole else SOMEHOW if count else NOT
        if read.startswith(self.said):
            return score, read
        return (-1, read) if self.stand_ins else (0, made)


def _likeliest(made: list[tuple[int, str]]) -> str:
    """Of the translations with the best score, the one most similar to all others: a mistake that
    one stand-in causes is seldom in the other translations. If no term is in any, the first."""
    best = max(score for score, _ in made)
    if best == NOT:
        return next(text for score, text in made if score == best)
    words = [text.lower().split() for _, text in made]

    def likeness(number: int) -> float:
        return sum(SequenceMatcher(None, words[number], each).ratio() for each in words)

    return made[max((n for n, (score, _) in enumerate(made) if score == best), key=likeness)][1]


def _attempts(
    text: str, source: str, target: str, prefix: str, found: list[Found]
) -> Iterator[_Attempt]:
    """The attempts: first without stand-ins, then with different ones."""
    terms = Counter(each.term for each in found)
    yield _Attempt(text, prefix, prefix, target, terms, {})
    taken = {word for word, _, _ in words_of(text, source)}
    taken |= {word for word, _, _ in words_of(prefix, target)}
    taken |= {word for term in terms for word in term.becomes.words}
    options = {
        each.term: [
            pair
            for pair in stand_ins(each.term.spoken, source, each.term.becomes, target, each.before)
            if not taken
            & {form.casefold() for word in pair for form in (word.written, *word.others)}
        ]
        for each in reversed(found)
    }
    for number in range(MOST_ATTEMPTS):
        chosen: dict[Term, tuple[StandIn, StandIn]] = {}
        for term in terms:
            free = [pair for pair in options[term] if pair not in chosen.values()]
            if free:
                chosen[term] = free[number % len(free)]
        hidden = text
        for each in reversed(found):
            if pair := chosen.get(each.term):
                hidden = hidden[: each.start] + pair[0].written + hidden[each.end :]
        becomes = {term: pair[1] for term, pair in chosen.items()}
        yield _Attempt(hidden, _hidden(prefix, becomes, target), prefix, target, terms, becomes)


def _hidden(prefix: str, stand_ins: dict[Term, StandIn], target: str) -> str:
    """``prefix`` with stand-ins in place of terms. An incomplete term at its end is removed."""
    for term, stand_in in stand_ins.items():
        written = term.becomes.written
        prefix, _ = swapped(prefix, [written], stand_in.written, target, stand_in.gender)
        words, wanted = prefix.split(), written.casefold().split()
        for length in range(len(wanted) - 1, 0, -1):
            if [word.casefold() for word in words[-length:]] == wanted[:length]:
                prefix = " ".join(words[:-length])
                break
    return prefix
