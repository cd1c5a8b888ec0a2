"""The way to a practice and back: who is listed and who is not, whose risk rises, what teams did, and every reason counted."""

from __future__ import annotations

from expectations.table import Column, Kind, Table

_RUN = Column("run_id", Kind.IDENTIFIER, "The run.", nullable=False)
_OUTCOME = Column("outcome", Kind.TEXT, "The outcome.", nullable=False)
_PERSON = Column("person_id", Kind.IDENTIFIER, "The person's pseudonym.", nullable=False)
_EVENT = Column("index_event_id", Kind.IDENTIFIER, "The index event.", nullable=False)
_PRACTICE = Column("practice_code", Kind.CODE, "Practice on the index date.")
_AGE_GROUP = Column("age_group", Kind.TEXT, "0-17, 18-64, 65+ or not known: each is a list of its own.", nullable=False)


def _contact(name: str, what: str) -> Column:
    return Column(name, Kind.DATE, f"Last {what} before the index date; null where none is known.")


CASELOAD = Table(
    "risk__caseload",
    "Whom each practice or neighbourhood is shown: the people of highest risk up to its capacity, age group by age group; and those whom "
    "it would look for in vain, with the reason.",
    (
        _RUN,
        _OUTCOME,
        Column("place_kind", Kind.TEXT, "practice_code, pcn_code, neighbourhood_code or sub_icb_code.", nullable=False),
        Column("place_code", Kind.CODE, "The practice or neighbourhood.", nullable=False),
        _AGE_GROUP,
        _PERSON,
        _EVENT,
        _PRACTICE,
        Column("listed", Kind.BOOLEAN, "The person is on the list.", nullable=False),
        Column("list_rank", Kind.INTEGER, "Place on the list of the age group; 1 is the highest risk. Null where not listed."),
        Column("absent_reason", Kind.TEXT, "Why a person of this risk, or of the list before, is not listed; null where listed."),
        Column("risk", Kind.NUMBER, "Calibrated probability; null where the run has no score of the person.", minimum=0, maximum=1),
        Column("risk_band", Kind.TEXT, "Band by absolute cut points."),
        Column("risk_change", Kind.NUMBER, "Risk less the risk in the run before."),
        Column("listed_before", Kind.BOOLEAN, "The person was on the list of the published run before; null where there is none."),
        Column("end_of_life", Kind.BOOLEAN, "As in risk__scores."),
        Column("in_hospital_now", Kind.BOOLEAN, "As in risk__scores."),
        Column("care_home", Kind.BOOLEAN, "As in risk__scores."),
        Column("on_caseload", Kind.BOOLEAN, "As in risk__scores."),
        Column("coverage", Kind.TEXT, "full, or the feeds that do not cover the person: of those no last contact can be told."),
        _contact("last_emergency_admission", "emergency admission"),
        _contact("last_ae_attendance", "A&E attendance"),
        _contact("last_outpatient_visit", "attended outpatient appointment"),
        _contact("last_gp_contact", "contact with the practice"),
    ),
    ("run_id", "outcome", "place_code", "person_id"),
    partitioned_by=("run_id",),
)  # fmt: skip

RISING = Table(
    "risk__rising",
    "People whose risk rose by two bands or ten points since the last published run, for review: both months as scored by the model of this run.",
    (
        _RUN,
        _OUTCOME,
        _PERSON,
        _EVENT,
        _PRACTICE,
        Column("age_group", Kind.TEXT, "0-17, 18-64 or 65+; null where the age is not known."),
        Column("compared_run_id", Kind.IDENTIFIER, "The published run that it is compared with.", nullable=False),
        Column("compared_index_date", Kind.DATE, "Its index date.", nullable=False),
        Column("risk", Kind.NUMBER, "Risk now.", nullable=False, minimum=0, maximum=1),
        Column("risk_before", Kind.NUMBER, "Risk at the earlier date by the same model; risk__scores.previous_risk is by the model of that time.",
               nullable=False, minimum=0, maximum=1),
        Column("risk_change", Kind.NUMBER, "Risk less risk before.", nullable=False),
        Column("risk_band", Kind.TEXT, "Band now.", nullable=False),
        Column("risk_band_before", Kind.TEXT, "Band before.", nullable=False),
        Column("bands_risen", Kind.INTEGER, "Bands between the two.", nullable=False),
    ),
    ("run_id", "outcome", "person_id", "index_event_id"),
    partitioned_by=("run_id",),
)  # fmt: skip

ACTIONS = Table(
    "risk__actions",
    "What teams did with the people they were shown: a row for each decision or action, as the feed `actions` told it.",
    (
        Column("run_id", Kind.IDENTIFIER, "The run whose list the team had; a run of Strata where it stands in risk__runs.", nullable=False),
        _PERSON,
        Column("practice_code", Kind.CODE, "The practice.", nullable=False),
        Column("record_id", Kind.IDENTIFIER, "The sender's record number.", nullable=False),
        Column("listed", Kind.BOOLEAN, "The person stood on the list that the team had; null where not told."),
        Column("reviewed", Kind.BOOLEAN, "Somebody looked at the person's record; null where not told."),
        Column("decision", Kind.TEXT, "accepted or declined; null while undecided.", allowed=("accepted", "declined")),
        Column("reason", Kind.TEXT, "Why the person was declined, as a code."),
        Column("action", Kind.TEXT, "What was done, as a code; null where nothing was."),
        Column("action_date", Kind.DATE, "Day of the action, or of the decision.", nullable=False),
        Column("end_date", Kind.DATE, "Last day on the team's caseload; null while it lasts."),
    ),
    ("practice_code", "record_id"),
)  # fmt: skip

EXCLUSIONS = Table(
    "monitoring__exclusions",
    "How many people each reason kept out of a run's scores, its caseloads or the list of rising risk, and how many each mark points out.",
    (
        _RUN,
        _OUTCOME,
        Column("list_name", Kind.TEXT, "scores, caseload or rising.", nullable=False, allowed=("scores", "caseload", "rising")),
        Column("treatment", Kind.CODE, "suppressed: no list holds them; marked: a team may leave them out; left_out: this list leaves them out.",
               nullable=False, allowed=("suppressed", "marked", "left_out")),
        Column("reason", Kind.TEXT, "The reason.", nullable=False),
        Column("people", Kind.INTEGER, "People (index events, where a person may have several).", nullable=False, arrow="int64"),
        Column("people_unknown", Kind.INTEGER, "Of a mark: people of whom the feeds cannot tell; null otherwise.", arrow="int64"),
    ),
    ("run_id", "list_name", "treatment", "reason"),
    partitioned_by=("run_id",),
)  # fmt: skip

CASELOAD_TABLES = (CASELOAD, RISING, ACTIONS, EXCLUSIONS)
