"""Reads and checks everything that the settings name, before anything is started."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from aiohttp import web

from server.checks import check_addresses, check_bus, check_state, warn_of_readable_secrets
from server.config import Config
from server.http import netinfo, tls
from server.http.access import Access, access_of
from server.http.hosts import Hosts, own_hosts
from server.http.ice_servers import IceServers, ice_servers
from server.http.others import Others, origin_of
from server.media_setup import check_media, offered_addresses
from server.models.catalogue import Catalogue
from server.models.current import Current
from server.models.installed import STARTER, catalogue_of
from server.streams.glossaries import MAX_GLOSSARIES, Glossaries
from server.streams.glossary_files import GlossaryFiles


@dataclass(frozen=True)
class Prepared:
    """``proven``: models to use instead if ``models`` kill an interpreter; None if the host chose
    the models. ``glossary_files`` keeps the glossaries that are put. ``certificate``: None for
    plain HTTP. ``visitor`` returns who sent a request; it believes the proxies that the host
    trusts. ``hosts``: the addresses offered for audio. ``own``: the names under which pages and
    signaling are served. ``others``: servers whose pages may connect, too. ``metrics_from``:
    networks that may see metrics without a token."""

    models: Current
    proven: Catalogue | None
    glossaries: Glossaries
    glossary_files: GlossaryFiles
    access: Access
    certificate: tls.SelfSigned | None
    visitor: Callable[[web.Request], netinfo.Visitor]
    ice_servers: IceServers
    hosts: Sequence[str]
    own: Hosts
    others: Others
    metrics_from: Sequence[netinfo.Network]


def prepared(config: Config, *, keep: bool = True, warn: bool = True) -> Prepared:
    """Read and check everything. ``keep``: store what is made at the first start, a secret and a
    certificate, in the state folder. ``warn``: of secrets that everybody can read. Raises
    ConfigError or ModelError."""
    check_media()
    check_addresses(config)
    check_bus(config)
    check_state(config)
    state = Path(config.state)
    models = Current(catalogue_of(config.models, state, config.recognizer))
    glossaries = Glossaries.load(
        config.glossaries, lambda: {*models.catalogue.recognizers, *models.catalogue.voices}
    )
    glossary_files = GlossaryFiles(state / "glossaries", MAX_GLOSSARIES)
    glossaries.restore(glossary_files.read(), config.glossaries)
    made = Prepared(
        models=models,
        proven=None if config.models else catalogue_of(STARTER, state),
        glossaries=glossaries,
        glossary_files=glossary_files,
        access=access_of(config, keep=keep),
        certificate=_certificate(config, keep),
        visitor=_visitor(config),
        ice_servers=ice_servers(config),
        hosts=offered_addresses(config),
        own=own_hosts(config, tls.names_in(Path(config.tls_cert)) if config.tls_cert else ()),
        others=Others(
            [origin_of(url) for url in (*config.allowed_origins, config.public_url) if url]
        ),
        metrics_from=netinfo.parse_networks(config.metrics_from, "--metrics-from"),
    )
    if made.certificate is not None:
        made.certificate.context.is_ours = lambda host: made.own.include(host, None)
    if warn:
        warn_of_readable_secrets(config)
    return made


def _certificate(config: Config, keep: bool) -> tls.SelfSigned | None:
    if config.tls_cert:
        return tls.SelfSigned(tls.load(Path(config.tls_cert), Path(config.tls_key)), "")
    if config.tls == "self":
        public = urlsplit(config.public_url).hostname
        further = [each for each in (public, config.address) if each]
        names = [*netinfo.names(config.host), *further]
        if keep:
            return tls.self_signed(Path(config.state), names)
        with TemporaryDirectory() as folder:
            return tls.self_signed(Path(folder), names)
    return None


def _visitor(config: Config) -> Callable[[web.Request], netinfo.Visitor]:
    trusted = netinfo.parse_networks(config.trusted_proxies, "--trusted-proxies")

    def visitor(request: web.Request) -> netinfo.Visitor:
        return netinfo.visitor(
            request.headers,
            request.remote,
            request.scheme,
            request.headers.get("Host", ""),  # aiohttp's own would ask a name server
            trusted,
        )

    return visitor
