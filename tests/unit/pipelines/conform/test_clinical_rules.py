import pytest
from pydantic import ValidationError

from pipelines.conform.clinical_rules import ClinicalRules


@pytest.mark.parametrize(
    "wrong", [{"out_of_hours_from": "118:300"}, {"out_of_hours_to": "08:00' OR true"}, {"died_methods": ("4'",)}]
)
def test_a_code_or_time_that_is_none_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ClinicalRules(**wrong)
