"""The text of each alert, as monitoring__alerts stores it and channels send it. A function has the name of its rule (rules.py).

No text names a person or counts people.
"""

from __future__ import annotations

from features.code_list_matches import EVENTS_OF
from features.declaration import FEED_OF_TYPE
from models.group_labels import kind_label
from pipelines.alerts.rule_declaration import Crossing, Row


def feature_shifted(crossing: Crossing) -> str:
    """Return what changed in a feature."""
    row = crossing.row
    if row["was_constant"]:
        change = f"the share of '{row['top_bin']}' changed most" if row["top_bin"] else "values of few people are not shown"
        return (
            f"'{row['label']}' has other values on {row['index_date']} than the one value of all training rows ({change}); the model could not "
            "learn from them"
        )
    where = f"; most at {row['top_bin']}" if row["top_bin"] else ""
    return f"'{row['label']}' on {row['index_date']} is distributed differently from the training dates: index {crossing.value:.2f}{where}"


def missing_share_jumped(crossing: Crossing) -> str:
    """Return which features are missing more or less often."""
    row = crossing.row
    feeds = str(row["feed"]).replace(",", ", ").replace("_", " ") or "no feed"
    others = f"; the share changed in {row['features']} features from {feeds}" if row["features"] > 1 else ""
    return (
        f"'{row['label']}' is missing for {row['share_missing']:.0%} of people on {row['index_date']} and was missing for "
        f"{row['share_missing_training']:.0%} on the training dates{others}"
    )


def support_differs(crossing: Crossing) -> str:
    """Return which features have a value more or less often, and what to do."""
    row = crossing.row
    feeds = str(row["feed"]).replace(",", ", ").replace("_", " ") or "no feed"
    others = f", the feature of {row['features']} that differs most" if row["features"] > 1 else ""
    return (
        f"{feeds}: '{row['label']}' is not 0 for {row['support_training']:.1%} of people on the training dates and for "
        f"{row['support']:.1%} on {row['index_date']}{others}. If the data are fresher on one side, correct lag_days of the feed and train again"
    )


def list_turnover(crossing: Crossing) -> str:
    """Return how much of a list is new."""
    row = crossing.row
    return f"{row['value']:.0%} of the list of {row['index_date']} were not on the list before ({_group(row)})"


def matured_calibration(crossing: Crossing) -> str:
    """Return how the outcomes compare with the expected ones."""
    row = crossing.row
    return (
        f"after the run of {row['index_date']} there were {row['value']:.2f} times the expected outcomes "
        f"({row['lower']:.2f} to {row['upper']:.2f}; {_group(row)})"
    )


def volume_collapsed(crossing: Crossing) -> str:
    """Return how few rows an organisation sent."""
    row = crossing.row
    feed = str(row["feed"]).replace("_", " ")
    return f"{feed} of {row['organisation_code']} hold {crossing.value:.0%} of the rows expected for {row['month']:%Y-%m}"


def scores_stale(crossing: Crossing) -> str:
    """Return how old the latest scores are."""
    age, limit = int(crossing.value), int(crossing.limit)
    return f"the latest scores of '{crossing.subject}' were published {age} days ago; readers may expect {limit} days at most"


def feed_late(crossing: Crossing) -> str:
    """Return how old the latest delivery of a feed is."""
    row = crossing.row
    feed = str(row["feed"]).replace("_", " ")
    return (
        f"the latest delivery of {feed} is of {row['latest']}, {row['days_behind']} days behind the other feeds; "
        f"{row['limit_days']} days are allowed"
    )


def approval_ends(crossing: Crossing) -> str:
    """Return when the approval of the runs ends."""
    row = crossing.row
    when = f"ends on {row['expires']}" if row["days_left"] >= 0 else f"ended on {row['expires']}"
    return f"the approval of the runs {when}; after that day every run is refused"


def code_list_far(crossing: Crossing) -> str:
    """Return how the share of people whom a list matches compares with the expected one."""
    row, feed = crossing.row, FEED_OF_TYPE[EVENTS_OF[crossing.row["code_system"]]].replace("_", " ")
    known = row["expected_share"] is not None
    expected = f"{crossing.limit:.1%} of people are expected" if known else "people are expected in a feed of this size"
    if not row["people"]:
        lost = row["features_not_computed"]
        number = "1 feature is" if lost == 1 else f"{lost:,} features are" if lost else ""
        return f"the code list '{row['label']}' matches no entry of {feed}; {expected}" + (
            f", so {number} not computed" if lost else ""
        )
    return f"the code list '{row['label']}' matches {crossing.value:.1%} of the people in {feed}; {expected}"


def practice_lists_silent(crossing: Crossing) -> str:
    """Return how many code lists match no one at a practice, and that of which most people are expected."""
    row, feed = crossing.row, FEED_OF_TYPE[EVENTS_OF[crossing.row["code_system"]]].replace("_", " ")
    lists = "1 code list matches" if row["lists"] == 1 else f"{row['lists']:,} code lists match"
    whose = "its" if row["lists"] == 1 else "their"
    named = f"'{row['label']}'" if row["lists"] == 1 else f"such as '{row['label']}'"
    return (
        f"{lists} no entry of {feed} of the practice {row['practice_code']} ({named}, about {row['expected_people']:,.0f} people expected); {whose} features "
        "are 0 there, as if no one had such an entry"
    )


def _group(row: Row) -> str:
    """Return a group as people read it."""
    return (
        "everyone"
        if row["group_kind"] == "all"
        else f"{kind_label(row['group_kind'])} {str(row['group_name']).replace('_', ' ')}"
    )
