"""Translation with CTranslate2 and SentencePiece: OPUS-MT's models, and those made like them.

Whatever goes in, what comes out is a translation that ended by itself, or an EngineError: never
a text that runs on or goes round in a loop. One whose numbers, names, denial or length do not fit
what was said is looked for again, among several. What has no letters is not translated, signs that
the model never saw are left out, and long text goes in parts.
"""

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final, TypedDict

import ctranslate2
import sentencepiece

from server.interpretation.ctranslate2_device import COMPUTE_TYPES, Device
from server.interpretation.engines import EngineError, ModelError
from server.interpretation.fidelity import doubts

END: Final = "</s>"


class Options(TypedDict):
    """What CTranslate2 is told of how to look for a translation."""

    beam_size: int
    num_hypotheses: int
    repetition_penalty: float
    no_repeat_ngram_size: int


#: Two beams are worth 1 to 2.5 BLEU over one, three hardly more (the starter model, 400 development
#: sentences each way). Some repeats are right: only long ones are ruled out.
USUAL: Final[Options] = {
    "beam_size": 2, "num_hypotheses": 1, "repetition_penalty": 1.0, "no_repeat_ngram_size": 4,
}  # fmt: skip
#: Where that is doubtful: the likeliest of these that is less so.
WIDE: Final[Options] = {**USUAL, "beam_size": 5, "num_hypotheses": 5}
#: Where none of those ends: worse translations, that seldom say the same again.
STRICT: Final[Options] = {
    "beam_size": 3, "num_hypotheses": 1, "repetition_penalty": 1.5, "no_repeat_ngram_size": 2,
}  # fmt: skip
#: A translation longer than this is a loop, whatever the languages: it is not said.
MAX_PIECES_PER_PIECE: Final = 2
MAX_PIECES_MORE: Final = 12
#: A source of more pieces than this goes in parts: a clause has fewer, and so had nearly all that
#: models are trained on. A part that is full ends before the next word.
PART_PIECES: Final = 64
FULL_PIECES: Final = 48
#: What a piece begins with that begins a word.
SPACE: Final = "\u2581"
#: One to four words said this often in a row, when the source does not, are a loop.
LOOP: Final = 4
#: What has more letters without a space is no word, and no clause of a language without spaces.
MOST_LETTERS: Final = 200


class CTranslate2Translator:
    """One model. It may translate many ways: then its first source token names the target.

    ``model``, ``source`` and ``target``: the network and the two vocabularies, for what measures
    them by themselves.
    """

    def __init__(
        self,
        folder: Path,
        tagged_targets: Collection[str] = (),
        packed: bool = False,
        runs_on: Device = "cpu",
    ) -> None:
        """Load model.bin and sentencepiece.model (or source.spm and target.spm) of ``folder``.

        ``tagged_targets``: the targets that are told to the model as ``>>nl<<``; empty for a
        model of one pair. ``packed``: an Argos package, which has its model in ``model/``, and
        whose sources have no token at their end. Raises ModelError.
        """
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
        """As engines has it. Raises EngineError."""
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
        # What is begun already is a clause, not a text that wants to be cut.
        parts = [known] if prefix else _parts(known)
        made = [self._part(part, source, target, prefix) for part in parts]
        return " ".join(filter(None, made))

    def _part(self, pieces: list[str], source: str, target: str, prefix: str) -> str:
        """The translation as the model likes it; if that is doubtful, the least doubtful of
        several; if none ends, as it must be, or else of one half and of the other."""
        text = self.source.decode(pieces)
        found: dict[str, int] = {}  # what is no loop, and how doubtful it is
        for options in (USUAL, WIDE, STRICT):
            for made in self._decode(pieces, source, target, prefix, options):
                if most_in_a_row(made) < max(LOOP, 1 + most_in_a_row(text)):
                    found.setdefault(made, len(doubts(text, made, source, target)))
            if found and (options is WIDE or not min(found.values())):
                break
        if found:
            return min(found, key=found.__getitem__)
        begins = [at for at, piece in enumerate(pieces) if at and piece.startswith(SPACE)]
        if prefix or not begins:
            raise EngineError(
                f"translating {len(pieces)} pieces from {source} to {target} did not end: a loop"
            )
        middle = begins[len(begins) // 2]
        halves = (pieces[:middle], pieces[middle:])
        return " ".join(filter(None, (self._part(half, source, target, "") for half in halves)))

    def _decode(
        self, pieces: list[str], source: str, target: str, prefix: str, options: Options
    ) -> Iterator[str]:
        """Translations that end, the likeliest first."""
        given: list[str] = self.target.encode(prefix, out_type=str)
        longest = MAX_PIECES_PER_PIECE * len(pieces) + MAX_PIECES_MORE + len(given)
        tag = [_tag(target)] if self._tagged else []
        try:
            (result,) = self.model.translate_batch(
                [[*tag, *pieces, *self._end]],
                target_prefix=[given],
                max_decoding_length=longest,
                disable_unk=True,
                **options,
            )
        except RuntimeError as error:
            raise EngineError(f"CTranslate2, {source} to {target}: {error}") from error
        for made in result.hypotheses:
            if len(made) < longest:
                yield str(self.target.decode(made)).strip()


def without_loops(text: str) -> str:
    """``text`` with one to four words that come again and again said less than LOOP times.

    Somebody stammers, or a recogniser is stuck: of sixty times the same, a model makes anything.
    Figures stay: they may be a telephone number.
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
    """How often one to four words of ``text`` come again and again without a break, at most."""
    words = text.lower().split()
    most = 1
    for length in range(1, 5):
        same = 0
        for word, before in zip(words[length:], words, strict=False):
            same = same + 1 if word == before else 0
            most = max(most, 1 + same // length)
    return most


def _parts(pieces: list[str]) -> Iterator[list[str]]:
    """``pieces`` as they are, or if they are many by sentence and in parts not too long."""
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
