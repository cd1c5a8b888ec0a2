"""The postcode column: its status and LSOA are stored, the postcode is not."""

from __future__ import annotations

from pathlib import Path

import duckdb

from expectations.sql_values import quote, quote_path
from pipelines.errors import SettingsError

AREAS = "postcode_areas"
STATUSES = ("resolved", "no_fixed_abode", "postcode_unknown", "outside_england", "unmatched")
# NHS Postcode Directory pseudo-postcodes.
PSEUDO_POSTCODES = {
    "ZZ993VZ": "no_fixed_abode",
    "ZZ993WZ": "postcode_unknown",
    "ZZ993CZ": "postcode_unknown",
    "ZZ991WZ": "outside_england",
    "ZZ992WZ": "outside_england",
    "ZZ993GZ": "outside_england",
}


def load_postcode_areas(con: duckdb.DuckDBPyConnection, lookup: Path | None) -> None:
    """Load the postcode lookup (columns postcode and lsoa) into a temporary table; without a lookup it is empty."""
    rows = "SELECT NULL::VARCHAR AS postcode, NULL::VARCHAR AS lsoa WHERE false"
    if lookup is not None:
        if not lookup.is_file():
            raise SettingsError(f"postcode_lookup: there is no file {lookup}")
        is_parquet = lookup.suffix.lower() == ".parquet"
        reader = "read_parquet" if is_parquet else "read_csv"
        options = "" if is_parquet else ", all_varchar=true, header=true"
        rows = (
            f"SELECT {normal('postcode')} AS postcode, min(lsoa) AS lsoa FROM {reader}({quote_path(lookup)}{options}) GROUP BY 1"
        )
    try:
        con.execute(f"CREATE OR REPLACE TEMP TABLE {AREAS} AS {rows}")
    except duckdb.Error as error:
        raise SettingsError(
            f"postcode_lookup: {lookup} cannot be read; it needs the columns postcode and lsoa ({type(error).__name__})"
        ) from None


def normal(postcode: str) -> str:
    """Return the SQL of a postcode without spaces, in upper case."""
    return f"upper(regexp_replace({postcode}, '\\s', '', 'g'))"


def status_sql(postcode: str, lsoa: str, matched: str) -> str:
    """Return the SQL of a postcode's status; `matched` is the LSOA of the lookup. Without postcode and LSOA it is null."""
    known = " ".join(f"WHEN {quote(code)} THEN {quote(status)}" for code, status in PSEUDO_POSTCODES.items())
    statuses = " ".join(f"WHEN {quote(status.upper())} THEN {quote(status)}" for status in STATUSES)
    empty = f"CASE WHEN nullif(trim({lsoa}), '') IS NOT NULL THEN 'resolved' END"
    found = f"CASE WHEN coalesce({matched}, nullif(trim({lsoa}), '')) IS NOT NULL THEN 'resolved' ELSE 'unmatched' END"
    return f"CASE {normal(postcode)} {known} {statuses} ELSE CASE WHEN nullif(trim({postcode}), '') IS NULL THEN {empty} ELSE {found} END END"
