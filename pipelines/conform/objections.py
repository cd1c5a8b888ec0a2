"""core__objection: the latest state of each person's objection of each kind, by two rules.

* Type 1. Rows of different days are history, and the latest holds. Of rows of one day, or without a day, the objection wins. An
  objection that later deliveries do not contain stays in force (`objection_states.py`).
* National data opt-out. The latest list replaces the one before it (`national_list.py`).

The table is built from every delivery and from its own earlier state. It therefore survives the deletion of old deliveries and
the removal of a feed from the settings.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import partial
from typing import Any

import duckdb
import numpy as np
import pandas as pd
from pydantic import BaseModel, Field

from expectations.feeds import PATIENTS, REGISTRATIONS
from expectations.sql_values import quote
from expectations.tables import core
from expectations.tables.raw_gp import UNDATED_WITHDRAWAL
from pipelines.conform.feeds import Sources
from pipelines.conform.national_list import read_national_list
from pipelines.conform.objection_deliveries import (
    ABSENT_RULE,
    ALL,
    FALL_RULE,
    NOT_KNOWN,
    STRANGERS_RULE,
    TOO_MANY_STRANGERS,
    kind_rows,
    practice_rows,
)  # fmt: skip
from pipelines.conform.objection_inputs import NO_STATEMENTS, STATED_COLUMNS, ObjectionInputs
from pipelines.conform.objection_states import TOO_MANY_ABSENT, Absences, Snapshot, follow_absences
from pipelines.conform.withdrawals import lasting_sql
from pipelines.errors import ValidationStop
from pipelines.lake.storage import Lake
from pipelines.reference.stored_lines import stored_lines


class ObjectionSettings(BaseModel, extra="forbid", frozen=True):
    """When objections are missing, and how long a national list is valid."""

    absent_share: float = Field(
        0.02, ge=0, le=1,
        description="Largest share of a practice's objections, of people who are still registered there, that a delivery may lack. Above it the run stops.",
    )  # fmt: skip
    not_on_list_rise: float = Field(
        0.1, ge=0, le=1,
        description="Largest rise, from one delivery to the next, of the share of objections that match no one on the registered list. Above it the run stops.",
    )  # fmt: skip
    national_fall: float = Field(
        0.1, ge=0, le=1,
        description="Largest fall, from one national list to the next, of the number of people on the registered list who opted out. Above it the run stops.",
    )  # fmt: skip
    national_list_days: int = Field(
        21, ge=1, le=366,
        description="Days after its submission for which a national list may be used. Source: NHS England, national data opt-out operational policy "
        "guidance and the guidance of its check service. Confirm the period in the current policy.",
    )  # fmt: skip


def conform_objections(
    lake: Lake, con: duckdb.DuckDBPyConnection, sources: Sources, inputs: ObjectionInputs, settings: ObjectionSettings
) -> dict[str, Any]:
    """Write core__objection and core__objection_delivery, and return counts."""
    known = lake.read_or_empty(core.OBJECTION).to_pandas()
    known["practice_code"] = known["practice_code"].map(stored_lines(lake).first_code, na_action="ignore")
    _prepare(con, sources, inputs, known)
    type_1, absences = _type_1(con, inputs, settings)
    type_1 = _as_before(type_1, known[known["kind"] == "type_1"], {day for days in inputs.deliveries.values() for day in days})
    checked = _checked(lake)
    national = read_national_list(con, inputs.snapshots, settings.national_list_days, checked.get("national", date.min))
    opted_out = national.people if national.feed else known[known["kind"] == "national"]
    rows = pd.concat([frame for frame in (type_1, opted_out) if len(frame)] or [known]).sort_values(["person_id", "kind"])
    deliveries = [*practice_rows(con, inputs, absences), *kind_rows(con, inputs, settings, national, checked)]
    if not national.feed:
        deliveries += [row for row in _earlier_deliveries(lake) if row["kind"] == "national"]
    lake.write(core.OBJECTION, _dated(rows))
    lake.write(core.OBJECTION_DELIVERY, sorted(deliveries, key=lambda row: (row["kind"], row["practice_code"])))
    return {**_counts(rows, absences), **_shapes(con), "practices_with_objections_not_known": _not_known(deliveries)}


def check_objections(deliveries: pd.DataFrame, settings: ObjectionSettings) -> None:
    """Raise ValidationStop if a delivery lacks too many objections, or too many of them match no one on the list.

    `deliveries` has the columns of core__objection_delivery. The message names practice, counts and what to do.
    """
    lines, subjects = [], []
    for row in deliveries[deliveries["status"].isin([TOO_MANY_ABSENT, TOO_MANY_STRANGERS])].itertuples():
        rule, line = _broken(row, settings)
        lines.append(f"  {line}")
        organisation = "" if row.practice_code == ALL else f" {row.practice_code}"
        subjects.append(f"{row.feed} {rule} {pd.Timestamp(str(row.delivered)).date()}{organisation}")
    if lines:
        raise ValidationStop(
            "objections are missing from a delivery or match no one (core__objection_delivery):\n" + "\n".join(lines) + "\nObjections that a delivery "
            "lacks stay in force. Ask the sender for a complete extract with the usual pseudonyms. If the delivery is right, accept it: "
            + "; ".join(f"strata decide CONFIG accepted_breach '{subject}' --role ROLE --reason WHY" for subject in subjects)
        )  # fmt: skip


def _broken(row: Any, settings: ObjectionSettings) -> tuple[str, str]:
    delivery = f"the delivery of {row.feed} of {pd.Timestamp(row.delivered).date()}"
    if row.status == TOO_MANY_STRANGERS:
        return STRANGERS_RULE, (
            f"{row.kind}: {row.share_not_on_list:.1%} of the people who object in {delivery} match no one on the registered list, "
            f"{row.share_not_on_list_before:.1%} in the one before (the limit is a rise of {settings.not_on_list_rise:.0%})"
        )
    share = f"{row.absent / row.objections:.1%}" if row.objections else "all"
    if row.kind == "national":
        return FALL_RULE, (
            f"national: {row.absent:,} fewer of the people on the registered list have opted out since {delivery} than the {row.objections:,} before "
            f"({share}; the limit is {settings.national_fall:.0%})"
        )
    return ABSENT_RULE, (
        f"practice {row.practice_code}: {row.absent:,} of {row.objections:,} objections of people who are registered there are not in {delivery} "
        f"({share}; the limit is {settings.absent_share:.0%})"
    )


def fold_sql(person_id: str, ignores_case: bool = True) -> str:
    """Return the SQL of the letters and digits of a pseudonym, without letter case unless it matters; null without any.

    A pseudonym of digits alone has no leading zeros: a spreadsheet removes them.
    """
    case = "lower" if ignores_case else ""
    plain = f"regexp_full_match({person_id}, '[0-9A-Za-z]+')"
    folded = f"{case}(CASE WHEN {plain} THEN {person_id} ELSE regexp_replace({person_id}, '[^\\p{{L}}\\p{{N}}]', '', 'g') END)"
    return f"nullif(regexp_replace({folded}, '^0+([0-9]+)$', '\\1'), '')"


def _visible_sql(person_id: str, ignores_case: bool) -> str:
    """Return the SQL of a pseudonym without blanks and invisible characters, and without letter case unless it matters."""
    case = "lower" if ignores_case else ""
    return f"{case}(regexp_replace({person_id}, '[\\p{{C}}\\p{{Z}}]', '', 'g'))"


def _prepare(con: duckdb.DuckDBPyConnection, sources: Sources, inputs: ObjectionInputs, known: pd.DataFrame) -> None:
    """Create the tables `listed`, `homes` and `stated`.

    An objection in force that is stored counts as a statement of its last delivery. A pseudonym that is not on the list, and
    is on it in another form, becomes that of the list. Where punctuation or zeros differ, it may also be of another person, and counts
    for both. A withdrawal in another form ends nothing.
    """
    con.execute(f"CREATE OR REPLACE TEMP TABLE listed AS {_listed(sources)}")
    con.execute(f"CREATE OR REPLACE TEMP TABLE homes AS {_homes(sources)}")
    con.register("known_objections", known)
    columns = ", ".join(STATED_COLUMNS)
    con.execute(f"""CREATE OR REPLACE TEMP TABLE delivered AS SELECT {columns} FROM {inputs.statements or NO_STATEMENTS}
        UNION ALL SELECT '', kind, person_id, practice_code, '1', effective_date, 'OPTED_OUT', NULL, last_stated, delivery
        FROM known_objections WHERE kind = 'type_1' AND state = 'in_force'""")
    con.unregister("known_objections")
    folded, visible = (partial(sql, ignores_case=inputs.ignores_case) for sql in (fold_sql, _visible_sql))
    con.execute(f"""CREATE OR REPLACE TEMP TABLE other_forms AS
        WITH strangers AS (SELECT DISTINCT person_id FROM delivered ANTI JOIN listed USING (person_id))
        SELECT strangers.person_id, listed.person_id AS list_id,
            {visible("strangers.person_id")} <> {visible("listed.person_id")} AS may_be_another
        FROM strangers JOIN listed ON {folded("strangers.person_id")} = {folded("listed.person_id")}""")
    con.execute("""CREATE OR REPLACE TEMP TABLE stated AS
        WITH forms AS (
            SELECT delivered.*, coalesce(list_id, delivered.person_id) AS meant FROM delivered
            LEFT JOIN other_forms ON other_forms.person_id = delivered.person_id AND delivered.status <> '0'
            UNION
            SELECT delivered.*, delivered.person_id FROM delivered JOIN other_forms USING (person_id) WHERE may_be_another
        )
        SELECT forms.* EXCLUDE (meant) REPLACE (meant AS person_id,
            CASE WHEN kind = 'type_1' THEN coalesce(forms.practice_code, homes.practice_code) END AS practice_code), forms.person_id AS form
        FROM forms LEFT JOIN homes ON homes.person_id = meant""")


def _listed(sources: Sources) -> str:
    feed = sources.get(PATIENTS.name) or sources.get(REGISTRATIONS.name)
    return f"SELECT DISTINCT person_id FROM {feed}" if feed else "SELECT CAST(NULL AS VARCHAR) AS person_id WHERE false"


def _homes(sources: Sources) -> str:
    """Return the SQL of the practice with which each living person is registered at the latest delivery."""
    if PATIENTS.name not in sources and REGISTRATIONS.name not in sources:
        return "SELECT CAST(NULL AS VARCHAR) AS person_id, CAST(NULL AS VARCHAR) AS practice_code WHERE false"
    living = (
        f"SELECT person_id, practice_code FROM {sources[PATIENTS.name]} WHERE death_date IS NULL"
        if PATIENTS.name in sources
        else ""
    )
    if REGISTRATIONS.name not in sources:
        return f"SELECT person_id, max(practice_code) AS practice_code FROM ({living}) GROUP BY person_id"
    alive = f"SEMI JOIN ({living}) AS living USING (person_id)" if living else ""
    return f"""SELECT person_id, arg_max(practice_code, (start_date, practice_code)) AS practice_code
        FROM {sources[REGISTRATIONS.name]} {alive} WHERE end_date IS NULL OR end_date >= extract_date GROUP BY person_id"""


def _type_1(
    con: duckdb.DuckDBPyConnection, inputs: ObjectionInputs, settings: ObjectionSettings
) -> tuple[pd.DataFrame, Absences]:
    stated = "(SELECT * FROM stated WHERE kind = 'type_1')"
    found = con.sql(f"""SELECT found.*, homes.practice_code AS home
        FROM ({lasting_sql(stated, "homes")}) AS found LEFT JOIN homes USING (person_id) ORDER BY person_id""").df()
    lasting = found[found["lasts"]].reset_index(drop=True)
    con.register("lasting", pd.DataFrame({"person_id": lasting["person_id"].astype(object), "position": np.arange(len(lasting))}))
    days = con.execute(f"""SELECT extract_date, list(DISTINCT position) FILTER (status = '1' OR effective_date > extract_date) AS named,
            list(DISTINCT position) FILTER (status = '1') AS objecting
        FROM {stated} JOIN lasting USING (person_id) WHERE feed <> '' GROUP BY extract_date""").fetchall()
    con.unregister("lasting")
    listed, objecting = ({day: np.array(row[place] or [], np.int64) for day, *row in days} for place in (0, 1))
    absences = follow_absences(lasting, _snapshots(con, inputs, lasting), listed, objecting, settings.absent_share)
    lasting = lasting.assign(absences=absences.consecutive, state_since=absences.ended)
    lasting["state"] = np.where(lasting["state_since"].notna(), "ended_by_absence", "in_force")
    lasting["state_since"] = lasting["state_since"].where(lasting["state_since"].notna(), lasting["first_stated"])
    gone = found[~found["lasts"]].assign(absences=0, state="withdrawn", state_since=lambda rows: rows["withdrawn_on"])
    return pd.concat([frame for frame in (lasting, gone) if len(frame)] or [lasting]).assign(kind="type_1"), absences


def _snapshots(con: duckdb.DuckDBPyConnection, inputs: ObjectionInputs, lasting: pd.DataFrame) -> list[Snapshot]:
    """Return the deliveries that are complete in themselves. One that does not name practices is of all practices."""
    first = "SELECT feed, extract_id, min(extract_date) AS first_day FROM stated GROUP BY ALL"
    practices = f"""SELECT feed, extract_date, practice_code, bool_and(first_day < extract_date) AS is_repeated
        FROM stated JOIN ({first}) USING (feed, extract_id) WHERE kind = 'type_1' AND feed <> '' GROUP BY ALL"""
    rows = con.sql(f"""SELECT feed, extract_date, list(practice_code), list(practice_code) FILTER (is_repeated), bool_and(is_repeated)
        FROM ({practices}) GROUP BY ALL""")
    everywhere = frozenset(lasting["practice_code"].dropna())
    return [
        Snapshot(
            day, feed, frozenset(filter(None, named)) if feed in inputs.by_practice else everywhere,
            (feed, day) not in inputs.incomplete, inputs.accepted_organisations(feed, ABSENT_RULE, day),
            frozenset(filter(None, again or ())) if feed in inputs.by_practice else everywhere if is_repeated else frozenset(),
        )
        for feed, day, named, again, is_repeated in rows.fetchall()
        if feed in inputs.snapshots
    ]  # fmt: skip


def _as_before(now: pd.DataFrame, known: pd.DataFrame, days: set[date]) -> pd.DataFrame:
    """Return the states with those that ended earlier by deliveries that are no longer there."""
    before = known.set_index("person_id")
    ended = now["person_id"].map(before["state"].where(before["state"] != "in_force")).fillna("")
    since = pd.to_datetime(now["person_id"].map(before["state_since"]))
    last = pd.to_datetime(now["person_id"].map(before["last_stated"]))
    since_gone = ~since.dt.date.isin(days)
    keeps = (now["state"] == "in_force") & (ended != "") & (pd.to_datetime(now["last_stated"]) <= last)
    keeps &= (ended == "ended_by_absence") | since_gone
    now = now.assign(state=now["state"].where(~keeps, ended), state_since=pd.to_datetime(now["state_since"]).where(~keeps, since))
    rest = known[~known["person_id"].isin(now["person_id"])]
    first = pd.to_datetime(now["person_id"].map(before["first_stated"]))
    now["first_stated"] = pd.concat([pd.to_datetime(now["first_stated"]), first], axis=1).min(axis=1)
    return pd.concat([frame for frame in (now, rest) if len(frame)] or [now])


def _checked(lake: Lake) -> dict[str, date]:
    """Return the day up to which the deliveries of each kind were checked: for people who match no one, and for a fall."""
    rows = [row for row in _earlier_deliveries(lake) if row["practice_code"] == ALL]
    stopped = timedelta(days=1)
    return {
        row["kind"]: row["delivered"] - (stopped if row["status"] in (TOO_MANY_STRANGERS, TOO_MANY_ABSENT) else timedelta(0))
        for row in rows
    }


def _earlier_deliveries(lake: Lake) -> list[dict[str, Any]]:
    return lake.read_or_empty(core.OBJECTION_DELIVERY).to_pylist()


def _dated(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of core__objection with days instead of times."""
    names = [column.name for column in core.OBJECTION.columns]
    found = rows.reindex(columns=names).astype(object)
    days = [column.name for column in core.OBJECTION.columns if column.kind == "date"]
    for name in days:
        found[name] = pd.to_datetime(found[name]).dt.date.astype(object)
    return [{str(name): value for name, value in row.items()} for row in found.where(found.notna(), None).to_dict("records")]


def _counts(rows: pd.DataFrame, absences: Absences) -> dict[str, int]:
    states = (rows["kind"] + "_" + rows["state"]).value_counts(sort=False).sort_index() if len(rows) else pd.Series(dtype=int)
    found = {str(name): int(count) for name, count in states.items()}
    return {**found, "absent_from_the_latest_delivery": sum(one.absent for one in absences.practices.values())}


def _shapes(con: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Count the conflicts of rows of one day or without a day, and the people found on the list in another form.

    A type 1 objection also conflicts with the withdrawals of later deliveries.
    """
    conflicts = con.execute(f"""
        SELECT count(DISTINCT objected.person_id) FROM stated AS objected JOIN stated AS withdrew USING (kind, person_id)
        WHERE objected.status = '1' AND withdrew.status = '0'
        AND ((objected.feed = withdrew.feed AND objected.extract_date = withdrew.extract_date)
            OR (kind = 'type_1' AND objected.extract_date < withdrew.extract_date))
        AND (objected.effective_date = withdrew.effective_date OR withdrew.effective_date = DATE {quote(UNDATED_WITHDRAWAL)}
            OR (objected.effective_date = objected.extract_date AND withdrew.effective_date <= objected.effective_date))
        """).fetchall()[0][0]
    repaired = con.execute("SELECT count(DISTINCT person_id) FROM other_forms").fetchall()[0][0]
    return {"people_with_conflicting_rows": int(conflicts), "found_on_the_list_in_another_form": int(repaired)}


def _not_known(deliveries: list[dict[str, Any]]) -> str:
    return ", ".join(row["practice_code"] for row in deliveries if row["status"] == NOT_KNOWN)
