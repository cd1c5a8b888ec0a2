"""Decisions recorded by a person: each is checked, bound to what was read, and applied by the stage that reads it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from expectations.sql_values import quote, quote_all
from expectations.suppression import IN_REVIEW
from expectations.tables.core import PERSON
from expectations.tables.decisions import KINDS
from expectations.tables.risk import MODELS
from models.candidates import BASELINE
from models.gates import declaration_of, label_of
from pipelines.conform.deaths import review_digest
from pipelines.errors import RefusalError
from pipelines.extracts.extract_records import current_extracts, read_extracts
from pipelines.extracts.held_files import held_files
from pipelines.lake.decision_record import (
    ACCEPTED_BREACH,
    APPROVAL,
    DEATH_REVIEW,
    LATE_DELIVERY,
    NATIONAL_OPT_OUT,
    WAIVER,
    WITHDRAWAL,
    Decision,
    all_decisions,
    decision_day,
    record,
)
from pipelines.run.deployment import Deployment
from pipelines.sources.extract_files import ExtractFile
from pipelines.stages import run_plan
from pipelines.stages.delivery_dates import digest_of_files
from pipelines.stages.publishing import withdraw_run
from pipelines.study.opt_out_rules import APPLIES, PLANNING, SUBJECT, subject_of_rule
from pipelines.study.settings import StudySettings
from pipelines.training.promotion import row_of_version
from pipelines.validation.accepted_breaches import breach_of, digest_of_delivery, subject_of

Summary = dict[str, Any]
VERSION = re.compile(r"(?P<study>[a-z0-9_]+)(?: version |[ /:])(?P<version>\d+)")
GATE_OF_VERSION = re.compile(r"(?P<study>[a-z0-9_]+)(?: version |[ /:])(?P<version>\d+)(?: gate | )(?P<gate>\w+)")
GATE_OF_CANDIDATE = re.compile(r"(?P<study>[a-z0-9_]+) candidate (?P<candidate>\w+) gate (?P<gate>\w+)")


@dataclass(frozen=True)
class DecisionRequest:
    """What a person asks to be recorded. `ends` names an earlier decision that this one replaces."""

    kind: str
    subject: str
    role: str
    reason: str
    expires: date | None = None
    ends: str = ""


@dataclass(frozen=True)
class Subject:
    """The subject of a decision as it is stored, with the digest of what was read, and what happens once it is recorded."""

    text: str
    digest: str
    then: Callable[[Decision], Summary] = lambda _: {}


def decide(deployment: Deployment, request: DecisionRequest) -> Summary:
    """Check and record a decision, and return its id and what follows. Raise RefusalError for one that cannot be made."""
    today = decision_day()
    _check(request, today)
    if request.kind == WITHDRAWAL:
        return _withdraw(deployment, request, today)
    subject = _SUBJECTS[request.kind](deployment, request)
    decision = Decision(
        request.kind, subject.text, request.role.strip(), request.reason.strip(), today, subject.digest, request.expires
    )
    recorded = record(deployment.lake, decision, request.ends)
    return {"decision": recorded.decision_id, "subject": recorded.subject, **subject.then(recorded)}


def _check(request: DecisionRequest, today: date) -> None:
    if request.kind not in KINDS:
        raise RefusalError(f"there is no decision of the kind '{request.kind}'; the kinds are {', '.join(KINDS)}")
    if not request.role.strip() or "@" in request.role:
        raise RefusalError(
            "a decision needs the role of the person who decided, such as --role 'Clinical safety officer'; never a name"
        )
    if not request.reason.strip():
        raise RefusalError("a decision needs a reason: add --reason with a sentence that an auditor understands")
    if request.expires is not None and request.expires < today:
        raise RefusalError(f"the last day, {request.expires}, is before today, {today}: give a later day with --expires")


def _approval(deployment: Deployment, request: DecisionRequest) -> Subject:
    found = VERSION.fullmatch(request.subject)
    if found is None:
        raise RefusalError(
            f"'{request.subject}' names no model: write the study and the version, such as 'emergency_admission version 3'"
        )
    study, row = _registered(deployment, found["study"], found["version"])
    if row["candidate"] == BASELINE:
        raise RefusalError(
            f"version {found['version']} is the baseline of age and sex, which is there to compare with and is not used"
        )
    if deployment.tracker.champion_version(study.name) == found["version"]:
        raise RefusalError(f"version {found['version']} of '{study.name}' is in use already: there is nothing to approve")
    text = f"{study.name} version {found['version']}"
    return Subject(text, row["model_digest"], lambda _: {"next": "the next scoring (strata score) makes it champion"})


def _accepted_breach(deployment: Deployment, request: DecisionRequest) -> Subject:
    breach = breach_of(request.subject, request.reason.strip())
    extracts = current_extracts(deployment.lake, breach.feed)
    delivery = [extract for extract in extracts if extract.extract_date == breach.delivery]
    if not delivery:
        days = sorted({extract.extract_date.isoformat() for extract in extracts})
        known = ", ".join(days[-5:]) or "none"
        raise RefusalError(f"there is no delivery of {breach.feed} dated {breach.delivery}; the latest are: {known}")
    return Subject(
        subject_of(breach), digest_of_delivery(delivery), lambda _: {"next": "the next run validates the delivery again"}
    )


def _late_delivery(deployment: Deployment, request: DecisionRequest) -> Subject:
    """Check the acceptance of a delivery that is held: it is placed by its date, and counts as known from today on."""
    feed, _, day = request.subject.strip().partition(" ")
    table = next((one for one in run_plan.raw_tables(deployment) if one.feed == feed), None)
    held: list[ExtractFile] = []
    if table is not None:
        files = [file for file in run_plan.landed_extracts(deployment) if file.feed == feed]
        encoding = run_plan.source(deployment).reading.feeds[feed].encoding
        held = [one.file for one in held_files(table, files, read_extracts(deployment.lake, feed), encoding)]
    delivery = [file for file in held if file.extract_date.isoformat() == day.strip()]
    if not delivery:
        known = ", ".join(sorted({f"'{feed} {file.extract_date}'" for file in held})) or "none"
        raise RefusalError(
            f"'{request.subject}' names no delivery that is held: write FEED DATE, such as 'admissions 2026-01-01'; held: {known}"
        )
    return Subject(f"{feed} {day.strip()}", digest_of_files(delivery), lambda _: {"next": "the next run takes the delivery in"})


def _waiver(deployment: Deployment, request: DecisionRequest) -> Subject:
    """Check a waiver: of a gate without enough data to decide, or of a leak alarm. It is shown with the model and changes no answer."""
    if request.expires is None:
        raise RefusalError("a waiver ends: add --expires with its last day, such as --expires 2026-12-31")
    study, row, who = _candidate(deployment, request.subject)
    gate = request.subject.rpartition(" ")[2]
    answers = {answer["gate"]: answer["answer"] for answer in json.loads(row["gates"])}
    if gate not in answers:
        raise RefusalError(f"this model was not asked the gate '{gate}'; its gates are {', '.join(sorted(answers))}")
    declared = declaration_of(gate)
    is_alarm = declared is not None and declared[0].leak_alarm and answers[gate] != "pass"
    if answers[gate] != "cannot_tell" and not is_alarm:
        raise RefusalError(
            f"'{label_of(gate)}' cannot be waived: a waiver is for a gate without enough data to decide, or for a leak alarm"
        )

    def show(decision: Decision) -> Summary:
        shown = f"waived until {decision.expires} by {decision.role}: {decision.reason}"
        deployment.tracker.record_waiver(row["mlflow_run_id"], gate, shown)
        return {"gate": label_of(gate)}

    return Subject(f"{study.name} {who} gate {gate}", row["model_digest"], show)


def _death_review(deployment: Deployment, request: DecisionRequest) -> Subject:
    """Check a decision that a person whose death is in review is alive; the subject is the pseudonym."""
    where = f"person_id = {quote(request.subject.strip())} AND suppression IN ({quote_all(IN_REVIEW)})"
    found = deployment.lake.read_or_empty(PERSON, "person_key, death_in_review", where).to_pylist()
    if not found:
        raise RefusalError(
            f"no death of '{request.subject}' is in review: write the pseudonym (person_id) of a person whose suppression in core__person "
            f"is '{IN_REVIEW[0]}' or '{IN_REVIEW[1]}'"
        )
    key, day = found[0]["person_key"], found[0]["death_in_review"]
    return Subject(f"person {key}", review_digest(key, day), lambda _: {"next": "the next run treats the person as alive"})


def _national_opt_out(deployment: Deployment, request: DecisionRequest) -> Subject:
    """Check a rule for people with a national data opt-out, in planning outputs or in training."""
    stated = SUBJECT.fullmatch(request.subject.strip())
    if stated is None or (stated["covers"], stated["rule"]) == (PLANNING, APPLIES):
        raise RefusalError(
            f"'{request.subject}' states no rule: write 'planning: does not apply', 'training: applies' or 'training: does not apply'. Planning outputs "
            "exclude people with a national data opt-out without a decision; to end a decision, withdraw it by its decision_id"
        )
    if stated["covers"] == PLANNING and request.expires is None:
        raise RefusalError(
            "an approval under which the national data opt-out does not apply ends: add --expires with its last day, such as --expires 2026-12-31"
        )
    text, covers = subject_of_rule(stated["covers"], stated["rule"]), stated["covers"]
    return Subject(text, "", lambda _: {"next": f"the next run applies the rule for {covers}"})


def _withdraw(deployment: Deployment, request: DecisionRequest, today: date) -> Summary:
    """Withdraw a run, or end an earlier decision that the subject names."""
    lake, subject = deployment.lake, request.subject.strip()
    if subject in {one.decision_id for one in all_decisions(lake)}:
        decision = Decision(
            WITHDRAWAL, f"decision {subject}", request.role.strip(), request.reason.strip(), today, expires=request.expires
        )
        return {"decision": record(lake, decision, subject).decision_id, "ended": subject}
    if request.ends or request.expires:
        raise RefusalError("a withdrawal of a run ends no decision and does not expire: leave out --ends and --expires")
    return withdraw_run(deployment, subject, request.reason, request.role)


def _candidate(deployment: Deployment, subject: str) -> tuple[StudySettings, dict[str, Any], str]:
    """Return the study, the candidate's row of risk__models and how it is named, of a subject that names a gate."""
    if found := GATE_OF_VERSION.fullmatch(subject):
        study, row = _registered(deployment, found["study"], found["version"])
        return study, row, f"version {found['version']}"
    if found := GATE_OF_CANDIDATE.fullmatch(subject):
        study = _study(deployment, found["study"])
        where = f"outcome = {quote(study.outcome.name)} AND candidate = {quote(found['candidate'])}"
        rows = deployment.lake.read_or_empty(MODELS, where=where, order="recorded_at DESC LIMIT 1").to_pylist()
        if not rows:
            raise RefusalError(
                f"no training of '{study.name}' has a candidate '{found['candidate']}': read the column candidate of risk__models"
            )
        return study, rows[0], f"candidate {found['candidate']}"
    raise RefusalError(
        f"'{subject}' names no gate of a model: write 'STUDY version 3 gate calibration_slope', or for a candidate that was not registered "
        "'STUDY candidate lightgbm gate auroc_alarm'"
    )


def _registered(deployment: Deployment, name: str, version: str) -> tuple[StudySettings, dict[str, Any]]:
    study = _study(deployment, name)
    row = row_of_version(deployment.lake, study.outcome.name, version)
    if row is None:
        where = f"outcome = {quote(study.outcome.name)} AND model_version IS NOT NULL"
        rows = deployment.lake.read_or_empty(MODELS, "model_version", where).to_pylist()
        known = ", ".join(sorted((str(one["model_version"]) for one in rows), key=int)) or "none"
        raise RefusalError(f"there is no version {version} of '{name}'; the versions are: {known}")
    return study, row


def _study(deployment: Deployment, name: str) -> StudySettings:
    studies = {study.name: study for study in deployment.settings.study.each}
    if name not in studies:
        raise RefusalError(f"there is no study '{name}' in this configuration; the studies are {', '.join(studies)}")
    return studies[name]


_SUBJECTS: dict[str, Callable[[Deployment, DecisionRequest], Subject]] = {
    APPROVAL: _approval,
    ACCEPTED_BREACH: _accepted_breach,
    LATE_DELIVERY: _late_delivery,
    WAIVER: _waiver,
    DEATH_REVIEW: _death_review,
    NATIONAL_OPT_OUT: _national_opt_out,
}
