import pytest
from pydantic import ValidationError

from pipelines.conform.clinical_rules import ClinicalRules


@pytest.mark.parametrize(
    "wrong",
    [
        {"out_of_hours_from": "118:300"},
        {"out_of_hours_to": "08:00' OR true"},
        {"died_methods": ("4'",)},
        {"out_of_hours_from": "27:99"},
        {"out_of_hours_from": "24:00"},
        {"out_of_hours_to": "08:60"},
    ],
)
def test_a_code_or_time_that_is_none_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ClinicalRules(**wrong)


@pytest.mark.parametrize(
    ("wrong", "settings"),
    [
        ({"birth_methods": ("21",)}, "clinical.emergency_methods and clinical.birth_methods both have 21"),
        ({"birth_methods": ("82", "2C", "2D")}, "clinical.emergency_methods and clinical.birth_methods both have 2C, 2D"),
        ({"maternity_methods": ("31", "21")}, "clinical.emergency_methods and clinical.maternity_methods both have 21"),
        ({"elective_methods": ("11", "82")}, "clinical.elective_methods and clinical.birth_methods both have 82"),
        ({"transfer_methods": ("81", "83")}, "clinical.transfer_methods and clinical.birth_methods both have 83"),
    ],
)
def test_a_method_of_two_classes_is_refused(wrong: dict[str, tuple[str, ...]], settings: str) -> None:
    with pytest.raises(ValidationError, match=f"{settings}.*remove it from one of the two"):
        ClinicalRules(**wrong)


def test_a_birth_at_home_is_an_emergency_method_and_a_birth() -> None:
    assert ClinicalRules(emergency_methods=("21", "2C"), birth_methods=("2C",)).birth_methods == ("2C",)
