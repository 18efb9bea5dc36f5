"""A private InfluxDB 1.x with authentication: the real server on free ports in a folder of its own."""

import secrets
import shutil
from pathlib import Path

import httpx

from tests.faults.child import Child
from tests.servers import find_free_port

DATABASE = "showroom"
ADMIN = "admin"
WRITER = "gateway"

_CONFIG = """reporting-disabled = true
bind-address = "127.0.0.1:{rpc}"
[meta]
  dir = "{folder}/meta"
[data]
  dir = "{folder}/data"
  wal-dir = "{folder}/wal"
  query-log-enabled = false
[monitor]
  store-enabled = false
[http]
  bind-address = "127.0.0.1:{http}"
  auth-enabled = true
  log-enabled = false
"""


_TIMEOUT_S = 60.0


def installed() -> bool:
    """Whether the server program is there."""
    return shutil.which("influxd") is not None


class InfluxServer:
    """InfluxDB with a database without expiry and one user that may read and write it.

    Args:
        folder: for its files; `password` in it holds the writer's password (mode 0600).
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.port = find_free_port()
        self.password_file = folder / "password"
        self._admin_password = secrets.token_urlsafe(12)
        self._password = secrets.token_urlsafe(12)
        self.password_file.touch(mode=0o600)
        self.password_file.write_text(self._password + "\n", encoding="utf-8")
        config = folder / "influxdb.conf"
        config.write_text(
            _CONFIG.format(rpc=find_free_port(), http=self.port, folder=folder.as_posix()), encoding="utf-8"
        )
        self._url = f"http://127.0.0.1:{self.port}"
        self.child = Child("influxd", ["influxd", "run", "-config", str(config)], folder, self._answers)

    def start(self) -> None:
        """Start it for the first time and create users and database."""
        self.child.start()
        self._query(f"CREATE USER {ADMIN} WITH PASSWORD '{self._admin_password}' WITH ALL PRIVILEGES", admin=False)
        self._query(f'CREATE DATABASE "{DATABASE}"')
        self._query(f"CREATE USER {WRITER} WITH PASSWORD '{self._password}'")
        self._query(f'GRANT ALL ON "{DATABASE}" TO {WRITER}')

    def lock_out(self) -> None:
        """Change the writer's password at the server only, so that its writes are answered with 401."""
        self._query(f"SET PASSWORD FOR {WRITER} = '{secrets.token_urlsafe(12)}'")

    def let_in(self) -> None:
        """Make the writer's password valid again."""
        self._query(f"SET PASSWORD FOR {WRITER} = '{self._password}'")

    def write(self, line: str) -> None:
        """Write a line of line protocol as administrator."""
        answer = httpx.post(
            f"{self._url}/write",
            params={"db": DATABASE},
            content=line,
            auth=(ADMIN, self._admin_password),
            timeout=_TIMEOUT_S,
            trust_env=False,
        )
        answer.raise_for_status()

    def _query(self, text: str, *, admin: bool = True) -> None:
        auth = (ADMIN, self._admin_password) if admin else None
        answer = httpx.post(f"{self._url}/query", params={"q": text}, auth=auth, timeout=_TIMEOUT_S, trust_env=False)
        answer.raise_for_status()
        for result in answer.json()["results"]:
            assert "error" not in result, result["error"]

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self._url}/ping", trust_env=False).status_code == httpx.codes.NO_CONTENT
        except httpx.HTTPError:
            return False
