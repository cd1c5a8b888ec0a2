"""New pseudonyms for everyone: each stored one goes through the new key, table by table, and the old ones are deleted.

Each table is exchanged in one commit, which also says how many keys its pseudonyms have gone through: a rotation that was cut short
goes on where it stopped. While one is under way nothing is taken in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from deltalake import CommitProperties, Transaction

from expectations.sql_values import quote
from pipelines.errors import RefusalError
from pipelines.extracts.clear_identifiers import PERSON_COLUMNS
from pipelines.extracts.pseudonym_keys import checks_in_use, key_check, record_chain
from pipelines.extracts.pseudonyms import rehashed_sql, rehashing
from pipelines.lake.duckdb_connection import connect
from pipelines.lake.files import drop_versions, exchange
from pipelines.lake.storage import Lake

GONE_THROUGH = "strata-pseudonym-keys"  # what a table's commit says of it


def rotate(lake: Lake, keys: Sequence[bytes], reports: Path, afterwards: Callable[[], None] = lambda: None) -> dict[str, int]:
    """Give everyone in the lake the pseudonym of the whole chain of keys; give how many tables and rows changed.

    `afterwards` brings other targets up to it: until that is done the rotation counts as cut short, and is completed by asking again.
    Pages that name old pseudonyms are deleted. A RefusalError says that there is no new key, or that an old one is missing.
    """
    given, known = [key_check(key) for key in keys], checks_in_use(lake)
    if not known:
        raise RefusalError("no pseudonym was made with a key yet: there is nothing to rotate. Run the pipeline first")
    if given[: len(known)] != known:
        raise RefusalError(
            "the keys before the new one are not those that the stored pseudonyms were made with. Leave them where they are and add the "
            "new one at the end of source.nhs.pseudonyms.later_keys"
        )
    if len(given) == len(known):
        raise RefusalError(
            "there is no new key: add one to source.nhs.pseudonyms.later_keys, and leave those before it where they are"
        )
    record_chain(lake, keys, len(known))
    done = {"tables": 0, "rows": 0}
    for name in lake.tables():
        columns = [column for column in lake.schema(name).names if column in PERSON_COLUMNS]
        if columns:
            rows = _rotate_table(lake, name, columns, keys, len(known))
            drop_versions(lake, name, days=0)
            done = {"tables": done["tables"] + 1, "rows": done["rows"] + rows}
    pages = _delete_pages(reports)
    afterwards()
    record_chain(lake, keys, len(keys))
    return {**done, "pages_deleted": pages, "keys": len(keys)}


def _rotate_table(lake: Lake, name: str, columns: Sequence[str], keys: Sequence[bytes], in_use: int) -> int:
    """Write a table again with new pseudonyms, unless that is done; rows keep their order. Give the rows written."""
    before = max(lake.table(name).transaction_version(GONE_THROUGH) or 0, in_use)
    files = lake.live_files(name)
    if before == len(keys) or not files:
        return 0
    changed = ", ".join(f"{rehashed_sql(column, len(keys) - before)} AS {column}" for column in columns)
    fresh = []
    with connect() as con, rehashing(con, keys[before:]):
        for file in files:
            scan = f"read_parquet({quote(lake.folder(name) / file.path)}, hive_partitioning=false)"
            fresh.append(lake.write_sql(name, con, f"SELECT * REPLACE ({changed}) FROM {scan}", file.partition))
    exchange(lake, name, files, fresh, CommitProperties(app_transactions=[Transaction(GONE_THROUGH, len(keys))]))
    return sum(file.rows for file in fresh)


def _delete_pages(reports: Path) -> int:
    """Delete the pages and lists that name people by their old pseudonyms."""
    pages = sorted(path for path in (reports / "caseloads").glob("*") if path.is_file())
    for page in pages:
        page.unlink()
    return len(pages)
