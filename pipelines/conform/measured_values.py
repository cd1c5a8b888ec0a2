"""Read the measured values of the GP record: each in the unit of its analyte, or set aside with a reason.

`features/analytes.py` declares the units and plausible values, and `expectations/tables/measurement_units.py` the outcomes. The
unit that was sent decides. A value without a unit is used if it is plausible in one unit alone that may be assumed. Entries without
a declared analyte keep their value.

The pressures of a person, practice and day contradict each other if a diastolic pressure is not below every systolic one. All must be known
since the same day, so that an entry of a later delivery changes no earlier value. They are compared as they were sent, also where one is too
high or too low for its place. They are exchanged if every systolic one is too low and they then are a clear reading: plausible, systolic
`SYSTOLIC_FROM` or higher, and at least `PULSE_FROM` apart. Otherwise all are set aside.
"""

from __future__ import annotations

from collections.abc import Mapping

from expectations.feeds import GP_OBSERVATIONS
from expectations.sql_values import quote, quote_all
from expectations.tables.measurement_units import USED, Outcome
from features.analytes import ANALYTES, DIASTOLIC, NO_UNIT, SPELLINGS, SYSTOLIC, Analyte, Reading

SYSTOLIC_FROM, PULSE_FROM = 100, 20  # mmHg: the lowest values of a pair of pressures that is exchanged
_VALUE, _UNIT = GP_OBSERVATIONS.value_column, "result_unit"
_TIME = "person_id, practice_code, effective_date, known_date"
_ASIDE = "CAST(NULL AS DOUBLE)"
_QUOTED = r"^[\x22\x27](.+)[\x22\x27]$"
_JOINS = r"[\s\xa0\x{FEFF}\x{200B}_{}()\[\]^*,:;-]"
# Letters of UTF-8 that were read as Windows-1252, in lower case: mÂ² of m², Âµ of µ and Î¼ of μ.
_MOJIBAKE = (("â²", "2"), ("â³", "3"), ("âµ", "u"), ("î¼", "u"))


def measured_rows_sql(source: str, available: str, analyte_of_code: Mapping[str, str]) -> str:
    """Return the SQL, usable in FROM, of rows of gp_observations with their values read.

    `available` is SQL of the day on which a row was known. The value is in the unit of the analyte, or null if it is set aside. New
    columns are `analyte`, `unit` (sent or assumed) and `outcome`, which are null for a row without a measured value of an analyte.
    """
    read = _read_sql(source, available, analyte_of_code)
    both = f"analyte IN ({quote_all((SYSTOLIC, DIASTOLIC))}) AND pressure IS NOT NULL"
    systolic, diastolic = (f"FILTER (analyte = {quote(name)})" for name in (SYSTOLIC, DIASTOLIC))
    pressures = f"""(SELECT {_TIME}, avg(pressure) {systolic} AS systolic, avg(pressure) {diastolic} AS diastolic,
            max(pressure) {systolic} <= min(pressure) {diastolic} AS all_exchanged
        FROM {read} WHERE {both} GROUP BY ALL
        HAVING count(read_value) > 0 AND (max(pressure) {systolic} <= max(pressure) {diastolic} OR min(pressure) {systolic} <= min(pressure) {diastolic}))"""
    in_pair = f"(pair.systolic IS NOT NULL AND {both})"
    plausible = " AND ".join(
        f"{value} BETWEEN {_own(name).low} AND {_own(name).high}"
        for value, name in (("diastolic", SYSTOLIC), ("systolic", DIASTOLIC))
    )
    clear = f"(all_exchanged AND {plausible} AND diastolic >= {SYSTOLIC_FROM} AND diastolic - systolic >= {PULSE_FROM})"
    return f"""(SELECT measured.* EXCLUDE (known_date, read_value, pressure, outcome) REPLACE (
            CASE WHEN analyte IS NULL THEN {_VALUE} WHEN NOT {in_pair} THEN read_value WHEN NOT {clear} THEN {_ASIDE}
                WHEN analyte = {quote(SYSTOLIC)} THEN diastolic ELSE systolic END AS {_VALUE}),
            CASE WHEN NOT {in_pair} THEN outcome WHEN {clear} THEN {quote(Outcome.EXCHANGED)} ELSE {quote(Outcome.PRESSURES)} END AS outcome
        FROM {read} AS measured LEFT JOIN {pressures} AS pair USING ({_TIME}))"""


def _own(analyte: str) -> Reading:
    """Return the reading of an analyte in its own unit."""
    return ANALYTES[analyte].readings[0]


def unit_counts_sql(measured: str) -> str:
    """Return the SQL of the rows of monitoring__units from rows that `measured_rows_sql` returned."""
    return f"""SELECT practice_code, analyte, coalesce(unit, '') AS unit, outcome, outcome IN ({quote_all(USED)}) AS is_used,
            count(*) AS entries FROM {measured} WHERE outcome IS NOT NULL GROUP BY ALL"""


def _read_sql(source: str, available: str, analyte_of_code: Mapping[str, str]) -> str:
    """Return the SQL of rows with their values read one by one."""
    fits = "number BETWEEN stated.low AND stated.high"
    plausible = (
        f"CASE WHEN {fits} THEN NULL ELSE list_filter(readings, lambda reading: number BETWEEN reading.low AND reading.high) END"
    )
    converted = "CASE WHEN taken.converts THEN round(taken.factor * number + taken.shift, taken.decimals) ELSE number END"
    too_far = f"outcome IN ({quote_all((Outcome.OUT_OF_RANGE, Outcome.CONTRADICTORY))})"
    lowest, highest = _own(DIASTOLIC).low, _own(SYSTOLIC).high
    return f"""(SELECT * EXCLUDE (number, readings, sent_unit, stated, plausible, taken, converted) REPLACE (CASE WHEN outcome IS NOT NULL THEN analyte END AS analyte),
            taken.unit AS unit, CASE WHEN outcome IN ({quote_all(USED)}) THEN converted END AS read_value,
            CASE WHEN outcome IN ({quote_all(USED)}) OR ({too_far} AND converted BETWEEN {lowest} AND {highest}) THEN converted END AS pressure
        FROM (SELECT *, {converted} AS converted
        FROM (SELECT *, {_OUTCOME} AS outcome, coalesce(stated, CASE WHEN outcome = {quote(Outcome.ASSUMED)} THEN plausible[1] END) AS taken
        FROM (SELECT *, {plausible} AS plausible
        FROM (SELECT *, CASE WHEN sent_unit <> '' THEN list_filter(readings, lambda reading: reading.unit = sent_unit)[1] END AS stated
        FROM (SELECT rows.*, {available} AS known_date, coded.analyte AS analyte, coded.readings AS readings,
                CASE WHEN isfinite({_VALUE}) THEN {_VALUE} END AS number, CASE WHEN {_UNIT} IS NULL THEN '' ELSE spelled.sent_unit END AS sent_unit
            FROM {source} AS rows
            LEFT JOIN {_codes_sql(analyte_of_code)} AS coded USING (concept_code)
            LEFT JOIN {_spellings_sql(source)} AS spelled USING ({_UNIT})))))))"""


_OUTCOME = f"""CASE
        WHEN analyte IS NULL OR number IS NULL THEN NULL
        WHEN sent_unit IS NULL THEN {quote(Outcome.UNKNOWN_UNIT)}
        WHEN sent_unit = '' THEN CASE
            WHEN len(plausible) = 1 AND plausible[1].assumed THEN {quote(Outcome.ASSUMED)}
            WHEN list_bool_or(list_transform(plausible, lambda reading: reading.assumed)) THEN {quote(Outcome.AMBIGUOUS)}
            ELSE {quote(Outcome.OUT_OF_RANGE)} END
        WHEN stated IS NULL THEN {quote(Outcome.OTHER_QUANTITY)}
        WHEN number BETWEEN stated.low AND stated.high THEN CASE WHEN stated.converts THEN {quote(Outcome.CONVERTED)} ELSE {quote(Outcome.AS_STATED)} END
        WHEN len(plausible) > 0 THEN {quote(Outcome.CONTRADICTORY)}
        ELSE {quote(Outcome.OUT_OF_RANGE)} END"""


def _codes_sql(analyte_of_code: Mapping[str, str]) -> str:
    """Return the SQL of each code of an analyte with the readings of the analyte."""
    if not analyte_of_code:
        return _codes_sql({"": SYSTOLIC})  # a code that no row has
    names = ", ".join(f"({quote(code)}, {quote(name)})" for code, name in analyte_of_code.items())
    readings = ", ".join(
        f"({quote(name)}, [{', '.join(_struct(analyte, reading) for reading in analyte.readings)}])"
        for name, analyte in ANALYTES.items()
    )
    return f"""(SELECT concept_code, analyte, readings FROM (VALUES {names}) AS codes(concept_code, analyte)
        JOIN (VALUES {readings}) AS analytes(analyte, readings) USING (analyte))"""


def _struct(analyte: Analyte, reading: Reading) -> str:
    numbers = (
        f"'low': {reading.low:.17e}, 'high': {reading.high:.17e}, 'factor': {reading.factor:.17e}, 'shift': {reading.offset:.17e}"
    )
    flags = f"'converts': {reading.converts}, 'assumed': {reading.assumed}"
    return f"{{'unit': {quote(reading.unit)}, {numbers}, {flags}, 'decimals': {analyte.decimals}}}"


def plain_unit_sql(text: str) -> str:
    """Return the SQL of a unit in plain form: lower case letters, digits, % / and . alone, with micro as u and raised digits as digits.

    Spaces, brackets and marks that only join the parts of a unit are left out, as are quotes around it and full stops at its end. Any other
    character becomes a question mark, so that a unit of such characters is not known and never counts as none.
    """
    letters = f"lower(trim({text}))"
    for wrong, right in _MOJIBAKE:
        letters = f"replace({letters}, {quote(wrong)}, {quote(right)})"
    letters = f"translate({letters}, {quote('µμ²³¹⁻％／')}, 'uu231-%/')"
    bare = f"regexp_replace({letters}, {quote(_QUOTED)}, '\\1')"
    joined = f"regexp_replace({bare}, {quote(_JOINS)}, '', 'g')"
    return f"regexp_replace(regexp_replace({joined}, '[^a-z0-9%/.]', '?', 'g'), '[.]+$', '')"


def _spellings_sql(source: str) -> str:
    """Return the SQL of each unit text in the rows with the unit that it means: '' for none, null for one that is not known."""
    spelled = [(spelling, unit) for unit, spellings in SPELLINGS.items() for spelling in spellings]
    values = ", ".join(f"({quote(spelling)}, {quote(unit)})" for spelling, unit in [*spelled, *((text, "") for text in NO_UNIT)])
    return f"""(SELECT {_UNIT}, sent_unit FROM (SELECT DISTINCT {_UNIT} FROM {source} WHERE {_UNIT} IS NOT NULL) AS sent
        LEFT JOIN (VALUES {values}) AS spellings(plain, sent_unit) ON plain = {plain_unit_sql(_UNIT)})"""
