"""Settings that name something refuse an unknown name and the same name twice."""

import pytest
from pydantic import BaseModel, ValidationError

from expectations.setting_types import DeliveredFeed, Distinct, FeedName, names_not_known


class Example(BaseModel):
    feeds: Distinct[FeedName] = ()
    delivered: Distinct[DeliveredFeed] = ()
    numbers: Distinct[float] = ()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"feeds": ["gp_observation"]},
            "there is no feed gp_observation; the feeds are patients, .*did you mean gp_observations",
        ),
        ({"feeds": ["patients", "patients"]}, "patients is listed more than once; list it once"),
        ({"delivered": ["omop_drugs"]}, "there is no feed omop_drugs"),  # a feed of features, of which nothing is delivered
        ({"numbers": [0.1, 0.2, 0.1]}, "0.1 is listed more than once"),
    ],
)
def test_an_unknown_or_repeated_name_is_refused(settings: dict, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Example.model_validate(settings)


def test_feeds_that_features_are_made_of_or_that_are_delivered_are_known() -> None:
    named = {"feeds": ["patients", "omop_drugs", "omop_person", "feature_table"], "delivered": ["omop_person", "admissions"]}
    assert Example.model_validate(named).feeds == ("patients", "omop_drugs", "omop_person", "feature_table")


def test_a_long_list_of_names_is_not_part_of_the_message() -> None:
    names = [f"name_{number}" for number in range(100)]
    assert names_not_known("feature", ["name_x1"], names).startswith("there is no feature name_x1; did you mean name_")
    assert names_not_known("feature", names, names) == ""
