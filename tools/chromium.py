"""Finds an installed Chromium, for Playwright to drive. No browser is downloaded."""

import shutil

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")


def find_chromium() -> str:
    """The path of Chromium. Raises FileNotFoundError if none is installed."""
    for name in NAMES:
        if path := shutil.which(name):
            return path
    raise FileNotFoundError(f"needs an installed Chromium: none of {', '.join(NAMES)} is there")
