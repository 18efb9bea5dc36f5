"""Tables of the embedded store, and the version of its file."""

from gateway.store.base import StoreUnavailableError
from gateway.store.duckdb import Connection

FORMAT_VERSION = 1

_ROLLUP_COLUMNS = """(
    series INTEGER NOT NULL, start_ns BIGINT NOT NULL, minimum DOUBLE, maximum DOUBLE, total DOUBLE,
    numbers BIGINT NOT NULL, count BIGINT NOT NULL, bad BIGINT NOT NULL, last DOUBLE, last_ns BIGINT
)"""
"""`numbers` counts the values in `total`; `count` counts rows of good quality, texts included; `last_ns` is the time of
the value `last`."""

_TABLES = (
    "CREATE TABLE meta (key VARCHAR PRIMARY KEY, value BIGINT NOT NULL)",
    """CREATE TABLE series (
        number INTEGER PRIMARY KEY, group_id VARCHAR NOT NULL, edge_node_id VARCHAR NOT NULL,
        device_id VARCHAR NOT NULL, metric VARCHAR NOT NULL, datatype INTEGER NOT NULL, unit VARCHAR NOT NULL,
        low DOUBLE, high DOUBLE, description VARCHAR NOT NULL, origin UTINYINT NOT NULL, address VARCHAR NOT NULL,
        report VARCHAR NOT NULL
    )""",
    # No key and no index on raw rows: they cost ten times the insert. At most one of f, i, b, s is not NULL.
    """CREATE TABLE raw (
        series INTEGER NOT NULL, time_ns BIGINT NOT NULL, f DOUBLE, i BIGINT, b BOOLEAN, s VARCHAR,
        q SMALLINT NOT NULL, o UTINYINT NOT NULL
    )""",
    f"CREATE TABLE rollup_1min {_ROLLUP_COLUMNS}",
    f"CREATE TABLE rollup_1h {_ROLLUP_COLUMNS}",
    "CREATE TABLE dirty (series INTEGER NOT NULL, hour_ns BIGINT NOT NULL)",
    """CREATE TABLE receipts (
        group_id VARCHAR NOT NULL, edge_node_id VARCHAR NOT NULL, epoch UBIGINT NOT NULL,
        first UBIGINT NOT NULL, last UBIGINT NOT NULL
    )""",
    """CREATE TABLE gaps (
        group_id VARCHAR NOT NULL, edge_node_id VARCHAR NOT NULL, epoch UBIGINT NOT NULL, device_id VARCHAR,
        metric VARCHAR, from_ns BIGINT NOT NULL, to_ns BIGINT NOT NULL, count BIGINT, cause VARCHAR NOT NULL,
        stored_at_ns BIGINT NOT NULL
    )""",
)


def prepare(connection: Connection, path: str) -> None:
    """Create the tables in an empty file, or check the version of an existing one; call inside a transaction.

    Raises:
        StoreUnavailableError: the file is of a version this program does not know.
    """
    names = {row[0] for row in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
    if not names:
        for statement in _TABLES:
            connection.execute(statement)
        connection.execute("INSERT INTO meta VALUES ('format_version', ?)", [FORMAT_VERSION])
        return
    version = read_meta(connection, "format_version") if "meta" in names else None
    if version != FORMAT_VERSION:
        found = "no version" if version is None else f"version {version}"
        raise StoreUnavailableError(
            f"{path} has {found} of the store format, this program reads version {FORMAT_VERSION}",
            remedy="use the program that wrote the file, or give [store] path another file",
            permanent=True,
        )


def read_meta(connection: Connection, key: str) -> int | None:
    """Return a number kept under a name, None where there is none."""
    row = connection.execute("SELECT value FROM meta WHERE key = ?", [key]).fetchone()
    return None if row is None else int(row[0])


def write_meta(connection: Connection, key: str, value: int) -> None:
    """Keep a number under a name."""
    connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", [key, value])
