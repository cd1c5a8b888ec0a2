"""The share of people who match no one on the list, for each delivery of a feed and the one before it."""

from __future__ import annotations

from datetime import date

import duckdb

from pipelines.conform.objection_shares import Share, shares_not_on_list


def test_a_delivery_is_compared_with_the_one_before_it_of_the_same_feed() -> None:
    rows = [
        ("a", 1, "p1"), ("a", 1, "p2"), ("b", 1, "p1"), ("b", 1, "x1"), ("a", 2, "p1"), ("a", 2, "x1"), ("b", 3, "p1"), ("c", 4, "x1"),
    ]  # fmt: skip
    with duckdb.connect() as con:
        con.execute("CREATE TABLE listed AS SELECT * FROM (VALUES ('p1'), ('p2')) AS t(person_id)")
        stated = ", ".join(f"('{feed}', DATE '2026-01-0{day}', '{person}')" for feed, day, person in rows)
        con.execute(f"""CREATE TABLE stated AS SELECT *, 'type_1' AS kind, '1' AS status, 'OPTED_OUT' AS list_part
            FROM (VALUES {stated}) AS t(feed, extract_date, person_id)""")
        found = shares_not_on_list(con, "type_1")
        assert shares_not_on_list(con, "national") == []
    days = [date(2026, 1, day) for day in range(1, 5)]
    assert found == [
        Share("a", days[0], 0.0, None), Share("b", days[0], 0.5, None), Share("a", days[1], 0.5, 0.0), Share("b", days[2], 0.0, 0.5),
        Share("c", days[3], 1.0, 0.0),
    ]  # fmt: skip
    assert [one.rise for one in found] == [0.0, 0.0, 0.5, -0.5, 1.0]
