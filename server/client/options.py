"""The options of commands that join a running server: where it is, and the token."""

import argparse
import os
from typing import Final

#: The environment variable with the token: other users of the machine cannot read it.
TOKEN: Final = "TOLK_TOKEN"


def add_options(parser: argparse.ArgumentParser, doing: str) -> None:
    """Add the options. ``doing``: what may need a token, such as "speaking"."""
    parser.add_argument("--url", default="http://127.0.0.1:8080", help="the server (%(default)s)")
    parser.add_argument("--token", help=f"if {doing} needs one; better in the variable {TOKEN}")
    parser.add_argument("--insecure", action="store_true", help="accept any certificate")


def token_of(options: argparse.Namespace) -> str | None:
    """The token of the options, else of the environment."""
    return options.token or os.environ.get(TOKEN) or None
