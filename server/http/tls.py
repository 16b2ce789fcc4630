"""TLS certificates: the host's own, or a self-signed one that the server makes and keeps.

Browsers let only secure pages use a microphone, so a server on a local network needs one.
"""

import asyncio
import logging
import os
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from server.config import ConfigError
from server.http.plain_http import PoliteContext

logger = logging.getLogger(__name__)

#: The longest validity that Apple's systems accept for a certificate trusted by hand.
VALID_FOR: Final = timedelta(days=825)
#: A new certificate is made if less than this is left.
RENEW_WITHIN: Final = timedelta(days=30)
#: How often the files of the host's own certificate are looked at.
LOOK_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class SelfSigned:
    """A certificate in use. ``fingerprint``: its SHA-256 as browsers show it; empty for the
    host's own certificate."""

    context: PoliteContext
    fingerprint: str


def self_signed(state: Path, names: Sequence[str], now: datetime | None = None) -> SelfSigned:
    """A self-signed certificate for ``names`` (host names and addresses). It is kept with its key
    in the ``state`` folder, and used again while it is valid and contains these names.

    Raises ConfigError.
    """
    now = datetime.now(UTC) if now is None else now
    path = state / "self-signed.pem"
    wanted = {_general_name(name) for name in names}
    certificate = _kept(path)
    if certificate is None or not _serves(certificate, wanted, now):
        certificate = _make(path, sorted(wanted, key=str), now)
    digest = certificate.fingerprint(hashes.SHA256()).hex(":").upper()
    return SelfSigned(_context(path, path), digest)


def load(certificate_file: Path, key_file: Path, now: datetime | None = None) -> PoliteContext:
    """A TLS context of the host's own certificate chain and key, both PEM. An expired certificate
    is used, with a warning in the log.

    Raises ConfigError.
    """
    now = datetime.now(UTC) if now is None else now
    try:
        certificate = x509.load_pem_x509_certificates(_read(certificate_file, "--tls-cert"))[0]
    except ValueError as error:
        raise ConfigError(f"--tls-cert: {certificate_file} holds no PEM certificate") from error
    try:
        key = serialization.load_pem_private_key(_read(key_file, "--tls-key"), password=None)
    except TypeError as error:
        raise ConfigError(
            f"--tls-key: {key_file} is encrypted; the server needs a key without a passphrase"
        ) from error
    except ValueError as error:
        raise ConfigError(f"--tls-key: {key_file} holds no PEM private key") from error
    if key.public_key() != certificate.public_key():
        raise ConfigError(f"--tls-key: {key_file} is not the key of {certificate_file}")
    if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
        logger.warning(
            "the certificate in %s holds from %s to %s: browsers will refuse it now",
            certificate_file,
            certificate.not_valid_before_utc.date(),
            certificate.not_valid_after_utc.date(),
        )
    return _context(certificate_file, key_file)


def names_in(certificate_file: Path) -> list[str]:
    """The names and addresses that the certificate is for. ``load`` must accept the file."""
    certificate = x509.load_pem_x509_certificates(certificate_file.read_bytes())[0]
    try:
        kind = x509.SubjectAlternativeName
        names = certificate.extensions.get_extension_for_class(kind).value
    except (x509.ExtensionNotFound, ValueError):
        return []
    return [
        *names.get_values_for_type(x509.DNSName),
        *map(str, names.get_values_for_type(x509.IPAddress)),
    ]


def renew(context: ssl.SSLContext, certificate_file: Path, key_file: Path) -> None:
    """Use the certificate in these files from the next connection of ``context`` on.

    Raises ConfigError; then nothing has changed.
    """
    load(certificate_file, key_file)
    try:
        context.load_cert_chain(certificate_file, key_file)
    except OSError as error:  # they have changed meanwhile
        raise ConfigError(f"{certificate_file}: {error}") from error


async def renewals(certificate: SelfSigned | None, certificate_file: str, key_file: str) -> None:
    """Use a renewed certificate within LOOK_S of the change of its files, until cancelled. Returns
    at once if it is not the host's own."""
    if certificate is None or not certificate_file:
        return
    files = Path(certificate_file), Path(key_file)
    seen = [_stamp(file) for file in files]
    while True:
        await asyncio.sleep(LOOK_S)
        if seen == (seen := [_stamp(file) for file in files]):
            continue
        try:
            renew(certificate.context, *files)
            logger.info("the renewed certificate is shown from the next connection on")
        except ConfigError as error:
            logger.warning("the certificate stays as it was: %s", error)


def _stamp(file: Path) -> tuple[int, ...]:
    try:
        about = file.stat()
    except OSError:
        return ()
    return about.st_mtime_ns, about.st_size, about.st_ino


def _read(path: Path, option: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{option}: {path}: {error.strerror}") from error


def _context(certificate_file: Path, key_file: Path) -> PoliteContext:
    context = PoliteContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate_file, key_file)
    except OSError as error:  # ssl.SSLError is one
        raise ConfigError(f"{certificate_file}: OpenSSL does not accept it: {error}") from error
    return context


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name.partition("%")[0]))
    except ValueError:
        pass
    try:
        return x509.DNSName(name.encode("idna").decode("ascii"))
    except UnicodeError as error:
        raise ConfigError(f"{name!r} is no host name that a certificate can hold") from error


def _kept(path: Path) -> x509.Certificate | None:
    """The certificate in ``path``, which holds its key as well; None if it cannot be used."""
    try:
        data = path.read_bytes()
        certificate = x509.load_pem_x509_certificate(data)
        key = serialization.load_pem_private_key(data, password=None)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigError(f"our own certificate, {path}: {error.strerror}") from error
    except (ValueError, TypeError):
        logger.warning("%s is damaged; a new certificate is made", path)
        return None
    return certificate if key.public_key() == certificate.public_key() else None


def _serves(certificate: x509.Certificate, wanted: set[x509.GeneralName], now: datetime) -> bool:
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return (
        wanted <= set(names)
        and certificate.not_valid_before_utc <= now
        and now + RENEW_WITHIN <= certificate.not_valid_after_utc
    )


def _make(path: Path, names: Sequence[x509.GeneralName], now: datetime) -> x509.Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Tolk")])
    start = now - timedelta(days=1)  # a phone's clock may be slow
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + VALID_FOR)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ) + certificate.public_bytes(serialization.Encoding.PEM)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(pem)
        draft.replace(path)
    except OSError as error:
        raise ConfigError(f"our own certificate, {path}: {error.strerror}") from error
    return certificate
