"""What every page with a planning output says of people with a national data opt-out: their share, or the decision that includes them."""

from __future__ import annotations

from pipelines.building.planning_population import EXCLUDED, INCLUDED, population_of
from pipelines.lake.decision_record import all_decisions
from pipelines.lake.storage import Lake
from pipelines.study.opt_out_rules import reference_to

BECAUSE = "because of the national data opt-out"
LEAST_SHARE = 0.0005  # rounds to 0.1%


def sentence_on_planning(lake: Lake, period: str) -> str:
    """Return the sentence for the planning outputs of a period: an index date, or the year of the index dates."""
    population = population_of(lake, period)
    if population is None:
        return f"It is not recorded how many people are excluded {BECAUSE}. Run the pipeline again."
    rule, share = population["opt_out_rule"], float(population["share_excluded"])
    if rule == EXCLUDED:
        return f"{_part(share)} excluded {BECAUSE}."
    if rule == INCLUDED:
        return f"No one is excluded {BECAUSE}: it does not apply to planning outputs, by {_reference(lake, population['decision_id'])}."
    return f"No one is excluded {BECAUSE}: no feed delivered national data opt-outs, so it is not known who has one."


def _part(share: float) -> str:
    if not share:
        return "No one is"
    return "Fewer than 0.1% of people are" if share < LEAST_SHARE else f"{share:.1%} of people are"


def _reference(lake: Lake, decision_id: str) -> str:
    """Return how the page names the decision; its id alone if the record of decisions lacks it."""
    found = [one for one in all_decisions(lake) if one.decision_id == decision_id]
    return reference_to(found[0]) if found else f"decision {decision_id}"
