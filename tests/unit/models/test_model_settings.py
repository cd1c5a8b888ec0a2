import pytest

from models.settings import CandidateSettings, CapacitySettings, GateSettings, ValidationPlan


def test_every_setting_is_described():
    for model in (CandidateSettings, ValidationPlan, CapacitySettings, GateSettings):
        for name, field in model.model_fields.items():
            assert field.description or hasattr(field.annotation, "model_fields"), f"{model.__name__}.{name}"


def test_a_column_plan_needs_its_column():
    with pytest.raises(ValueError, match="split_column is missing"):
        ValidationPlan(kind="column")
    with pytest.raises(ValueError, match="a row either trains or tests"):
        ValidationPlan(train_values=("a",), test_values=("a",))


def test_limits_and_shares_are_checked():
    with pytest.raises(ValueError, match="slope must be two rising limits"):
        GateSettings(slope=(1.1, 0.9))
    with pytest.raises(ValueError, match="shares must lie between 0 and 1"):
        CapacitySettings(shares=(5.0,))
