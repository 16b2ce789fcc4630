"""A browser listens on a bad network: what share of the speech does it conceal (make up)?

Drives an installed Chromium and reads its statistics: concealed samples, without those in silence,
divided by all samples played.
"""

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, async_playwright

from server.media.opus import RATE_HZ
from tools.bench.serving import Serving, Speaking, serving
from tools.chromium import find_chromium
from tools.detour import Detour
from tools.figures import Figure
from tools.impair import Network

NETWORKS = {
    "clean": Network(delay_s=0.02),
    "loss_5": Network(loss=0.05, delay_s=0.02),
    "loss_10": Network(loss=0.10, delay_s=0.02),
}
#: Per cent.
BOUNDS = {"loss_5": 0.5, "loss_10": 2.0}
#: In the first seconds a browser adapts its delay to the network.
SETTLE_S = 5
SCRIPT = """
    window.RTCPeerConnection = class extends RTCPeerConnection {
        constructor(...settings) {
            super(...settings);
            window.connection = this;
        }
        async setRemoteDescription({ type, sdp }) {
            return super.setRemoteDescription({ type, sdp: await relayed(sdp) });
        }
    };
    window.heard = async () =>
        [...(await connection.getStats()).values()].find((each) => each.type === "inbound-rtp");
"""


async def run(quick: bool) -> list[Figure]:
    figures: list[Figure] = []
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(serving())
        speaking = Speaking(server.url, "bench", "nl", Path("server/demo/nl.opus"))
        await stack.enter_async_context(speaking)
        playwright = await stack.enter_async_context(async_playwright())
        browser = await playwright.chromium.launch(
            executable_path=find_chromium(), args=["--no-sandbox", "--disable-gpu"]
        )
        stack.push_async_callback(browser.close)
        for name, network in NETWORKS.items():
            figures += await _listened(server, browser, name, network, 15 if quick else 60)
        skipped = await server.metric("tolk_ticks_skipped")
    return [*figures, Figure("downlink.ticks_skipped", skipped, "")]


async def _listened(
    server: Serving, browser: Browser, name: str, network: Network, seconds: float
) -> list[Figure]:
    async with AsyncExitStack() as stack:
        detour = stack.enter_context(Detour(network, network))
        page = await browser.new_page(locale="en-GB")
        stack.push_async_callback(page.close)
        await page.expose_function("relayed", detour)
        await page.add_init_script(SCRIPT)
        await page.goto(f"{server.url}/listen/bench")
        await page.select_option("#language", "floor")
        await page.click("#button")
        await page.wait_for_selector("body[data-situation=live]")
        await page.wait_for_timeout(1000 * SETTLE_S)
        before = await page.evaluate("heard()")
        await page.wait_for_timeout(1000 * seconds)
        return figures_of(name, before, await page.evaluate("heard()"))


def figures_of(name: str, before: dict[str, Any], after: dict[str, Any]) -> list[Figure]:
    """The figures between two of Chromium's inbound statistics."""

    def since(key: str) -> float:
        return float(after.get(key, 0) - before.get(key, 0))

    samples = since("totalSamplesReceived")
    made_up = since("concealedSamples") - since("silentConcealedSamples")
    delay_s = since("jitterBufferDelay") / max(1, since("jitterBufferEmittedCount"))
    share = 100 * made_up / samples if samples else None
    prefix = f"downlink.{name}"
    return [
        Figure(f"{prefix}.speech_made_up", share, "%", BOUNDS.get(name)),
        Figure(f"{prefix}.asked_for_again", since("nackCount"), ""),
        Figure(f"{prefix}.lost_for_good", since("packetsLost"), ""),
        Figure(f"{prefix}.browser_s_delay", 1000 * delay_s, "ms"),
        Figure(f"{prefix}.heard", samples / RATE_HZ, "s"),
    ]
