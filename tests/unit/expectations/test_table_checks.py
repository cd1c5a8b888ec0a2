from expectations.catalogue import TABLES
from expectations.table_checks import CHECKS


def test_every_feed_has_a_rule_on_the_rows_of_a_whole_delivery() -> None:
    tables = [table for table in TABLES.values() if table.layer == "raw" and table.feed]
    assert len(tables) > 20
    assert [table.name for table in tables if "feed_collapsed" not in {rule.check for rule in table.table_rules}] == []


def test_every_rule_of_a_table_has_its_check() -> None:
    assert {rule.check for table in TABLES.values() for rule in table.table_rules} == CHECKS.keys()
