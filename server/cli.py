"""The ``tolk`` command: serve, edge, interpreter, demo, translate, input, output, models …"""

import argparse
import asyncio
import io
import logging
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from server import app, banner, models_cli, serve, succession, translate_cli
from server.bus.spare import STANDBY
from server.checks import check_bus
from server.config import Config, ConfigError, tolk_version
from server.doctor import command as doctor
from server.http import netinfo
from server.http.access import Access, load_secret
from server.inputs import options as inputs
from server.interpretation.engines import ModelError
from server.interpretation.process import NICE, standing_by
from server.interpretation.shared import Engines
from server.models.moving import OPTION
from server.outputs import command as outputs
from server.prepared import prepared
from server.process import (
    give_way,
    log_without_content,
    print_without_content,
    raise_open_files,
)
from server.settings import add_options, load


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status. Without a command: serve."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # what a terminal cannot show ends no command
            stream.reconfigure(errors="replace")
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or (arguments[0].startswith("-") and arguments[0] not in _TOP_OPTIONS):
        arguments.insert(0, "serve")
    options = _parser().parse_args([_as_path(each) for each in arguments])
    try:
        config = load(options, os.environ)
        _set_up_logging(config)
        return int(options.run(config, options))
    except (ConfigError, ModelError) as error:
        print(f"tolk: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


_TOP_OPTIONS = ("-h", "--help", "--version")


def _as_path(argument: str) -> str:
    """``argument``; if it looks like an option and is the name of a file, so that it is taken for
    that."""
    named = argument.startswith("-") and "." in argument and os.path.lexists(argument)
    return os.path.join(".", argument) if named else argument


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tolk",
        description="Interprets live speech: one speaks, all hear their language.",
        epilog="tolk serve --help lists the settings; without a command tolk serves.",
    )
    parser.add_argument("--version", action="version", version=f"tolk {tolk_version()}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: object, text: str, files: str = "") -> argparse.ArgumentParser:
        made = commands.add_parser(
            name, help=text, description=text, fromfile_prefix_chars=files or None
        )
        add_options(made)
        made.set_defaults(run=run)
        return made

    served = command("serve", serve.run, "serve pages, signaling and sound (the default)")
    served.add_argument(succession.OPTION, help=argparse.SUPPRESS)
    demo = command("demo", _demo, "interpret a bundled clip; leaves demo.wav and demo.vtt")
    demo.add_argument("--from", dest="source", help="language of the clip (nl; of a person en)")
    demo.add_argument("--to", dest="target", help="language to hear (en; of English nl)")
    demo.add_argument("--person", action="store_true", help="a person reads, not a synthetic voice")
    demo.add_argument("--out", default=".", metavar="FOLDER", help="where the files go (here)")
    translate_cli.add_options(command("translate", translate_cli.run, translate_cli.DESCRIPTION))
    live = command("input", _input, "speak a live source into a running server", files="@")
    inputs.add_options(live)
    inputs.add_server_options(live)
    outputs.add_options(command("output", _output, "write a channel to Icecast, RTMP, a file …"))
    models_cli.add_commands(
        command("models", models_cli.show, "say which models there are; fetch others")
    )
    command("interpreter", _interpreter, "interpret for servers on other machines: --bus")
    command("check", _check, "check the configuration; starts nothing")
    doctor.add_options(command("doctor", doctor.run, doctor.DESCRIPTION))
    _add_token_options(command("token", _token, "make a token, and the address that it opens"))
    command("edge", _edge, "serve listeners of streams on other machines: --bus")
    for name, run, text in (("worker", _worker, "an interpreter"), ("media", _media, "a media")):
        process = command(name, run, f"{text} process (started by serve)")
        process.add_argument("--socket", required=True, metavar="SOCKET", help="the bus's socket")
        if run is _worker:
            process.add_argument(OPTION, type=Path, metavar="FILE", help="models to begin with")
            process.add_argument(STANDBY, action="store_true", help="load, and wait for a line")
    return parser


def _add_token_options(token: argparse.ArgumentParser) -> None:
    token.add_argument("--stream", default="*", help="stream it is for (default: all)")
    token.add_argument("--speak", action="store_true", help="may speak, and take over")
    token.add_argument("--listen", action="store_true", help="may listen")
    token.add_argument("--interpret", action="store_true", help="may interpret, as a person")
    token.add_argument("--operate", action="store_true", help="may operate, record, get recordings")
    token.add_argument("--admin", action="store_true", help="may do all that --operate allows")
    token.add_argument(
        "--language", action="append", default=[], help="only this one; may be repeated"
    )
    token.add_argument("--hours", type=float, default=24 * 7, help="how long it holds (168)")


def _set_up_logging(config: Config) -> None:
    logging.basicConfig(
        level=config.log_level.upper(),
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    sys.excepthook = print_without_content
    # Their informational lines are about every packet and candidate.
    for name in ("aioice", "aiortc", "aiohttp.access"):
        logging.getLogger(name).setLevel(logging.WARNING)


def _worker(config: Config, options: argparse.Namespace) -> int:
    async def work(engines: Callable[[], Engines]) -> None:
        log_without_content()
        await app.run_worker(config, Path(options.socket), engines)

    give_way(NICE)
    first = app.engines(config, options.catalogue)
    engines = standing_by(first) if options.standby else first
    if engines is not None:
        asyncio.run(work(engines))
    return 0


def _needs_bus(config: Config, what: str) -> None:
    if not config.bus:
        raise ConfigError(f"{what} needs --bus: the NATS server that joins it to the others")


def _edge(config: Config, options: argparse.Namespace) -> int:
    _needs_bus(config, "an edge")
    if not {*config.roles} <= {"edge"}:
        raise ConfigError("--roles: an edge has no other role; leave it out")

    def alone(given: Config) -> Config:
        return msgspec.structs.replace(given, roles=[])

    return serve.run_edge(alone(config), lambda: alone(load(options, os.environ)))


def _interpreter(config: Config, options: argparse.Namespace) -> int:
    check_bus(config)
    _needs_bus(config, "an interpreter")
    from server import machines  # here, as one machine does without the library of NATS

    async def work() -> None:
        log_without_content()
        await machines.run_interpreter(config)

    asyncio.run(work())
    return 0


def _media(config: Config, options: argparse.Namespace) -> int:
    raise_open_files()

    async def work() -> None:
        log_without_content()
        await app.run_edge(config, Path(options.socket))

    try:
        asyncio.run(work())
    except OSError as error:
        print(f"tolk: {error}", file=sys.stderr)
        return 1
    return 0


def _demo(config: Config, options: argparse.Namespace) -> int:
    from server import demo  # here, as a server needs no client

    out = Path(options.out)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        print(f"tolk: {out} cannot be written: {error.strerror}", file=sys.stderr)
        return 1
    source = options.source or (demo.PERSONS if options.person else "nl")
    target = options.target or ("nl" if source == "en" else "en")
    if not options.person and config.recognizer == "auto":
        # Whisper, which the server may have fetched, does not understand synthetic voices.
        config = msgspec.structs.replace(config, recognizer="vosk")
    return asyncio.run(demo.run(config, source, target, out, options.person))


def _input(config: Config, options: argparse.Namespace) -> int:
    from server.inputs import command

    return command.run(options)


def _output(config: Config, options: argparse.Namespace) -> int:
    return outputs.run(options)


def _check(config: Config, options: argparse.Namespace) -> int:
    prepared(config, keep=False)
    inputs.check(config)
    print("The configuration is sound.")
    return 0


def _token(config: Config, options: argparse.Namespace) -> int:
    access = Access(load_secret(config.secret_file, Path(config.state)))
    asked = {name: getattr(options, name) for name in ("speak", "interpret", "operate", "admin")}
    asked["listen"] = options.listen or options.speak or options.interpret
    token = access.issue(
        stream=options.stream,
        take_over=options.speak,
        languages=options.language or None,
        valid_s=options.hours * 3600,
        **asked,
    )
    print(token, flush=True)
    base = banner.base_url(config, config.port, netinfo.lan_addresses())
    # Programs read the token from standard output: the addresses are for people.
    rights = [right for right, has in asked.items() if has]
    text = banner.addresses_with(token, base, options.stream, rights, options.language)
    print(text, end="", file=sys.stderr)
    return 0
