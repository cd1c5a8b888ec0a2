import pytest

from models import sample_size as criteria
from models.sample_size import sample_size


def test_the_worked_example_of_the_paper(monkeypatch):
    """Pre-eclampsia: 30 parameters, 5% with the outcome, Cox-Snell R squared .05 (15% of the largest possible)."""
    result = sample_size(30, 100_000, 5_000)
    assert result.needed_by_criterion[0] == pytest.approx(5249, rel=0.02)
    assert result.needed_by_criterion[2:] == (73, 544)


def test_the_strictest_criterion_decides_and_is_described():
    result = sample_size(10, 1000, 100)
    assert result.needed == max(result.needed_by_criterion) and not result.enough
    assert "1,000 people with 100 events are too few for 10 parameters" in result.describe("logistic")
    assert "Boosting has no fixed number of parameters" in result.describe("lightgbm")


def test_both_outcomes_must_occur():
    with pytest.raises(ValueError, match="0 people with the outcome among 50"):
        sample_size(3, 50, 0)
    assert criteria.SHRINKAGE == 0.9
