"""What the doctor says of a certificate, made here for each case."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from server.config import Config
from server.doctor.certificate import certificate
from server.doctor.findings import Finding

NOW = datetime.now(UTC)
URL = "https://tolk.example:8443"
Key = ec.EllipticCurvePrivateKey


def made(subject: str, issuer: str, key: Key, signer: Key, days: int = 60) -> x509.Certificate:
    """A certificate of ``subject``, for *.example and tolk.example, by ``issuer``."""
    names = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, n)]) for n in (subject, issuer)]
    return (
        x509.CertificateBuilder()
        .subject_name(names[0])
        .issuer_name(names[1])
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - timedelta(days=30))
        .not_valid_after(NOW + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("tolk.example")]), critical=False)
        .sign(signer, hashes.SHA256())
    )


def looked_at(
    folder: Path, *chain: x509.Certificate, url: str = URL, now: datetime = NOW
) -> list[Finding]:
    pem = b"".join(each.public_bytes(serialization.Encoding.PEM) for each in chain)
    (folder / "chain.pem").write_bytes(pem)
    file = str(folder / "chain.pem")
    return certificate(Config(tls_cert=file, tls_key=file), url, now)


def of_an_authority(days: int = 60) -> list[x509.Certificate]:
    """A server's certificate and that of what signed it, which a root signed."""
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(3)]
    return [
        made("tolk.example", "Between", keys[0], keys[1], days),
        made("Between", "Root", keys[1], keys[2]),
    ]


def levels(found: list[Finding]) -> list[str]:
    return [each.level for each in found]


def test_a_whole_chain_for_the_right_name_is_well(tmp_path: Path) -> None:
    found = looked_at(tmp_path, *of_an_authority())
    assert levels(found) == ["ok", "ok", "note"], "no device knows this root"


def test_a_name_that_is_not_in_it_is_a_problem(tmp_path: Path) -> None:
    found = looked_at(tmp_path, *of_an_authority(), url="https://192.168.1.5:8443")
    assert levels(found)[1] == "problem"
    assert "192.168.1.5" in found[1].text


def test_its_end_is_told_before_and_after(tmp_path: Path) -> None:
    chain = of_an_authority(days=10)
    assert levels(looked_at(tmp_path, *chain))[0] == "note"
    assert levels(looked_at(tmp_path, *chain, now=NOW + timedelta(days=11)))[0] == "problem"
    assert levels(looked_at(tmp_path, *chain, now=NOW - timedelta(days=40)))[0] == "problem"


def test_a_missing_or_disordered_chain_is_a_problem(tmp_path: Path) -> None:
    leaf, between = of_an_authority()
    found = looked_at(tmp_path, leaf)
    assert "fullchain.pem" in found[-1].advice
    assert found[-1].level == "problem"
    other = of_an_authority()[0]
    assert looked_at(tmp_path, leaf, other)[-1].level == "problem"


def test_one_that_vouches_for_itself_is_a_note(tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    found = looked_at(tmp_path, made("tolk.example", "tolk.example", key, key))
    assert levels(found) == ["ok", "ok", "note"]


def test_our_own_is_a_note(tmp_path: Path) -> None:
    (found,) = certificate(Config(tls="self", state=str(tmp_path)), URL)
    assert "fingerprint" in found.text
