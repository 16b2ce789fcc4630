"""docs/signaling.md is the contract: its examples are read from there and tried."""

import json
import re
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from signaling import messages, offer, protocol
from signaling.errors import CLOSE_CODES
from signaling.outbox import MAX_AUDIO_PACKETS, MAX_MESSAGES

PAGE = (Path(__file__).parents[2] / "docs" / "signaling.md").read_text()
UNIONS = {
    "speaker": messages.SpeakerMessage,
    "listener": messages.ListenerMessage,
    "talk": messages.TalkMessage,
    "server": messages.ServerMessage,
}
EXAMPLES = [
    (who, text)
    for whose, text in re.findall(r"^```json ([a-z ]+)\n(.*?)^```$", PAGE, re.M | re.S)
    for who in whose.split()
]


@pytest.mark.parametrize(("who", "text"), EXAMPLES)
def test_an_example_is_the_message_it_shows(who: str, text: str) -> None:
    message = msgspec.json.decode(text, type=UNIONS[who])
    assert json.loads(msgspec.json.encode(message)) == json.loads(text)


@pytest.mark.parametrize("who", UNIONS)
def test_every_message_has_an_example(who: str) -> None:
    shown = {
        type(msgspec.json.decode(text, type=UNIONS[who]))
        for whose, text in EXAMPLES
        if whose == who
    }
    assert set(get_args(UNIONS[who])) == shown


def test_every_block_of_json_is_tried() -> None:
    assert PAGE.count("```json") == len(re.findall(r"^```json [a-z ]+\n", PAGE, re.M))


@pytest.mark.parametrize(("who", "text"), [pair for pair in EXAMPLES if '"offer"' in pair[1]])
def test_the_example_of_an_offer_is_one_that_is_taken(who: str, text: str) -> None:
    directions: dict[str, offer.Direction] = {
        "speaker": protocol.SPEAKER.direction,
        "listener": protocol.LISTENER.direction,
        "talk": protocol.TALK.direction,
    }
    assert offer.check(json.loads(text)["sdp"], directions[who]).mid == "0"


def test_every_error_is_listed_with_its_close_code() -> None:
    rows = dict(re.findall(r"^\| `([a-z_]+)` \| (\d+) \|", PAGE, re.M))
    assert {code: int(number) for code, number in rows.items()} == CLOSE_CODES


@pytest.mark.parametrize(
    ("row", "limit"),
    [
        ("text message", f"({protocol.MAX_TEXT_BYTES:_} bytes)".replace("_", " ")),
        ("binary message", f"{protocol.MAX_AUDIO_BYTES:_} bytes".replace("_", " ")),
        ("SDP offer", f"{offer.MAX_OFFER_BYTES // 1024} kB, one section"),
        ("SDP offer", f"{offer.MAX_CANDIDATES} candidates"),
        ("offers a session", f"{protocol.MAX_OFFERS} "),
        ("faults a session", f"{protocol.MAX_FAULTS} "),
        ("waiting messages to a participant", f"{MAX_MESSAGES};"),
        ("waiting packets to a participant", f"{MAX_AUDIO_PACKETS} (1 s)"),
    ],
)
def test_the_limits_are_those_of_the_code(row: str, limit: str) -> None:
    assert re.search(rf"^\| {row} \| .*{re.escape(limit)}", PAGE, re.M)
