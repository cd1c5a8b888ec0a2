"""New pseudonyms for everyone: each stored pseudonym is hashed with the new key, table by table, and the old ones are deleted.

Each table is replaced in one commit, which also records how many keys its pseudonyms were made with. An interrupted rotation
continues where it stopped. Nothing is ingested during a rotation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from deltalake import CommitProperties, Transaction

from expectations.sql_values import quote_path
from pipelines.errors import RefusalError
from pipelines.extracts.clear_identifiers import PERSON_COLUMNS
from pipelines.extracts.pseudonym_keys import checks_in_use, key_check, record_chain
from pipelines.extracts.pseudonyms import rehashed_sql, rehashing
from pipelines.lake.duckdb_connection import connect
from pipelines.lake.files import drop_versions, exchange
from pipelines.lake.storage import Lake

KEYS_APPLIED = "strata-pseudonym-keys"  # the name under which a table's commit records the number of keys


def rotate(lake: Lake, keys: Sequence[bytes], reports: Path, afterwards: Callable[[], None] = lambda: None) -> dict[str, int]:
    """Replace every pseudonym in the lake with that of the complete chain of keys; return how many tables and rows changed.

    `afterwards` updates other targets. Until it has succeeded the rotation counts as interrupted, and repeating it completes it.
    Pages with old pseudonyms are deleted. A RefusalError reports that there is no new key, or that an old key is missing.
    """
    checks, in_use = [key_check(key) for key in keys], checks_in_use(lake)
    if not in_use:
        raise RefusalError("no pseudonym was made with a key yet, so there is nothing to rotate. Run the pipeline first")
    if checks[: len(in_use)] != in_use:
        raise RefusalError(
            "the keys before the new one are not the keys that the stored pseudonyms were made with. Keep those in their order, and add "
            "the new key at the end of source.nhs.pseudonyms.later_keys"
        )
    if len(checks) == len(in_use):
        raise RefusalError(
            "there is no new key. Add one at the end of source.nhs.pseudonyms.later_keys, and keep the keys before it"
        )
    record_chain(lake, keys, len(in_use))
    done = {"tables": 0, "rows": 0}
    for name in lake.tables():
        columns = [column for column in lake.schema(name).names if column in PERSON_COLUMNS]
        if columns:
            rows = _rotate_table(lake, name, columns, keys, len(in_use))
            drop_versions(lake, name, days=0)
            done = {"tables": done["tables"] + 1, "rows": done["rows"] + rows}
    pages = _delete_pages(reports)
    afterwards()
    record_chain(lake, keys, len(keys))
    return {**done, "pages_deleted": pages, "keys": len(keys)}


def _rotate_table(lake: Lake, name: str, columns: Sequence[str], keys: Sequence[bytes], in_use: int) -> int:
    """Write a table again with new pseudonyms, unless that is done, and return the rows written; rows keep their order."""
    before = max(lake.table(name).transaction_version(KEYS_APPLIED) or 0, in_use)
    files = lake.live_files(name)
    if before == len(keys) or not files:
        return 0
    changed = ", ".join(f"{rehashed_sql(column, len(keys) - before)} AS {column}" for column in columns)
    fresh = []
    with connect() as con, rehashing(con, keys[before:]):
        for file in files:
            scan = f"read_parquet({quote_path(lake.folder(name) / file.path)}, hive_partitioning=false)"
            fresh.append(lake.write_sql(name, con, f"SELECT * REPLACE ({changed}) FROM {scan}", file.partition))
    exchange(lake, name, files, fresh, CommitProperties(app_transactions=[Transaction(KEYS_APPLIED, len(keys))]))
    return sum(file.rows for file in fresh)


def _delete_pages(reports: Path) -> int:
    """Delete the pages and lists that have people's old pseudonyms."""
    pages = sorted(path for path in (reports / "caseloads").glob("*") if path.is_file())
    for page in pages:
        page.unlink()
    return len(pages)
