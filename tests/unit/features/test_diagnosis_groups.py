from __future__ import annotations

import pandas as pd
import pytest

from features.diagnosis_groups import category, chapter, diagnosis_groups


@pytest.mark.parametrize(
    ("code", "three", "name"),
    [
        ("250.83", "250", "endocrine"),
        ("8", "8", "infectious"),
        ("428", "428", "circulatory"),
        ("V57", "V57", "contact_with_services"),
        ("E885", "E885", "external_causes"),
        ("999", "999", "injury"),
        ("?", "?", ""),
    ],
)
def test_icd9_codes_have_a_category_and_a_chapter(code: str, three: str, name: str) -> None:
    assert (category(code), chapter(code, "icd9")) == (three, name)


@pytest.mark.parametrize(
    ("code", "name"), [("E11.9", "endocrine"), ("I50", "circulatory"), ("D49", "neoplasms"), ("D50", "blood"), ("", "")]
)
def test_icd10_codes_have_a_chapter(code: str, name: str) -> None:
    assert chapter(code, "icd10") == name


def test_a_missing_code_stays_missing() -> None:
    categories, chapters = diagnosis_groups(pd.Series(["I10", None]), "icd10")

    assert categories.tolist()[0] == "I10"
    assert categories.isna().tolist() == chapters.isna().tolist() == [False, True]
