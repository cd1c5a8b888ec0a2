"""What a lost value of each column means is declared or follows from the declaration."""

from __future__ import annotations

import pytest

from expectations.catalogue import TABLES
from expectations.row_checks import lost_checks, lost_meaning, mark_checks, sender_columns
from expectations.table import Action, Column, Kind, Lost, Table
from expectations.tables.raw_common import YES_NO
from expectations.tables.raw_gp import GP_OBSERVATIONS, OPT_OUTS, PATIENTS

DELIVERED = [table for table in TABLES.values() if table.feed]


@pytest.mark.parametrize("table", DELIVERED, ids=lambda table: table.name)
def test_every_raw_column_has_a_meaning_of_a_lost_value_and_a_limit(table: Table) -> None:
    limited = {name for rule in table.table_rules if rule.check == "values_lost" for name in rule.columns}
    for column in sender_columns(table):
        assert lost_meaning(column, table) in Lost
        assert column.name in limited


def test_a_date_or_mark_that_may_be_empty_must_declare_it() -> None:
    for column in (Column("end", Kind.DATE, "End."), Column("mark", Kind.CODE, "Mark.", allowed=YES_NO)):
        table = Table("raw__x", "A table.", (Column("id", Kind.IDENTIFIER, "Key.", nullable=False), column), ("id",))
        with pytest.raises(ValueError, match=f"raw__x does not declare what a lost {column.name} means"):
            lost_meaning(column, table)
    with pytest.raises(ValueError, match="needs a `lost_reason`"):
        Column("end", Kind.DATE, "End.", lost=Lost.SUPPRESSES)


def test_where_an_empty_value_grants_something_a_lost_one_does_not() -> None:
    suppressing = {column.name for column in PATIENTS.columns if lost_meaning(column, PATIENTS) is Lost.SUPPRESSES}
    assert suppressing == {"death_date", "is_confidential", "is_test_patient", "is_spine_sensitive", "is_deleted"}
    assert lost_meaning(GP_OBSERVATIONS.column("is_confidential"), GP_OBSERVATIONS) is Lost.SETS_ASIDE
    assert {lost_meaning(OPT_OUTS.column(name), OPT_OUTS) for name in ("status", "opt_out_type", "effective_date")} == {
        Lost.CAUTIOUS_VALUE
    }


def test_an_impossible_death_is_lost_and_a_mark_is_one_whether_or_not_it_can_be_read() -> None:
    assert lost_checks(PATIENTS.column("death_date"), PATIENTS) == {
        "unreadable_date__death_date", "second_date_format__death_date", "death_before_birth", "death_after_extract",
    }  # fmt: skip
    assert mark_checks(GP_OBSERVATIONS) == {
        "deleted", "confidential", "not_in_vocabulary__is_deleted", "not_in_vocabulary__is_confidential",
    }  # fmt: skip
    assert GP_OBSERVATIONS.column("is_deleted").on_violation is Action.SET_ASIDE
