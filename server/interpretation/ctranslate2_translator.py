"""Translation with CTranslate2 and SentencePiece: OPUS-MT's models, and those made like them."""

from collections.abc import Collection
from pathlib import Path
from typing import Final

import ctranslate2
import sentencepiece

from server.interpretation.engines import EngineError, ModelError

END: Final = "</s>"
#: Greedy: models trained on beginnings of sentences too end early when they may choose (on 150
#: sentences unseen in training, 2.5 % of words wrong with one beam, 5.9 % with two).
BEAMS: Final = 1
#: Small models loop on short or odd input; both make a loop unlikely.
REPETITION_PENALTY: Final = 1.1
NO_REPEAT_PIECES: Final = 4
#: A translation longer than this is a loop, whatever the languages: it is not said.
MAX_PIECES_PER_PIECE: Final = 2
MAX_PIECES_MORE: Final = 12


class CTranslate2Translator:
    """One model. It may translate many ways: then its first source token names the target."""

    def __init__(self, folder: Path, tagged_targets: Collection[str] = ()) -> None:
        """Load model.bin and sentencepiece.model (or source.spm and target.spm) of ``folder``.

        ``tagged_targets``: the targets that are told to the model as ``>>nl<<``; empty for a
        model of one pair. Raises ModelError.
        """
        self._tagged = bool(tagged_targets)
        try:
            self._source = _pieces(folder, "source.spm")
            self._target = _pieces(folder, "target.spm")
            self._model = ctranslate2.Translator(
                str(folder), device="cpu", compute_type="int8", inter_threads=1, intra_threads=1
            )
        except (RuntimeError, OSError, ValueError) as error:
            raise ModelError(
                f"CTranslate2 cannot load the translation model in {folder}: {error}; "
                "install the model again"
            ) from error
        unknown = [
            _tag(target)
            for target in tagged_targets
            if self._source.piece_to_id(_tag(target)) == self._source.unk_id()
        ]
        if unknown:
            raise ModelError(
                f"the translation model in {folder} does not know {', '.join(unknown)}; "
                "correct the manifest or install the model again"
            )

    def translate(self, text: str, source: str, target: str) -> str:
        pieces: list[str] = self._source.encode(text, out_type=str)
        if not pieces:
            return ""
        longest = MAX_PIECES_PER_PIECE * len(pieces) + MAX_PIECES_MORE
        tag = [_tag(target)] if self._tagged else []
        try:
            (result,) = self._model.translate_batch(
                [[*tag, *pieces, END]],
                beam_size=BEAMS,
                repetition_penalty=REPETITION_PENALTY,
                no_repeat_ngram_size=NO_REPEAT_PIECES,
                max_decoding_length=longest,
            )
        except RuntimeError as error:
            raise EngineError(f"CTranslate2, {source} to {target}: {error}") from error
        translated = result.hypotheses[0]
        if len(translated) >= longest:
            raise EngineError(
                f"translating {len(pieces)} pieces from {source} to {target} did not end "
                f"within {longest}: a loop"
            )
        return str(self._target.decode(translated)).strip()


def _tag(language: str) -> str:
    return f">>{language}<<"


def _pieces(folder: Path, name: str) -> sentencepiece.SentencePieceProcessor:
    shared = folder / "sentencepiece.model"
    file = shared if shared.is_file() else folder / name
    return sentencepiece.SentencePieceProcessor(model_file=str(file))
