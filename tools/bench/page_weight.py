"""What the listener's page weighs, and how soon it shows how the stream stands, far away.

Chromium opens /listen through a relay with a round trip of 400 ms. A round trip counts from when
the HTML is there until the state is; the rest, less than a round trip, is the machine's own time.
"""

from urllib.parse import urlsplit

from playwright.async_api import async_playwright

from server.client.participants import Speaker
from tools.bench.serving import serving
from tools.chromium import find_chromium
from tools.far_away import far_away
from tools.figures import Figure

RTT_S = 0.4
BYTES_BOUND, ROUND_TRIPS_BOUND = 45_000, 2
#: What is sent after the state was shown: captions' snapshot, icons.
REST_MS = 3_000
TIMEOUT_MS = 60_000
#: Notes when the page shows that somebody speaks, and resolves with the times in seconds.
WATCH = """() => new Promise((resolve) => {
  const look = () => {
    if (!["ready", "live"].includes(document.body?.dataset.situation)) return false;
    const [html] = performance.getEntriesByType("navigation");
    const shown_s = performance.now() / 1000;
    const requests = performance.getEntriesByType("resource")
      .filter(({ startTime }) => startTime / 1000 < shown_s).length;
    resolve([html.responseEnd / 1000, shown_s, requests + 1]);
    return true;
  };
  const timer = setInterval(() => look() && clearInterval(timer), 5);
})"""


async def run(quick: bool) -> list[Figure]:
    """The figures of one visit; with ``quick`` the same."""
    async with (
        serving() as server,
        Speaker(server.url, "main", "nl"),
        far_away(urlsplit(server.url).port or 80, RTT_S) as relayed,
        async_playwright() as playwright,
        await playwright.chromium.launch(
            executable_path=find_chromium(), args=["--no-sandbox", "--disable-gpu"]
        ) as browser,
    ):
        page = await browser.new_page(locale="en-GB")
        await page.goto(f"{relayed.url}/listen/main", wait_until="commit", timeout=TIMEOUT_MS)
        html_s, shown_s, requests = await page.evaluate(WATCH)
        await page.wait_for_timeout(REST_MS)
    return [
        Figure("pages.listen_bytes", relayed.bytes_down, "B", bound=BYTES_BOUND),
        Figure("pages.requests_before_state", requests, ""),
        Figure(
            "pages.round_trips_before_state",
            int((shown_s - html_s) / RTT_S),
            "",
            bound=ROUND_TRIPS_BOUND,
        ),
        Figure("pages.state_shown_after_html", round(shown_s - html_s, 2), "s"),
    ]
