"""What readers of the published tables are promised: version, freshness, owner and who may read.

A change that a reader could trip over (a column gone, another type, a key, a value that may now be null) needs a new major
version; a column more needs a new minor one. `data_contracts.py` refuses to write a contract otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass

CARE_TEAMS = "population-health data team"
PUBLIC_HEALTH = "public-health intelligence team"


@dataclass(frozen=True)
class ContractTerms:
    """The terms of one table that its declaration does not hold."""

    version: str
    owner_role: str
    purpose: str
    usage: str
    limitations: str
    readers: tuple[str, ...]  # roles of the database that see it, directly or through a view
    updated: str  # what makes new rows
    fresh_days: int  # a reader may expect nothing older
    personal: bool = True  # rows are about people, under a pseudonym


_SCORES_LIMITS = (
    "A risk is a probability for people alike, never a statement about one person's future. It is made for finding people who may "
    "gain from care, at or after the index date and until the next run; not for refusing care, insurance or any sole automated decision."
)
_RUNS_NOTE = (
    "Rows count only while the latest row of their run in risk__runs says published; risk__current holds only rows that count. "
)

CONTRACTS: dict[str, ContractTerms] = {
    "risk__runs": ContractTerms(
        "2.0.0", CARE_TEAMS, "Which runs are published and what each was made from.",
        "Take the latest row of each run_id by recorded_at; a run counts while that row says published.",
        "Append-only: a withdrawal is a row more, never a change.",
        ("strata_reader", "strata_analyst"), "each publication and each withdrawal", 45, personal=False,
    ),
    "risk__scores": ContractTerms(
        "1.2.0", CARE_TEAMS, "The risk of each person on the list, run by run.",
        _RUNS_NOTE + "Order by risk_percentile or risk, list people with eligible = true.", _SCORES_LIMITS,
        ("strata_reader", "strata_analyst"), "each published run", 45,
    ),
    "risk__current": ContractTerms(
        "1.2.0", CARE_TEAMS, "The scores of the latest published run of each outcome.",
        "The table to read every day: whole at every moment, one run per outcome.", _SCORES_LIMITS,
        ("strata_reader", "strata_analyst"), "each publication and each withdrawal", 45,
    ),
    "risk__drivers": ContractTerms(
        "1.1.0", CARE_TEAMS, "Why the people in the highest bands and on the lists have their risk, in plain words.",
        _RUNS_NOTE + "Show direction and driver; contribution is on the model's log-odds scale.",
        "Drivers describe the model, not causes. Granted to care teams by hand: no role sees them by default.",
        (), "each published run", 45,
    ),
    "risk__caseload": ContractTerms(
        "1.0.0", CARE_TEAMS, "Whom each practice or neighbourhood is shown, and whom it would look for in vain, with the reason.",
        _RUNS_NOTE + "One list per place_code and age_group: listed = true in order of list_rank; absent_reason says why someone is not there.",
        "Dates are the last contacts that have reached the data; a mark that is null is not known. Granted to care teams by hand: no role "
        "sees it by default.",
        (), "each published run", 45,
    ),
    "risk__rising": ContractTerms(
        "1.0.0", CARE_TEAMS, "People whose risk rose by two bands or ten points since the run before, for review.",
        _RUNS_NOTE + "risk and risk_before are by one model; monitoring__exclusions counts whom a change of coverage or edition kept out.",
        "A rise is a reason to look at a record, no finding. Granted to care teams by hand: no role sees it by default.",
        (), "each published run", 45,
    ),
    "risk__actions": ContractTerms(
        "1.0.0", CARE_TEAMS, "What teams did with the people they were shown.",
        "Join to risk__scores by run_id and person_id; a person may have several rows.",
        "As teams told it: who is not named may have been helped all the same. Stays in the lake; no role of the database sees it.",
        (), "each delivery of the feed actions", 45,
    ),
    "risk__labels": ContractTerms(
        "1.1.0", CARE_TEAMS, "What happened after each index date, for training and evaluation.",
        "Join to features by person_key and index_event_id.", "Stays in the lake; no role of the database sees it.",
        (), "each matured index date", 45,
    ),
    "equity__model_audit": ContractTerms(
        "1.2.2", PUBLIC_HEALTH, "How good and how fair each candidate model is, group by group.",
        "Filter on split = 'test'; read lower and upper beside every value.",
        "Rows with a count of 1 to 7 behind them are suppressed. Counts are exact: what leaves is equity__audit_for_readers.",
        ("strata_analyst",), "each training", 400, personal=False,
    ),
    "equity__audit_for_readers": ContractTerms(
        "1.0.0", PUBLIC_HEALTH, "How good and how fair each registered model is, group by group, for readers outside the team.",
        "In the database read equity__published_audit, which holds the models whose scores are current. Read lower and upper beside every value.",
        "Suppressed rows have a count of 1 to 7 behind them, or one that a total would reveal. Counts are rounded to 5.",
        ("strata_reader", "strata_analyst"), "each training", 400, personal=False,
    ),
    "equity__outcome_rates": ContractTerms(
        "1.0.2", PUBLIC_HEALTH, "How unequal the outcomes themselves are: standardised rates, gaps and indices, with limits.",
        "Read lower and upper beside every value; an absolute gap stands beside its relative one.",
        "An area measure says nothing certain about a person; fewer than 10 events are not reported.",
        ("strata_reader", "strata_analyst"), "each matured index date", 400, personal=False,
    ),
    "monitoring__volumes": ContractTerms(
        "1.0.0", CARE_TEAMS, "Whether each feed arrives whole, by provider and month.",
        "share_of_before far from 1 is a provider that stopped or doubled.", "Counts of rows, not of people.",
        ("strata_analyst",), "each delivery", 45, personal=False,
    ),
    "monitoring__same_day_emergency_care": ContractTerms(
        "1.0.0", CARE_TEAMS, "Whether a provider moved same-day emergency care from one feed to the other.",
        "switched marks a quarter in which the share moved; zero_day_care, both feeds together, should go on as before.",
        "Counts are not suppressed: for the data team. The latest quarter may be incomplete.",
        ("strata_analyst",), "each delivery", 45, personal=False,
    ),
    "monitoring__validation": ContractTerms(
        "1.0.0", CARE_TEAMS, "What every rule found in every extract.",
        "passed = false with severity stop is why a run stopped.", "Counts and keys, never values.",
        ("strata_analyst",), "each delivery", 45, personal=False,
    ),
    "monitoring__drift": ContractTerms(
        "2.1.0", CARE_TEAMS, "Which features of the model that scores have moved from the rows it learnt from.",
        "Order by drift_rank; status shifted or watch, and share_missing_change beside it.",
        "An index says that a feature moved, not that the model is worse; where few rows hold a value it may be chance. Shares are of counts "
        "rounded to 5, and 1 to 7 rows count as 5.",
        ("strata_analyst",), "each scoring date", 45, personal=False,
    ),
    "monitoring__scores": ContractTerms(
        "1.0.1", CARE_TEAMS, "How scores are spread and how much of the list is new, run by run.",
        "Join to risk__runs for runs that are still published; compare measures of one group between runs.",
        "Shares follow from counts rounded to 5; counts of 1 to 7 are suppressed. Values have three significant figures.",
        ("strata_analyst",), "each published run", 45, personal=False,
    ),
    "monitoring__exclusions": ContractTerms(
        "1.0.0", CARE_TEAMS, "How many people each reason kept out of scores and lists, and how many each mark points out.",
        "Filter on list_name; people_unknown beside a mark are those of whom no feed tells.",
        "Counts are not suppressed: for the data team.",
        ("strata_analyst",), "each published run", 45, personal=False,
    ),
    "monitoring__calibration": ContractTerms(
        "1.1.0", CARE_TEAMS, "What came of past scores: predicted beside observed, overall, by deprivation and age, and by what teams did.",
        "Read lower and upper beside every value.",
        "Where a list was acted on (list_status), fewer outcomes than expected are its purpose. People who left are not counted.",
        ("strata_analyst",), "each published run that has matured", 400, personal=False,
    ),
    "monitoring__stages": ContractTerms(
        "1.0.0", CARE_TEAMS, "What each stage of each run took, and which were left out for nothing they read was new.",
        "Order by started_at; status unchanged is a stage that was left out.", "Times are of the machine as it was, other work included.",
        ("strata_analyst",), "each run", 45, personal=False,
    ),
    "monitoring__access": ContractTerms(
        "1.0.0", CARE_TEAMS, "Who found a practice's people among the scores, when and why.",
        "Read it regularly: a use without a reason that stands up is an incident.", "It says how many people were found, never who.",
        ("strata_analyst",), "each use of re-identification", 45, personal=False,
    ),
    "monitoring__alerts": ContractTerms(
        "1.0.0", CARE_TEAMS, "What is wrong, since when, how bad and what to do.",
        "state = 'open' is what stands; runbook names the page to read.", "Holds no person and no count of people.",
        ("strata_analyst",), "each run", 45, personal=False,
    ),
}  # fmt: skip
