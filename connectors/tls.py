"""TLS of a connector: a certificate with its key, and a listener's context. Owns neither files nor connections."""

from __future__ import annotations

import ssl
from pathlib import Path


def paired(certificate_file: Path | None, key_file: Path | None) -> None:
    """Both or neither. Raises ValueError, as a configuration's own checks do."""
    if (certificate_file is None) != (key_file is None):
        raise ValueError("certificate_file and key_file belong together")


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
