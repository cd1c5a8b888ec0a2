"""The template for a board's own extracts: what it says of the options and their defaults is true."""

import re
from pathlib import Path

import yaml

from expectations.catalogue import RAW_TABLES
from expectations.feeds import FEEDS, Family
from pipelines.postgres.settings import PostgresSettings
from pipelines.run.settings import Settings, read_settings

EXAMPLE = Path(__file__).parents[4] / "config" / "nhs_example.yaml"
OPTION = re.compile(r"^( *)# ?( *)([a-z_]+:( |$)|- \{)", re.MULTILINE)


def every_option() -> dict:
    """Read the template with the # taken away from every option."""
    return yaml.safe_load(OPTION.sub(r"\1\2\3", EXAMPLE.read_text(encoding="utf-8")))


def test_the_template_can_be_read_as_it_is() -> None:
    feeds = read_settings(EXAMPLE).source.nhs
    assert feeds is not None
    assert list(feeds.feeds) == [feed for feed in RAW_TABLES if feed in feeds.feeds]  # a team adds its own
    assert {feed for feed in RAW_TABLES if FEEDS[feed].family is not Family.OTHER_CARE} <= set(feeds.feeds)


def test_every_option_it_shows_exists_and_has_the_default_it_names() -> None:
    shown, plain = Settings.model_validate(every_option()), read_settings(EXAMPLE)
    assert set(every_option()) == set(Settings.model_fields)
    for section in ("conform", "clinical", "engine", "schedule", "upkeep"):
        assert getattr(shown, section) == getattr(plain, section), section
    for name in (
        "cohort",
        "outcome",
        "candidates",
        "gates",
        "bands",
        "capacity",
        "driver_bands",
        "drivers_not_shown",
        "rising_risk_step",
        "rising_risk_bands",
        "caseloads",
    ):
        assert getattr(shown.study, name) == getattr(plain.study, name), name
    assert shown.publish.postgres == PostgresSettings()
    shown_nhs, plain_nhs = shown.source.nhs, plain.source.nhs
    assert shown_nhs is not None and plain_nhs is not None
    assert shown_nhs.pseudonyms.model_copy(update={"key_file": None}) == plain_nhs.pseudonyms
    for feed, given in plain_nhs.feeds.items():
        assert shown_nhs.feeds[feed].load == given.load
        assert shown_nhs.lag_days(feed) == plain_nhs.lag_days(feed)
    validation = {name: getattr(shown.validation, name) for name in ("dummy_person_rows", "least_month_rows", "least_group_rows")}
    assert validation == {name: getattr(plain.validation, name) for name in validation}
