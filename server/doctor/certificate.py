"""Whether browsers will accept the certificate: its names, its time, and who vouches for it."""

import ssl
import warnings
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.x509 import verification

from server.config import Config
from server.doctor.findings import Finding
from server.http import tls

#: A certificate that ends sooner should have been renewed: certbot does so 30 days before.
SOON: Final = timedelta(days=14)


def certificate(config: Config, printed: str, now: datetime | None = None) -> list[Finding]:
    """Look at the certificate. ``printed``: the URL that people are given."""
    now = datetime.now(UTC) if now is None else now
    host = urlsplit(printed).hostname or ""
    if config.tls == "self":
        text = (
            "a self-signed one: each browser warns once, and people must go on; compare the "
            "fingerprint that `serve` prints"
        )
        return [Finding("certificate", "note", text, "one of an authority: --tls-cert, --tls-key")]
    if not config.tls_cert:
        return []
    try:
        chain = x509.load_pem_x509_certificates(Path(config.tls_cert).read_bytes())
    except (OSError, ValueError):
        return []  # the settings' findings say why
    return [
        *_time(chain[0], now),
        *_names(Path(config.tls_cert), host),
        *_chain(chain, host, now),
    ]


def _time(leaf: x509.Certificate, now: datetime) -> Iterator[Finding]:
    until = leaf.not_valid_after_utc
    days = (until - now).days
    if now < leaf.not_valid_before_utc:
        since = leaf.not_valid_before_utc.date()
        text = f"it is valid from {since} on, and this machine's clock says {now.date()}"
        yield Finding("certificate", "problem", text, "set the clock, or use another certificate")
    elif until <= now:
        text = f"it ended on {until.date()}: browsers refuse it"
        yield Finding("certificate", "problem", text, "renew it; a running server notices")
    elif until - now < SOON:
        text = f"it ends on {until.date()}, in {days} days"
        yield Finding("certificate", "note", text, "renew it; a running server notices")
    else:
        yield Finding("certificate", "ok", f"it is valid until {until.date()}, for {days} days")


def _names(file: Path, host: str) -> Iterator[Finding]:
    names = tls.names_in(file)
    listed = ", ".join(names) or "nothing"
    if host in map(str.lower, names) or "*." + host.partition(".")[2] in map(str.lower, names):
        yield Finding("certificate", "ok", f"it is for {listed}")
    else:
        yield Finding(
            "certificate",
            "problem",
            f"it is for {listed}; people are given {host}, where browsers refuse it",
            "give --public-url with a name that it is for, or use another certificate",
        )


def _chain(chain: Sequence[x509.Certificate], host: str, now: datetime) -> Iterator[Finding]:
    leaf, *others = chain
    for lower, upper in zip(chain, others, strict=False):
        if lower.issuer != upper.subject:
            text = "the certificates in --tls-cert are not in order: each must vouch for the former"
            yield Finding("certificate", "problem", text, "use the file fullchain.pem")
            return
    if leaf.issuer == leaf.subject:
        text = "it vouches for itself: browsers warn unless each device was made to trust it"
        yield Finding("certificate", "note", text)
        return
    roots = _authorities()
    if not roots or not host:
        return
    try:
        builder = verification.PolicyBuilder().store(verification.Store(roots)).time(now)
        builder.build_server_verifier(_subject(host)).verify(leaf, others)
    except verification.VerificationError:
        if others:
            text = "no authority that this machine knows vouches for it"
            advice = "each device must trust your own authority"
            yield Finding("certificate", "note", text, advice)
        else:
            text = "what is between it and an authority is missing: phones will refuse it"
            yield Finding("certificate", "problem", text, "use fullchain.pem, not cert.pem")
    else:
        yield Finding("certificate", "ok", "an authority that browsers know vouches for it")


def _authorities() -> list[x509.Certificate]:
    """The authorities that this machine knows. Some of them break rules of certificates."""
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for each in ssl.create_default_context().get_ca_certs(binary_form=True):
            with suppress(ValueError):
                found.append(x509.load_der_x509_certificate(each))
    return found


def _subject(host: str) -> verification.Subject:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)
