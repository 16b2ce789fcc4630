"""A speaker on a bad network: how much of the speech is lost, and how much is still understood?"""

import json
from pathlib import Path

import jiwer
import numpy as np

from server.client.participants import Listener, Speaker
from server.demo import clip
from server.media.opus import RATE_HZ
from signaling.messages import Caption
from tools.bench import uplink_delay
from tools.bench.serving import Serving, serving
from tools.detour import Detour
from tools.figures import Figure
from tools.impair import Network
from training.phrases import normalise

TAIL_S = 3
NETWORKS = {
    "clean": Network(),
    "loss_5": Network(loss=0.05, delay_s=0.02),
    "loss_10": Network(loss=0.10, delay_s=0.02),
    "bursts_5": Network(loss=0.05, burst=4, delay_s=0.02),
    "jitter_60": Network(jitter_s=0.06, delay_s=0.02),
}
#: Percentage points by which more words may be wrong than on a good network.
BOUND_POINTS = {"loss_5": 3.0}
#: Percent of the packets that arrived.
BOUND_THROWN_AWAY = {"loss_5": 0.5}


async def run(quick: bool) -> list[Figure]:
    figures: list[Figure] = []
    clean = 0.0
    async with serving() as server:
        for name, network in NETWORKS.items():
            if quick and name not in ("clean", "loss_5"):
                continue
            wrong, thrown_away, lost = await _spoken(server, name, network)
            if name == "clean":
                clean = wrong
            figures += [
                Figure(f"uplink.{name}.lost", lost, "%"),
                Figure(f"uplink.{name}.words_wrong", wrong, "%"),
                Figure(
                    f"uplink.{name}.words_wrong_more",
                    wrong - clean,
                    "points",
                    BOUND_POINTS.get(name),
                ),
                Figure(
                    f"uplink.{name}.came_and_was_not_heard",
                    thrown_away,
                    "%",
                    BOUND_THROWN_AWAY.get(name),
                ),
            ]
        figures += await uplink_delay.run(server, quick)
    return figures


async def _spoken(server: Serving, name: str, network: Network) -> tuple[float, float, float]:
    """In percent: wrong words in the captions of the clip, packets that arrived and were not
    used, and datagrams that the network lost."""
    described = json.loads(Path("server/demo/nl.json").read_text(encoding="utf8"))
    said = normalise(" ".join(phrase["text"] for phrase in described["phrases"]))
    before = await _counted(server)
    with Detour(network) as detour:
        async with (
            Listener(server.url, name, "floor", captions=["nl"], audio="none") as listener,
            Speaker(server.url, name, "nl", through=detour) as speaker,
        ):
            await speaker.play(clip("nl"))
            await speaker.play(np.zeros(TAIL_S * RATE_HZ, np.int16))
            finals = [each for _, each in listener.captions if each.status == "final"]
    came, unheard = (
        after - since for after, since in zip(await _counted(server), before, strict=True)
    )
    wrong = float(jiwer.wer(said, _text(finals)))
    return 100 * wrong, 100 * unheard / came, 100 * detour.sent.lost / detour.sent.came


async def _counted(server: Serving) -> tuple[float, float]:
    late, overflowed = [
        await server.metric(f"tolk_uplink_{name}") for name in ("late", "overflowed")
    ]
    return await server.metric("tolk_uplink_came"), late + overflowed


def _text(captions: list[Caption]) -> str:
    ordered = sorted(captions, key=lambda caption: caption.segment)
    return normalise(" ".join(caption.text for caption in ordered))
