"""Until when certificates are valid: what `showroom doctor` says about those of an installation."""

import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from deploy.checks import Finding, Level
from deploy.named_files import named_files
from edge_agent.sparkplug.certificate import WARN_DAYS, expiries, expiry_text

_CHECK = "certificates"


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate in a file.

    Attributes:
        path: the file.
        not_after: last moment of its validity.
        remedy: how to renew it.
        needed: whether something cannot run without it.
    """

    path: Path
    not_after: datetime
    remedy: str
    needed: bool = True


def judge(certificates: Sequence[Certificate], now: datetime) -> list[Finding]:
    """Say which certificates have expired or will within WARN_DAYS; one line where all are fine. Pure."""
    findings = []
    for one in sorted(certificates, key=lambda certificate: certificate.not_after):
        if one.not_after - now < timedelta(days=WARN_DAYS):
            level = Level.ERROR if one.needed and one.not_after <= now else Level.WARNING
            findings.append(Finding(_CHECK, level, expiry_text(str(one.path), one.not_after, now), one.remedy))
    if certificates and not findings:
        first = min(certificate.not_after for certificate in certificates)
        findings.append(Finding(_CHECK, Level.OK, f"{len(certificates)}, the first expires on {first:%Y-%m-%d}"))
    return findings


def installed(data_folder: Path) -> Iterator[Certificate | Finding]:
    """Yield the certificates of a data folder, and a finding for each file that cannot be read as one."""
    for path in sorted(data_folder.glob("pki/*/own/certificate.der")):
        remedy = f"delete the folder {path.parent}, start again, and let whoever trusted the old one trust the new one"
        yield from _read(path, remedy)
    for path in sorted(data_folder.glob("pki/*/trusted/*")):
        if path.suffix in (".der", ".pem", ".crt"):
            yield from _read(path, "let its owner renew it, and put the new one into its place", needed=False)
    for config in sorted(data_folder.glob("config/*.toml")):
        try:
            files = list(named_files(tomllib.loads(config.read_text(encoding="utf-8")), config.parent))
        except (OSError, ValueError) as error:
            yield Finding(_CHECK, Level.WARNING, f"{config} cannot be read: {error}", "see showroom check-config")
            continue
        for file in files:
            if file.key in ("ca_file", "cert_file"):
                remedy = f"let its issuer renew it and replace the file ({file.place} in {config})"
                yield from _read(file.path, remedy)


def examine(data_folder: Path, now: datetime) -> list[Finding]:
    """Return what is to be said about the certificates of a data folder; nothing where it has none."""
    found = list(installed(data_folder))
    certificates = [one for one in found if isinstance(one, Certificate)]
    return [*judge(certificates, now), *(one for one in found if isinstance(one, Finding))]


def _read(path: Path, remedy: str, *, needed: bool = True) -> Iterator[Certificate | Finding]:
    try:
        found = expiries(path)
    except (OSError, ValueError) as error:
        yield Finding(_CHECK, Level.WARNING, f"{path} cannot be read as a certificate: {error}", remedy)
        return
    for not_after in found:
        yield Certificate(path, not_after, remedy, needed)
