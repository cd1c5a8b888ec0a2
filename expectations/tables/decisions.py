"""The decisions of people: approvals of models, accepted breaches, waivers of gates, withdrawals, deaths in review and rules for opt-outs."""

from __future__ import annotations

from expectations.table import Column, Kind, Purpose, Table

KINDS = ("approval", "accepted_breach", "late_delivery", "waiver", "withdrawal", "death_review", "national_opt_out")

DECISION = Table(
    "monitoring__decision",
    "Every decision that a person recorded: what was decided, about what, by which role, why and until when. Rows are only added: the latest "
    "row of a decision holds, and a row with ended_by ends it.",
    (
        Column("decision_id", Kind.IDENTIFIER, "The decision: a digest of its content.", nullable=False),
        Column("recorded_at", Kind.TEXT, "When the row was written, UTC.", nullable=False),
        Column(
            "kind",
            Kind.CODE,
            "approval, accepted_breach, late_delivery, waiver, withdrawal, death_review or national_opt_out.",
            nullable=False,
            allowed=KINDS,
        ),
        Column(
            "subject",
            Kind.TEXT,
            "What was decided about: a study with the version of its model, a delivery with the broken rule, a delivery that came after later ones, "
            "a gate of a model, a run, the number (person_key) of a person whose death was in review and who is alive, or a rule for national data opt-outs.",
            nullable=False,
        ),
        Column(
            "digest",
            Kind.TEXT,
            "Digest of what was read: of the model, the extracts of the delivery, the scores of the run or the date of death. Empty for an approval from the "
            "settings, which is for no particular version, for a breach accepted there, and for a rule.",
            nullable=False,
        ),
        Column("login", Kind.TEXT, "Account of the operating system that recorded it.", nullable=False),
        Column("role", Kind.TEXT, "Role of the person who decided, never a name.", nullable=False),
        Column("reason", Kind.TEXT, "Why.", nullable=False),
        Column("day", Kind.DATE, "Day of the decision.", nullable=False),
        Column("expires", Kind.DATE, "Last day on which it counts; null if it does not expire."),
        Column("ended_by", Kind.TEXT, "The decision that ended it; empty while it counts.", nullable=False),
    ),
    ("decision_id", "recorded_at"),
    purpose=Purpose.OPERATION,
)

DECISION_TABLES = (DECISION,)
