"""What recorded decisions state about the national data opt-out: in planning outputs, and in the training of models.

Care never excludes for it. Planning outputs exclude people with an opt-out unless a decision states that it does not apply. Whether
they train models is a rule that the approval states. Without such a decision the models train on everyone of the cohort.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from features.cohort import Use
from pipelines.lake.decision_record import NATIONAL_OPT_OUT, Decision, decisions_that_count
from pipelines.lake.storage import Lake

PLANNING, TRAINING = "planning", "training"
APPLIES, DOES_NOT_APPLY = "applies", "does not apply"
SUBJECT = re.compile(rf"(?P<covers>{PLANNING}|{TRAINING}):? (?P<rule>{APPLIES}|{DOES_NOT_APPLY})")


@dataclass(frozen=True)
class OptOutRule:
    """Whether people with a national data opt-out are excluded, and the decision that states it, if there is one."""

    excludes: bool
    decision: Decision | None = None


NO_RULE_FOR_TRAINING = OptOutRule(excludes=False)


def planning_rule(lake: Lake, today: date | None = None) -> OptOutRule:
    """Return the rule for planning outputs: they exclude people with an opt-out unless a decision that counts includes them."""
    return _rule(lake, PLANNING, True, today)


def training_rule(lake: Lake, today: date | None = None) -> OptOutRule:
    """Return the rule for training: people with an opt-out train the models unless a decision that counts excludes them."""
    return _rule(lake, TRAINING, False, today)


def use_of_opt_outs(lake: Lake, use: Use, today: date | None = None) -> Use:
    """Return the use whose opt-outs the cohort and the scores of a run apply.

    In a run for planning these are the type 1 opt-outs alone once a decision states that the national data opt-out does not apply.
    """
    return "finding_people_for_care" if use == "planning" and not planning_rule(lake, today).excludes else use


def subject_of_rule(covers: str, rule: str) -> str:
    """Return the subject under which a rule is recorded, such as 'planning: does not apply'."""
    return f"{covers}: {rule}"


def sentence_on_training(rule: OptOutRule) -> str:
    """Return what a page about a model says of people with a national data opt-out."""
    if rule.decision is None:
        return "People with a national data opt-out are in the training data if the cohort has them. No recorded decision states a rule for training."
    place = "not in the training data or the test set" if rule.excludes else "in the training data"
    return f"People with a national data opt-out are {place}: {reference_to(rule.decision)}."


def reference_to(decision: Decision) -> str:
    """Return how a page names a decision: its id, day and role, and its last day if it has one."""
    until = f", until {decision.expires}" if decision.expires else ""
    return f"decision {decision.decision_id} of {decision.day} by {decision.role}{until}"


def _rule(lake: Lake, covers: str, excludes: bool, today: date | None) -> OptOutRule:
    """Return the rule that the latest decision states, or `excludes` without one."""
    for decision in reversed(decisions_that_count(lake, NATIONAL_OPT_OUT, today)):
        stated = SUBJECT.fullmatch(decision.subject)
        if stated and stated["covers"] == covers:
            return OptOutRule(stated["rule"] == APPLIES, decision)
    return OptOutRule(excludes)
