"""The one importer of influxdb_client: requests to an InfluxDB server, and what its answers mean."""

import json
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, NoReturn

import httpx
import urllib3
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.client.write_api import SYNCHRONOUS
from influxdb_client.domain.bucket_retention_rules import BucketRetentionRules
from influxdb_client.rest import ApiException

from edge_agent.sparkplug.settings import read_secret
from gateway.store.base import StoreUnavailableError
from gateway.store.config import InfluxConfig
from gateway.store.influx_names import quote_identifier
from gateway.store.line_protocol import PointsRefusedError

_REFUSING = (400, 413, 422)
_MESSAGE_LENGTH = 400
_PERMANENT_REMEDIES = {
    401: "check the token or the user name and password of [store]; the server does not know them",
    403: "give the token or the user the right to read and write the buckets of [store]",
    404: "create the buckets with `showroom influx init`, and check [store] url, org and bucket",
}


@dataclass(frozen=True, slots=True)
class ResultSeries:
    """One series of an InfluxQL answer: its tags, names of columns, and rows."""

    tags: Mapping[str, str]
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]

    def column(self, name: str) -> list[Any]:
        """Return one column; None where a row has no such value."""
        index = self.columns.index(name)
        return [row[index] for row in self.rows]


class InfluxClient:
    """Requests to one server; safe to use from several threads. Nothing is sent before the first request."""

    def __init__(self, config: InfluxConfig) -> None:
        self._config = config
        self._lock = threading.Lock()
        self._http: httpx.Client | None = None
        self._client: Any = None  # the library has no types
        self._write_api: Any = None

    def write(self, lines: bytes, bucket: str) -> None:
        """Write points; when it returns they are durable at the server.

        Raises PointsRefusedError (the request may have stored other points of it) or StoreUnavailableError.
        """
        if self._config.api == "v2":
            self._write_v2(lines, bucket)
        else:
            self._post("/write", {"db": bucket, "precision": "ns"}, lines)

    def query(
        self, statements: Sequence[str], bucket: str, values: Mapping[str, str | int] | None = None
    ) -> list[list[ResultSeries]]:
        """Run InfluxQL statements; returns the series of each.

        Args:
            statements: text without values; identifiers quoted by influx_names.quote_identifier.
            bucket: database or bucket to read.
            values: values of the parameters `$name`.

        Raises StoreUnavailableError.
        """
        form = {"db": bucket, "epoch": "ns", "q": ";".join(statements), "params": json.dumps(dict(values or {}))}
        try:
            # A form, because a query may be longer than the first line of a request may be.
            content = self._post("/query", {}, form)
        except PointsRefusedError as error:
            raise StoreUnavailableError(
                f"InfluxDB at {self._config.url} refuses a query: {error}",
                remedy="check that the server speaks InfluxQL (InfluxDB 1.x, 2.x, 3.x); report this with the log",
            ) from None
        # The server writes the float -0.0 as `-0`; reading every integer with care costs, so only where there is one.
        careful = _integer if b"-0," in content or b"-0]" in content else None
        return [self._results(result) for result in json.loads(content, parse_int=careful)["results"]]

    def initialise(self) -> None:
        """Create both buckets (v1: databases) where missing and set their retention. Raises StoreUnavailableError."""
        try:
            for bucket, days in ((self._config.bucket, self._config.retention_days), (self._config.rollups, None)):
                if self._config.api == "v2":
                    self._create_bucket(bucket, days)
                else:
                    self._create_database(bucket, days)
        except PointsRefusedError as error:
            raise StoreUnavailableError(
                f"InfluxDB at {self._config.url} refuses to create a bucket: {error}",
                remedy="check bucket, rollup_bucket and org in [store]",
                permanent=True,
            ) from None

    def close(self) -> None:
        """Close the connections."""
        if self._http is not None:
            self._http.close()
        if self._client is not None:
            self._client.close()

    def _write_v2(self, lines: bytes, bucket: str) -> None:
        try:
            self._v2()[1].write(bucket=bucket, org=self._config.org, record=lines)
        except ApiException as error:
            body = error.body or error.reason or ""
            message = body.decode("utf-8", "replace") if isinstance(body, bytes) else str(body)
            self._raise_for(int(error.status or 0), message, dict(error.headers or {}))
        except urllib3.exceptions.HTTPError as error:
            raise self._unreachable(error) from error

    def _create_database(self, name: str, days: float | None) -> None:
        duration, shard = "INF", "7d"
        if days is not None:
            duration, shard = f"{round(days * 1440)}m", "1d" if days > 2 else "1h"
        database = quote_identifier(name)
        for statement in (
            f"CREATE DATABASE {database}",
            f'ALTER RETENTION POLICY "autogen" ON {database} DURATION {duration} SHARD DURATION {shard} DEFAULT',
        ):
            self.query([statement], "")

    def _create_bucket(self, bucket: str, days: float | None) -> None:
        rule: Any = BucketRetentionRules
        rules = [] if days is None else [rule(type="expire", every_seconds=round(days * 86_400))]
        try:
            api = self._v2()[0].buckets_api()
            found = api.find_bucket_by_name(bucket)
            if found is None:
                api.create_bucket(bucket_name=bucket, retention_rules=rules, org=self._config.org)
            else:
                found.retention_rules = rules
                api.update_bucket(found)
        except ApiException as error:
            self._raise_for(int(error.status or 0), str(error.body or error.reason), dict(error.headers or {}))
        except urllib3.exceptions.HTTPError as error:
            raise self._unreachable(error) from error

    def _v2(self) -> tuple[Any, Any]:
        """Return the client of the v2 API and its writing side."""
        with self._lock:
            if self._client is None:
                config = self._config
                token = "" if config.token_file is None else read_secret(config.token_file)
                self._client = InfluxDBClient(
                    config.url,
                    token,
                    org=config.org,
                    timeout=round(config.timeout_s * 1000),
                    connection_pool_maxsize=config.connections,
                )
                self._write_api = self._client.write_api(write_options=SYNCHRONOUS)
            return self._client, self._write_api

    def _v1(self) -> httpx.Client:
        """Return the client for /write and /query, which InfluxDB 2 and 3 serve as well."""
        with self._lock:
            if self._http is None:
                config, headers, auth = self._config, {}, None
                if config.token_file is not None:
                    headers["Authorization"] = f"Token {read_secret(config.token_file)}"
                elif config.username is not None and config.password_file is not None:
                    auth = httpx.BasicAuth(config.username, read_secret(config.password_file))
                self._http = httpx.Client(
                    base_url=config.url, headers=headers, auth=auth, timeout=config.timeout_s, trust_env=False
                )
            return self._http

    def _post(self, path: str, address: Mapping[str, str], body: bytes | Mapping[str, str]) -> bytes:
        try:
            if isinstance(body, bytes):
                response = self._v1().post(path, params=address, content=body)
            else:
                response = self._v1().post(path, params=address, data=body)
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error
        if response.status_code not in (200, 204):
            self._raise_for(response.status_code, response.text, response.headers)
        return response.content

    def _results(self, result: Mapping[str, Any]) -> list[ResultSeries]:
        if "error" in result:
            message = str(result["error"])
            self._raise_for(404 if "not found" in message else 500, message, {})
        return [
            ResultSeries(one.get("tags", {}), one["columns"], one.get("values", ())) for one in result.get("series", ())
        ]

    def _raise_for(self, status: int, message: str, headers: Mapping[str, str]) -> NoReturn:
        message = _message(message)
        if status in _REFUSING:
            raise PointsRefusedError(message)
        text = f"InfluxDB at {self._config.url} answers {status}: {message}"
        if status == 429 or status >= 500 or status == 408:
            raise StoreUnavailableError(
                text,
                remedy="the server is overloaded or in trouble: see its log; writing resumes by itself",
                retry_after_s=_retry_after(headers),
            )
        remedy = _PERMANENT_REMEDIES.get(
            status, "check that [store] url is an InfluxDB and api is the version it speaks"
        )
        raise StoreUnavailableError(text, remedy=remedy, permanent=True)

    def _unreachable(self, error: Exception) -> StoreUnavailableError:
        return StoreUnavailableError(
            f"InfluxDB at {self._config.url} cannot be reached: {error or type(error).__name__}",
            remedy="start the server, check [store] url and the network; writing resumes by itself",
        )


def _message(body: str) -> str:
    """Return what the server says, from the JSON of either API version where it is some."""
    try:
        answer = json.loads(body)
    except ValueError:
        answer = None
    text = str(answer.get("error") or answer.get("message") or body) if isinstance(answer, dict) else body.strip()
    # The server repeats the line it could not read; what was wrong with it comes last.
    return (
        text if len(text) <= _MESSAGE_LENGTH else f"{text[: _MESSAGE_LENGTH // 2]} ... {text[-_MESSAGE_LENGTH // 2 :]}"
    )


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Read Retry-After (RFC 9110, 10.2.3): seconds or a date."""
    text = next((value for name, value in headers.items() if name.lower() == "retry-after"), None)
    if text is None:
        return None
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except ValueError:
        return None


def _integer(text: str) -> int | float:
    """Read a JSON number without fraction, `-0` as a float."""
    return -0.0 if text == "-0" else int(text)
