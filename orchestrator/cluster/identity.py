"""Who belongs to a cluster: a certificate authority of its own, and a certificate for each role, all in one directory.

    ca.pem ca.key   scheduler.pem worker.pem client.pem (key and certificate)

Whoever has a certificate of this authority is trusted by all others, as a user who may log in: a worker runs what a
client sends. Addresses are no part of it, because workers come and go. ca.key is needed to make further certificates
only, and belongs on no worker.
"""

from __future__ import annotations

import datetime
import os
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from orchestrator.errors import UsageError
from orchestrator.storage.store import write_atomically

CA, CA_KEY = "ca.pem", "ca.key"
ROLES = ("scheduler", "worker", "client")
VALID_DAYS = 825
SKEW = datetime.timedelta(hours=1)  # by which clocks of machines may differ
INIT = "`orchestrate cluster init DIR` makes one; copy it to each machine, ca.key excepted"


def create(directory: Path) -> None:
    """Make the authority and a certificate for each role. Raises UsageError if there is one, HostRefused."""
    if (directory / CA).exists():
        raise UsageError(f"{directory} has a {CA} already", hint="another directory; or remove it: its members are out")
    ca_key = ec.generate_private_key(ec.SECP256R1())
    ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "orchestrate cluster")])
    certificate = (
        _builder(ca_name, ca_name, ca_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(certifies=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(ca_key.public_key()), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    _write_secret(directory / CA_KEY, _key_text(ca_key))
    for role in ROLES:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"orchestrate {role}")])
        # each both connects to others and is connected to
        both = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        signed = (
            _builder(name, ca_name, key.public_key())
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(certifies=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage(both), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)
            .sign(ca_key, hashes.SHA256())
        )
        _write_secret(member(directory, role), _key_text(key) + signed.public_bytes(serialization.Encoding.PEM))
    write_atomically(directory / CA, certificate.public_bytes(serialization.Encoding.PEM))


def member(directory: Path, role: str) -> Path:
    """The key and certificate of a role."""
    return directory / f"{role}.pem"


def check(directory: Path, role: str) -> None:
    """Raises UsageError unless a role's certificate is there, of this authority and valid now."""
    for path in (directory / CA, member(directory, role)):
        if not path.is_file():
            raise UsageError(f"{path} does not exist: no identity for a cluster", hint=INIT)
    try:
        authority = x509.load_pem_x509_certificate((directory / CA).read_bytes())
        ours = x509.load_pem_x509_certificate(member(directory, role).read_bytes())
        ours.verify_directly_issued_by(authority)
    except Exception as error:
        why = str(error) or type(error).__name__
        raise UsageError(f"{member(directory, role)}: no certificate of {directory / CA}: {why}", hint=INIT) from error
    now = datetime.datetime.now(datetime.UTC)
    if not ours.not_valid_before_utc <= now <= ours.not_valid_after_utc:
        raise UsageError(f"{member(directory, role)} is valid until {ours.not_valid_after_utc:%Y-%m-%d}", hint=INIT)


def tls_context(directory: Path, role: str, *, is_server: bool) -> ssl.SSLContext:
    """For connections whose both ends prove that they belong to the cluster."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if is_server else ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(directory / CA)
    context.load_cert_chain(member(directory, role))
    return context


def _builder(subject: x509.Name, issuer: x509.Name, public_key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - SKEW)
        .not_valid_after(now + datetime.timedelta(days=VALID_DAYS))
    )


def _usage(*, certifies: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not certifies,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=certifies,
        crl_sign=certifies,
        encipher_only=False,
        decipher_only=False,
    )


def _key_text(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write_secret(path: Path, data: bytes) -> None:
    before = os.umask(0o077)
    try:
        write_atomically(path, data)
    finally:
        os.umask(before)
