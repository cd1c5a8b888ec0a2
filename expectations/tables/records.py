"""The records of ingest and validation: which extracts there are, which were validated, and what every rule found."""

from __future__ import annotations

from expectations.table import Column, Kind, Table

_FEED = Column("feed", Kind.TEXT, "The feed.", nullable=False)
_EXTRACT = Column("extract_id", Kind.IDENTIFIER, "The extract: a digest of the file's content and the feed.", nullable=False)

EXTRACTS = Table(
    "raw__extracts",
    "Every file that was taken in, in the order it came. An extract counts once its row is here. Of the rows with one path "
    "and delivery date the last holds: a corrected file replaces its forerunner, which stays readable.",
    (
        _FEED,
        Column("path", Kind.TEXT, "The file's path below the landing folder.", nullable=False),
        Column("sequence", Kind.INTEGER, "Number of the arrival within the feed.", nullable=False),
        _EXTRACT,
        Column("file_name", Kind.TEXT, "The file's name.", nullable=False),
        Column("extract_date", Kind.DATE, "The day the extract was delivered.", nullable=False),
        Column("rows", Kind.INTEGER, "Rows stored.", nullable=False, arrow="int64"),
        Column(
            "rows_unreadable",
            Kind.INTEGER,
            "Rows that could not be read; core__quarantine says which and why.",
            nullable=False,
            arrow="int64",
        ),
        Column("bytes", Kind.INTEGER, "Size of the file.", nullable=False, unit="bytes", arrow="int64"),
        Column("columns_missing", Kind.TEXT, "Declared columns the file lacks, as a JSON list.", nullable=False),
        Column("columns_ignored", Kind.TEXT, "Columns of the file that were not stored, as a JSON list.", nullable=False),
        Column("reading", Kind.TEXT, "Digest of the settings the file was read by.", nullable=False),
    ),
    ("feed", "path", "sequence"),
)

VALIDATED_EXTRACTS = Table(
    "core__validated_extracts",
    "The extracts that were validated, by which rules and with what result; an extract that passed is not validated again by the same rules.",
    (
        _FEED,
        _EXTRACT,
        Column(
            "rules",
            Kind.TEXT,
            "Digest of the declaration, the settings and the reading the extract was validated by.",
            nullable=False,
        ),
        Column("status", Kind.TEXT, "passed or stopped.", nullable=False, allowed=("passed", "stopped")),
        Column("rows", Kind.INTEGER, "Rows of the extract, unreadable ones included.", nullable=False, arrow="int64"),
        Column("rows_set_aside", Kind.INTEGER, "Rows that left the flow.", nullable=False, arrow="int64"),
        Column(
            "text_reading",
            Kind.TEXT,
            "How its text is read: the format of each date column and the padded columns, as JSON.",
            nullable=False,
        ),
    ),
    ("feed", "extract_id"),
    partitioned_by=("feed", "extract_id"),
)

VALIDATION = Table(
    "monitoring__validation",
    "What every rule found in every extract: counts, never values.",
    (
        _FEED,
        _EXTRACT,
        Column("rule", Kind.TEXT, "The rule's name or reason code.", nullable=False),
        Column(
            "column_name", Kind.TEXT, "The column it concerns; empty where it concerns the row or the extract.", nullable=False
        ),
        Column("organisation_code", Kind.CODE, "The organisation a table rule broke at; empty elsewhere.", nullable=False),
        Column("month", Kind.DATE, "The month a table rule broke in."),
        Column("severity", Kind.TEXT, "stop or warn for a table rule; the action of a row rule.", nullable=False),
        Column(
            "rows_broken",
            Kind.INTEGER,
            "Rows that break a row rule, or the figure a table rule counts.",
            nullable=False,
            arrow="int64",
        ),
        Column("share", Kind.NUMBER, "The share the rule looks at."),
        Column("limit", Kind.NUMBER, "The rule's limit."),
        Column("passed", Kind.BOOLEAN, "The rule holds, or a recorded decision accepts the breach.", nullable=False),
        Column("note", Kind.TEXT, "The breach in words; empty where the rule holds.", nullable=False),
    ),
    ("feed", "extract_id", "rule", "column_name", "organisation_code", "month"),
    partitioned_by=("feed", "extract_id"),
)

RESTATED_ROWS = Table(
    "core__restated_rows",
    "Rows whose key several deliveries of a feed tell: which of them hold, since when what they say was told, and when it ended. Made once "
    "for each set of deliveries; every other row says by itself what it says and since when.",
    (
        _FEED,
        Column(
            "deliveries", Kind.TEXT, "Digest of the deliveries that were compared, and of how the feed loads.", nullable=False
        ),
        _EXTRACT,
        Column("extract_date", Kind.DATE, "The day the extract was delivered.", nullable=False),
        Column("row_number", Kind.INTEGER, "Number of the row in the extract.", nullable=False, arrow="int64"),
        Column("holds", Kind.BOOLEAN, "Whether the row is what is known now.", nullable=False),
        Column(
            "first_extract_date",
            Kind.DATE,
            "First delivery that held its key with what its event is made of; null for a row set aside.",
        ),
        Column("key_extract_date", Kind.DATE, "First delivery that held its key with what the row says of its beginning."),
        Column("superseded_date", Kind.DATE, "Delivery from which on it no longer holds; null for one that holds or never did."),
    ),
    ("feed", "deliveries", "extract_date", "extract_id", "row_number"),
    partitioned_by=("feed", "deliveries"),
)

ERASURES = Table(
    "raw__erasures",
    "People who were erased on request: a digest of the pseudonym alone, by which later deliveries are read without them.",
    (
        Column(
            "person_digest",
            Kind.TEXT,
            "Digest of the pseudonym; nobody can be found from it without the pseudonym.",
            nullable=False,
        ),
        Column("recorded_at", Kind.TEXT, "When the erasure was recorded, UTC.", nullable=False),
        Column("reason", Kind.TEXT, "Why, as it was given.", nullable=False),
    ),
    ("person_digest",),
)

PSEUDONYM_KEYS = Table(
    "raw__pseudonym_keys",
    "The chain of keys that every stored pseudonym has gone through, by a check that tells nothing of the key.",
    (
        Column("key_number", Kind.INTEGER, "The key's place in the chain, from 1.", nullable=False),
        Column("key_check", Kind.TEXT, "What the key is known again by; the key cannot be found from it.", nullable=False),
        Column(
            "status",
            Kind.CODE,
            "in_use; rotating while some tables have yet to go through it.",
            nullable=False,
            allowed=("in_use", "rotating"),
        ),
        Column("recorded_at", Kind.TEXT, "When it was first recorded, UTC.", nullable=False),
    ),
    ("key_number",),
)

ACCESS = Table(
    "monitoring__access",
    "Every use of re-identification: a row for each, written before anything is shown. No identifier and no pseudonym.",
    (
        Column("recorded_at", Kind.TEXT, "When, UTC.", nullable=False),
        Column("role", Kind.TEXT, "The role of who asked, as it was given.", nullable=False),
        Column("reason", Kind.TEXT, "Why, as it was given.", nullable=False),
        Column("practice_code", Kind.CODE, "The practice whose people were looked for.", nullable=False),
        Column("run_ids", Kind.TEXT, "The runs whose scores were looked up, separated by commas.", nullable=False),
        Column("identifiers_given", Kind.INTEGER, "Identifiers in the practice's list.", nullable=False),
        Column("people_matched", Kind.INTEGER, "Of them, those who are the practice's and have a score.", nullable=False),
    ),
    ("recorded_at",),
)

RECORD_TABLES = (EXTRACTS, VALIDATED_EXTRACTS, RESTATED_ROWS, VALIDATION, ERASURES, PSEUDONYM_KEYS, ACCESS)
