"""A listener's page changes channel: how long until the other channel is heard?

Drives an installed Chromium. What is spoken contains a tone above the highest frequency of a 16 kHz
voice. So the tone is in the original and not in the interpretation, and the page can tell in 10 ms
which of them it plays.
"""

import tempfile
import wave
from contextlib import AsyncExitStack
from pathlib import Path

import numpy as np
from playwright.async_api import Page, async_playwright

from server.client.participants import Listener
from server.media.opus import RATE_HZ
from signaling.messages import ChannelState
from tools.bench.serving import Speaking, serving
from tools.chromium import find_chromium
from tools.figures import Figure

BOUND_MS = 200
TONE_HZ = 10_000
TONE_PEAK = 8_000
#: Time until only the new channel is heard. They differ so that changes come at all moments
#: within a 20 ms packet.
SETTLE_MS = (613, 457, 531, 689)
#: Run in the page: changes the language, or the switch beside it, and returns the milliseconds
#: until the tone appears or disappears. Null: not within two seconds.
CHANGE = """
    async ([toneHz, id, value, present]) => {
        const context = window.ears ?? (window.ears = new AudioContext());
        if (!window.heard) {
            window.heard = new AnalyserNode(context, {fftSize: 512, smoothingTimeConstant: 0});
            context.createMediaStreamSource(document.getElementById("sound").srcObject)
                .connect(window.heard);
            await context.resume();
        }
        const bins = new Float32Array(heard.frequencyBinCount);
        const bin = Math.round(toneHz * heard.fftSize / context.sampleRate);
        const there = () => (heard.getFloatFrequencyData(bins), bins[bin] > -75);
        const control = document.getElementById(id);
        const began = performance.now();
        if (control.type === "checkbox") control.checked = value; else control.value = value;
        control.dispatchEvent(new Event("change"));
        while (there() !== present) {
            if (performance.now() - began > 2000) return null;
            await new Promise((resolve) => setTimeout(resolve, 2));
        }
        return performance.now() - began;
    }
"""


async def run(quick: bool) -> list[Figure]:
    rounds = 5 if quick else 25
    found: dict[str, list[float]] = {}
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = await stack.enter_async_context(serving())
        # Listen to all channels first, so that none has to be started.
        for channel in ("en", "en+floor"):
            other = await stack.enter_async_context(Listener(server.url, "bench", channel))
        await stack.enter_async_context(Speaking(server.url, "bench", "nl", _tone(folder)))
        await other.expect(ChannelState, lambda state: state.status == "live", within_s=30)
        playwright = await stack.enter_async_context(async_playwright())
        browser = await playwright.chromium.launch(
            executable_path=find_chromium(), args=["--no-sandbox", "--disable-gpu"]
        )
        stack.push_async_callback(browser.close)
        page = await browser.new_page(locale="en-GB")
        await page.goto(f"{server.url}/listen/bench")
        await page.click("#button")
        await page.wait_for_selector("body[data-situation=live]")
        await _change(page, "language", "en", False)
        for number in range(rounds):
            for name, control, value, present in (
                ("to_original", "language", "floor", True),
                ("to_interpretation", "language", "en", False),
                ("to_over_original", "over", True, True),
                ("to_alone", "over", False, False),
            ):
                await page.wait_for_timeout(SETTLE_MS[number % len(SETTLE_MS)])
                took_ms = await _change(page, control, value, present)
                found.setdefault(name, []).append(took_ms)
    every = [took_ms for each in found.values() for took_ms in each]
    return [
        Figure("switching.changes", len(every), ""),
        *(
            Figure(f"switching.{name}_p50", float(np.median(each)), "ms")
            for name, each in found.items()
        ),
        Figure("switching.p95", float(np.percentile(every, 95)), "ms", bound=BOUND_MS),
        Figure("switching.max", max(every), "ms"),
    ]


async def _change(page: Page, control: str, value: str | bool, present: bool) -> float:
    """Milliseconds until the page heard the change; infinity if it did not."""
    took_ms = await page.evaluate(CHANGE, [TONE_HZ, control, value, present])
    return float("inf") if took_ms is None else float(took_ms)


def _tone(folder: Path) -> Path:
    path = folder / "tone.wav"
    time_s = np.arange(10 * RATE_HZ) / RATE_HZ
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        pcm = TONE_PEAK * np.sin(2 * np.pi * TONE_HZ * time_s)
        file.writeframes(pcm.astype(np.int16).tobytes())
    return path
