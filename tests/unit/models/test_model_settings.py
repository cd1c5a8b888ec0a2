import pytest

from models.gate_settings import GateSettings
from models.settings import CandidateSettings, CapacitySettings, ValidationPlan


def test_every_setting_is_described():
    for model in (CandidateSettings, ValidationPlan, CapacitySettings, GateSettings):
        for name, field in model.model_fields.items():
            assert field.description or hasattr(field.annotation, "model_fields"), f"{model.__name__}.{name}"


def test_a_column_plan_needs_its_column():
    with pytest.raises(ValueError, match="split_column is missing"):
        ValidationPlan(kind="column")
    with pytest.raises(ValueError, match="a row either trains or tests"):
        ValidationPlan(train_values=("a",), test_values=("a",))
    with pytest.raises(ValueError, match="split_column is for a plan of kind 'column'; kind is 'time'"):
        ValidationPlan(split_column="part")
    with pytest.raises(ValueError, match="yes, no, true and false in quotes"):
        ValidationPlan(kind="column", split_column="part", train_values=[True])


def test_limits_and_shares_are_checked():
    with pytest.raises(ValueError, match="slope must be two limits around 1"):
        GateSettings(slope=(1.1, 0.9))
    with pytest.raises(ValueError, match="shares must lie between 0 and 1"):
        CapacitySettings(shares=(5.0,))
