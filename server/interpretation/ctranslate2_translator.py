"""Translation with CTranslate2 and SentencePiece: OPUS-MT's models, and others of the same format.

A result is always a translation that the model ended by itself, or an EngineError: never an endless
or looping text. If its numbers, names, negation or length do not fit the source, the best of
several other candidates is taken. A model of both directions can choose among its candidates by
how well they translate back. Text without letters is not translated, characters unknown to
the model are left out, and long text is translated in parts.
"""

from collections.abc import Collection, Iterator
from operator import itemgetter
from pathlib import Path
from typing import Final, TypedDict

import ctranslate2
import sentencepiece

from server.interpretation.ctranslate2_device import COMPUTE_TYPES, Device
from server.interpretation.engines import EngineError, ModelError
from server.interpretation.fidelity import doubts

END: Final = "</s>"


class Options(TypedDict):
    """Search options of CTranslate2."""

    beam_size: int
    num_hypotheses: int
    repetition_penalty: float
    no_repeat_ngram_size: int


#: Two beams gain 1 to 2.5 BLEU over one, three hardly more (the starter model, 400 development
#: sentences each way). Short repetitions can be right, so only long ones are forbidden.
USUAL: Final[Options] = {
    "beam_size": 2, "num_hypotheses": 1, "repetition_penalty": 1.0, "no_repeat_ngram_size": 4,
}  # fmt: skip
#: If that translation is doubtful: the likeliest of these that is less doubtful.
WIDE: Final[Options] = {**USUAL, "beam_size": 5, "num_hypotheses": 5}
#: The search of a model that reranks. Five or eight candidates gain hardly more.
CANDIDATES: Final[Options] = {**USUAL, "beam_size": 4, "num_hypotheses": 4}
#: If none of those ends: worse translations, which seldom repeat themselves.
STRICT: Final[Options] = {
    "beam_size": 3, "num_hypotheses": 1, "repetition_penalty": 1.5, "no_repeat_ngram_size": 2,
}  # fmt: skip
#: In reranking, the weight of the source's log probability given the candidate, beside the
#: candidate's given the source; both per piece (Li and Jurafsky 2016, "Mutual information and
#: diverse decoding"). Gains 0.8 to 2 BLEU of 300 development sentences in five of six directions
#: (the starter model).
REVERSE_WEIGHT: Final = 0.3
#: A longer translation (in SentencePiece pieces, relative to the source's) is a loop in any
#: language, and is discarded.
MAX_PIECES_PER_PIECE: Final = 2
MAX_PIECES_MORE: Final = 12
#: A source of more pieces than PART_PIECES is translated in parts: clauses, and nearly all training
#: sentences, are shorter. A part of FULL_PIECES ends before the next word.
PART_PIECES: Final = 64
FULL_PIECES: Final = 48
#: The first character of a piece that begins a word.
SPACE: Final = "\u2581"
#: One to four words repeated this often in a row, unless in the source too, are a loop.
LOOP: Final = 4
#: A longer run of characters without a space is neither a word nor a clause of a language without
#: spaces, and is left out.
MOST_LETTERS: Final = 200


class CTranslate2Translator:
    """One model. If it has several target languages, its first source token names the target."""

    def __init__(
        self,
        folder: Path,
        tagged_targets: Collection[str] = (),
        packed: bool = False,
        runs_on: Device = "cpu",
        reranks: bool = False,
    ) -> None:
        """Load model.bin and sentencepiece.model (or source.spm and target.spm) of ``folder``.

        ``tagged_targets``: the targets that the model takes as a token such as ``>>nl<<``; empty
        for a model of one pair. ``packed``: an Argos package; its model is in ``model/``, and its
        sources have no end token. ``reranks``: choose among several candidates by translating them
        back, if the source language is one of ``tagged_targets``. Raises ModelError.
        """
        self._reverse_of = frozenset(tagged_targets) if reranks else frozenset()
        self._tagged = bool(tagged_targets)
        self._end = [] if packed else [END]
        try:
            self.source = _pieces(folder, "source.spm")
            self.target = _pieces(folder, "target.spm")
            self.model = ctranslate2.Translator(
                str(folder / "model" if packed else folder),
                device=runs_on,
                compute_type=COMPUTE_TYPES[runs_on],
                inter_threads=1,
                intra_threads=1,
            )
        except (RuntimeError, OSError, ValueError) as error:
            raise ModelError(
                f"CTranslate2 cannot load the translation model in {folder}: {error}; "
                "install the model again"
            ) from error
        unknown = [
            _tag(target)
            for target in tagged_targets
            if self.source.piece_to_id(_tag(target)) == self.source.unk_id()
        ]
        if unknown:
            raise ModelError(
                f"the translation model in {folder} does not know {', '.join(unknown)}; "
                "correct the manifest or install the model again"
            )

    def translate(self, text: str, source: str, target: str, prefix: str = "") -> str:
        """See ``Translator.translate``. Raises EngineError if no translation ends."""
        if not any(map(str.isalpha, text)):
            return text.strip() if any(map(str.isdecimal, text)) else ""
        text = " ".join(word for word in text.split() if len(word) <= MOST_LETTERS)
        if text.isupper() and len(text.split()) > 1:
            text = text.capitalize()  # capitals are letters that a model seldom saw in a row
        unknown = self.source.unk_id()
        known: list[str] = [
            piece
            for piece in self.source.encode(without_loops(text), out_type=str)
            if self.source.piece_to_id(piece) != unknown
        ]
        if not any(map(str.isalnum, "".join(known))):
            return ""  # the model would make something up
        # A text with a prefix is a clause, which is never too long.
        parts = [known] if prefix else _parts(known)
        made = [self._part(part, source, target, prefix) for part in parts]
        return " ".join(filter(None, made))

    def _part(self, pieces: list[str], source: str, target: str, prefix: str) -> str:
        """The model's translation. If it is doubtful, the least doubtful of several candidates. If
        all of them loop, the halves of the text are translated by themselves."""
        text = self.source.decode(pieces)
        found: dict[str, int] = {}  # translations without a loop, and how doubtful each is
        searches = (CANDIDATES, STRICT) if source in self._reverse_of else (USUAL, WIDE, STRICT)
        for options in searches:
            for made in self._decode(pieces, source, target, prefix, options):
                if most_in_a_row(made) < max(LOOP, 1 + most_in_a_row(text)):
                    found.setdefault(made, len(doubts(text, made, source, target)))
            if found and (options is not USUAL or not min(found.values())):
                break
        if found:
            return min(found, key=found.__getitem__)
        begins = [at for at, piece in enumerate(pieces) if at and piece.startswith(SPACE)]
        if prefix or not begins:
            raise EngineError(
                f"the translation of {len(pieces)} pieces from {source} to {target} loops"
            )
        middle = begins[len(begins) // 2]
        halves = (pieces[:middle], pieces[middle:])
        return " ".join(filter(None, (self._part(half, source, target, "") for half in halves)))

    def _decode(
        self, pieces: list[str], source: str, target: str, prefix: str, options: Options
    ) -> Iterator[str]:
        """Translations that end, the best first."""
        given: list[str] = self.target.encode(prefix, out_type=str)
        longest = MAX_PIECES_PER_PIECE * len(pieces) + MAX_PIECES_MORE + len(given)
        tag = [_tag(target)] if self._tagged else []
        try:
            (result,) = self.model.translate_batch(
                [[*tag, *pieces, *self._end]],
                target_prefix=[given],
                max_decoding_length=longest,
                disable_unk=True,
                return_scores=True,
                **options,
            )
            found = [
                (score, made)
                for score, made in zip(result.scores, result.hypotheses, strict=True)
                if len(made) < longest
            ]
            if options is CANDIDATES and len(found) > 1:
                found = self._reranked(found, pieces, source)
        except RuntimeError as error:
            raise EngineError(f"CTranslate2, {source} to {target}: {error}") from error
        for _, made in found:
            yield str(self.target.decode(made)).strip()

    def _reranked(
        self, candidates: list[tuple[float, list[str]]], pieces: list[str], source: str
    ) -> list[tuple[float, list[str]]]:
        """The candidates, the best first. Each comes with its log probability per piece, and is
        returned with that plus REVERSE_WEIGHT times the source's."""
        backwards = self.model.score_batch(
            [[_tag(source), *made, *self._end] for _, made in candidates],
            [pieces] * len(candidates),
        )
        scored = [
            (score + REVERSE_WEIGHT * sum(back.log_probs) / len(back.log_probs), made)
            for (score, made), back in zip(candidates, backwards, strict=True)
        ]
        return sorted(scored, key=itemgetter(0), reverse=True)


def without_loops(text: str) -> str:
    """``text`` without the repetitions of one to four words beyond LOOP - 1 in a row.

    They come from stammering or a looping recogniser, and a model translates them to nonsense.
    Digits are kept: they may be a telephone number.
    """
    words = text.split()
    for length in range(1, 5):
        kept: list[str] = []
        for word in words:
            kept.append(word)
            last = kept[-length:]
            before = kept[-LOOP * length : -length]
            if before == last * (LOOP - 1) and not all(map(str.isdecimal, last)):
                del kept[-length:]
        words = kept
    return " ".join(words)


def most_in_a_row(text: str) -> int:
    """How often any one to four words are repeated in a row in ``text``, at most."""
    words = text.lower().split()
    most = 1
    for length in range(1, 5):
        same = 0
        for word, before in zip(words[length:], words, strict=False):
            same = same + 1 if word == before else 0
            most = max(most, 1 + same // length)
    return most


def _parts(pieces: list[str]) -> Iterator[list[str]]:
    """``pieces`` in one part, or if they are too many, split by sentence and by length."""
    part: list[str] = []
    for piece in pieces:
        starts_word = piece.startswith(SPACE)
        ended = bool(part) and starts_word and (part[-1][-1] in ".?!" or len(part) >= FULL_PIECES)
        if len(pieces) > PART_PIECES and (ended or len(part) == PART_PIECES):
            yield part
            part = []
        part.append(piece)
    yield part


def _tag(language: str) -> str:
    return f">>{language}<<"


def _pieces(folder: Path, name: str) -> sentencepiece.SentencePieceProcessor:
    shared = folder / "sentencepiece.model"
    file = shared if shared.is_file() else folder / name
    return sentencepiece.SentencePieceProcessor(model_file=str(file))
