"""Same-day emergency care by provider and quarter: emergency spells without a night next to ECDS attendances of type 05.

Trusts move this care from one feed to the other. After a switch the share of the emergency care feed jumps while the sum stays the same.
A count of only one feed would then show fewer or more emergencies than there were.
"""

from __future__ import annotations

from expectations.tables.features import SAME_DAY_CARE
from features.events import NUMBER_OF
from pipelines.lake.duckdb_connection import connect
from pipelines.lake.storage import Lake

SWITCH = 0.2  # change of the share between two quarters that counts as a switch
LEAST_CARE = 20  # zero-day spells plus same-day care that each of the two quarters needs for a switch


def write_same_day_care(lake: Lake) -> dict[str, int]:
    """Write monitoring__same_day_emergency_care from the spells and events of every provider; return its rows and switches."""
    with connect() as con:
        rows = lake.replace_sql(SAME_DAY_CARE, con, _sql(lake), "provider_code, quarter")
        switches = con.execute(f"SELECT count(*) FROM {lake.scan(SAME_DAY_CARE.name)} WHERE switched").fetchall()[0][0]
    return {"rows": rows, "switches": switches}


def _sql(lake: Lake) -> str:
    """Return the SQL of the table; a spell that is still open has no length yet and is excluded."""
    before = "OVER (PARTITION BY provider_code ORDER BY quarter)"
    return f"""
    WITH spells AS (
        SELECT provider_code, date_trunc('quarter', admission_date)::DATE AS quarter, count(*) AS emergency_spells,
            count(*) FILTER (nights = 0) AS zero_day_spells
        FROM {lake.scan("core__spell")} WHERE spell_class = 'emergency' AND nights IS NOT NULL GROUP BY ALL
    ),
    attended AS (
        SELECT source_code AS provider_code, date_trunc('quarter', event_date)::DATE AS quarter, count(*) AS same_day_care
        FROM {lake.scan("core__event")} AS event JOIN {lake.scan("core__code")} AS sent
            ON sent.code = event.provider AND code_system = 'ods'
        WHERE event_type = {NUMBER_OF["same_day_emergency_care"]} GROUP BY ALL
    ),
    both_feeds AS (
        SELECT provider_code, quarter, coalesce(emergency_spells, 0) AS emergency_spells,
            coalesce(zero_day_spells, 0) AS zero_day_spells, coalesce(same_day_care, 0) AS same_day_care
        FROM spells FULL JOIN attended USING (provider_code, quarter)
    ),
    shares AS (
        SELECT *, zero_day_spells / nullif(emergency_spells, 0) AS zero_day_share, zero_day_spells + same_day_care AS zero_day_care,
            same_day_care / nullif(zero_day_spells + same_day_care, 0) AS share_in_emergency_care
        FROM both_feeds
    ),
    compared AS (
        SELECT *, coalesce(lag(quarter) {before} = quarter - INTERVAL 3 MONTH, false) AS follows,
            lag(share_in_emergency_care) {before} AS share_before, lag(zero_day_care) {before} AS care_before
        FROM shares
    )
    SELECT provider_code, quarter, emergency_spells, zero_day_spells, zero_day_share, same_day_care, zero_day_care,
        share_in_emergency_care, CASE WHEN follows THEN share_in_emergency_care - share_before END AS share_change,
        coalesce(follows AND least(zero_day_care, care_before) >= {LEAST_CARE}
            AND abs(share_in_emergency_care - share_before) >= {SWITCH}, false) AS switched
    FROM compared"""
