"""Owns a certificate authority of our own, for Kafka over TLS: the broker's certificate and those of agencies.

A certificate says whose it is (`CN`, the agency's code) and which it is (`OU`, a mark): the broker makes both into the
principal, and the rights are given to that principal, so a certificate that is replaced can do nothing any more,
however long it is valid. Never decides who gets one; a private key is written once and kept nowhere else.
"""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

#: What the broker looks for in a subject; `principal` below is what becomes of it.
ORGANIZATION: Final = "ieum-agency"
PRINCIPAL_RULE: Final = rf"RULE:^CN=([a-z0-9-]+),OU=([0-9a-f]+),O={ORGANIZATION}$/agency-$1.$2/"
AUTHORITY_DAYS: Final = 3650
DAYS: Final = 398
#: Clocks of partners may be behind ours.
EARLIER: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate with its private key, both in PEM."""

    certificate: bytes
    key: bytes


def authority_folder(state_dir: Path) -> Path:
    """Where an installation keeps its authority."""
    return state_dir / "ca"


class Authority:
    """The authority kept in a folder: `ca.pem`, and `ca.key` (0600). Made the first time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        if not self.certificate_file.exists():
            self._create()
        key = serialization.load_pem_private_key((folder / "ca.key").read_bytes(), password=None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise TypeError("ca.key is of another kind than the ones made here")
        self._key = key
        self._certificate = x509.load_pem_x509_certificate(self.certificate_file.read_bytes())

    @property
    def certificate_file(self) -> Path:
        """What everybody who is to trust these certificates is given."""
        return self._folder / "ca.pem"

    def of_agency(self, code: str, mark: str) -> Issued:
        """A client's certificate. mark: hexadecimal digits that tell it from any other of this agency."""
        return self._issue(_name(code, mark), ExtendedKeyUsageOID.CLIENT_AUTH, ())

    def of_server(self, hosts: tuple[str, ...]) -> Issued:
        """A broker's certificate for these names and addresses."""
        return self._issue(_name(hosts[0]), ExtendedKeyUsageOID.SERVER_AUTH, hosts)

    def _create(self) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ieum hub")])
        usage = _usage(signs=True)
        certificate = (
            _builder(name, name, key, AUTHORITY_DAYS)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA256())
        )
        write_private(self._folder / "ca.key", _pem(key))
        self.certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def _issue(self, name: x509.Name, use: x509.ObjectIdentifier, hosts: tuple[str, ...]) -> Issued:
        key = ec.generate_private_key(ec.SECP256R1())
        builder = (
            _builder(name, self._certificate.subject, key, DAYS)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([use]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )
        if hosts:
            builder = builder.add_extension(x509.SubjectAlternativeName([_host(h) for h in hosts]), critical=False)
        certificate = builder.sign(self._key, hashes.SHA256())
        return Issued(certificate.public_bytes(serialization.Encoding.PEM), _pem(key))


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner could ever read."""
    path.unlink(missing_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, days: int
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - EARLIER)
        .not_valid_after(now + timedelta(days=days))
    )


def _name(common: str, mark: str = "") -> x509.Name:
    """A broker's name has no mark and no organization, so that no rule makes an agency of it."""
    parts = [(NameOID.ORGANIZATION_NAME, ORGANIZATION), (NameOID.ORGANIZATIONAL_UNIT_NAME, mark)] if mark else []
    return x509.Name([x509.NameAttribute(oid, text) for oid, text in [*parts, (NameOID.COMMON_NAME, common)]])


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
