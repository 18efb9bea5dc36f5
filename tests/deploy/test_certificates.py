"""`showroom doctor` says in time which certificates must be renewed."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from deploy.certificates import Certificate, examine, judge
from deploy.checks import Level
from edge_agent.sources.opcua.pki import own_certificate
from tests.edge_agent.sparkplug.authority import Authority

NOW = datetime(2027, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("left", "level", "words"),
    [
        (timedelta(days=31), Level.OK, "1, the first expires on 2027-02-01"),
        (timedelta(days=29, hours=1), Level.WARNING, "expires on 2027-01-30, in 29 days"),
        (timedelta(seconds=1), Level.WARNING, "in 0 days"),
        (timedelta(), Level.ERROR, "expired on 2027-01-01"),
    ],
)
def test_a_certificate_is_judged_by_the_days_it_has_left(left: timedelta, level: Level, words: str) -> None:
    """Thirty days ahead it is a warning, from its last moment on an error, each with the remedy."""
    found = judge([Certificate(Path("a.der"), NOW + left, "renew it")], NOW)
    assert [(one.level, words in one.seen) for one in found] == [(level, True)]
    assert level is Level.OK or found[0].remedy == "renew it"


def test_a_certificate_of_somebody_else_stops_nothing() -> None:
    """An old certificate among the trusted ones is a warning, for its owner may have a new one since."""
    found = judge([Certificate(Path("a.der"), NOW - timedelta(days=1), "renew it", needed=False)], NOW)
    assert [one.level for one in found] == [Level.WARNING]


def test_the_certificates_of_an_installation_are_found(tmp_path: Path) -> None:
    """Own ones, trusted ones and those that a configuration names are looked at, each with its own remedy."""
    now = datetime.now(UTC)
    own = own_certificate(tmp_path / "pki" / "line-edge", "urn:test", now)
    authority = Authority(tmp_path, "plant")
    (tmp_path / "pki" / "line-edge" / "trusted" / "plant.pem").write_bytes(authority.file.read_bytes())
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "edge.toml").write_text('[broker]\nca_file = "../plant.pem"\n', encoding="utf-8")
    soon = examine(tmp_path, now)
    assert {(one.level, one.seen.partition(" expires")[0]) for one in soon} == {
        (Level.WARNING, str(tmp_path / "pki" / "line-edge" / "trusted" / "plant.pem")),
        (Level.WARNING, str(tmp_path / "config" / "../plant.pem")),
    }
    late = examine(tmp_path, now + timedelta(days=10 * 365))
    assert [one.level for one in late if str(own.certificate) in one.seen] == [Level.ERROR]
    assert any("broker.ca_file" in one.remedy for one in late)


def test_what_is_no_certificate_is_said(tmp_path: Path) -> None:
    """A file that cannot be read as a certificate is a warning, not a traceback."""
    folder = tmp_path / "pki" / "line" / "own"
    folder.mkdir(parents=True)
    (folder / "certificate.der").write_bytes(b"torn")
    found = examine(tmp_path, NOW)
    assert [(one.level, "cannot be read as a certificate" in one.seen) for one in found] == [(Level.WARNING, True)]


def test_an_empty_folder_has_nothing_to_say(tmp_path: Path) -> None:
    """Before the first start there are no certificates and no finding about them."""
    assert examine(tmp_path, NOW) == []
