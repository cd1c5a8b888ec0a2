"""Every feature and label equals a recount in plain SQL over the core tables, on a random population with awkward cases."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from expectations.table import Table
from expectations.tables import core
from features.catalogue import Catalogue, build_catalogue
from features.code_lists import OWN_FOLDER, load_code_lists
from features.cohort import CohortSettings
from features.declaration import Feature, Statistic
from features.events import EVENT_TYPES, FEED_NUMBER, NUMBER_OF
from features.outcomes import OutcomeSettings
from pipelines.build_features import FeatureRequest, build_features
from pipelines.build_features import build_catalogue as write_catalogue
from pipelines.build_labels import build_labels
from pipelines.storage import Lake, arrow_schema

INDEX = date(2024, 3, 1)  # the day after a leap day
DATA_CUT = date(2025, 7, 1)
EDITION = 2025
PEOPLE = 260
REQUEST = FeatureRequest(CohortSettings(), "planning", EDITION)
GIVEN = FeatureRequest(CohortSettings(kind="given"), "planning", EDITION)
PRACTICES = ("Y00001", "Y00002", "Y00003", "Y00004")
EDGES = (-1, 0, 1, 2, 29, 30, 31, 89, 90, 91, 179, 180, 181, 364, 365, 366, 455, 456, 729, 730, 731, 1094, 1095, 1096, 1500)
FEEDS = ("admissions", "emergency_attendances", "outpatient_appointments", "gp_observations", "gp_medication_orders")


# --- a random population -------------------------------------------------------------------------------------------


def _store(lake: Lake, table: Table, columns: dict[str, list]) -> None:
    schema = arrow_schema(table)
    empty: dict[str, list] = {name: [None] * len(next(iter(columns.values()))) for name in schema.names}
    lake.replace(table, pa.table({**empty, **columns}, schema=schema))


def _codes() -> list[tuple[int, str, str]]:
    """Take some codes of every list, with longer ICD-10 codes under each prefix, and codes of no list."""
    wanted = {("icd10", "Q999"), ("icd10", "F0"), ("snomed", "100000"), ("dmd", "999999"), ("dmd", "888888"), ("treatment_function", "300"),
              ("treatment_function", "430"), ("department_type", "01"), ("department_type", "02"), ("department_type", "03"),
              ("department_type", "05"), ("ods", "RX1"), ("ods", "RX2")}  # fmt: skip
    for code_list in load_code_lists().values():
        for entry in [*code_list.entries[:3], *code_list.entries[-1:]]:
            wanted |= {(entry.system, entry.code)}
            if entry.match == "prefix":
                wanted |= {(entry.system, entry.code + "9")}
    return [(number, system, code) for number, (system, code) in enumerate(sorted(wanted), start=1)]


def _events(rng: np.random.Generator, codes: list[tuple[int, str, str]], births: list[date | None]) -> dict[str, list]:
    by_system: dict[str, list[int]] = {"": [0]}
    for number, system, _ in codes:
        by_system.setdefault(system, [0] if system == "treatment_function" else []).append(number)
    columns: dict[str, list] = {name: [] for name in arrow_schema(core.EVENT).names}
    providers = [number for number, system, _ in codes if system == "ods"]
    types = [kind for kind in EVENT_TYPES if kind.feed in FEEDS]
    for _ in range(PEOPLE * 60):
        person = int(rng.integers(1, PEOPLE + 1))
        kind = types[int(rng.integers(len(types)))]
        day = INDEX - timedelta(days=int(rng.choice(EDGES)) if rng.random() < 0.5 else int(rng.integers(-400, 2500)))
        if rng.random() < 0.02 and births[person - 1]:
            day = births[person - 1] + timedelta(days=int(rng.integers(-1, 2)))
        event = (
            person, day, day + timedelta(days=int(rng.choice([0, 0, 1, 30, 60]))), kind.number, int(rng.choice(by_system[kind.code_system])),
            None if rng.random() < 0.1 else float(np.float32(rng.integers(0, 250) + 0.5 * (kind.number == NUMBER_OF["gp_observation"]))),
            int(rng.choice([0, *providers])), FEED_NUMBER[kind.feed],
        )  # fmt: skip
        for _ in range(2 if rng.random() < 0.05 else 1):  # the same event twice
            for name, value in zip(columns, event, strict=True):
                columns[name].append(value)
    return columns


def _day_of(rng: np.random.Generator, low: date, high: date) -> date:
    return low + timedelta(days=int(rng.integers((high - low).days + 1)))


def build_lake(root: Path, seed: int) -> Lake:
    rng = np.random.default_rng(seed)
    lake = Lake(root)
    keys = list(range(1, PEOPLE + 1))
    births = [None if rng.random() < 0.03 else _day_of(rng, date(1920, 1, 1), date(2024, 4, 1)).replace(day=1) for _ in keys]
    codes = _codes()
    _store(lake, core.CODE, dict(zip(("code", "code_system", "source_code"), map(list, zip(*codes, strict=True)), strict=True)))
    _store(lake, core.PERSON, {
        "person_key": keys, "person_id": [f"P{key:05d}" for key in keys], "birth_date": births,
        "sex": [str(rng.choice(["1", "2", "9", "0"], p=[0.45, 0.45, 0.05, 0.05])) for _ in keys],
        "ethnic_category": [None if rng.random() < 0.1 else str(rng.choice(["A", "H", "R", "Z", "99"])) for _ in keys],
        "death_date": [_day_of(rng, date(2024, 2, 1), date(2025, 6, 1)) if rng.random() < 0.1 else None for _ in keys],
        "type_1_opt_out": [bool(rng.random() < 0.03) for _ in keys], "national_data_opt_out": [bool(rng.random() < 0.05) for _ in keys],
        "on_list": [bool(rng.random() < 0.97) for _ in keys],
    })  # fmt: skip
    _store_list(lake, rng, keys)
    _store(lake, core.EVENT, dict(_sorted_events(_events(rng, codes, births))))
    _store_coverage(lake)
    _store_places(lake, rng)
    _store_spells(lake, rng)
    return lake


def _sorted_events(columns: dict[str, list]) -> dict[str, list]:
    order = sorted(
        range(len(columns["person_key"])), key=lambda place: (columns["person_key"][place], columns["event_date"][place])
    )
    return {name: [values[place] for place in order] for name, values in columns.items()}


def _store_list(lake: Lake, rng: np.random.Generator, keys: list[int]) -> None:
    held: dict[str, list] = {name: [] for name in arrow_schema(core.REGISTRATION).names}
    lived: dict[str, list] = {name: [] for name in arrow_schema(core.RESIDENCE).names}
    for key in keys:
        start = _day_of(rng, date(2015, 1, 1), date(2024, 2, 20))
        while True:
            end = _day_of(rng, start, date(2025, 7, 1)) if rng.random() < 0.4 else None
            for columns, values in (
                (held, (key, str(rng.choice(PRACTICES)), start, end, bool(rng.random() < 0.2))),
                (lived, (key, *_residence(rng), None if rng.random() < 0.1 else f"H{rng.integers(80)}", start, end)),
            ):
                for name, value in zip(columns, values, strict=True):
                    columns[name].append(value)
            if end is None or end > date(2025, 5, 1):
                break
            start = end + timedelta(days=int(rng.choice([1, 2, 40])))
    _store(lake, core.REGISTRATION, held)
    _store(lake, core.RESIDENCE, lived)


def _residence(rng: np.random.Generator) -> tuple[str | None, str]:
    status = str(rng.choice(["resolved", "no_fixed_abode", "postcode_unknown", "outside_england"], p=[0.85, 0.05, 0.05, 0.05]))
    return (f"E0100000{rng.integers(6)}" if status == "resolved" else None), status


def _store_coverage(lake: Lake) -> None:
    gaps = {("Y00002", "gp_observations"), ("Y00002", "gp_medication_orders")}
    months = [date(2018 + number // 12, number % 12 + 1, 1) for number in range(90)]
    rows = [
        (feed, "practice", practice, month, 10, 10.0,
         "absent" if (practice, feed) in gaps or (practice == "Y00003" and feed == "admissions" and month == date(2023, 6, 1)) else "covered")
        for feed in FEEDS for practice in PRACTICES for month in months
    ]  # fmt: skip
    rows = [row for row in rows if not (row[2] == "Y00004" and row[0] == "outpatient_appointments" and row[3] < date(2023, 9, 1))]
    _store(lake, core.COVERAGE, dict(zip(arrow_schema(core.COVERAGE).names, map(list, zip(*rows, strict=True)), strict=True)))


def _store_places(lake: Lake, rng: np.random.Generator) -> None:
    area: dict[str, list] = {"lsoa_code": [f"E0100000{number}" for number in range(5)], "lsoa_vintage": [2021] * 5}
    for column in core.AREA.columns:
        if str(EDITION) in column.name:
            area[column.name] = [None if number == 4 else int(rng.integers(1, 11)) for number in range(5)]
    area[f"imd_{EDITION}_rank"] = [500, 30000, 12000, 200, None]
    area |= {
        "is_rural": [True, False, False, True, False],
        "icb_code": ["QSB", "QSB", "QSB", "QXX", "QXX"],
        "rural_urban": ["x"] * 5,
    }
    _store(lake, core.AREA, area)
    relation = {"child_code": ["Y00001", "U00001", "Q0A"], "parent_code": ["U00001", "Q0A", "QSB"],
                "relation": ["practice_pcn", "pcn_sub_icb", "sub_icb_icb"], "valid_from": [date(2010, 1, 1)] * 3}  # fmt: skip
    _store(lake, core.ORGANISATION_RELATION, relation)


def _store_spells(lake: Lake, rng: np.random.Generator) -> None:
    rows = []
    for number in range(PEOPLE * 2):
        admitted = _day_of(rng, date(2023, 9, 1), date(2025, 6, 1))
        nights = int(rng.choice([0, 0, 1, 3]))
        is_open = rng.random() < 0.05
        rows.append({
            "person_key": int(rng.integers(1, PEOPLE + 1)), "spell_key": number, "admission_date": admitted,
            "discharge_date": None if is_open else admitted + timedelta(days=nights), "provider_code": "RX1",
            "spell_class": str(rng.choice(["emergency", "elective", "maternity"])), "nights": None if is_open else nights,
            "died": bool(rng.random() < 0.05), "stays_joined": 1, "admission_available_date": admitted,
        })  # fmt: skip
    _store(lake, core.SPELL, {name: [row[name] for row in rows] for name in rows[0]})


# --- the recount: written on its own, from the declarations and the code list files alone -----------------------------


class Recount:
    """Plain SQL over the core tables for the rows that features__person holds."""

    def __init__(self, lake: Lake, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self.con = duckdb.connect()
        for name in lake.tables():
            self.con.execute(f"CREATE VIEW {name} AS SELECT * FROM {lake.scan(name)}")
        self._make_lists()
        self._make_events()
        self._make_coverage()

    def _make_lists(self) -> None:
        self.con.execute(
            f"CREATE TABLE entry AS SELECT * FROM read_csv('{OWN_FOLDER}/*.csv', union_by_name = true, all_varchar = true)"
        )
        self.con.execute("CREATE TABLE meaning (concept VARCHAR, event_type INTEGER, list VARCHAR, only_code VARCHAR)")
        for concept in self.catalogue.concepts.values():
            for kind in concept.event_types:
                for reference in concept.code_lists or (None,):
                    name, _, code = (reference or "").partition("/")
                    self.con.execute(
                        "INSERT INTO meaning VALUES (?, ?, ?, ?)", [concept.name, NUMBER_OF[kind], name or None, code or None]
                    )

    def _make_events(self) -> None:
        self.con.execute(
            "CREATE TABLE f AS SELECT row_number() OVER (ORDER BY person_key, index_event_id) AS r, * FROM features__person"
        )
        self.con.execute("""
            CREATE TABLE known AS
            SELECT f.r, f.index_date - e.event_date AS days, e.*, c.code_system, c.source_code, row_number() OVER () AS number
            FROM f JOIN core__event e USING (person_key) JOIN core__person p USING (person_key) LEFT JOIN core__code c USING (code)
            WHERE e.event_date < f.index_date AND e.available_date < f.index_date
              AND (p.birth_date IS NULL OR e.event_date >= p.birth_date)""")
        self.con.execute("""
            CREATE TABLE seen AS
            SELECT DISTINCT m.concept, k.* FROM known k JOIN meaning m USING (event_type) LEFT JOIN entry n ON n.list = m.list
            WHERE m.list IS NULL OR ((m.only_code IS NULL OR n.code = m.only_code) AND n.system = k.code_system AND
                CASE n.match WHEN 'exact' THEN k.source_code = n.code ELSE starts_with(k.source_code, n.code) END)""")
        self.con.execute(
            "CREATE TABLE presence AS SELECT r, concept, min(days) AS latest, max(days) AS earliest FROM seen GROUP BY ALL"
        )

    def _make_coverage(self) -> None:
        """Tell for each row, feed and window whether every month that the window touches is covered."""
        needs = {self._needed(feature) for feature in self.catalogue.features}
        self.con.execute(
            "CREATE TABLE need AS SELECT unnest(?) AS w, feed FROM (SELECT DISTINCT feed FROM core__coverage)", [sorted(needs)]
        )
        self.con.execute("""
            CREATE TABLE gap AS
            SELECT DISTINCT m.r, m.feed, m.w
            FROM (SELECT f.r, f.practice_code, n.feed, n.w, unnest(generate_series(date_trunc('month', f.index_date - n.w::INTEGER),
                      date_trunc('month', f.index_date - 1), INTERVAL 1 MONTH))::DATE AS month FROM f, need n) m
            LEFT JOIN core__coverage c ON c.feed = m.feed AND c.organisation_role = 'practice' AND c.organisation_code = m.practice_code
                AND c.month = m.month
            WHERE coalesce(c.status, 'absent') <> 'covered'""")

    @staticmethod
    def _needed(feature: Feature) -> int:
        if feature.window_days is None or feature.statistic is Statistic.DAYS_SINCE_LAST:
            return 365
        return feature.window_days * (2 if feature.statistic is Statistic.TREND else 1)

    def values(self, feature: Feature) -> list[float | None]:
        expression = self._attribute(feature) if feature.statistic is Statistic.ATTRIBUTE else self._expression(feature)
        if feature.statistic is not Statistic.ATTRIBUTE and not feature.inputs:
            feeds = ", ".join(f"'{feed}'" for feed in feature.feeds)
            gap = f"EXISTS (FROM gap WHERE gap.r = f.r AND gap.feed IN ({feeds}) AND gap.w = {self._needed(feature)})"
            expression = f"CASE WHEN NOT {gap} THEN {expression} END"
        query = f"SELECT ({expression})::DOUBLE FROM f JOIN core__person p USING (person_key) ORDER BY f.r"
        return [row[0] for row in self.con.execute(query).fetchall()]

    def _seen(self, concept: str, window: int | None, what: str = "count(*)", more: str = "true") -> str:
        within = "true" if window is None else f"s.days <= {window}"
        return f"(SELECT {what} FROM seen s WHERE s.concept = '{concept}' AND s.r = f.r AND {within} AND {more})"

    def _expression(self, feature: Feature) -> str:
        s, window = feature.statistic, feature.window_days
        count = self._seen(feature.concept, window)
        simple = {
            Statistic.COUNT: count,
            Statistic.FLAG: f"({count} > 0)::INTEGER",
            Statistic.SUM: f"coalesce({self._seen(feature.concept, window, 'sum(s.value)')}, 0)",
            Statistic.MAXIMUM: f"coalesce({self._seen(feature.concept, window, 'max(s.value)')}, 0)",
            Statistic.DAYS_SINCE_LAST: self._seen(feature.concept, window, "min(s.days)"),
            Statistic.YEARS_SINCE_FIRST: self._seen(feature.concept, None, "max(s.days) / 365.25"),
            Statistic.NEW: f"coalesce({self._seen(feature.concept, None, 'max(s.days)')} <= {window}, false)::INTEGER",
            Statistic.DISTINCT_DAYS: self._seen(feature.concept, window, "count(DISTINCT s.event_date)"),
            Statistic.DISTINCT_PROVIDERS: self._seen(feature.concept, window, "count(DISTINCT s.provider)", "s.provider <> 0"),
        }
        if s in simple:
            return simple[s]
        if s is Statistic.DISTINCT_CODES:
            substance = "coalesce((SELECT min(n.description) FROM entry n WHERE n.system = 'dmd' AND s.code_system = 'dmd' AND n.code = s.source_code), s.code_system || s.source_code)"
            return self._seen(feature.concept, window, f"count(DISTINCT {substance})", "s.code <> 0")
        if s is Statistic.TREND:
            before = self._seen(feature.concept, 2 * (window or 0), more=f"s.days > {window}")
            return f"{count} - {before}"
        return self._longer(feature)

    def _longer(self, feature: Feature) -> str:
        s, window = feature.statistic, feature.window_days
        if s in (Statistic.LATEST_VALUE, Statistic.VALUE_CHANGE):
            concept = self.catalogue.concepts[feature.concept]
            usable = f"s.value BETWEEN {concept.minimum} AND {concept.maximum}"
            latest, earliest = (self._seen(feature.concept, window, f"{end}(s.days)", usable) for end in ("min", "max"))
            now, then = (
                self._seen(feature.concept, window, "avg(s.value)", f"{usable} AND s.days = {day}") for day in (latest, earliest)
            )
            return now if s is Statistic.LATEST_VALUE else f"CASE WHEN {latest} < {earliest} THEN {now} - {then} END"
        if s is Statistic.RETURNS:
            earlier = (
                f"EXISTS (FROM seen b WHERE b.concept = '{feature.after}' AND b.r = s.r "
                f"AND s.event_date - b.event_date BETWEEN 1 AND {feature.within_days})"
            )
            return self._seen(feature.concept, window, more=earlier)
        if s is Statistic.LATEST_OF:
            since = {name: self._seen(name, None, "min(s.days)") for name in feature.among}
            least = f"least({', '.join(since.values())})"
            return f"CASE WHEN {least} IS NOT NULL THEN coalesce({since[feature.concept]} = {least}, false)::INTEGER END"
        if s is Statistic.SCORE:
            return self._score(feature)
        return self._derived(feature)

    def _score(self, feature: Feature) -> str:
        replaced = dict(feature.replaced_by)
        listed = ", ".join(
            f"('{group}', {points}, '{replaced.get(group, '')}')"
            for group, points in zip(feature.groups, feature.points, strict=True)
        )
        points = (
            f"(SELECT coalesce(sum(g.points), 0) FROM (VALUES {listed}) g(concept, points, graver) JOIN presence s USING (concept) "
            f"LEFT JOIN presence x ON x.concept = g.graver AND x.r = s.r AND x.latest <= {feature.window_days} "
            f"WHERE s.r = f.r AND s.latest <= {feature.window_days} AND x.r IS NULL)"
        )
        return f"CASE WHEN {self._seen(feature.after, feature.window_days)} > 0 THEN greatest({points}, 0) END"

    def _derived(self, feature: Feature) -> str:
        columns = [f"f.{name}" for name in feature.inputs]
        known = " AND ".join(f"{column} IS NOT NULL" for column in columns)
        number = " + ".join(f"({column} > 0)::INTEGER" for column in columns)
        rules = {
            Statistic.RATIO: f"{columns[0]} / nullif({columns[-1]}, 0)",
            Statistic.NUMBER_OF: number,
            Statistic.SHARE_OF: f"({number}) / {len(columns)}",
            Statistic.AT_LEAST: f"({columns[0]} >= {(*feature.thresholds, 0)[0]})::INTEGER",
            Statistic.BAND: " + ".join(f"({columns[0]} >= {limit}::FLOAT)::INTEGER" for limit in feature.thresholds) or "0",
            Statistic.BOTH: f"({' AND '.join(f'{column} > 0' for column in columns)})::INTEGER",
            Statistic.WITHOUT: f"({columns[0]} > 0 AND {columns[-1]} = 0)::INTEGER",
        }
        return f"CASE WHEN {known} THEN {rules[feature.statistic]} END"

    def _attribute(self, feature: Feature) -> str:
        at = "{t}.person_key = f.person_key AND {t}.start_date <= f.index_date AND coalesce({t}.end_date, DATE '9999-01-01') >= f.index_date"
        lives, held = at.format(t="r"), at.format(t="g")
        status = f"(SELECT r.residence_status FROM core__residence r WHERE {lives})"
        area = f"(SELECT {{}} FROM core__residence r JOIN core__area a USING (lsoa_code) WHERE {lives})"
        age = "(f.index_date - p.birth_date) / 365.25"
        household = f"(SELECT r.household_id FROM core__residence r WHERE {lives})"
        size = (
            f"(SELECT nullif(count(*), 0) FROM core__residence o JOIN core__person q USING (person_key) WHERE o.household_id = {household} "
            "AND f.index_date BETWEEN o.start_date AND least(coalesce(o.end_date, DATE '9999-01-01'), coalesce(q.death_date, DATE '9999-01-01')))"
        )
        decile = area.format(f"a.imd_{EDITION}_decile")
        recent = "BETWEEN f.index_date - 1095 AND f.index_date - 1"
        written = {
            "age_years": age,
            "sex_male": "CASE p.sex WHEN '1' THEN 1 WHEN '2' THEN 0 END",
            "years_on_list": f"(SELECT (f.index_date - g.start_date) / 365.25 FROM core__registration g WHERE {held} AND NOT g.start_is_load_date)",
            "practice_moves_1095d": f"(SELECT count(*) FROM core__registration g WHERE g.person_key = f.person_key AND NOT g.start_is_load_date AND g.start_date {recent})",
            "household_size": size,
            "lives_alone": f"({size} = 1)::INTEGER",
            "address_moves_1095d": "(SELECT count(*) FROM core__residence r WHERE r.person_key = f.person_key AND r.start_date "
            f"{recent} AND EXISTS (FROM core__residence o WHERE o.person_key = r.person_key AND o.start_date < r.start_date))",
            "no_fixed_abode": f"({status} = 'no_fixed_abode')::INTEGER",
            "postcode_unknown": f"({status} = 'postcode_unknown')::INTEGER",
            "outside_england": f"({status} = 'outside_england')::INTEGER",
            f"imd_{EDITION}_quintile": f"ceil({decile} / 2)",
            f"core20_{EDITION}": f"({decile} <= 2)::INTEGER",
            f"idaci_{EDITION}_score": f"CASE WHEN {age} < 16 THEN {area.format(f'a.idaci_{EDITION}_score')} END",
            f"idaopi_{EDITION}_score": f"CASE WHEN {age} >= 60 THEN {area.format(f'a.idaopi_{EDITION}_score')} END",
            f"local_{EDITION}_quintile": area.format(
                f"CASE WHEN a.imd_{EDITION}_rank IS NOT NULL THEN ceil(ceil(10 * (SELECT count(*) FROM core__area b WHERE b.icb_code = a.icb_code "
                f"AND b.imd_{EDITION}_rank <= a.imd_{EDITION}_rank) / (SELECT count(b.imd_{EDITION}_rank) FROM core__area b "
                "WHERE b.icb_code = a.icb_code)) / 2) END"
            ),
            "is_rural": area.format("a.is_rural::INTEGER"),
        }
        columns = {column.name for column in core.AREA.columns}
        if feature.name not in written and feature.name not in columns:
            raise NotImplementedError(f"the feature {feature.name} has no recount: write one here")
        return written.get(feature.name) or area.format(f"a.{feature.name}")


def built_columns(lake: Lake) -> dict[str, list]:
    table = lake.read("features__person", order="person_key, index_event_id")
    return {name: table[name].to_pylist() for name in table.column_names}


def given_rows() -> pa.Table:
    rng = np.random.default_rng(9)
    rows = [(int(rng.integers(1, PEOPLE + 1)), INDEX - timedelta(days=int(rng.integers(700)))) for _ in range(300)]
    keys, dates = zip(*rows, strict=True)
    return pa.table(
        {
            "person_key": pa.array(keys, pa.int32()),
            "index_date": pa.array(dates),
            "index_event_id": [f"C{n:04d}" for n in range(300)],
        }
    )


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return build_catalogue(load_code_lists(), EDITION)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return build_lake(tmp_path_factory.mktemp("registered"), seed=1)


def assert_recounted(lake: Lake, catalogue: Catalogue, left_out: dict[str, str]) -> None:
    built = built_columns(lake)
    recount = Recount(lake, catalogue)
    wrong = []
    for feature in catalogue.features:
        if feature.name in left_out:
            assert feature.name not in built
            continue
        if feature.statistic is Statistic.ATTRIBUTE and feature.window_days:
            continue  # the rates of practice and area: tests/recount
        expected = [None if value is None else float(np.float32(value)) for value in recount.values(feature)]
        close = [
            (a is None) == (b is None) and (a is None or abs(a - b) <= 1e-5 * max(1, abs(b or 0)))
            for a, b in zip(built[feature.name], expected, strict=True)
        ]
        if not all(close):
            place = close.index(False)
            wrong.append((feature.name, place, built[feature.name][place], expected[place]))
    assert not wrong


def test_every_feature_of_one_index_date_equals_its_recount(lake: Lake, catalogue: Catalogue) -> None:
    summary = build_features(lake, REQUEST, INDEX, people_per_range=70)
    assert summary.rows > 100
    assert all(
        feed.startswith("omop_")
        for feature in catalogue.features
        if feature.name in summary.not_computed
        for feed in feature.feeds
    )
    assert_recounted(lake, catalogue, dict(summary.not_computed))


def test_every_feature_equals_its_recount_where_people_have_several_index_dates(tmp_path: Path, catalogue: Catalogue) -> None:
    lake = build_lake(tmp_path, seed=2)
    summary = build_features(lake, GIVEN, INDEX, given=given_rows(), workers=2, people_per_range=150)
    assert_recounted(lake, catalogue, dict(summary.not_computed))


def test_no_null_is_stored_as_nan(lake: Lake) -> None:
    build_features(lake, REQUEST, INDEX)
    columns = built_columns(lake)
    assert not [name for name, values in columns.items() if any(isinstance(value, float) and value != value for value in values)]
    assert any(value is None for value in columns["hospital_frailty_score_730d"])


def _changed(lake: Lake, where: Path, change: str) -> Lake:
    """Copy the core tables with other events."""
    other = Lake(where)
    for name in lake.tables():
        if name.startswith("core__") and name != "core__event":
            table = next(table for table in core.CORE_TABLES if table.name == name)
            other.replace(table, lake.read(name, order=", ".join(table.key)))
    with duckdb.connect() as con:
        con.execute(f"CREATE TABLE event AS SELECT * FROM {lake.scan('core__event')}")
        for step in change.split(";"):
            con.execute(step)
        other.replace(core.EVENT, con.sql("SELECT * FROM event ORDER BY person_key, event_date, random()").to_arrow_table())
    return other


@pytest.mark.parametrize(
    "change",
    [
        f"DELETE FROM event WHERE event_date >= DATE '{INDEX}' OR available_date >= DATE '{INDEX}'",
        f"UPDATE event SET code = 1, value = 999, event_type = 5 WHERE event_date >= DATE '{INDEX}' OR available_date >= DATE '{INDEX}'",
        f"INSERT INTO event SELECT * REPLACE (DATE '{INDEX}' AS event_date, DATE '{INDEX}' AS available_date) FROM event",
        f"INSERT INTO event SELECT * REPLACE (DATE '{INDEX}' AS available_date) FROM event WHERE event_date < DATE '{INDEX}'",
        "UPDATE event SET feed = feed",  # only shuffled among the events of one day
    ],
)
def test_nothing_from_the_future_changes_a_feature(lake: Lake, tmp_path: Path, change: str) -> None:
    build_features(lake, REQUEST, INDEX)
    other = _changed(lake, tmp_path, change)
    build_features(other, REQUEST, INDEX, people_per_range=33)
    assert built_columns(other) == built_columns(lake)


def test_events_split_into_other_files_change_nothing(lake: Lake, tmp_path: Path) -> None:
    build_features(lake, REQUEST, INDEX)
    other = _changed(lake, tmp_path, "DELETE FROM event WHERE true")
    for third in (2, 0, 1):
        other.append(
            core.EVENT, lake.read("core__event", where=f"(code + event_type) % 3 = {third}", order="person_key, event_date")
        )
    build_features(other, REQUEST, INDEX)
    assert built_columns(other) == built_columns(lake)


def test_a_practice_whose_gp_feed_stops_has_nulls_and_marks_but_no_zeros(lake: Lake) -> None:
    build_features(lake, REQUEST, INDEX)
    columns = built_columns(lake)
    without = [place for place, practice in enumerate(columns["practice_code"]) if practice == "Y00002"]
    assert without
    assert {columns["gp_contacts_365d"][place] for place in without} == {None}
    assert {columns["asthma_ever"][place] for place in without} == {None}
    assert {columns["gp_covered"][place] for place in without} == {False}
    assert {columns["coverage"][place] for place in without} == {"gp_medication_orders,gp_observations"}


def test_a_feed_that_is_not_allowed_is_not_computed_and_the_catalogue_says_why(lake: Lake) -> None:
    allowed = FeatureRequest(
        CohortSettings(), "planning", EDITION, ("patients", "registrations", "addresses", "admissions", "emergency_attendances")
    )
    reasons = write_catalogue(lake, allowed)
    rows = {row["name"]: row for row in lake.read("features__catalogue").to_pylist()}
    assert reasons["gp_contacts_365d"] == "the purpose does not allow the feed gp_observations"
    assert rows["gp_contacts_365d"]["status"] == "not_computed"
    assert rows["emergency_spells_365d"]["status"] == "computed"
    summary = build_features(lake, allowed, INDEX)
    assert "gp_contacts_365d" not in built_columns(lake)
    assert "emergency_spells_365d" in built_columns(lake)
    assert summary.features == sum(row["status"] == "computed" for row in rows.values())


# --- labels --------------------------------------------------------------------------------------------------------

LABELS_SQL = """
WITH spell AS (
    SELECT person_key, admission_date, died, spell_class, coalesce(nights, DATE '{cut}' - admission_date) AS nights FROM core__spell),
chain AS (
    SELECT f.person_key, f.index_date, p.death_date,
        (SELECT min(coalesce(g.end_date, DATE '9999-01-01')) FROM core__registration g WHERE g.person_key = f.person_key
            AND coalesce(g.end_date, DATE '9999-01-01') >= f.index_date
            AND NOT EXISTS (FROM core__registration n WHERE n.person_key = g.person_key AND n.start_date > g.end_date AND n.start_date - g.end_date - 1 <= 30)
        ) AS list_end,
        (SELECT min(s.admission_date) FROM spell s WHERE s.person_key = f.person_key AND s.admission_date > f.index_date AND {which}) AS outcome_date
    FROM features__person f JOIN core__person p USING (person_key)),
seen AS (SELECT *, least(index_date + {h}, CASE WHEN death_date <= list_end + 30 THEN DATE '9999-01-01' ELSE list_end END) AS seen_to FROM chain),
happened AS (SELECT *, coalesce(outcome_date <= seen_to AND outcome_date <= coalesce(death_date, DATE '9999-01-01'), false) AS event,
    coalesce(death_date <= seen_to, false) AS died FROM seen),
gone AS (SELECT *, seen_to < index_date + {h} AND NOT event AND NOT died AS left_list FROM happened)
SELECT person_key, CASE WHEN event THEN 1 WHEN left_list THEN NULL ELSE 0 END AS label,
    CASE WHEN event OR died THEN 1 WHEN left_list THEN NULL ELSE 0 END AS composite_label,
    CASE WHEN event THEN outcome_date END AS outcome_date, CASE WHEN died THEN death_date END AS death_date,
    least(seen_to, CASE WHEN event THEN outcome_date END, CASE WHEN died THEN death_date END) - index_date AS follow_up_days,
    left_list
FROM gone ORDER BY person_key
"""


@pytest.mark.parametrize(
    ("name", "which"),
    [
        ("emergency_admission_overnight", "s.spell_class = 'emergency' AND (s.nights >= 1 OR s.died)"),
        ("any_emergency_admission", "s.spell_class = 'emergency'"),
    ],
)
def test_labels_equal_their_recount(lake: Lake, name: str, which: str) -> None:
    build_features(lake, REQUEST, INDEX)
    summary = build_labels(lake, OutcomeSettings(name=name), INDEX, DATA_CUT)
    columns = ["person_key", "label", "composite_label", "outcome_date", "death_date", "follow_up_days", "left_list"]
    stored = lake.read("risk__labels", ", ".join(columns), order="person_key").to_pylist()
    with duckdb.connect() as con:
        for table in lake.tables():
            con.execute(f"CREATE VIEW {table} AS SELECT * FROM {lake.scan(table)}")
        expected = con.sql(LABELS_SQL.format(cut=DATA_CUT, h=365, which=which)).to_arrow_table().to_pylist()
    assert stored == expected
    assert summary.events == sum(row["label"] == 1 for row in stored) > 0
    assert summary.left_list > 0
