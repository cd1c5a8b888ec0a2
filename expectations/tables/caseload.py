"""Review lists, rising risk, the actions of teams, and the number of people of each reason for exclusion."""

from __future__ import annotations

from expectations.table import Column, Kind, Purpose, Table

_RUN = Column("run_id", Kind.IDENTIFIER, "The run.", nullable=False)
_OUTCOME = Column("outcome", Kind.TEXT, "The outcome.", nullable=False)
_PERSON = Column("person_id", Kind.IDENTIFIER, "The person's pseudonym.", nullable=False)
_EVENT = Column("index_event_id", Kind.IDENTIFIER, "The index event.", nullable=False)
_PRACTICE = Column("practice_code", Kind.CODE, "Practice on the index date.")
_AGE_GROUP = Column(
    "age_group", Kind.TEXT, "0-17, 18-64, 65+ or not known; each age group has a separate review list.", nullable=False
)


def _contact(name: str, what: str) -> Column:
    return Column(name, Kind.DATE, f"Last {what} before the index date. Null where there is none.")


CASELOAD = Table(
    "risk__caseload",
    "The review lists: for each practice or neighbourhood, the people of highest risk of each age group up to its capacity. It also has the "
    "people whom a practice could expect on its list and who are not on it, with the reason.",
    (
        _RUN,
        _OUTCOME,
        Column("place_kind", Kind.TEXT, "practice_code, pcn_code, neighbourhood_code or sub_icb_code.", nullable=False),
        Column("place_code", Kind.CODE, "The practice or neighbourhood.", nullable=False),
        _AGE_GROUP,
        _PERSON,
        _EVENT,
        _PRACTICE,
        Column("listed", Kind.BOOLEAN, "The person is on the review list.", nullable=False),
        Column("list_rank", Kind.INTEGER, "Place on the review list of the age group. 1 is the highest risk. Null where not listed."),
        Column("absent_reason", Kind.TEXT, "Why a person with this risk, or from the previous list, is not listed. Null where listed."),
        Column("risk", Kind.NUMBER, "Calibrated probability of the outcome. Null where the run has no score for the person.", minimum=0, maximum=1),
        Column("risk_band", Kind.TEXT, "Band of the risk, by fixed cut points."),
        Column("risk_change", Kind.NUMBER, "Risk minus the risk in the previous run."),
        Column("listed_before", Kind.BOOLEAN, "The person was on the review list of the previous published run. Null where there is none."),
        Column("end_of_life", Kind.BOOLEAN, "Same as in risk__scores."),
        Column("in_hospital_now", Kind.BOOLEAN, "Same as in risk__scores."),
        Column("care_home", Kind.BOOLEAN, "Same as in risk__scores."),
        Column("on_caseload", Kind.BOOLEAN, "Same as in risk__scores."),
        Column("coverage", Kind.TEXT, "full, or the feeds that do not cover the person. Their last contacts are not known."),
        _contact("last_emergency_admission", "emergency admission"),
        _contact("last_ae_attendance", "A&E attendance"),
        _contact("last_outpatient_visit", "attended outpatient appointment"),
        _contact("last_gp_contact", "contact with the practice"),
    ),
    ("run_id", "outcome", "place_code", "person_id"),
    partitioned_by=("run_id",),
    purpose=Purpose.CARE,
)  # fmt: skip

RISING = Table(
    "risk__rising",
    "People whose risk rose by two bands or ten percentage points since the last published run, for review. The model of this run scored both "
    "dates.",
    (
        _RUN,
        _OUTCOME,
        _PERSON,
        _EVENT,
        _PRACTICE,
        Column("age_group", Kind.TEXT, "0-17, 18-64 or 65+; null where the age is not known."),
        Column("compared_run_id", Kind.IDENTIFIER, "The published run that the risk is compared with.", nullable=False),
        Column("compared_index_date", Kind.DATE, "Index date of the compared run.", nullable=False),
        Column("risk", Kind.NUMBER, "Risk in this run.", nullable=False, minimum=0, maximum=1),
        Column("risk_before", Kind.NUMBER, "Risk at the earlier date by the model of this run. In contrast, risk__scores.previous_risk is by the model of that time.",
               nullable=False, minimum=0, maximum=1),
        Column("risk_change", Kind.NUMBER, "Risk minus risk before.", nullable=False),
        Column("risk_band", Kind.TEXT, "Band in this run.", nullable=False),
        Column("risk_band_before", Kind.TEXT, "Band at the earlier date.", nullable=False),
        Column("bands_risen", Kind.INTEGER, "Number of bands that the risk rose.", nullable=False),
    ),
    ("run_id", "outcome", "person_id", "index_event_id"),
    partitioned_by=("run_id",),
    purpose=Purpose.CARE,
)  # fmt: skip

ACTIONS = Table(
    "risk__actions",
    "What teams did for the people on their review lists: one row for each decision or action in the feed `actions`.",
    (
        Column("run_id", Kind.IDENTIFIER, "The run whose review list the team had, if it is in risk__runs.", nullable=False),
        _PERSON,
        Column("practice_code", Kind.CODE, "The practice.", nullable=False),
        Column("record_id", Kind.IDENTIFIER, "The sender's record number.", nullable=False),
        Column("listed", Kind.BOOLEAN, "The person was on the team's review list. Null where not reported."),
        Column("reviewed", Kind.BOOLEAN, "The team reviewed the person's record. Null where not reported."),
        Column("decision", Kind.TEXT, "accepted or declined. Null where there is no decision yet.", allowed=("accepted", "declined")),
        Column("reason", Kind.TEXT, "Why the person was declined, as a code."),
        Column("action", Kind.TEXT, "The action, as a code. Null where there was none."),
        Column("action_date", Kind.DATE, "Day of the action, or of the decision.", nullable=False),
        Column("end_date", Kind.DATE, "Last day on the team's caseload. Null while the person is on it."),
    ),
    ("practice_code", "record_id"),
    purpose=Purpose.CARE,
)  # fmt: skip

EXCLUSIONS = Table(
    "monitoring__exclusions",
    "How many people each reason excluded from the scores, review lists or rising risk of a run, and how many people each flag applies to.",
    (
        _RUN,
        _OUTCOME,
        Column("list_name", Kind.TEXT, "scores, caseload or rising.", nullable=False, allowed=("scores", "caseload", "rising")),
        Column("treatment", Kind.CODE, "suppressed: on no list; marked: listed with a flag, so that a team may exclude them; left_out: excluded from this list.",
               nullable=False, allowed=("suppressed", "marked", "left_out")),
        Column("reason", Kind.TEXT, "The reason or flag.", nullable=False),
        Column("people", Kind.INTEGER, "People, or index events where a person may have several.", nullable=False, arrow="int64"),
        Column("people_unknown", Kind.INTEGER, "For a flag: people for whom the feeds have no information. Null for other reasons.", arrow="int64"),
    ),
    ("run_id", "list_name", "treatment", "reason"),
    partitioned_by=("run_id",),
    purpose=Purpose.CARE,
)  # fmt: skip

REMOVED = Table(
    "risk__removed",
    "The people whom a publication, a refresh of the exclusions, or a withdrawal removed from what readers see, and why. Append-only. A person may be in a later "
    "run again once the feeds no longer give a reason.",
    (
        _PERSON,
        Column("removed_at", Kind.TEXT, "Time of the removal, UTC. Everyone removed together has the same time.", nullable=False),
        Column("purpose", Kind.TEXT, "Purpose of the run that had the person.", nullable=False),
        Column("reason", Kind.TEXT, "Why the person was removed.", nullable=False),
    ),
    ("person_id", "removed_at"),
    purpose=Purpose.CARE,
)  # fmt: skip

REMOVALS = Table(
    "risk__removals",
    "The delivery up to which deaths and objections were applied, by each run, refresh and withdrawal, and how many people each reason removed. "
    "Append-only.",
    (
        Column("recorded_at", Kind.TEXT, "Time when the counts were recorded, UTC.", nullable=False),
        Column("removed_at", Kind.TEXT, "Time of the removal in risk__removed; empty where no one was removed.", nullable=False),
        Column("reason", Kind.TEXT, "Why people were removed; empty where no one was.", nullable=False),
        Column("people", Kind.INTEGER, "Number of people removed.", nullable=False, arrow="int64"),
        Column("deaths_known_to", Kind.DATE, "Latest delivery of the registered list that was applied. Null where there is none."),
        Column("objections_known_to", Kind.DATE, "Latest delivery of objections that was applied. Null where there is none."),
    ),
    ("recorded_at", "removed_at", "reason"),
    purpose=Purpose.CARE,
)  # fmt: skip

CASELOAD_TABLES = (CASELOAD, RISING, ACTIONS, EXCLUSIONS, REMOVED, REMOVALS)
