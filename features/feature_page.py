"""Write docs/features.md from the feature catalogue: `python -m features.feature_page`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from expectations.age import BIRTH_BY_MONTH, BY_THE_CALENDAR, DAYS_PER_YEAR
from expectations.time_window import in_the_last
from features import definition_lines
from features.analytes import ANALYTES
from features.catalogue import DEFINED_HERE, Catalogue, build_catalogue
from features.code_lists import load_code_lists
from features.declaration import EVER_NEEDS_DAYS, Feature
from features.diagnosis_rules import lists_of
from features.outcomes import OUTCOMES
from features.periods import MOVE_GAP_DAYS, STAY_DAYS

FILE = Path(__file__).parents[1] / "docs" / "features.md"
EDITION = 2025
DEPRIVATION = "◆"
HEAD = f"""# Features

`make docs` writes this page from the catalogue in `features/`: do not edit it. The table `features__catalogue` has the same content for a
deployment, with the features that were not computed and the reason.

* **What counts.** A feature uses events that happened before the index date *and* were known before it.
* **Windows.** `<days>` in a name means each of the windows in the table. A window of 365 days starts 365 days before the index date and
  ends the day before it. Labels round windows: 90 days are 3 months, 180 days 6 months, 365 days 12 months, 730 days 2 years and
  1,095 days 3 years.
* **Missing values.** A feature is null, never 0, where a feed that it needs is absent or does not cover its window. A feature without a window
  needs {EVER_NEEDS_DAYS} days. Days since the last event are null as well where the feeds do not cover the window: an earlier event may be absent
  from the data. `strata why` shows for a person whether a null means no event or no data.
* **Registered.** A person counts as registered on an index date within a registration, and in a gap of up to {MOVE_GAP_DAYS} days between
  two registrations: that is a move between practices. During a move the practice is the one that the person left, because its record covers
  the time before the index date. A registration that ended without a later one means that the person left.
* **A gap is seen only afterwards.** On a training date the later registration is known by now. On the scoring date it is not known yet, and a
  person in a gap is not scored until the new practice sends the registration. So training has a few rows that scoring never has. They are few:
  where 10% of people move in a year and every gap is {MOVE_GAP_DAYS} days long, 0.8% of the rows, and with gaps of three days 0.1%. These people are
  known to register again, and so to be alive at the end of the gap. Strata keeps them, because a model without them would learn from fewer
  people who move.
* **Index discharges.** With `study.cohort.kind: discharges` an index event is a discharge after which the person is at home. It is not one
  if the person is in another spell that began by that day and ends after it, or is still open: a planned stay around an emergency, or an
  admission on the day of the discharge. The reason: a person in bed cannot be admitted again from home, and the team that would act is the
  ward. A spell counts as open for {STAY_DAYS} days at most. Regular attendances do not count as another spell. Of a spell that is joined by
  transfers the discharge from its last stay counts. A discharge whose stay was withdrawn is no index event, also on past dates: it did not happen.
* **Ages.** {BY_THE_CALENDAR}.
  {BIRTH_BY_MONTH},
  but from no later than the index date. Every age, band and limit of ages uses this formula (`expectations/age.py`).
* **Durations in years.** The years since a first diagnosis and the years with a practice are no ages. They are days divided by {DAYS_PER_YEAR}.
* **Deprivation.** Features with the sign {DEPRIVATION} use the deprivation of the area. Candidates without deprivation exclude them. The table
  shows the {EDITION} edition of the Indices of Deprivation, and the settings may choose 2019.
* **Code lists.** [Code lists](code-lists.md) has the size, source, version and licence of each, and how a team brings its own.
* **Terms.** The [glossary](glossary.md) explains them."""


def feature_page(catalogue: Catalogue) -> str:
    """Return the page as Markdown: a section for each family, then definitions, units and outcomes."""
    lines = [HEAD, "", f"{len(catalogue.features)} features in {len(_families(catalogue))} families."]
    for family, features in _families(catalogue).items():
        lines += ["", f"## {family.replace('_', ' ').capitalize()}", ""]
        lines += [
            "| feature | what it is | statistic | windows (days) | needs | unit | source |",
            "|---|---|---|---|---|---|---|",
        ]
        lines += [_row(alike) for alike in _alike(features)]
    for title, section in (
        ("Events and their days", definition_lines.events(catalogue)),
        ("Concepts", definition_lines.concepts(catalogue)),
        ("Statistics", definition_lines.statistics()),
        ("Ties", [definition_lines.RULES_OF_TIES]),
        ("Hospital spells", [definition_lines.RULES_OF_SPELLS]),
        ("Units of measured values", _units()),
        ("Outcomes", _outcomes(catalogue)),
    ):
        lines += ["", f"## {title}", "", *section]
    return "\n".join(lines) + "\n"


def _families(catalogue: Catalogue) -> dict[str, list[Feature]]:
    families: dict[str, list[Feature]] = {}
    for feature in catalogue.features:
        families.setdefault(feature.family, []).append(feature)
    return families


def _alike(features: Iterable[Feature]) -> Iterable[list[Feature]]:
    """Return groups of features that differ only in their window."""
    groups: dict[tuple[str, ...], list[Feature]] = {}
    for feature in features:
        row = (_name(feature), feature.statistic, feature.unit, feature.source, *_what(feature), *feature.feeds)
        groups.setdefault(row, []).append(feature)
    return groups.values()


def _row(alike: list[Feature]) -> str:
    first = alike[0]
    windows = ", ".join(f"{feature.window_days:,}" for feature in alike if feature.window_days)
    sign = f" {DEPRIVATION}" if first.uses_deprivation else ""
    name = _name(first) if len(alike) > 1 else first.name
    feeds = ", ".join(f"`{feed}`" for feed in first.feeds)
    what = ". ".join(_what(first))
    cells = [f"`{name}`{sign}", what, first.statistic.replace("_", " "), windows, feeds, first.unit, first.source or DEFINED_HERE]
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


def _name(feature: Feature) -> str:
    return feature.name.replace(f"_{feature.window_days}d", "_<days>d") if feature.window_days else feature.name


def _what(feature: Feature) -> tuple[str, ...]:
    """Return the label and the description, without the window."""
    label, description = feature.label.rstrip("."), feature.description.rstrip(".")
    texts = (label, description) if description and description != label else (label,)
    window = f" {in_the_last(feature.window_days)}" if feature.window_days else ""
    return tuple(text.removesuffix(window) for text in texts)


RULES_OF_UNITS = """Values of the GP record are read in the unit that was sent, and stored in the unit of the measurement. Spellings of a unit that differ in
letter case, spaces or brackets are the same. `features/analytes.py` declares units, ranges and spellings.

* **No unit sent.** The value is used if it is plausible in one unit alone and the table marks that unit as assumed. Otherwise it is set aside.
* **Set aside.** A value is not used if its unit is not known, is of another quantity or contradicts the value, or if the value is not plausible.
  The entry still counts as a measurement.
* **Swapped pressures.** A systolic pressure that is not above the diastolic pressure of the same person, practice and day is no reading. The
  two values are exchanged if that makes a clear reading, and set aside otherwise. Both must be known since the same day.
* **Limits of measurement.** A limit such as >90 or <5 is read as 90 or 5, the nearest value that is known. Without it an older value would count
  as the latest. `core__quarantine` counts such entries (`limit_of_measurement`).
* **Counts.** `monitoring__units` counts each result for each practice.

| measurement | unit | sent in | plausible values | conversion | assumed without a unit |
|---|---|---|---|---|---|"""


def _units() -> Iterator[str]:
    """Return the rules of units, with a row for each unit of each measurement."""
    yield RULES_OF_UNITS
    for analyte in ANALYTES.values():
        for reading in analyte.readings:
            offset = f" {'-' if reading.offset < 0 else '+'} {abs(reading.offset):.6g}" if reading.offset else ""
            conversion = f"value × {reading.factor:.6g}{offset}" if reading.converts else ""
            cells = [
                analyte.label,
                analyte.unit,
                reading.unit,
                f"{reading.low:,g} to {reading.high:,g}",
                conversion,
                "yes" if reading.assumed else "",
            ]
            yield f"| {' | '.join(cells)} |"


RULES_OF_LABELS = f"""The table shows the names that `study.outcome` may use, with the defaults of their settings.

Time at risk starts the day after the index date. It ends with the horizon, with death or with the last day on the registered list. Nothing
counts after it, so that leavers with the outcome and leavers without it are treated in the same way. A registration that ends within
{MOVE_GAP_DAYS} days before a death ends by death. A gap of up to {MOVE_GAP_DAYS} days between registrations is a move between practices.

* **Death without the outcome** is a competing event: the label is 0. With `on_death: counts` it is the outcome. `composite_label` counts the
  outcome and any death, and is always reported next to the outcome.
* **Leaving the registered list** alive and without the outcome: the person has no label (`on_leaving: censored`). People who stay represent
  the leavers by inverse probability of censoring weights. The weight is 1 divided by the Kaplan-Meier share of people who are still
  registered just before the day their follow-up ended. With `not_at_risk` leavers are excluded, with the reason. With `followed` events
  after leaving count as well.
* **Not at risk**: people with the outcome in the washout, which includes the index date, and people who are new on the registered list. For a
  first diagnosis, also people whose GP record does not cover the year before the index date and the horizon. `risk__labels` has the reason.
* **No events**: if no person at risk has the outcome, the run stops and names the feed and codes that it searched for.

An OMOP source may name a `COHORT` instead (`source.omop.outcome_cohort_id`)."""


def _outcomes(catalogue: Catalogue) -> Iterator[str]:
    yield RULES_OF_LABELS
    yield from (
        "",
        "| outcome | what it is | feeds | found by | horizon (days) | washout (days) | days on the registered list |",
        "|---|---|---|---|---|---|---|",
    )
    for name, outcome in OUTCOMES.items():
        lists = lists_of(outcome.diagnoses)
        if outcome.concept:
            lists = catalogue.concepts[outcome.concept].code_lists
        criterion = (
            "code lists " + ", ".join(f"`{one}`" for one in lists)
            if lists
            else outcome.spells_text or (outcome.concept or "day of death").replace("_", " ")
        )
        feeds = ", ".join(f"`{feed}`" for feed in outcome.feeds)
        yield f"| `{name}` | {outcome.label} | {feeds} | {criterion} | {outcome.horizon_days} | {outcome.washout_days} | {outcome.minimum_days_on_list} |"


if __name__ == "__main__":
    FILE.write_text(feature_page(build_catalogue(load_code_lists(), EDITION)), encoding="utf-8")
