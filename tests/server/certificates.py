"""Certificates for tests: authorities, and what they sign."""

import datetime
import ipaddress
import pathlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

DAY = datetime.timedelta(days=1)


class Authority:
    """Signs; its own certificate is the file `ca`."""

    def __init__(self, folder, name):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.key = new_key()
        builder = self._builder(self.subject, self.key, 100).add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        self.ca = self.folder / f"{name}.pem"
        self.ca.write_bytes(builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))

    def sign(self, name, address="127.0.0.1", days_left=10):
        """Files (certificate, key) of a server `name` at `address`; expired when days_left is negative."""
        key = new_key()
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        names = [x509.DNSName(name)] + ([x509.IPAddress(ipaddress.ip_address(address))] if address else [])
        certificate = self._builder(subject, key, days_left).add_extension(x509.SubjectAlternativeName(names), False).sign(
            self.key, hashes.SHA256())
        files = self.folder / f"{name}.crt", self.folder / f"{name}.key"
        files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        files[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL,
                                               serialization.NoEncryption()))
        return files

    def _builder(self, subject, key, days_left):
        now = datetime.datetime.utcnow()
        return (x509.CertificateBuilder().subject_name(subject).issuer_name(self.subject).public_key(key.public_key())
                .serial_number(x509.random_serial_number()).not_valid_before(now - 200 * DAY)
                .not_valid_after(now + days_left * DAY))


def new_key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)
