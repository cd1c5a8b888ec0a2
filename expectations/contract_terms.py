"""The terms of the published tables that readers depend on: version, freshness, owner and permitted readers.

A change that breaks the code of a reader needs a new major version: a column is removed, a type or key changes, or a value may now be null.
An additional column, or a new description of a column, needs a new minor version. Other changes of text need a new patch version.
`data_contracts.py` checks this.
"""

from __future__ import annotations

from dataclasses import dataclass

from expectations.small_counts import SMALL_COUNTS

CARE_TEAMS = "population-health data team"
PUBLIC_HEALTH = "public-health intelligence team"


@dataclass(frozen=True)
class ContractTerms:
    """The terms of one table that are not in its declaration."""

    version: str
    owner_role: str
    purpose: str
    usage: str
    limitations: str
    readers: tuple[str, ...]  # database roles that read the table, directly or through a view
    updated: str  # what adds rows
    fresh_days: int  # the greatest age of the data, in days
    personal: bool = True  # rows are about people, by pseudonym


_SCORES_LIMITS = (
    "A risk is a probability for people with the same features, not a statement about one person's future. Use it to find people who may benefit "
    "from care, from the index date until the next run. Do not use it to refuse care, for insurance or for solely automated decisions."
)
_RUNS_NOTE = "Rows count only while the latest row of their run in risk__runs has the status published. risk__current has only rows that count. "

CONTRACTS: dict[str, ContractTerms] = {
    "risk__runs": ContractTerms(
        "2.1.0", CARE_TEAMS, "Which runs are published, and the inputs of each run.",
        "Read the latest row of each run_id by recorded_at. A run counts while that row has the status published.",
        "Rows are added and never changed: a withdrawal is an additional row.",
        ("strata_reader", "strata_analyst"), "each publication and each withdrawal", 45, personal=False,
    ),
    "risk__scores": ContractTerms(
        "1.3.0", CARE_TEAMS, "The risk of each person of the cohort, for each run.",
        _RUNS_NOTE + "Order by risk_percentile or risk, and list only people with eligible = true.", _SCORES_LIMITS,
        ("strata_reader", "strata_analyst"), "each published run", 45,
    ),
    "risk__current": ContractTerms(
        "1.3.0", CARE_TEAMS, "The scores of the latest published run of each outcome.",
        "Read this table every day. It is complete at every moment, with one run per outcome.", _SCORES_LIMITS,
        ("strata_reader", "strata_analyst"), "each publication and each withdrawal", 45,
    ),
    "risk__drivers": ContractTerms(
        "1.2.0", CARE_TEAMS, "The reasons for the risk of people in the highest bands and on review lists, in plain English.",
        _RUNS_NOTE + "Show direction and driver. The contribution is on the log-odds scale.",
        "Drivers describe the model and are not causes. No role reads them by default: access is granted to care teams individually.",
        (), "each published run", 45,
    ),
    "risk__caseload": ContractTerms(
        "1.1.0", CARE_TEAMS, "The review list of each practice or neighbourhood, and people who are not on it, with the reason.",
        _RUNS_NOTE + "There is one list per place_code and age_group. Select listed = true and order by list_rank. absent_reason explains why a person is not listed.",
        "Dates are the last contacts in the data. A flag that is null is not known. No role reads the table by default: access is granted to care "
        "teams individually.",
        (), "each published run", 45,
    ),
    "risk__rising": ContractTerms(
        "1.1.0", CARE_TEAMS, "People whose risk rose by two bands or ten percentage points since the last published run, for review.",
        _RUNS_NOTE + "risk and risk_before are from the same model. monitoring__exclusions counts people excluded because coverage or the edition changed.",
        "A rise is a reason to review a record and not a finding. No role reads the table by default: access is granted to care teams individually.",
        (), "each published run", 45,
    ),
    "risk__actions": ContractTerms(
        "1.1.0", CARE_TEAMS, "What teams did for the people on their review lists.",
        "Join to risk__scores by run_id and person_id. A person may have several rows.",
        "It contains what teams reported: other people may have been helped as well. The table stays in the lake and is not published to the database.",
        (), "each delivery of the feed actions", 45,
    ),
    "risk__labels": ContractTerms(
        "1.2.0", CARE_TEAMS, "The outcomes after each index date, for training and evaluation.",
        "Join to features by person_key and index_event_id.", "The table stays in the lake and is not published to the database.",
        (), "each matured index date", 45,
    ),
    "equity__model_audit": ContractTerms(
        "1.3.1", PUBLIC_HEALTH, "The performance and fairness of each candidate model, by group.",
        "Filter on split = 'test'. Show lower and upper next to every value.",
        f"Rows that depend on a count from {SMALL_COUNTS} are suppressed. Other counts are exact. Only equity__audit_for_readers leaves.",
        ("strata_analyst",), "each training", 400, personal=False,
    ),
    "equity__audit_for_readers": ContractTerms(
        "1.1.0", PUBLIC_HEALTH, "How good and how fair each registered model is, group by group, for readers outside the team.",
        "In the database read equity__published_audit, which holds the models whose scores are current. Read lower and upper next to every value.",
        f"Suppressed rows depend on a count of {SMALL_COUNTS}, or on one that a total would reveal. Counts are rounded to 5.",
        ("strata_reader", "strata_analyst"), "each training", 400, personal=False,
    ),
    "equity__outcome_rates": ContractTerms(
        "1.1.2", PUBLIC_HEALTH, "Inequality of the outcomes: standardised rates, gaps and indices, with limits.",
        "Show lower and upper next to every value, and an absolute gap next to the relative one. Show the share of people whom "
        "equity__planning_population excludes.",
        "A measure of an area is not a measure of each person in it. Rates from fewer than 10 events are not reported.",
        ("strata_reader", "strata_analyst"), "each matured index date", 400, personal=False,
    ),
    "equity__planning_population": ContractTerms(
        "1.0.0", PUBLIC_HEALTH, "Whom planning outputs count: the share of each cohort that they exclude because of the national data opt-out.",
        "Join to a planning output by period. The period all is that of every output of a cohort whose rows have their own index dates.",
        "The latest state of an opt-out applies to every period. Counts are rounded to 5.",
        ("strata_reader", "strata_analyst"), "each run", 400, personal=False,
    ),
    "monitoring__volumes": ContractTerms(
        "1.1.0", CARE_TEAMS, "Whether each feed is complete, by provider and month.",
        "A share_of_before far from 1 means that a provider stopped sending, or sent rows twice.", "Counts are of rows, not of people.",
        ("strata_analyst",), "each delivery", 45, personal=False,
    ),
    "monitoring__same_day_emergency_care": ContractTerms(
        "1.1.0", CARE_TEAMS, "Whether a provider moved same-day emergency care from one feed to the other.",
        "switched is true in a quarter in which the share changed. zero_day_care, the sum of both feeds, should be stable.",
        "Counts are not suppressed, because the table is for the data team. The latest quarter may be incomplete.",
        ("strata_analyst",), "each delivery", 45, personal=False,
    ),
    "monitoring__code_lists": ContractTerms(
        "2.0.0", CARE_TEAMS, "How much of the ICB's own records each code list touches, and whether it matches as many people as expected.",
        "A list with a small share of entries may be out of date. The list medicines has the share of items whose product is known. "
        "Rows with result = 'nothing' and features_not_computed above 0 explain features that are not computed.",
        "Counts are not suppressed, because the table is for the data team. It stays in the lake.",
        (), "each delivery", 45, personal=False,
    ),
    "monitoring__code_lists_by_practice": ContractTerms(
        "1.1.0", CARE_TEAMS, "Whether each code list matches as many people of each practice as expected.",
        "Rows with result = 'nothing' of a list that matches people elsewhere show a practice whose extract uses other codes, or lacks these entries.",
        "Counts are not suppressed, because the table is for the data team. It stays in the lake.",
        (), "each delivery", 45, personal=False,
    ),
    "monitoring__units": ContractTerms(
        "1.0.0", CARE_TEAMS, "How the units of measured values were read, by practice and measurement.",
        "Compare unit_assumed with as_stated. Rows with is_used = false are values that were set aside, with the reason.",
        "Counts are of entries, not of people, and are not suppressed, because the table is for the data team. It stays in the lake.",
        (), "each delivery", 45, personal=False,
    ),
    "monitoring__validation": ContractTerms(
        "1.2.0", CARE_TEAMS, "The result of every rule for every extract.",
        "Rows with passed = false and severity = 'stop' are the reason why a run stopped.", "It has counts and keys, never values.",
        ("strata_analyst",), "each delivery", 45, personal=False,
    ),
    "monitoring__drift": ContractTerms(
        "2.4.0", CARE_TEAMS, "Which features of the scoring model have changed since training.",
        "Order by drift_rank. Check the status shifted or watch, share_missing_change, and support compared with support_training.",
        "A high index means that a feature changed, not that the model is worse. Where few rows have a value it may be chance. "
        f"Shares are computed from counts rounded to the nearest 5, and {SMALL_COUNTS} rows count as 5.",
        ("strata_analyst",), "each scoring date", 45, personal=False,
    ),
    "monitoring__scores": ContractTerms(
        "1.1.1", CARE_TEAMS, "The distribution of scores and the turnover of the review list, for each run.",
        "Join to risk__runs for runs that are still published. Compare measures of the same group between runs.",
        f"Shares are computed from counts rounded to the nearest 5. Counts from {SMALL_COUNTS} are suppressed. Values have three significant figures.",
        ("strata_analyst",), "each published run", 45, personal=False,
    ),
    "monitoring__exclusions": ContractTerms(
        "1.1.0", CARE_TEAMS, "How many people each reason excluded from scores and lists, and how many people each flag applies to.",
        "Filter on list_name. For a flag, people_unknown is the number of people for whom the feeds have no information.",
        "Counts are not suppressed, because the table is for the data team.",
        ("strata_analyst",), "each published run", 45, personal=False,
    ),
    "monitoring__calibration": ContractTerms(
        "1.2.0", CARE_TEAMS, "Predicted risks of past runs compared with observed outcomes: overall, by deprivation and age, and by the actions of teams.",
        "Show lower and upper next to every value.",
        "Where teams acted on a review list (list_status), fewer outcomes than expected are its purpose. People who left are not counted.",
        ("strata_analyst",), "each published run that has matured", 400, personal=False,
    ),
    "monitoring__stages": ContractTerms(
        "1.2.0", CARE_TEAMS, "The duration of each stage of each run, and the stages that were skipped because their inputs had not changed.",
        "Order by started_at. The status unchanged means that the stage was skipped.", "Durations depend on the other work of the machine.",
        ("strata_analyst",), "each run", 45, personal=False,
    ),
    "monitoring__access": ContractTerms(
        "1.1.0", CARE_TEAMS, "Who re-identified people of a practice, when and why.",
        "Review it regularly: a use without a valid reason is an incident.", "It has the number of people found, never their identities.",
        ("strata_analyst",), "each use of re-identification", 45, personal=False,
    ),
    "monitoring__decision": ContractTerms(
        "3.0.0", CARE_TEAMS,
        "Which decisions people recorded: approvals, accepted breaches, late deliveries, waivers, withdrawals, deaths in review and rules for opt-outs.",
        "Take the latest row of each decision_id by recorded_at; it counts while ended_by is empty and expires has not passed.",
        "Append-only. It names accounts of the operating system, so it stays in the lake and no role of the database sees it.",
        (), "each decision", 45, personal=False,
    ),
    "monitoring__alerts": ContractTerms(
        "1.1.0", CARE_TEAMS, "What is wrong, since when, how severe and what to do.",
        "Rows with state = 'open' are current. runbook names the page that describes what to do.", "It has no people and no counts of people.",
        ("strata_analyst",), "each run", 45, personal=False,
    ),
}  # fmt: skip
