"""The last contact of each kind that a listed person had with the service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import pandas as pd

from expectations.sql_values import quote
from expectations.tables.core import CODE, EVENT, PERSON
from features.code_lists import CodeList, code_members
from features.events import NUMBER_OF
from pipelines.lake.duckdb_connection import connect
from pipelines.lake.storage import Lake

CONTACTS = {
    "last_emergency_admission": "emergency_admission",
    "last_ae_attendance": "ae_attendance",
    "last_outpatient_visit": "outpatient_attended",
    "last_gp_contact": "gp_observation",
}
GP_LIST = "gp_contact"


def last_contacts(lake: Lake, person_ids: Sequence[str], index_date: date, lists: Mapping[str, CodeList]) -> pd.DataFrame:
    """Return a row per person with the day of the last contact of each kind before the index date; null where none is known.

    Everything in the lake counts, whenever it became available, because clinicians read it and no feature uses it.
    """
    empty = pd.DataFrame({"person_id": pd.Series(list(person_ids), dtype="object"), **dict.fromkeys(CONTACTS, None)})
    if not len(empty) or not lake.exists(EVENT.name):
        return empty
    rows = lake.read(CODE.name, "code, code_system, source_code", "code_system = 'snomed'", "code")
    codes = list(zip(*(rows[name].to_pylist() for name in rows.column_names), strict=True))
    members = code_members(lists[GP_LIST], codes) if GP_LIST in lists else []
    gp = f"AND code IN ({', '.join(map(str, members)) or 'NULL'})"
    days = ", ".join(
        f"max(event_date) FILTER (event_type = {NUMBER_OF[kind]} {gp if kind == 'gp_observation' else ''}) AS {name}"
        for name, kind in CONTACTS.items()
    )
    kinds = ", ".join(str(NUMBER_OF[kind]) for kind in CONTACTS.values())
    with connect() as con:
        con.register("requested", empty[["person_id"]])
        con.execute(
            f"CREATE TEMP TABLE people AS SELECT person_key, person_id FROM {lake.scan(PERSON.name)} SEMI JOIN requested USING (person_id)"
        )
        contacts = con.execute(
            f"""SELECT person_id, seen.* EXCLUDE (person_key) FROM people LEFT JOIN (
                SELECT person_key, {days} FROM {lake.scan(EVENT.name)} SEMI JOIN people USING (person_key)
                WHERE event_type IN ({kinds}) AND event_date < DATE {quote(index_date)} GROUP BY person_key) AS seen USING (person_key)"""
        ).df()
    return empty[["person_id"]].merge(contacts, on="person_id", how="left", validate="one_to_one")
