"""Which kind of identifier a column of a file has: NHS numbers, NHS numbers inside other text, or others."""

from __future__ import annotations

import pyarrow as pa
import pytest

from pipelines.extracts.identifier_kind import has_hidden, has_numbers
from pipelines.lake.duckdb_connection import connect


@pytest.mark.parametrize(
    ("values", "plain", "hidden"),
    [
        (["P1", "9434765919"], True, True),
        (["943 476 5919 "], True, True),
        (["9434765919\u00a0"], False, True),
        (["NHS 9434765919"], False, True),
        (["943.476.5919 (verified)"], False, True),
        (["９４３４７６５９１９;"], False, True),
        (["9999999999", "1234567890"], False, False),
        (["P9434765910", "P9434765911", "P9434765919"], False, False),  # one in eleven numbers is valid
        (["P8db4af50f22db23a", "A-17 b", "9434765", "94347659190", ""], False, False),
        (["9434765919 or 9434765920"], False, False),
        ([None], False, False),
    ],
)
def test_nhs_numbers_are_recognised_as_they_are_and_inside_other_text(
    values: list[str | None], plain: bool, hidden: bool
) -> None:
    with connect() as con:
        con.register("file", pa.table({"person": pa.array(values, pa.string())}))
        assert (has_numbers(con, "file", "person"), has_hidden(con, "file", "person")) == (plain, hidden)
