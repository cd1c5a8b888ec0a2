import pytest
from pydantic import ValidationError

from pipelines.sources.nhs import FeedSettings, NhsSettings


@pytest.mark.parametrize("pattern", ["../other/*.csv", "/etc/*.csv"])
def test_a_glob_that_leaves_the_landing_folder_is_refused(pattern: str) -> None:
    with pytest.raises(ValidationError, match="leaves the landing folder"):
        FeedSettings(files=(pattern,))


@pytest.mark.parametrize(
    ("feeds", "words"),
    [
        ({"patient": {}}, "there is no feed"),
        ({"patients": {"columns": {"nhs_number": "NHS"}}}, "there is no column"),
        ({"patients": {"load": {"replaces_months": 12}}}, "cannot replace months"),
        ({"national_opt_outs": {"load": "append"}}, "never accumulated"),
        ({"patients": {"delivered": "(?P<year>x)"}}, "named groups"),
    ],
)
def test_wrong_settings_say_what_is_allowed(feeds: dict, words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        NhsSettings.model_validate({"feeds": feeds})


def test_left_out_feeds_are_all_feeds() -> None:
    nhs = NhsSettings()
    assert nhs.feeds["admissions"].replaces_months == 12
    assert (nhs.lag_days("admissions"), nhs.lag_days("gp_observations")) == (45, 0)
