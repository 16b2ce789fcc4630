"""``tolk models``: lists, fetches, removes and checks models."""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from server.config import STARTER_MODELS, Config
from server.interpretation.engines import ModelError
from server.models import choice, listing, recommend
from server.models.catalogue import MANIFEST, Catalogue
from server.models.disk import FetchError, NotHad
from server.models.events import Event, Tell
from server.models.installed import STARTER, catalogue_of, entry, fetched_into
from server.models.pull import Puller, http_session
from server.models.store import Store
from server.models.telling import teller
from server.settings import add_options


def add_commands(models: argparse.ArgumentParser) -> None:
    """Add the subcommands of ``tolk models``. Without one it lists."""
    models.add_argument("--json", action="store_true", help="for programs")
    commands = models.add_subparsers(metavar="COMMAND")

    def command(name: str, run: object, text: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=text, description=text)
        add_options(made, argparse.SUPPRESS)
        made.add_argument("--json", action="store_true", help="for programs")
        made.set_defaults(run=run)
        return made

    command("list", show, "list installed models, and those that can be fetched (the default)")
    pull = command("pull", _pull, "fetch models")
    pull.add_argument(
        "what",
        nargs="*",
        help="names, languages (all that interprets between them), files or addresses",
    )
    pull.add_argument("--to", metavar="FOLDER", help="where they go (the state folder)")
    pull.add_argument(
        "--recommended", action="store_true", help="the recogniser that this machine carries best"
    )
    pull.add_argument(
        "--language",
        default="",
        metavar="NL|NL-EN",
        help="language of a file or address whose contents do not say it",
    )
    remove = command("remove", _remove, "remove fetched models")
    remove.add_argument("what", nargs="+", metavar="NAME")
    verify = command("verify", _verify, "check the checksums of all models, or of those named")
    verify.add_argument("what", nargs="*", metavar="NAME")
    command("recommend", _recommend, "measure this machine; recommend a recogniser for it")
    trial = command("try", _try, "check that one model can be loaded (used by pull)")
    trial.add_argument("folder")


def show(config: Config, options: argparse.Namespace) -> int:
    """List the models that are installed and those that can be fetched."""
    catalogue = catalogue_of(config.models, Path(config.state), config.recognizer)
    if options.json:
        print(msgspec.json.encode(listing.as_data(catalogue)).decode())
    else:
        print(listing.as_text(catalogue))
    return 0


def _pull(config: Config, options: argparse.Namespace) -> int:
    if not options.what and not options.recommended:
        print(
            "tolk: say what to pull: a name, a language, a file; or --recommended", file=sys.stderr
        )
        return 2
    folder = Path(options.to) if options.to else fetched_into(Path(config.state))
    tell = teller(options.json)
    failed: list[str] = []

    def tell_and_count(event: Event) -> None:
        if event.event == "failed":
            failed.append(event.model)
        tell(event)

    try:
        asyncio.run(_pull_into(Store(folder), config, options, tell_and_count))
    except FetchError as error:
        tell_and_count(Event("failed", message=str(error)))
    problem = f"{len(failed)} could not be fetched; the others are installed"
    said = problem if failed else "all are installed"
    tell(Event("done", message=f"Models in {folder}: {said}."))
    return 1 if failed else 0


async def _pull_into(store: Store, config: Config, options: argparse.Namespace, tell: Tell) -> None:
    def waiting() -> None:
        tell(Event("plan", message=f"Another pull is running in {store.root}: waiting for it."))

    async with store.locked(waiting), http_session() as session:
        puller = Puller(store, session, tell, config.mirror)
        for need in _wanted(store, options):
            await _pull_one(puller, store, need, tell)
        for what in options.what:
            if _is_own(what):
                try:
                    await puller.own(what, options.language)
                except FetchError as error:
                    tell(Event("failed", what, message=str(error)))


def _wanted(store: Store, options: argparse.Namespace) -> Sequence[choice.Need]:
    """The models asked for by name or language. Raises FetchError before anything is fetched."""
    words = [word for word in options.what if not _is_own(word)]
    languages = [word for word in words if choice.is_language(word)]
    wanted: list[choice.Need] = [[choice.named(word)] for word in words if word not in languages]
    if languages or options.recommended:
        measured = _measured()
        best_first = [each.model for each in reversed(measured.carried) if each.streams]
        if options.recommended and best_first:
            wanted.append([choice.named(each) for each in best_first])
        if languages:
            wanted += choice.needs(languages, best_first, fetched(store))
    return wanted


def _is_own(what: str) -> bool:
    return "://" in what or "/" in what or Path(what).exists() and not choice.is_language(what)


def fetched(store: Store) -> Catalogue:
    """The complete models in the store, without the shipped ones."""
    found = []
    for name in store.names():
        try:
            found.append(entry(store, name)[1])
        except ModelError:
            continue
    return Catalogue(store.root, found)


async def _pull_one(puller: Puller, store: Store, need: choice.Need, tell: Tell) -> None:
    """Fetch the first model of ``need`` that can be fetched: each of them would do."""
    problems: list[str] = []
    for model in need:
        if _is_there(store, model.name):
            tell(Event("installed", model.name, message=f"{model.name} is installed already."))
            return
        try:
            await puller.pull(model)
            return
        except NotHad as error:
            problems += error.problems
    names = ", ".join(model.name for model in need)
    why = "; ".join(dict.fromkeys(problems))
    message = f"{names} could not be fetched: {why}. --mirror adds another source."
    tell(Event("failed", need[0].name, message=message))


def _is_there(store: Store, name: str) -> bool:
    try:
        return store.verify(name) is not None
    except (ModelError, OSError):
        return False


def _remove(config: Config, options: argparse.Namespace) -> int:
    folder = fetched_into(Path(config.state))
    if config.models not in ("", STARTER):
        folder = Path(config.models)
    return asyncio.run(_remove_from(Store(folder), options.what))


async def _remove_from(store: Store, names: Sequence[str]) -> int:
    status = 0
    async with store.locked(lambda: print(f"A pull is running in {store.root}: waiting for it.")):
        for name in names:
            if store.remove(name):
                print(f"{name} is removed.")
            else:
                there = ", ".join(store.names()) or "none"
                print(
                    f"tolk: no model {name!r} in {store.root}; there are: {there}", file=sys.stderr
                )
                status = 1
    return status


def _verify(config: Config, options: argparse.Namespace) -> int:
    status = 0
    folder = fetched_into(Path(config.state))
    if config.models in ("", STARTER):
        Catalogue.load(STARTER_MODELS)
        print("The shipped models are unchanged.")
    elif (Path(config.models) / MANIFEST).exists():
        Catalogue.load(Path(config.models))
        print(f"{config.models} is unchanged.")
        return 0
    else:
        folder = Path(config.models)
    store = Store(folder)
    names = [*store.names()]
    for name in options.what or names:
        try:
            if name not in names:
                raise ModelError(f"there is no such model in {folder}")
            record = store.verify(name)
            found = "is unchanged" if record else "has no checksums, as it was copied by hand"
            print(f"{name} {found}.")
        except (ModelError, OSError) as error:
            print(f"tolk: {name}: {error}", file=sys.stderr)
            status = 1
    return status


def _measured() -> recommend.Recommendation:
    try:
        return recommend.recommendation(recommend.measured_cores())
    except OSError as error:
        raise FetchError(str(error)) from error


def _recommend(config: Config, options: argparse.Namespace) -> int:
    found = _measured()
    if options.json:
        print(msgspec.json.encode(found).decode())
        return 0
    print(f"This machine is as fast as {found.cores:g} cores of the one in docs/benchmarks.md.")
    for each in found.carried:
        streams = f"{each.streams} at a time" if each.streams else "none"
        print(f"  {each.model:24} streams: {streams}")
    if found.model:
        print(f"Recommended: {found.model}. Fetch it with: models pull {found.model}")
    else:
        print("It is too slow for Whisper: use the shipped recognisers, or Vosk's.")
    return 0


def _try(config: Config, options: argparse.Namespace) -> int:
    from server.interpretation.loading import load

    folder = Path(options.folder)
    _, model = entry(Store(folder.parent), folder.name)
    load(Catalogue(folder, [model]))
    return 0
