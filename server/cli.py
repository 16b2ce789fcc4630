"""The ``tolk`` command: serve, demo, translate, input, output, models, token, check."""

import argparse
import asyncio
import errno
import logging
import os
import resource
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from server import app, draining, garbage, models_cli, reloading, translate_cli
from server.config import Config, ConfigError, add_options, load, tolk_version
from server.http.access import Access, load_secret
from server.inputs import beside
from server.inputs import options as inputs
from server.interpretation.engines import ModelError
from server.models.moving import OPTION
from server.outputs import command as outputs
from server.prepared import prepared
from server.process import log_without_content, print_without_content

#: More than a server will ever need.
OPEN_FILES = 65_536


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status. Without a command: serve."""
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

    command("serve", _serve, "serve pages, signaling and sound (the default)")
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
    command("check", _check, "check the configuration; starts nothing")
    token = command("token", _token, "make a token")
    token.add_argument("--stream", default="*", help="stream it is for (default: all)")
    token.add_argument("--speak", action="store_true", help="may speak, and take over")
    token.add_argument("--listen", action="store_true", help="may listen")
    token.add_argument("--operate", action="store_true", help="may record, and get recordings")
    token.add_argument("--admin", action="store_true", help="may list streams, set glossaries")
    token.add_argument("--hours", type=float, default=24 * 7, help="how long it holds (168)")
    for name, run, text in (("worker", _worker, "an interpreter"), ("edge", _edge, "a media")):
        process = command(name, run, f"{text} process (started by serve)")
        process.add_argument("--bus", required=True, metavar="SOCKET", help="the bus's socket")
        if run is _worker:
            process.add_argument(OPTION, type=Path, metavar="FILE", help="models to begin with")
    return parser


def _set_up_logging(config: Config) -> None:
    logging.basicConfig(
        level=config.log_level.upper(),
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    sys.excepthook = print_without_content
    # Their informational lines are about every packet and candidate.
    for name in ("aioice", "aiortc", "aiohttp.access"):
        logging.getLogger(name).setLevel(logging.WARNING)


def raise_open_files() -> None:
    """Raise this process's limit of open files as far as the system allows. It is often 1,024 at
    first, and a listener takes one or two sockets."""
    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if most == resource.RLIM_INFINITY else min(OPEN_FILES, most)
    if allowed != resource.RLIM_INFINITY and allowed < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


def _serve(config: Config, options: argparse.Namespace) -> int:
    raise_open_files()
    inputs.check(config)

    async def serve() -> None:
        def nobody_listens() -> bool:
            return not any(stream.listeners for stream in server.manager.streams.values())

        def token(stream: str, valid_s: float) -> str:
            return server.access.issue(
                subject="input", stream=stream, speak=True, take_over=True, valid_s=valid_s
            )

        log_without_content()
        async with app.running(config) as server, garbage.when_idle(nobody_listens):
            if reloading.is_wanted():
                asyncio.get_running_loop().add_signal_handler(
                    signal.SIGHUP, reloading.reload, config, server.given, server.access
                )
            print(server.addresses.text, flush=True)
            async with beside.running(config, server.port, token):
                stopped = _stop_signals()
                await stopped.wait()
            stopped.clear()  # once more means at once
            await draining.finish(server.manager, server.live, stopped)

    failed: BaseException | None = None
    try:
        asyncio.run(serve())
    except* OSError as errors:
        failed = errors
    while isinstance(failed, BaseExceptionGroup):
        failed = failed.exceptions[0]
    if isinstance(failed, OSError):
        taken = failed.errno == errno.EADDRINUSE
        hint = ". Does Tolk run already? Else give another --port." if taken else ""
        print(f"tolk: {failed.strerror or failed}{hint}", file=sys.stderr)
    return 1 if failed else 0


def _stop_signals() -> asyncio.Event:
    """Set at SIGINT and SIGTERM."""
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    return stopped


def _worker(config: Config, options: argparse.Namespace) -> int:
    async def work() -> None:
        log_without_content()
        await app.run_worker(config, Path(options.bus), options.catalogue)

    asyncio.run(work())
    return 0


def _edge(config: Config, options: argparse.Namespace) -> int:
    raise_open_files()

    async def work() -> None:
        log_without_content()
        await app.run_edge(config, Path(options.bus))

    try:
        asyncio.run(work())
    except OSError as error:
        print(f"tolk: {error}", file=sys.stderr)
        return 1
    return 0


def _demo(config: Config, options: argparse.Namespace) -> int:
    from server import demo  # here, as a server needs no client

    source = options.source or (demo.PERSONS if options.person else "nl")
    target = options.target or ("nl" if source == "en" else "en")
    return asyncio.run(demo.run(config, source, target, Path(options.out), options.person))


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
    print(
        access.issue(
            stream=options.stream,
            speak=options.speak,
            listen=options.listen or options.speak,
            take_over=options.speak,
            operate=options.operate,
            admin=options.admin,
            valid_s=options.hours * 3600,
        )
    )
    return 0
