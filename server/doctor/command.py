"""The command: calls everything, and prints the report."""

import argparse

import msgspec

from server.banner import base_url
from server.config import Config
from server.doctor import addresses, capacity, certificate, clock, ports, room
from server.doctor.findings import Finding, as_data, as_text, discreet, problems
from server.doctor.settings import settings
from server.http.interfaces import own_addresses

DESCRIPTION = (
    "look at this machine and the settings before people come, and say what to do; give the "
    "options of serve"
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's own options."""
    parser.add_argument("--json", action="store_true", help="print JSON, for programs")
    parser.add_argument(
        "--quick", action="store_true", help="do not load the models to measure them"
    )


def run(config: Config, options: argparse.Namespace) -> int:
    """Print the report. Returns 1 if there is a problem, else 0."""
    findings = [discreet(each) for each in examined(config, measure=not options.quick)]
    if options.json:
        print(msgspec.json.encode(as_data(findings)).decode())
    else:
        print(as_text(findings))
    return 1 if problems(findings) else 0


def examined(config: Config, *, measure: bool) -> list[Finding]:
    """All findings. ``measure``: load the models, which takes seconds."""
    own = own_addresses()
    url = base_url(config, config.port, [each.address for each in own])
    made, found = settings(config)
    found += addresses.addresses(config, own)
    if made is not None:
        found += ports.ports(config, made.hosts)
        found += ports.firewall(config, url)
        found += certificate.certificate(config, url)
    found += clock.clock()
    found += room.disk(config)
    cost = None
    if made is not None:
        catalogue = made.models.catalogue
        found += capacity.models(catalogue)
        if measure and catalogue.sources:
            cost, failed = capacity.looked_at(config)
            found += failed
    found += capacity.cores(config, cost)
    found += room.memory(config, cost.takes if cost else None)
    return found
