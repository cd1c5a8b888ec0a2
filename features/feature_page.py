"""The page of the features, written from the catalogue: `python -m features.feature_page` writes docs/features.md."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from features.catalogue import DEFINED_HERE, Catalogue, build_catalogue
from features.code_lists import CodeList, load_code_lists
from features.declaration import EVER_NEEDS_DAYS, Feature
from features.outcomes import OUTCOMES

FILE = Path(__file__).parents[1] / "docs" / "features.md"
EDITION = 2025
DEPRIVATION = "◆"
HEAD = f"""# Features

Written from the catalogue in `features/` by `make docs`; do not edit it. `features__catalogue` holds the same for a
deployment, with what was not computed and why.

Every feature looks back from the index date: it uses what happened before that day *and* was known before it. `<days>` in a
name stands for each of the windows given; a window of 365 counts from the day before the index date back to 365 days before
it. A feature is null, never 0, where a feed it needs is absent or does not cover its window; one without a window needs
{EVER_NEEDS_DAYS} days. Features marked {DEPRIVATION} tell how deprived the area is: the candidates without deprivation leave
them out. Features of the Indices of Deprivation are shown with the {EDITION} edition; the settings may name 2019."""


def feature_page(catalogue: Catalogue) -> str:
    """Give the page as Markdown: a section for each family, then the code lists."""
    lines = [HEAD, "", f"{len(catalogue.features)} features in {len(_families(catalogue))} families."]
    for family, features in _families(catalogue).items():
        lines += ["", f"## {family.replace('_', ' ').capitalize()}", ""]
        lines += [
            "| feature | what it is | statistic | windows (days) | needs | unit | source |",
            "|---|---|---|---|---|---|---|",
        ]
        lines += [_row(alike) for alike in _alike(features)]
    lines += ["", "## Outcomes", "", *_outcomes(catalogue), "", "## Code lists", "", *_code_lists(catalogue.code_lists.values())]
    return "\n".join(lines) + "\n"


def _families(catalogue: Catalogue) -> dict[str, list[Feature]]:
    families: dict[str, list[Feature]] = {}
    for feature in catalogue.features:
        families.setdefault(feature.family, []).append(feature)
    return families


def _alike(features: Iterable[Feature]) -> Iterable[list[Feature]]:
    """Put features together that differ in their window alone."""
    groups: dict[tuple[str, ...], list[Feature]] = {}
    for feature in features:
        told = (_name(feature), feature.statistic, feature.unit, feature.source, *_what(feature), *feature.feeds)
        groups.setdefault(told, []).append(feature)
    return groups.values()


def _row(alike: list[Feature]) -> str:
    first = alike[0]
    windows = ", ".join(f"{feature.window_days:,}" for feature in alike if feature.window_days)
    mark = f" {DEPRIVATION}" if first.uses_deprivation else ""
    name = _name(first) if len(alike) > 1 else first.name
    feeds = ", ".join(f"`{feed}`" for feed in first.feeds)
    what = ". ".join(_what(first))
    cells = [f"`{name}`{mark}", what, first.statistic.replace("_", " "), windows, feeds, first.unit, first.source or DEFINED_HERE]
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


def _name(feature: Feature) -> str:
    return feature.name.replace(f"_{feature.window_days}d", "_<days>d") if feature.window_days else feature.name


def _what(feature: Feature) -> tuple[str, ...]:
    """Give the label without its window, and what the description adds."""
    label, description = feature.label.rstrip("."), feature.description.rstrip(".")
    said = (label, description) if description and description != label else (label,)
    return tuple(words.removesuffix(f", last {feature.window_days} days") for words in said)


RULES_OF_LABELS = """What `study.outcome` may name, and what its settings are unless given. Time at risk starts the day after the index
date and ends with the horizon, with death, or with the last day on the list: nothing counts after it, so that whoever leaves is
treated alike with the outcome and without. A registration that ends within 30 days before death was ended by it; a gap of up to 30
days is a move of practice.

* **Death** without the outcome competes: the label is 0 (`on_death: counts` makes it the outcome). `composite_label` counts the
  outcome and any death, and always stands beside it.
* **Leaving** the list alive and without the outcome: no label (`on_leaving: censored`). Those who stay stand for the leavers by
  inverse-probability-of-censoring weights: 1 over the Kaplan-Meier share still on the list just before the day their own
  follow-up ended. `not_at_risk` leaves them out, with the reason; `followed` counts what happened after leaving too.
* **Not at risk**, with the reason in `risk__labels`: who had the outcome in the washout up to and on the index date, who is new on
  the list, and, for a first diagnosis, whose GP record does not cover the year before the index date and the horizon.
* An outcome that nobody at risk has stops the run, and says which feed and codes were looked for.

An OMOP source may name a `COHORT` of its own instead (`source.omop.outcome_cohort_id`)."""


def _outcomes(catalogue: Catalogue) -> Iterator[str]:
    yield RULES_OF_LABELS
    yield from (
        "",
        "| outcome | what it is | looked for in | by | horizon (days) | washout (days) | days on the list |",
        "|---|---|---|---|---|---|---|",
    )
    for name, outcome in OUTCOMES.items():
        lists = (outcome.code_list, *(outcome.beside or ())) if outcome.code_list else ()
        if outcome.concept:
            lists = catalogue.concepts[outcome.concept].code_lists
        by = (
            "code lists " + ", ".join(f"`{one}`" for one in lists)
            if lists
            else outcome.words or (outcome.concept or "day of death").replace("_", " ")
        )
        feeds = ", ".join(f"`{feed}`" for feed in outcome.feeds)
        yield f"| `{name}` | {outcome.label} | {feeds} | {by} | {outcome.horizon_days} | {outcome.washout_days} | {outcome.minimum_days_on_list} |"


def _code_lists(lists: Iterable[CodeList]) -> Iterator[str]:
    yield "One line of `features/codelists/*.csv` for each code, with its description and source; a version tells what a list covers. A team's "
    yield "own folder (`study.code_lists`) may add lists, or replace one by its name."
    yield from ("", "| list | version | codes | source |", "|---|---|---|---|")
    for one in sorted(lists, key=lambda one: one.name):
        systems = dict.fromkeys(entry.system for entry in one.entries)
        counts = ", ".join(f"{len(one.codes(system))} {system}" for system in systems)
        sources = "; ".join(dict.fromkeys(entry.source for entry in one.entries))
        yield f"| `{one.name}` | {one.version} | {counts} | {sources.replace('|', '/')} |"


if __name__ == "__main__":
    FILE.write_text(feature_page(build_catalogue(load_code_lists(), EDITION)), encoding="utf-8")
