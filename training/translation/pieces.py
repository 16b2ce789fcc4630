"""The joint SentencePiece model: one set of pieces for all languages, with target tags."""

import io
import itertools
import string
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import sentencepiece
from sentencepiece import sentencepiece_model_pb2

from server.interpretation.numerals import SIGNS
from training import phrases
from training.data import LANGUAGES, Language
from training.translation.examples import Pieces
from training.translation.library import Text

FILE: Final = "sentencepiece.model"
UNKNOWN_ID: Final = 0
END_ID: Final = 1
#: These are pieces however rare they are, as the model leaves unknown characters out.
_CHARACTERS: Final = string.ascii_letters + string.digits + ".,;:!?'\"()%&/+-€$“”‘’«»–"
#: Weights of the languages: there are half as many Dutch pairs as German or French ones.
_WEIGHTS: Final[Mapping[Language, int]] = {"nl": 2, "de": 1, "fr": 1}


def tag(language: Language) -> str:
    """The first token of a source, as in OPUS-MT's multilingual models."""
    return f">>{language}<<"


def learn(texts: Sequence[Text], grammar: Iterable[str], size: int) -> bytes:
    """Train a SentencePiece model of about ``size`` pieces. Returns it serialised.

    Half of the text is in lower case without punctuation. Digits are pieces of their own, so that
    any number can be copied.
    """
    lines = [
        side
        for text in texts
        if text.languages[0] == "en" and not text.archaic
        for pair in text.pairs
        for side in pair * _WEIGHTS[text.languages[1]]
    ]
    lines += grammar
    known = {language for text in texts for language in text.languages} or {"en", "nl"}
    languages = [language for language in LANGUAGES if language in known]
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=itertools.chain(lines, map(phrases.normalise, lines)),
        model_writer=model,
        vocab_size=size,
        character_coverage=0.9999,
        required_chars=_CHARACTERS,
        user_defined_symbols=[*(tag(language) for language in languages), *SIGNS],
        split_digits=True,
        unk_id=UNKNOWN_ID,
        eos_id=END_ID,
        bos_id=-1,
        pad_id=-1,
        hard_vocab_limit=False,
        input_sentence_size=400_000,
        shuffle_input_sentence=True,
        num_threads=1,
        minloglevel=2,
    )
    return model.getvalue()


def with_signs(model: bytes) -> bytes:
    """The serialised model with a piece for each of ``numerals.SIGNS``, after all others."""
    proto: Any = sentencepiece_model_pb2.ModelProto()  # type: ignore[attr-defined]
    proto.ParseFromString(model)
    known = {piece.piece for piece in proto.pieces}
    for sign in SIGNS:
        if sign not in known:
            proto.pieces.add(piece=sign, score=0.0, type=proto.SentencePiece.USER_DEFINED)
    return bytes(proto.SerializeToString())


def load(folder: Path) -> sentencepiece.SentencePieceProcessor:
    return sentencepiece.SentencePieceProcessor(model_file=str(folder / FILE))


def as_ids(processor: sentencepiece.SentencePieceProcessor) -> Pieces:
    """A function that encodes an example, with the tags that the model has."""
    tags = {language: processor.piece_to_id(tag(language)) for language in LANGUAGES}
    known = {language: at for language, at in tags.items() if at != UNKNOWN_ID}
    return Pieces(processor.encode, known, END_ID)


def size_of(model: bytes) -> int:
    """The number of pieces of a serialised model."""
    return int(sentencepiece.SentencePieceProcessor(model_proto=model).get_piece_size())
