import re

import pytest

from expectations.catalogue import RAW_TABLES, TABLES
from expectations.contract_terms import CONTRACTS
from expectations.identifier_schemes import Scheme
from expectations.row_checks import row_checks, sender_columns
from expectations.table import Action, Kind, Purpose, Table
from expectations.table_checks import CHECKS

FROM_OUTSIDE_THE_ROW = ("birth_date", "dummy_person_id", "duplicate_row", "overlapping_spells")
# Columns of codes or identifiers whose values nothing checks, by the reason.
UNCHECKED = {
    "raw__admissions.procedures": "a list of OPCS-4 codes with the separators of the sender; each code is checked when it is read",
    "raw__emergency_attendances.diagnoses": "a list of codes of SNOMED CT, ICD-10 or the older A&E set; each code is checked when it is read",
}


def test_every_table_stands_under_its_own_name() -> None:
    assert {name: table.name for name, table in TABLES.items()} == {name: name for name in TABLES}


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.name)
def test_every_result_and_every_published_table_has_a_purpose(table: Table) -> None:
    is_result = table.layer in ("risk", "equity", "monitoring") or table.name in CONTRACTS
    assert (table.purpose is not None) == is_result, "declare `purpose` in expectations/tables: it decides which opt-outs apply"


def test_lists_are_care_and_rates_are_planning() -> None:
    of_purpose = {purpose: {name for name, table in TABLES.items() if table.purpose is purpose} for purpose in Purpose}
    assert of_purpose[Purpose.PLANNING] == {"equity__outcome_rates", "equity__planning_population"}
    assert {"risk__scores", "risk__current", "risk__drivers", "risk__caseload", "risk__rising"} <= of_purpose[Purpose.CARE]
    assert {"equity__model_audit", "equity__audit_for_readers", "monitoring__calibration"} <= of_purpose[Purpose.MODEL_ASSURANCE]


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.name)
def test_every_table_rule_has_a_check(table: Table) -> None:
    assert [rule.check for rule in table.table_rules if rule.check not in CHECKS] == []


@pytest.mark.parametrize("table", RAW_TABLES.values(), ids=lambda table: table.name)
def test_no_two_checks_share_a_name(table: Table) -> None:
    names = [check.name for check in row_checks(table)]
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize("table", RAW_TABLES.values(), ids=lambda table: table.name)
def test_a_rule_that_nulls_or_repairs_follows_from_its_row(table: Table) -> None:
    for rule in table.row_rules:
        if rule.action in (Action.NULLED, Action.REPAIRED):
            assert rule.columns
            assert not re.search("|".join(FROM_OUTSIDE_THE_ROW), rule.broken_when)


@pytest.mark.parametrize("table", RAW_TABLES.values(), ids=lambda table: table.name)
def test_what_a_key_is_made_of_is_never_empty(table: Table) -> None:
    filled_in = {name for rule in table.row_rules if rule.repair for name in rule.columns}
    assert [name for name in table.key if table.column(name).nullable and name not in filled_in] == []


@pytest.mark.parametrize("table", [table for table in TABLES.values() if table.feed], ids=lambda table: table.name)
def test_every_delivered_identifier_or_code_has_a_scheme_a_pattern_or_a_vocabulary(table: Table) -> None:
    checked = {column.name for column in sender_columns(table) if column.scheme or column.pattern or column.allowed}
    coded = {column.name for column in sender_columns(table) if column.kind in (Kind.IDENTIFIER, Kind.CODE)}
    reasoned = {name.split(".")[1] for name in UNCHECKED if name.split(".")[0] == table.name}
    assert coded - checked == reasoned


@pytest.mark.parametrize("table", [table for table in TABLES.values() if table.feed], ids=lambda table: table.name)
def test_what_its_name_or_source_says_is_its_scheme(table: Table) -> None:
    for column in sender_columns(table):
        if column.name == table.person:
            assert column.scheme is Scheme.PERSON, column.name
        if "SNOMED" in column.source:
            assert column.scheme is Scheme.SNOMED_CONCEPT, column.name
        if column.name in ("provider_code", "site_code"):
            assert column.scheme is Scheme.ODS and column.pattern, column.name
