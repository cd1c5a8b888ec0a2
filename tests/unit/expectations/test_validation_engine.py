import pandas as pd
import pytest

from expectations.row_checks import row_checks
from expectations.suites import flag_suite, flagged_checks, shown_columns, value_suite
from expectations.tables.raw_gp import OPT_OUTS
from expectations.tables.raw_omop import PERSON
from expectations.validation import Engine, EngineError

CHECKS = [
    check
    for check in row_checks(OPT_OUTS)
    if check.name in ("missing_value__person_id", "not_in_vocabulary__status", "duplicate_row")
]
BATCH = pd.DataFrame(
    {
        "person_id": [1, 1, None, 1, 1],
        "status": pd.Categorical(["0", "1", None, "X", "X"]),
        "duplicate_row": [False, True, False, False, False],
    }
)


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine()


def test_the_engine_counts_rows_and_gives_no_values(engine: Engine) -> None:
    assert shown_columns(CHECKS) == ["person_id", "status"]
    assert [check.name for check in flagged_checks(CHECKS)] == ["duplicate_row"]
    assert engine.count_broken(BATCH, value_suite(OPT_OUTS, CHECKS)) == {
        ("missing_value__person_id",): 1,
        ("not_in_vocabulary__status",): 2,
    }
    assert engine.count_broken(BATCH, flag_suite(OPT_OUTS, CHECKS)) == {("duplicate_row",): 1}


def test_the_engine_judges_patterns_and_ranges_on_the_values_themselves(engine: Engine) -> None:
    names = ("not_in_vocabulary__gender_concept_id", "missing_value__year_of_birth", "out_of_range__year_of_birth")
    checks = [check for check in row_checks(PERSON) if check.name in names]
    batch = pd.DataFrame(
        {
            "gender_concept_id": pd.Categorical(["8507", "F", None, "8507 ", "-1"]),
            "year_of_birth": [1849.0, 1850.0, 2001.0, None, None],
        }
    )
    counts = engine.count_broken(batch, value_suite(PERSON, checks))
    assert {names[0]: 2, names[2]: 1}.items() <= {key[0]: count for key, count in counts.items()}.items()
    assert [count for key, count in counts.items() if key[0].startswith(("missing", "unreadable"))] == [2]


def test_a_broken_engine_raises_and_does_not_look_like_bad_data(engine: Engine) -> None:
    with pytest.raises(EngineError, match="duplicate_row"):
        engine.count_broken(BATCH.drop(columns="duplicate_row"), flag_suite(OPT_OUTS, CHECKS))
    with pytest.raises(EngineError, match="status"):
        engine.count_broken(BATCH.drop(columns="status"), value_suite(OPT_OUTS, CHECKS))
