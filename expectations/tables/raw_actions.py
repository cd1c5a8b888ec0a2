"""The feed of actions: what teams did for the people on their review lists, in a format that Strata defines."""

from __future__ import annotations

from expectations.identifier_schemes import ODS_PRACTICE, Scheme
from expectations.table import Action, Column, Kind, Lost, RowRule, Table
from expectations.tables.raw_common import YES_NO, code, event_date, person, raw_table

DECISIONS = ("ACCEPTED", "DECLINED")
REASONS = (
    "ALREADY_SUPPORTED", "END_OF_LIFE", "IN_HOSPITAL", "CARE_HOME", "LEFT_OR_DIED", "DATA_WRONG", "NO_GAIN_EXPECTED", "PERSON_DECLINED",
    "NOT_REACHED", "NO_CAPACITY", "OTHER",
)  # fmt: skip
ACTIONS_TAKEN = (
    "NONE", "CONTACT", "REVIEW", "CARE_PLAN", "CASE_MANAGEMENT", "MEDICATION_REVIEW", "SOCIAL_PRESCRIBING", "REMOTE_MONITORING", "REFERRAL",
    "OTHER",
)  # fmt: skip

# Codes and dates only: free text would contain names and diagnoses that are not needed.
ACTIONS: Table = raw_table(
    "actions",
    "What a team of a practice or neighbourhood did for each person on the review list of a published run: one row for each decision or action.",
    (
        Column("record_id", Kind.IDENTIFIER, "The sender's record number.", nullable=False, on_violation=Action.SET_ASIDE,
               source="RECORD_ID", required_in_file=True, scheme=Scheme.RECORD),
        Column("run_id", Kind.IDENTIFIER, "The run_id in risk__runs of the team's review list.", nullable=False,
               pattern=r"[0-9a-f]{8,64}", on_violation=Action.SET_ASIDE, source="RUN_ID", required_in_file=True),
        person("PERSON_ID"),
        Column("practice_code", Kind.CODE, "ODS code of the practice.", nullable=False, pattern=ODS_PRACTICE,
               on_violation=Action.SET_ASIDE, source="PRACTICE_CODE", required_in_file=True),
        code("listed", "LISTED", "The person was on the team's review list.", YES_NO, lost=Lost.UNKNOWN),
        code("reviewed", "REVIEWED", "The team reviewed the person's record.", YES_NO, lost=Lost.UNKNOWN),
        code("decision", "DECISION", "ACCEPTED or DECLINED. Empty where there is no decision yet.", DECISIONS),
        code("reason", "REASON", "Why the person was declined.", REASONS),
        code("action", "ACTION", "The action.", ACTIONS_TAKEN),
        event_date("action_date", "ACTION_DATE", "Day of the action, or of the decision where there was no action."),
        Column("end_date", Kind.DATE, "Last day on the team's caseload. Empty while the person is on it.", source="END_DATE", lost=Lost.UNKNOWN),
    ),
    ("practice_code", "record_id"),
    event_date="action_date",
    available="action_date",
    row_rules=(
        RowRule("caseload_ends_before_action", "end_date < action_date", Action.NULLED, "The last day on the caseload is before the action.",
                ("end_date",), defect=6),
        RowRule("declined_without_reason", "decision = 'DECLINED' AND reason IS NULL", Action.FLAGGED,
                "The person was declined and the row has no reason.", ("reason",), defect=11),
    ),
)  # fmt: skip
