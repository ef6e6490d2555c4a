"""TLS of a connector: a certificate with its key, and the contexts of both ends. Owns neither files nor connections."""

from __future__ import annotations

import ssl
from pathlib import Path

from hub.errors import Usage


def paired(certificate_file: Path | None, key_file: Path | None) -> None:
    """Both or neither. Raises ValueError, as a configuration's own checks do."""
    if (certificate_file is None) != (key_file is None):
        raise ValueError("certificate_file and key_file belong together")


def broker(ca_file: str) -> ssl.SSLContext:
    """Of a client of somebody's Kafka; without a file the machine's authorities. Raises `Usage` for a bad file."""
    try:
        return ssl.create_default_context(cafile=ca_file or None)
    except OSError as error:
        remedy = "ca_file is the authority of the broker's certificate, in PEM, as its operator handed it over."
        raise Usage(f"{ca_file} is no certificate in PEM.", remedy) from error


def listening(
    certificate_file: Path | None, key_file: Path | None, client_ca_file: Path | None = None
) -> ssl.SSLContext | None:
    """Of a listener; None without a certificate. With `client_ca_file` only its clients are served.

    Raises OSError for files that cannot be used.
    """
    if certificate_file is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=client_ca_file)
    context.load_cert_chain(certificate_file, key_file)
    if client_ca_file:
        context.verify_mode = ssl.CERT_REQUIRED
    return context
