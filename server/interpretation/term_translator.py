"""Translation in which the terms of a glossary come through, by any translator.

Where the translator knows a term by itself, its translation is taken. Else it is asked again with
words that it knows in the term's place (see ``stand_ins``), and where one comes out as often as it
went in, the term takes its place; of three such translations the one most like the others is
taken. Terms are looked for once, the longest first: what a term became is not looked for again. A
prefix is taken the same way there and back, so that what was said stays as it is.
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

#: How many stand-ins are tried until so many came out. The second and third are for likeness.
MOST_ATTEMPTS: Final = 5
ENOUGH: Final = 3
#: How a term came through: with its stand-in as often as it went in; somehow; not at all.
WHOLE: Final = 2
SOMEHOW: Final = 1
NOT: Final = 0


@dataclass(frozen=True, slots=True)
class Term:
    """``spoken`` in one language is to be ``becomes`` in another."""

    spoken: Spelled
    becomes: Spelled


class Found(NamedTuple):
    """A term in a text, from ``start`` to ``end``, after the word ``before``."""

    term: Term
    start: int
    end: int
    before: str


class Terms:
    """What a glossary says of one language in another."""

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
        """Those in ``text``, in order, none over another."""
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
    """``glossary``: the stream's, which may be another one each time."""

    def __init__(self, translator: Translator, glossary: Callable[[], Glossary]) -> None:
        self._translator = translator
        self._glossary = glossary
        self._terms: dict[tuple[str, str], tuple[Glossary, Terms]] = {}

    def translate(self, text: str, source: str, target: str, prefix: str = "") -> str:
        """As engines has it, with the glossary's translations of its terms."""
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
    """``text`` and ``prefix``, what is to be translated, with ``stand_ins``, in the target
    language, in place of some ``terms``. ``said``: the true prefix."""

    text: str
    prefix: str
    said: str
    target: str
    terms: Counter[Term]
    stand_ins: dict[Term, StandIn]

    def read(self, made: str) -> tuple[int, str]:
        """How well the terms came through, and the translation with them. -1: this is no
        translation, as it does not begin with what was said."""
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
    """Of the translations in which most terms came through, the one that is most like all
    others: what a stand-in did to the rest of one, it seldom does in the next. The first where
    none came through."""
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
    """First without stand-ins."""
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
    """``prefix`` with stand-ins in place of terms; of one that it ends within, nothing."""
    for term, stand_in in stand_ins.items():
        written = term.becomes.written
        prefix, _ = swapped(prefix, [written], stand_in.written, target, stand_in.gender)
        words, wanted = prefix.split(), written.casefold().split()
        for length in range(len(wanted) - 1, 0, -1):
            if [word.casefold() for word in words[-length:]] == wanted[:length]:
                prefix = " ".join(words[:-length])
                break
    return prefix
