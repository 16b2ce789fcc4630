"""``tolk translate``: its options."""

import argparse
from typing import Final

from server.config import Config
from server.media.writing import FORMATS

DESCRIPTION: Final = "interpret sound files and films into other files"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what ``run`` reads."""
    add = parser.add_argument
    kinds = ", ".join(FORMATS)
    add("file", nargs="+", help="any container and codec that FFmpeg reads; or a folder of them")
    add("--from", dest="source", required=True, metavar="LANGUAGE", help="language spoken in it")
    add("--to", dest="targets", nargs="+", required=True, metavar="LANGUAGE", help="to hear")
    add(
        *("-o", "--output"),
        default="",
        metavar="FILE",
        help=f"what to write, by its ending: {kinds}; or a folder",
    )
    add(
        "--captions",
        nargs="+",
        action="extend",
        default=[],
        metavar="FILE",
        help="texts to write, by their endings: srt, vtt, txt, json; an ending alone: named after "
        "the output",
    )
    add("--format", choices=FORMATS, default="wav", help="of what is written to a folder (wav)")
    add("--track", default="", metavar="N", help="sound track to read: its number or language")
    add("--speed", choices=("fit", "none"), default="fit", help="none: never speak faster")
    add("--replace-sound", action="store_true", help="leave out the film's own sound")


def run(config: Config, options: argparse.Namespace) -> int:
    """Interpret the files; returns an exit status."""
    from server import translate  # here, as a server needs none of it
    from server.translate.job import How
    from server.translate.plan import Wanted

    targets = list(dict.fromkeys(options.targets))
    return translate.run(
        config,
        Wanted(
            options.file,
            options.source,
            targets,
            options.output,
            options.captions,
            options.format,
        ),
        How(
            options.source,
            targets,
            options.track,
            options.speed == "fit",
            not options.replace_sound,
        ),
    )
