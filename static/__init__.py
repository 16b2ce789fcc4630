"""The pages a browser loads: served as they are, under ``/static/`` and by name."""

from pathlib import Path

#: The folder with ``*.html``, ``js/``, ``css/`` and the icon.
ROOT = Path(__file__).parent
