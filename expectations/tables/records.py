"""The records of ingest and validation: extracts, validated extracts, results of rules, erasures, keys and access."""

from __future__ import annotations

from expectations.table import Column, Kind, Purpose, Table

_FEED = Column("feed", Kind.TEXT, "The feed.", nullable=False)
_EXTRACT = Column(
    "extract_id", Kind.IDENTIFIER, "The extract: a digest of the content of the file and of the feed.", nullable=False
)

EXTRACTS = Table(
    "raw__extracts",
    "Every file that was ingested, in order of arrival. An extract counts when its row is here. Where several rows have the same path and "
    "delivery date, the last one applies: a corrected file replaces the earlier file, which stays readable.",
    (
        _FEED,
        Column("path", Kind.TEXT, "Path of the file below the landing folder.", nullable=False),
        Column("sequence", Kind.INTEGER, "Order of arrival in the feed.", nullable=False),
        _EXTRACT,
        Column("file_name", Kind.TEXT, "Name of the file.", nullable=False),
        Column("extract_date", Kind.DATE, "Day that the extract was delivered.", nullable=False),
        Column("rows", Kind.INTEGER, "Number of rows stored.", nullable=False, arrow="int64"),
        Column(
            "rows_unreadable",
            Kind.INTEGER,
            "Number of rows that could not be read; core__quarantine lists them with the reason.",
            nullable=False,
            arrow="int64",
        ),
        Column("bytes", Kind.INTEGER, "Size of the file.", nullable=False, unit="bytes", arrow="int64"),
        Column("columns_missing", Kind.TEXT, "Declared columns that the file does not have, as a JSON list.", nullable=False),
        Column("columns_ignored", Kind.TEXT, "Columns of the file that were not stored, as a JSON list.", nullable=False),
        Column("reading", Kind.TEXT, "Digest of the settings that the file was read with.", nullable=False),
        Column(
            "arrived_date",
            Kind.DATE,
            "Day from which its facts count as known, where that is not the delivery date: a delivery that came after later ones and was "
            "accepted by a decision.",
        ),
    ),
    ("feed", "path", "sequence"),
)

VALIDATED_EXTRACTS = Table(
    "core__validated_extracts",
    "The extracts that were validated, with the rules and the result. An extract that passed is not validated again with the same rules.",
    (
        _FEED,
        _EXTRACT,
        Column(
            "rules",
            Kind.TEXT,
            "Digest of the declaration, the settings and the reading that the extract was validated with.",
            nullable=False,
        ),
        Column("status", Kind.TEXT, "passed or stopped.", nullable=False, allowed=("passed", "stopped")),
        Column("rows", Kind.INTEGER, "Number of rows of the extract, including unreadable rows.", nullable=False, arrow="int64"),
        Column("rows_set_aside", Kind.INTEGER, "Number of rows set aside.", nullable=False, arrow="int64"),
        Column(
            "text_reading",
            Kind.TEXT,
            "How the text is read: the format of each date column and the columns with blanks, as JSON.",
            nullable=False,
        ),
    ),
    ("feed", "extract_id"),
    partitioned_by=("feed", "extract_id"),
)

VALIDATION = Table(
    "monitoring__validation",
    "The result of every rule for every extract: counts, never values.",
    (
        _FEED,
        _EXTRACT,
        Column("rule", Kind.TEXT, "Name or reason code of the rule.", nullable=False),
        Column(
            "column_name",
            Kind.TEXT,
            "The column of the rule. Empty where the rule is about the row or the extract.",
            nullable=False,
        ),
        Column(
            "organisation_code", Kind.CODE, "The organisation for which a table rule is broken; otherwise empty.", nullable=False
        ),
        Column("month", Kind.DATE, "The month for which a table rule is broken."),
        Column("severity", Kind.TEXT, "stop or warn for a table rule; the action for a row rule.", nullable=False),
        Column(
            "rows_broken",
            Kind.INTEGER,
            "Number of rows that break a row rule, or the figure of a table rule.",
            nullable=False,
            arrow="int64",
        ),
        Column("share", Kind.NUMBER, "The share that the rule checks."),
        Column("limit", Kind.NUMBER, "Limit of the rule."),
        Column("passed", Kind.BOOLEAN, "The rule is not broken, or a recorded decision accepts the breach.", nullable=False),
        Column("note", Kind.TEXT, "Description of the breach. Empty where the rule is not broken.", nullable=False),
    ),
    ("feed", "extract_id", "rule", "column_name", "organisation_code", "month"),
    partitioned_by=("feed", "extract_id"),
    purpose=Purpose.OPERATION,
)

RESTATED_ROWS = Table(
    "core__restated_rows",
    "Rows whose key appears in several deliveries of a feed: which of them apply, since when their content was known, and when it was "
    "superseded. They are compared once per set of deliveries. Every other row applies from its own delivery.",
    (
        _FEED,
        Column("deliveries", Kind.TEXT, "Digest of the compared deliveries and of how the feed is loaded.", nullable=False),
        _EXTRACT,
        Column("extract_date", Kind.DATE, "Day that the extract was delivered.", nullable=False),
        Column("row_number", Kind.INTEGER, "Number of the row in the extract.", nullable=False, arrow="int64"),
        Column("holds", Kind.BOOLEAN, "The row applies now.", nullable=False),
        Column(
            "first_extract_date",
            Kind.DATE,
            "First delivery with the same key and the same content of the event. Null for a row that was set aside.",
        ),
        Column("key_extract_date", Kind.DATE, "First delivery with the same key and the same start of the event."),
        Column(
            "kept_for_unparsed",
            Kind.BOOLEAN,
            "A later delivery restates the day of the row without it, and has lines that could not be read, or rows without an identifier "
            "that agree with it. One of them may be the row, so its absence deletes nothing.",
        ),
        Column("superseded_date", Kind.DATE, "Delivery that superseded the row. Null for a row that applies or never applied."),
    ),
    ("feed", "deliveries", "extract_date", "extract_id", "row_number"),
    partitioned_by=("feed", "deliveries"),
)

ERASURES = Table(
    "raw__erasures",
    "People who were erased at their request. Later deliveries are read without them, by a digest of the pseudonym.",
    (
        Column(
            "person_digest",
            Kind.TEXT,
            "Digest of the pseudonym. It does not identify a person without the pseudonym.",
            nullable=False,
        ),
        Column("recorded_at", Kind.TEXT, "Time when the erasure was recorded, UTC.", nullable=False),
        Column("reason", Kind.TEXT, "The reason as entered.", nullable=False),
    ),
    ("person_digest",),
)

PSEUDONYM_KEYS = Table(
    "raw__pseudonym_keys",
    "The keys that were applied to every stored pseudonym, in order, each with a check that does not reveal the key.",
    (
        Column("key_number", Kind.INTEGER, "Order of the key, from 1.", nullable=False),
        Column("key_check", Kind.TEXT, "Check by which Strata recognises the key; it does not reveal the key.", nullable=False),
        Column(
            "status",
            Kind.CODE,
            "in_use, or rotating while some tables do not use the key yet.",
            nullable=False,
            allowed=("in_use", "rotating"),
        ),
        Column("recorded_at", Kind.TEXT, "Time when the key was first recorded, UTC.", nullable=False),
    ),
    ("key_number",),
)

ACCESS = Table(
    "monitoring__access",
    "Every use of re-identification, recorded before any result is shown, without identifiers or pseudonyms.",
    (
        Column("recorded_at", Kind.TEXT, "Time of the use, UTC.", nullable=False),
        Column("role", Kind.TEXT, "Role of the user, as entered.", nullable=False),
        Column("reason", Kind.TEXT, "The reason as entered.", nullable=False),
        Column("practice_code", Kind.CODE, "The practice whose people were searched for.", nullable=False),
        Column("run_ids", Kind.TEXT, "The runs whose scores were searched, separated by commas.", nullable=False),
        Column("identifiers_given", Kind.INTEGER, "Number of identifiers in the practice's list.", nullable=False),
        Column(
            "people_matched",
            Kind.INTEGER,
            "Number of these people who are registered with the practice and have a score.",
            nullable=False,
        ),
    ),
    ("recorded_at",),
    purpose=Purpose.OPERATION,
)

RECORD_TABLES = (EXTRACTS, VALIDATED_EXTRACTS, RESTATED_ROWS, VALIDATION, ERASURES, PSEUDONYM_KEYS, ACCESS)
