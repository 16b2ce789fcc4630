"""Where an installed Chromium is. No browser is fetched: Playwright drives what is there."""

import shutil

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")


def find_chromium() -> str:
    """Its path. Raises FileNotFoundError where there is none."""
    for name in NAMES:
        if path := shutil.which(name):
            return path
    raise FileNotFoundError(f"needs an installed Chromium: none of {', '.join(NAMES)} is there")
