"""Where each item of TRIPOD+AI is answered in the report, or that it is not.

Items as in Collins and others, BMJ 2024;385:e078378. An item that only an ICB can answer is listed as missing: Strata fills
in nothing that it does not know.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ReportingItem:
    """One item of the checklist: the section of the page that answers it, or what is missing."""

    number: str
    topic: str
    section: str = ""
    note: str = ""


BOARD = "missing: the ICB must write this"

# Sections of the report, by anchor.
SECTIONS = {
    "summary": "Summary", "purpose": "Intended purpose", "data": "Data", "flow": "The test set", "how": "How the model was made",
    "performance": "Performance", "capacity": "At the capacity of services", "groups": "By group", "deprivation": "With and without deprivation",
    "drivers": "What the model uses", "gates": "Gates", "size": "Sample size", "limitations": "Limitations", "provenance": "Provenance",
}  # fmt: skip

ITEMS: tuple[ReportingItem, ...] = (
    ReportingItem("1", "Title", "summary"),
    ReportingItem("2", "Abstract", "summary"),
    ReportingItem("3a", "Healthcare context and rationale", note=BOARD),
    ReportingItem("3b", "Target population and intended purpose", "purpose"),
    ReportingItem("3c", "Known health inequalities", "groups", "in the test set; the ICB must add wider evidence"),
    ReportingItem("4", "Objectives", "purpose"),
    ReportingItem("5a", "Sources of data", "data"),
    ReportingItem("5b", "Dates of the data", "data"),
    ReportingItem("6a", "Setting", "data"),
    ReportingItem("6b", "Eligibility of participants", "flow"),
    ReportingItem("6c", "Treatments received", note="missing: treatments are included only where predictors record them"),
    ReportingItem("7", "Data preparation and quality checks", "data", "the data quality page of the run lists every rule"),
    ReportingItem("8a", "Outcome and its horizon", "purpose"),
    ReportingItem("8b", "Outcomes that need judgement", note="not applicable: the outcome is recorded, not judged by a person"),
    ReportingItem(
        "8c", "Blinding of the outcome's assessment", note="not applicable: the outcome is recorded, not judged by a person"
    ),
    ReportingItem("9a", "Choice of predictors", "drivers", "the feature page of the documentation has every definition"),
    ReportingItem("9b", "Definition of predictors", "drivers", "the feature page of the documentation"),
    ReportingItem("9c", "Predictors that need judgement", note="not applicable"),
    ReportingItem("10", "Sample size", "size"),
    ReportingItem("11", "Missing data", "data", "missing values stay missing; their share is in the table of characteristics"),
    ReportingItem("12a", "Use of the data for training and evaluation", "data"),
    ReportingItem("12b", "Handling of predictors", "how"),
    ReportingItem("12c", "Type of model, tuning and internal validation", "how"),
    ReportingItem("12d", "Heterogeneity between places", "groups"),
    ReportingItem("12e", "Measures of performance", "performance"),
    ReportingItem("12f", "Updating of the model", "how", "each training fits a new calibration"),
    ReportingItem("12g", "How predictions are computed", "how"),
    ReportingItem("13", "Class imbalance", "how", "none applied: no resampling, no class weights"),
    ReportingItem("14", "Fairness", "gates"),
    ReportingItem("15", "Output and how it is used", "purpose"),
    ReportingItem("16", "Differences between training and evaluation", "data"),
    ReportingItem("17", "Ethical approval", "purpose", "the approval of the run; the ICB must add a research approval"),
    ReportingItem("18a", "Funding", note=BOARD),
    ReportingItem("18b", "Conflicts of interest", note=BOARD),
    ReportingItem("18c", "Protocol", "provenance", "the version of the settings"),
    ReportingItem("18d", "Registration", note=BOARD),
    ReportingItem("18e", "Availability of the data", "provenance", "versions of every table; the data stay with the ICB"),
    ReportingItem("18f", "Availability of the code", "provenance"),
    ReportingItem("19", "Patient and public involvement", note=BOARD),
    ReportingItem("20a", "Flow of participants", "flow"),
    ReportingItem("20b", "Characteristics of participants", "flow"),
    ReportingItem("20c", "Training and test rows compared", "data", "numbers of rows and events; not yet by characteristic"),
    ReportingItem("21", "Participants and events in each analysis", "data"),
    ReportingItem("22", "The full model", "provenance", "the files of the model in the registry, as text"),
    ReportingItem("23a", "Performance with limits", "performance"),
    ReportingItem("23b", "Heterogeneity of performance", "groups"),
    ReportingItem("24", "Results of updating", note="not applicable: each training is a new model"),
    ReportingItem("25", "Interpretation, with fairness", note=BOARD),
    ReportingItem("26", "Limitations", "limitations"),
    ReportingItem("27a", "Input of poor quality or missing", "limitations"),
    ReportingItem("27b", "Interaction and expertise of users", "purpose"),
    ReportingItem("27c", "Next steps", note=BOARD),
)
