"""The template for an ICB's own extracts shows existing options with their defaults."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel

from expectations.catalogue import RAW_TABLES
from expectations.feeds import FEEDS, Family
from pipelines.postgres.settings import PostgresSettings
from pipelines.run.settings import Settings, read_settings

EXAMPLE = Path(__file__).parents[4] / "config" / "nhs_example.yaml"
OPTION = re.compile(r"^( *)# ?( *)([a-z0-9_]+:( |$)|- \{)", re.MULTILINE)


def every_option() -> dict:
    """Read the template with the # removed from every option."""
    return yaml.safe_load(OPTION.sub(r"\1\2\3", EXAMPLE.read_text(encoding="utf-8")))


def test_the_template_is_a_valid_configuration() -> None:
    feeds = read_settings(EXAMPLE).source.nhs
    assert feeds is not None
    assert list(feeds.feeds) == [feed for feed in RAW_TABLES if feed in feeds.feeds]  # a team adds its own
    assert {feed for feed in RAW_TABLES if FEEDS[feed].family is not Family.OTHER_CARE and not FEEDS[feed].part_of} <= set(
        feeds.feeds
    )


def test_every_option_of_the_template_exists_and_has_its_default() -> None:
    shown, plain = Settings.model_validate(every_option()), read_settings(EXAMPLE)
    assert set(every_option()) == set(Settings.model_fields)
    for section in ("conform", "clinical", "engine", "schedule", "upkeep"):
        assert getattr(shown, section) == getattr(plain, section), section
    for name in (
        "cohort",
        "feature_families",
        "outcome",
        "candidates",
        "code_level",
        "gates",
        "bands",
        "capacity",
        "driver_bands",
        "drivers_per_person",
        "drivers_not_shown",
        "seed",
        "rising_risk_step",
        "rising_risk_bands",
        "caseloads",
    ):
        assert getattr(shown.study, name) == getattr(plain.study, name), name
    assert shown.publish.postgres == PostgresSettings()
    shown_nhs, plain_nhs = shown.source.nhs, plain.source.nhs
    assert shown_nhs is not None and plain_nhs is not None
    assert shown_nhs.pseudonyms.model_copy(update={"key_file": None}) == plain_nhs.pseudonyms
    for feed, settings in plain_nhs.feeds.items():
        assert shown_nhs.feeds[feed].load == settings.load
        assert shown_nhs.lag_days(feed) == plain_nhs.lag_days(feed)
    assert shown.validation.model_copy(update={"limits": {}, "accepted": ()}) == plain.validation
    assert shown.study.validation == plain.study.validation


# Keys that the template does not show, with the reason.
NOT_SHOWN = {
    "source.omop": "another source: config/mimic_demo.yaml",
    "source.feature_table": "another source: config/diabetes130.yaml",
    "source.synthetic": "another source: config/demo.yaml",
    "study.validation.kind": "extracts are always evaluated by time",
    "study.validation.split_column": "only a ready-made table has such a column",
    "study.validation.train_values": "values of that column",
    "study.validation.test_values": "values of that column",
}


def models_of(annotation: Any) -> list[type[BaseModel]]:
    """Return the models of settings in a type, such as those of a list or of a choice."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in models_of(part)]


def keys_not_in_template(model: type[BaseModel], path: str = "") -> Iterator[str]:
    """Yield each key that has no line in the template; a study in `also` has the keys of `study`."""
    shown = keys_below(every_option(), path.split(".") if path else [])
    for name, field in model.model_fields.items():
        key = f"{path}.{name}" if path else name
        if name not in shown:
            yield key
        elif key != "study.also":
            for section in models_of(field.annotation):
                if any(keys_below(every_option(), key.split("."))):
                    yield from keys_not_in_template(section, key)


def keys_below(content: Any, path: list[str]) -> set[str]:
    """Return the keys that a section has, in any of its entries."""
    if isinstance(content, list):
        return set().union(*(keys_below(entry, path) for entry in content))
    if not isinstance(content, dict):
        return set()
    if path and path[0] in content:
        return keys_below(content[path[0]], path[1:])
    if path or content.keys() <= set(RAW_TABLES):  # a section for each feed
        return set().union(*(keys_below(entry, path) for entry in content.values() if isinstance(entry, (dict, list))))
    return set(content)


def test_every_key_of_an_nhs_deployment_is_in_the_template() -> None:
    missing = set(keys_not_in_template(Settings))
    assert missing - set(NOT_SHOWN) == set(), "add these keys with their default to config/nhs_example.yaml"
    assert set(NOT_SHOWN) - missing == set(), "these keys are shown: remove them from NOT_SHOWN"
