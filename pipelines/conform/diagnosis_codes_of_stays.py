"""The SQL of the diagnosis by which a stay counts for a group of conditions (`features/diagnosis_rules.py`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from expectations.sql_values import quote
from features.code_lists import CodeList
from features.diagnosis_rules import DiagnosisRule, Position

SYSTEM = "icd10"
_COLUMNS = {Position.PRIMARY: "primary_diagnosis", Position.ANY: "diagnoses"}


def deciding_code_sql(rules: Iterable[DiagnosisRule], lists: Mapping[str, CodeList]) -> str:
    """Return the SQL of the first code by which a row of core__spell meets a rule; null if it meets none."""
    codes = [_code_sql(rule, lists) for rule in rules]
    return f"coalesce({', '.join(codes)}, NULL)"


def _code_sql(rule: DiagnosisRule, lists: Mapping[str, CodeList]) -> str:
    code = f"nullif(regexp_extract({_COLUMNS[rule.position]}, {_pattern(lists[rule.code_list])}, 1), '')"
    conditions = []
    if rule.only_with:
        conditions.append(_any_sql(lists[rule.only_with]))
    if rule.not_with:
        conditions.append(f"NOT {_any_sql(lists[rule.not_with])}")
    return f"CASE WHEN {' AND '.join(conditions)} THEN {code} END" if conditions else code


def _any_sql(code_list: CodeList) -> str:
    return f"coalesce(regexp_matches(diagnoses, {_pattern(code_list)}), false)"


def _pattern(code_list: CodeList) -> str:
    """Return the pattern of a code of a list among codes that are joined by commas; one that nothing matches without ICD-10 codes."""
    entries = [entry for entry in code_list.entries if entry.system == SYSTEM]
    codes = [entry.code + ("[A-Z0-9]*" if entry.match == "prefix" else "") for entry in entries] or ["-"]
    return quote(f"(?:^|,)({'|'.join(codes)})(?:,|$)")
