"""Where each item of TRIPOD+AI is answered in the report, or that it is not.

Items as in Collins and others, BMJ 2024;385:e078378. An item that only a board can answer is named as missing: Strata fills
in nothing that it does not know.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ReportingItem:
    """One item of the checklist: where it stands (an anchor of the page), or what is missing."""

    number: str
    topic: str
    section: str = ""
    note: str = ""


BOARD = "missing: for the board to write"

ITEMS: tuple[ReportingItem, ...] = (
    ReportingItem("1", "Title", "summary"),
    ReportingItem("2", "Abstract", "summary"),
    ReportingItem("3a", "Healthcare context and rationale", note=BOARD),
    ReportingItem("3b", "Target population and intended purpose", "purpose"),
    ReportingItem("3c", "Known health inequalities", "groups", "in the rows that judge; wider evidence is for the board to add"),
    ReportingItem("4", "Objectives", "purpose"),
    ReportingItem("5a", "Sources of data", "data"),
    ReportingItem("5b", "Dates of the data", "data"),
    ReportingItem("6a", "Setting", "data"),
    ReportingItem("6b", "Eligibility of participants", "flow"),
    ReportingItem("6c", "Treatments received", note="missing: treatments enter only as far as predictors hold them"),
    ReportingItem("7", "Data preparation and quality checks", "data", "the validation page of the run holds every rule"),
    ReportingItem("8a", "Outcome and its horizon", "purpose"),
    ReportingItem("8b", "Outcomes that need judgement", note="not applicable: the outcome is recorded, not judged"),
    ReportingItem("8c", "Blinding of the outcome's assessment", note="not applicable: the outcome is recorded, not judged"),
    ReportingItem("9a", "Choice of predictors", "drivers", "the feature page of the documentation holds every definition"),
    ReportingItem("9b", "Definition of predictors", "drivers", "the feature page of the documentation"),
    ReportingItem("9c", "Predictors that need judgement", note="not applicable"),
    ReportingItem("10", "Sample size", "size"),
    ReportingItem("11", "Missing data", "data", "missing stays missing; the share is in the table of characteristics"),
    ReportingItem("12a", "Use of the data for training and judging", "data"),
    ReportingItem("12b", "Handling of predictors", "how"),
    ReportingItem("12c", "Type of model, tuning and internal validation", "how"),
    ReportingItem("12d", "Heterogeneity between places", "groups"),
    ReportingItem("12e", "Measures of performance", "performance"),
    ReportingItem("12f", "Updating of the model", "how", "calibration is fitted anew with each training"),
    ReportingItem("12g", "How predictions are computed", "how"),
    ReportingItem("13", "Class imbalance", "how", "none applied: no resampling, no class weights"),
    ReportingItem("14", "Fairness", "gates"),
    ReportingItem("15", "Output and how it is used", "purpose"),
    ReportingItem("16", "Differences between training and judging", "data"),
    ReportingItem("17", "Ethical approval", "purpose", "the approval of the run; a research approval is for the board to add"),
    ReportingItem("18a", "Funding", note=BOARD),
    ReportingItem("18b", "Conflicts of interest", note=BOARD),
    ReportingItem("18c", "Protocol", "provenance", "the settings' version"),
    ReportingItem("18d", "Registration", note=BOARD),
    ReportingItem("18e", "Availability of the data", "provenance", "versions of every table; the data stay with the board"),
    ReportingItem("18f", "Availability of the code", "provenance"),
    ReportingItem("19", "Patient and public involvement", note=BOARD),
    ReportingItem("20a", "Flow of participants", "flow"),
    ReportingItem("20b", "Characteristics of participants", "flow"),
    ReportingItem("20c", "Training and judging rows compared", "data", "numbers of rows and events; not yet by characteristic"),
    ReportingItem("21", "Participants and events in each analysis", "data"),
    ReportingItem("22", "The full model", "provenance", "the model's files in the registry, as text"),
    ReportingItem("23a", "Performance with limits", "performance"),
    ReportingItem("23b", "Heterogeneity of performance", "groups"),
    ReportingItem("24", "Results of updating", note="not applicable: each training is a new model"),
    ReportingItem("25", "Interpretation, with fairness", note=BOARD),
    ReportingItem("26", "Limitations", "limitations"),
    ReportingItem("27a", "Input of poor quality or missing", "limitations"),
    ReportingItem("27b", "Interaction and expertise of users", "purpose"),
    ReportingItem("27c", "Next steps", note=BOARD),
)
