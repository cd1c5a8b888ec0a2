import numpy as np
import pandas as pd

from models.audit_groups import (
    CORE20PLUS,
    QUINTILE_BY_ETHNICITY,
    RECENT_ADMISSION,
    audit_groups,
    core20plus_groups,
    recent_admission_groups,
)

FRAME = pd.DataFrame(
    {
        "imd_decile": [1, 2, 3, 9, np.nan],
        "imd_quintile": [1, 1, 2, 5, np.nan],
        "ethnic_group": ["white", "asian", "black", "white", "white"],
        "ethnic_category": ["A", "Z", "99", None, "B"],
        "emergency_admissions_730d": [0.0, 2.0, np.nan, 0.0, 1.0],
    }
)


def test_every_kind_that_can_be_made_is_made():
    groups = audit_groups(FRAME)
    assert list(groups) == [
        "imd_quintile", "imd_decile", "ethnic_group", "ethnic_category", CORE20PLUS, QUINTILE_BY_ETHNICITY, RECENT_ADMISSION,
    ]  # fmt: skip
    assert groups["ethnic_category"].tolist()[:3] == ["A", "not_stated", "not_known"]
    assert groups[QUINTILE_BY_ETHNICITY].tolist() == ["1 white", "1 asian", "2 black", "5 white", "not_known white"]


def test_core20_is_the_most_deprived_fifth_and_plus_the_groups_that_services_miss():
    assert core20plus_groups(FRAME).tolist() == ["core20", "core20_and_plus", "plus", "neither", None]
    homeless = FRAME.assign(inclusion_health_groups=[1, 0, 0, 2, np.nan])
    assert core20plus_groups(homeless).tolist() == ["core20_and_plus", "core20_and_plus", "plus", "plus", None]


def test_rows_without_the_columns_have_fewer_kinds():
    assert list(audit_groups(FRAME[["ethnic_group"]])) == ["ethnic_group"]


def test_recent_admissions_make_three_groups():
    assert recent_admission_groups(pd.Series([0.0, 2.0, np.nan])).tolist() == ["none", "one_or_more", None]
