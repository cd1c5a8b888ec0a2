"""The features that are read rather than counted, recounted in plain SQL: the list, the address, the household, the area."""

from __future__ import annotations

from recount.context_recount import RATES

from expectations.tables import core_places

AT = "{t}.person_key = f.person_key AND {t}.start_date <= f.index_date AND coalesce({t}.end_date, DATE '9999-01-01') >= f.index_date"
LIVES, HELD = AT.format(t="r"), AT.format(t="g")
RECENT = "BETWEEN f.index_date - 1095 AND f.index_date - 1"
# Age counts from 1 July where only the year of birth is known, but from no later than the index date.
BORN = "CASE WHEN p.assumed_birth_date > p.birth_date AND p.birth_date <= f.index_date THEN least(p.assumed_birth_date, f.index_date) ELSE p.birth_date END"
AGE = f"birthdays({BORN}, f.index_date)"  # calendar_age.py
HOUSEHOLD = f"(SELECT r.household_id FROM core__residence r WHERE {LIVES})"
ALIVE_AT_HOME = (
    f"FROM core__residence o JOIN core__person q USING (person_key) WHERE o.household_id = {HOUSEHOLD} "
    "AND f.index_date BETWEEN o.start_date AND coalesce(o.end_date, DATE '9999-01-01') AND coalesce(q.death_date > f.index_date, true)"
)
HAS = "EXISTS (FROM held g WHERE g.person_key = q.person_key AND f.index_date BETWEEN g.start_date AND coalesce(g.end_date, DATE '9999-01-01') AND {})"
LOST = f"q.death_not_readable IS TRUE OR q.suppression IS NOT NULL OR {HAS.format('g.end_not_readable IS TRUE')}"
IN_DOUBT = f"({HAS.format('true')} AND ({LOST}) OR q.on_list AND NOT EXISTS (FROM core__registration g WHERE g.person_key = q.person_key))"
SIZE = f"(SELECT CASE WHEN count(*) FILTER ({IN_DOUBT}) = 0 THEN nullif(count(*) FILTER ({HAS.format('true')}), 0) END {ALIVE_AT_HOME})"


def attribute_sql(name: str, edition: int) -> str:
    """Return the SQL of an attribute of a row of `f` (person `p`); an attribute without SQL here is a column of core__area."""
    written = _of_the_list() | _of_the_address() | _of_the_area(edition) | {rate: _context(rate) for rate in RATES}
    if name not in written and name not in {column.name for column in core_places.AREA.columns}:
        raise NotImplementedError(f"the feature {name} has no recount: write one here")
    return written.get(name) or _area(f"a.{name}")


def _context(rate: str) -> str:
    """Return the SQL of a rate of the practice or area; null where the practice's hospital feed does not cover the year before."""
    return f"(SELECT {rate} FROM context c WHERE c.r = f.r AND NOT EXISTS (FROM gap g WHERE g.r = f.r AND g.feed = 'admissions' AND g.needs = 365))"


def _area(expression: str) -> str:
    return f"(SELECT {expression} FROM core__residence r JOIN core__area a USING (lsoa_code) WHERE {LIVES})"


def _of_the_list() -> dict[str, str]:
    return {
        "age_years": AGE,
        "sex_male": "CASE p.sex WHEN '1' THEN 1 WHEN '2' THEN 0 END",
        "years_on_list": f"(SELECT (f.index_date - g.start_date) / 365.25 FROM held g WHERE {HELD} AND NOT g.start_is_load_date)",
        "practice_moves_1095d": "(SELECT count(*) FROM core__registration g WHERE g.person_key = f.person_key "
        f"AND NOT g.start_is_load_date AND g.start_date {RECENT})",
    }


def _of_the_address() -> dict[str, str]:
    status = f"coalesce((SELECT r.residence_status FROM core__residence r WHERE {LIVES}), 'unmatched')"
    return {
        "household_size": SIZE,
        "lives_alone": f"({SIZE} = 1)::INTEGER",
        "address_moves_1095d": "(SELECT count(*) FROM core__residence r WHERE r.person_key = f.person_key AND r.start_date "
        f"{RECENT} AND EXISTS (FROM core__residence o WHERE o.person_key = r.person_key AND o.start_date < r.start_date))",
        **{name: f"({status} = '{name}')::INTEGER" for name in ("no_fixed_abode", "postcode_unknown", "outside_england")},
    }


def _of_the_area(edition: int) -> dict[str, str]:
    decile, rank = _area(f"a.imd_{edition}_decile"), f"imd_{edition}_rank"
    of_icb = f"FROM core__area b WHERE b.icb_code = a.icb_code AND b.{rank} IS NOT NULL"
    # Codes of the same national rank are one area.
    place = f"(SELECT count(DISTINCT b.{rank}) {of_icb} AND b.{rank} <= a.{rank})"
    local = f"CASE WHEN a.{rank} IS NOT NULL THEN ceil(ceil(10 * {place} / (SELECT count(DISTINCT b.{rank}) {of_icb})) / 2) END"
    return {
        f"imd_{edition}_quintile": f"ceil({decile} / 2)",
        f"core20_{edition}": f"({decile} <= 2)::INTEGER",
        f"idaci_{edition}_score": f"CASE WHEN {AGE} < 16 THEN {_area(f'a.idaci_{edition}_score')} END",
        f"idaopi_{edition}_score": f"CASE WHEN {AGE} >= 60 THEN {_area(f'a.idaopi_{edition}_score')} END",
        f"local_{edition}_quintile": _area(local),
        "is_rural": _area("a.is_rural::INTEGER"),
    }
