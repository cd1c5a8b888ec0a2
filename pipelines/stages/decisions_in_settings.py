"""The decisions that a configuration holds, imported once into the record of decisions at the start of a run."""

from __future__ import annotations

from datetime import date

from pipelines.lake.decision_record import ACCEPTED_BREACH, APPROVAL, Decision, decision_day, import_once
from pipelines.run.deployment import Deployment
from pipelines.validation.accepted_breaches import decision_of_settings

# The kind of decision as which a setting is recorded.
IMPORTED_AS = {"study.approval": APPROVAL, "study.also.*.approval": APPROVAL, "validation.accepted": ACCEPTED_BREACH}


def import_decisions(deployment: Deployment, today: date | None = None) -> int:
    """Record the approvals and accepted breaches of the settings that were not recorded before; return how many were new.

    An approval from the settings is for a study and for no version of its model. To remove a decision from the settings does not
    end it: a later decision does (`strata decide ... --ends`).
    """
    settings, day = deployment.settings, today or decision_day()
    approvals = [
        Decision(APPROVAL, study.name, study.approval.role, study.approval.reason, study.approval.day)
        for study in settings.study.each
        if study.approval is not None
    ]
    breaches = [decision_of_settings(breach, day) for breach in settings.validation.accepted]
    return import_once(deployment.lake, approvals, dated=True) + import_once(deployment.lake, breaches, dated=False)
