"""Mutates what participants send, at random but reproducibly."""

import json
import random
from typing import Any

#: Texts that replace numbers, names and other texts.
_ODD_TEXTS = (
    *("", "\0", "\r\n", "é", "\ud800", "\U0001f600", "a=", ":", "..", "%s", "-1", "0", "1e999"),
    *("4294967296", "99999999999999999999", "9" * 400, "x" * 5_000, "../" * 20, "' OR 1=1 --"),
)
_ODD_VALUES: tuple[Any, ...] = (
    *(None, True, -1, 0, 2**63, 1e308, [], {}, [[]], "", [None], {"type": "join"}),
    *(["en"] * 500, "en" * 2_000, {"a": {"b": {"c": []}}}),
)
#: Nested too deeply for parsers.
_NESTED = "[" * 20_000 + "]" * 20_000
#: How often lines or bytes are repeated.
_REPEATS = (2, 20, 600)


class Mutator:
    """Makes mutations. The same ``seed`` gives the same ones in the same order."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def data(self, data: bytes) -> bytes:
        """Make one to four small changes to a datagram."""
        wrong = bytearray(data)
        for _ in range(self.random.randint(1, 4)):
            if not wrong:
                break
            place = self.random.randrange(len(wrong))
            match self.random.randrange(6):
                case 0:
                    wrong[place] ^= 1 << self.random.randrange(8)
                case 1:
                    wrong[place] = self.random.choice((0, 0x7F, 0x80, 0xFF))
                case 2:
                    del wrong[place:]
                case 3:
                    wrong += self.random.randbytes(self.random.randrange(1, 64))
                case 4:
                    del wrong[place : place + self.random.randrange(1, 9)]
                case _:
                    wrong[place : place + 2] = self.random.randbytes(2)
        return bytes(wrong)

    def lines(self, text: str) -> str:
        """Make one to four changes to the lines of an SDP or another text; sometimes to letters."""
        lines = text.splitlines(keepends=True)
        for _ in range(self.random.randint(1, 4)):
            place = self.random.randrange(len(lines)) if lines else 0
            match self.random.randrange(7):
                case 0:
                    del lines[place : place + self.random.choice((1, 1, 5))]
                case 1:
                    lines[place:place] = lines[place : place + 1] * self.random.choice(_REPEATS)
                case 2:
                    self.random.shuffle(lines)
                case 3 if lines:
                    lines[place] = self.letters(lines[place])
                case 4 if lines:
                    name = lines[place].partition(":")[0]
                    lines[place] = f"{name}:{self.random.choice(_ODD_TEXTS)}\r\n"
                case 5 if lines:
                    words = lines[place].split(" ")
                    words[self.random.randrange(len(words))] = self.random.choice(_ODD_TEXTS)
                    lines[place] = " ".join(words)
                case _:
                    del lines[place:]
        return "".join(lines)

    def letters(self, text: str) -> str:
        """Cut out, insert or double a piece of a text."""
        place = self.random.randrange(len(text) + 1)
        end = place + self.random.randrange(8)
        piece = self.random.choice((*_ODD_TEXTS, text[place:end] * 2, ""))
        return text[:place] + piece + text[end:]

    def message(self, message: dict[str, Any]) -> str:
        """Change a message: a wrong, missing or additional field, or broken JSON."""
        wrong = dict(message)
        name = self.random.choice(list(wrong))
        match self.random.randrange(6):
            case 0:
                del wrong[name]
            case 1:
                wrong[name] = self.random.choice(_ODD_VALUES)
            case 2:
                wrong[name] = self.random.choice(_ODD_TEXTS)
            case 3:
                wrong[self.random.choice(_ODD_TEXTS)] = self.random.choice(_ODD_VALUES)
            case 4:
                return self.letters(json.dumps(wrong))
            case _:
                text = json.dumps(wrong)
                return text.replace(json.dumps(wrong[name]), self._odd_json(), 1)
        return json.dumps(wrong)

    def _odd_json(self) -> str:
        return self.random.choice((_NESTED, "NaN", "1e999", '"\\ud800"', "{", "[,]", "\0", "00"))
