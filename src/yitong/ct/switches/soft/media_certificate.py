"""The certificate that browsers see in DTLS: self-signed, made once, kept in the home; its fingerprint in the SDP is what is trusted."""

from __future__ import annotations

import datetime
import hashlib
import os
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_DAYS = 3650


class Certificate(NamedTuple):
    """``pem`` holds key and certificate; ``fingerprint`` is as in SDP ("sha-256 AA:BB..")."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    fingerprint: str


def load_or_make(path: Path, now: datetime.datetime) -> Certificate:
    """The certificate at ``path``, made when there is none; workers that start together agree on one. Raises OSError, ValueError."""
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _publish(path, _make(now))
    data = path.read_bytes()
    key = serialization.load_pem_private_key(data, None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError(f"{path} holds no elliptic curve key")
    certificate = x509.load_pem_x509_certificate(data)
    return Certificate(certificate, key, fingerprint_of(certificate.public_bytes(serialization.Encoding.DER)))


def fingerprint_of(der: bytes) -> str:
    """As RFC 8122 writes it."""
    return "sha-256 " + ":".join(f"{octet:02X}" for octet in hashlib.sha256(der).digest())


def _make(now: datetime.datetime) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "yitong")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=_DAYS))
        .sign(key, hashes.SHA256())
    )
    encoding = serialization.Encoding.PEM
    secret = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return secret + certificate.public_bytes(encoding)


def _publish(path: Path, data: bytes) -> None:
    """Write aside, then link: who comes first wins, nobody sees half a file."""
    aside = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    try:
        os.link(aside, path)
    except FileExistsError:
        return  # another worker was quicker; its certificate is as good
    finally:
        aside.unlink()
