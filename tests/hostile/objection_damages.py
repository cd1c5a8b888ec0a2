"""Damages to objections: shape of the row, letter case, invisible characters, lost values, conflicts and permitted lists.

The person has no objection in the clean files. A damaged objection must hold all the same, and a damaged withdrawal must end none.
"""

from __future__ import annotations

from collections.abc import Callable

from hostile.damages import Damage, Expected, Line, Row, Rows

KIND = "objections"
OBJECTS, OBJECTS_NATIONALLY = "type 1 opt-out", "national data opt-out"
FEED_OF = {OBJECTS: "type_1_objections", OBJECTS_NATIONALLY: "national_opt_outs"}
DAY = "2024-05-01"
BLANKS = {"zero width space": "\u200b", "byte order mark": "\ufeff", "no-break space": "\u00a0", "soft hyphen": "\u00ad", "ideographic space": "\u3000"}  # fmt: skip


def objections() -> list[Damage]:
    """Return every damage of this kind."""
    return [
        *_cells(),
        *_shapes(),
        *_identifiers(),
        *_withdrawals(),
        *_lists(),
        *_other_words(),
        *_later_statements(),
        *_other_lists(),
    ]


def type_1(person: str, **cells: str) -> Row:
    """Return a type 1 objection of a person."""
    return {"PERSON_ID": person, "ORGANISATION_ID": "Y00001", "STATUS": "1", "EFFECTIVE_DATE": DAY} | cells


def combined(person: str, **cells: str) -> Row:
    """Return a type 1 objection in the combined feed."""
    return {"PERSON_ID": person, "OPT_OUT_TYPE": "TYPE_1", "STATUS": "1", "EFFECTIVE_DATE": DAY} | cells


def national(person: str, **cells: str) -> Row:
    """Return a national data opt-out of a person."""
    return {
        "PERSON_ID": person,
        "LIST": "OPTED_OUT",
        "STATUS": "1",
        "EFFECTIVE_DATE": DAY,
        "SUBMISSION_DATE": "2025-12-30",
    } | cells


ROW_OF: dict[str, Callable[..., Row]] = {"type_1_objections": type_1, "opt_outs": combined, "national_opt_outs": national}


def _damage(
    feed: str, name: str, lines: Callable[[str], list[Line]], column: str = "", counted: bool = True, known: str = ""
) -> Damage:
    """Return a damage to the objection that a person adds to a feed."""
    reason = OBJECTS_NATIONALLY if feed == "national_opt_outs" else OBJECTS

    is_list = feed == "national_opt_outs"  # a permitted list: everyone has rows in it

    def damage(rows: Rows) -> list[Line]:
        return [*(rows if is_list else []), *lines(rows[0]["PERSON_ID"])]

    def means(rows: Rows) -> Rows:
        return [*(rows if is_list else []), ROW_OF[feed](rows[0]["PERSON_ID"])]

    return Damage(
        KIND, name, feed, column, Expected.SUPPRESSED, reason, damage, means, bool if is_list else lambda rows: not rows, counted, known
    )  # fmt: skip


def _cells() -> list[Damage]:
    lost = {
        ("type_1_objections", "STATUS"): ("X", "", "yes", "2", "NULL", "-1"),
        ("type_1_objections", "EFFECTIVE_DATE"): ("soon", "45000", "", "2087-01-01", "1900-01-01", "2024-02-30"),
        ("type_1_objections", "ORGANISATION_ID"): ("?", "Y1"),
        ("opt_outs", "STATUS"): ("X", "", "true"),
        ("opt_outs", "OPT_OUT_TYPE"): ("type 1", "", "T1", "OBJECTION", "?"),
        ("opt_outs", "EFFECTIVE_DATE"): ("soon", ""),
        ("national_opt_outs", "STATUS"): ("X", "Y"),
        ("national_opt_outs", "LIST"): ("", "OPT OUT", "?"),
        ("national_opt_outs", "EFFECTIVE_DATE"): ("soon", "45000"),
    }
    written = {
        ("type_1_objections", "STATUS"): (" 1 ", "１", "'1", "1.0"), ("opt_outs", "OPT_OUT_TYPE"): ("type_1", " Type_1\u200b"),
        ("national_opt_outs", "LIST"): ("opted_out", "\u00a0OPTED_OUT"),
    }  # fmt: skip
    return [
        _cell(feed, header, value) for cells in (lost, written) for (feed, header), values in cells.items() for value in values
    ]


def _cell(feed: str, header: str, value: str) -> Damage:
    return _damage(feed, repr(value), lambda person: [ROW_OF[feed](person, **{header: value})], header)


def _text(row: Row) -> str:
    return ",".join(row.values())


def _shapes() -> list[Damage]:
    """Return objections in rows of another shape."""
    found = []
    for feed in ROW_OF:

        def text(person: str, feed: str = feed) -> str:
            return _text(ROW_OF[feed](person))

        found += [
            _damage(feed, "trailing delimiters", lambda person, text=text: [f"{text(person)},,,".encode()]),
            _damage(
                feed,
                "in quotes",
                lambda person, text=text: ['"{}",'.format(text(person).replace(",", '","')).encode()],
                counted=False,
            ),
            _damage(feed, "a Windows line end", lambda person, text=text: [f"{text(person)},\r".encode()], counted=False),
            _damage(feed, "cut in the second field", lambda person, text=text: [text(person)[: len(person) + 3].encode()]),
            _damage(feed, "a field too many", lambda person, text=text: [f"{text(person)},,x".encode()]),
            _damage(feed, "a NUL at its end", lambda person, text=text: [f"{text(person)},\0".encode()]),
            _damage(feed, "a byte that is not UTF-8", lambda person, text=text: [f"{text(person)},".encode() + b"\xe9"]),
            _damage(feed, "a stray quote", lambda person, text=text: [f'{text(person)},5" tall'.encode()]),
            _damage(feed, "a quote that does not close", lambda person, text=text: [f'{text(person)},"copied text'.encode()]),
            _damage(feed, "twice", lambda person, text=text: [f"{text(person)},".encode()] * 2),
        ]
    return found


def _identifiers() -> list[Damage]:
    found = [
        _damage(
            "type_1_objections", f"{name} after the pseudonym", lambda person, mark=mark: [type_1(person + mark)], "person_id"
        )
        for name, mark in BLANKS.items()
    ]
    found += [
        _damage("opt_outs", f"{name} before the pseudonym", lambda person, mark=mark: [combined(mark + person)], "person_id")
        for name, mark in BLANKS.items()
    ]
    found += [
        _damage(
            feed,
            "the pseudonym in upper case",
            lambda person, feed=feed: [ROW_OF[feed](person.upper())],
            "person_id",
            counted=False,
        )
        for feed in ROW_OF
    ]
    split = _damage("type_1_objections", "a blank in the pseudonym", lambda person: [type_1(f"{person[:5]} {person[5:]}")], "person_id", counted=False)  # fmt: skip
    return [*found, split]


def _withdrawals() -> list[Damage]:
    """Return objections with a withdrawal that is damaged, of unknown kind or of the same day."""
    later = {"STATUS": "0", "EFFECTIVE_DATE": "2025-05-01"}
    pairs = {
        "a withdrawal without a day": {**later, "EFFECTIVE_DATE": ""},
        "a withdrawal on a day that cannot be read": {**later, "EFFECTIVE_DATE": "soon"},
        "a withdrawal of the same day": {**later, "EFFECTIVE_DATE": DAY},
        "a withdrawal dated in the future": {**later, "EFFECTIVE_DATE": "2087-01-01"},
        "a withdrawal before the objection": {**later, "EFFECTIVE_DATE": "2023-05-01"},
        "a withdrawal in the year of the objection": {**later, "EFFECTIVE_DATE": "2024"},
    }
    found = [
        _damage("type_1_objections", name, lambda person, cells=cells: [type_1(person), type_1(person, **cells)], counted=False)
        for name, cells in pairs.items()
    ]
    found += [
        _damage("type_1_objections", "a withdrawal in other letter case",
                lambda person: [type_1(person), type_1(person.upper(), **later)], counted=False),
        _damage("type_1_objections", "a withdrawal before it in the file",
                lambda person: [type_1(person, STATUS="0"), type_1(person)], counted=False),
        _damage("type_1_objections", "a withdrawal whose status cannot be read",
                lambda person: [type_1(person), type_1(person, EFFECTIVE_DATE="2025-05-01", STATUS="O")]),
        _damage("opt_outs", "a withdrawal of unknown kind",
                lambda person: [combined(person), combined(person, **later, OPT_OUT_TYPE="?")]),
        _damage("opt_outs", "a withdrawal of the other kind",
                lambda person: [combined(person), combined(person, **later, OPT_OUT_TYPE="NATIONAL")], counted=False),
    ]  # fmt: skip
    return found


def _lists() -> list[Damage]:
    """Return people of a permitted list whose row was returned in a damaged form, or not at all."""
    feed = "national_opt_outs"
    returned: dict[str, Callable[[Row], list[Line]]] = {
        "submitted and not returned": lambda row: [],
        "returned in a row that cannot be read": lambda row: [{**row, "LIST": "RETURNED?"}],
        "returned in a row with fields too many": lambda row: [f"{row['PERSON_ID']},RETURNED,,,,,x,y".encode()],
        "returned and opted out": lambda row: [row, national(row["PERSON_ID"])],
        "returned as another person": lambda row: [{**row, "PERSON_ID": f"{row['PERSON_ID']}0"}],
    }
    counted = ("returned in a row that cannot be read", "returned in a row with fields too many")
    return [
        Damage(
            KIND, name, feed, "list_part", Expected.SUPPRESSED, OBJECTS_NATIONALLY, lambda rows, change=change: [rows[0], *change(rows[1])],
            lambda rows: rows[:1], lambda rows: len(rows) == 2, name in counted,
        )
        for name, change in returned.items()
    ]  # fmt: skip


def _other_words() -> list[Damage]:
    """Return objections whose cells are in other words, or hold two values."""
    words = {
        ("type_1_objections", "STATUS"): ("dissent", "Withdrawn", "opted back in", "consent", "J", "✓", "0;1", "+1", "(null)", "#REF!"),
        ("type_1_objections", "EFFECTIVE_DATE"): ("00/00/0000", "May-24", "2024-W18-3", "01/05/24", "45413.5", "2030-01-01", "1er mai 2024", "NaT"),
        ("type_1_objections", "ORGANISATION_ID"): ("V81999", "y00001 ", "Y00001 Surgery", "UNKNOWN", "#N/A"),
        ("opt_outs", "STATUS"): ("Opted out", "N/K", "O"),
        ("opt_outs", "OPT_OUT_TYPE"): ("TYPE_1;NATIONAL", "TYPE 1 AND NATIONAL", "Type-1", "9Nu0", "1", "(null)"),
        ("national_opt_outs", "STATUS"): ("opted out", "-", "2"),
        ("national_opt_outs", "LIST"): ("OPTED-OUT", "SUBMITTED;RETURNED", "(null)", "RETURNED OPTED_OUT"),
    }  # fmt: skip
    return [_cell(feed, header, value) for (feed, header), values in words.items() for value in values]


def _later_statements() -> list[Damage]:
    """Return objections with other statements that end none: of one day, of another practice, of a day that is not certain."""
    off = {"STATUS": "0", "EFFECTIVE_DATE": DAY}
    pairs: dict[str, list[dict[str, str]]] = {
        "withdrawn and stated again on one day by two practices": [{}, {**off, "EFFECTIVE_DATE": "2025-05-01", "ORGANISATION_ID": "Y00002"},
                                                                   {"EFFECTIVE_DATE": "2025-05-01"}],
        "withdrawn on its day by another practice": [{}, {**off, "ORGANISATION_ID": "Y00002"}],
        "withdrawn on a day in another format": [{}, {**off, "EFFECTIVE_DATE": "01/05/2025"}],
        "withdrawn on a day with a year of two digits": [{}, {**off, "EFFECTIVE_DATE": "01/05/25"}],
        "withdrawn on a serial": [{}, {**off, "EFFECTIVE_DATE": "45778.25"}],
        "withdrawn on a placeholder": [{}, {**off, "EFFECTIVE_DATE": "1900-01-01"}],
        "withdrawn on a day that there is not": [{}, {**off, "EFFECTIVE_DATE": "2025-02-30"}],
        "withdrawn the day after tomorrow": [{}, {**off, "EFFECTIVE_DATE": "2026-01-03"}],
        "withdrawn at a day of never": [{}, {**off, "EFFECTIVE_DATE": "9999-12-31"}],
        "withdrawn late in the day before it": [{}, {**off, "EFFECTIVE_DATE": "2024-04-30T22:30:00Z"}],
        "withdrawn in a month that may be before it": [{"EFFECTIVE_DATE": "2024-05-20"}, {**off, "EFFECTIVE_DATE": "2024-05"}],
        "of a year, and withdrawn in it": [{"EFFECTIVE_DATE": "2024"}, {**off, "EFFECTIVE_DATE": "2024-07-01"}],
        "without a day, and withdrawn": [{"EFFECTIVE_DATE": ""}, {**off, "EFFECTIVE_DATE": "2025-05-01"}],
        "of a day that cannot be read, and withdrawn": [{"EFFECTIVE_DATE": "soon"}, {**off, "EFFECTIVE_DATE": "2025-05-01"}],
        "withdrawn with a status of two values": [{}, {**off, "STATUS": "0/1", "EFFECTIVE_DATE": "2025-05-01"}],
        "withdrawn with the letter O": [{}, {**off, "STATUS": "O", "EFFECTIVE_DATE": "2025-05-01"}],
        "withdrawn by a practice that cannot be read": [{}, {**off, "EFFECTIVE_DATE": "2025-05-01", "ORGANISATION_ID": "?"}],
        "withdrawn by no practice": [{}, {**off, "EFFECTIVE_DATE": "2025-05-01", "ORGANISATION_ID": "V81999"}],
        "withdrawn by an empty practice": [{}, {**off, "EFFECTIVE_DATE": "2025-05-01", "ORGANISATION_ID": ""}],
        "withdrawn, and dated in the future": [{"EFFECTIVE_DATE": "2027-01-01"}, {**off, "EFFECTIVE_DATE": "2025-05-01"}],
    }  # fmt: skip

    def damage(cells: list[dict[str, str]]) -> Callable[[str], list[Line]]:
        return lambda person: [type_1(person, **each) for each in cells]

    found = [_damage("type_1_objections", name, damage(cells), counted=False) for name, cells in pairs.items()]
    found += [
        _damage("opt_outs", f"of type 1, {name}", lambda person, cells=cells: [combined(person), combined(person, **cells)], counted=False)
        for name, cells in {
            "withdrawn for both kinds in one cell": {**off, "EFFECTIVE_DATE": "2025-05-01", "OPT_OUT_TYPE": "TYPE_1;NATIONAL"},
            "withdrawn with an empty kind": {**off, "EFFECTIVE_DATE": "2025-05-01", "OPT_OUT_TYPE": ""},
        }.items()
    ]  # fmt: skip
    return found


def _other_lists() -> list[Damage]:
    """Return people of a permitted list whose rows contradict each other or name them in another form."""
    changes: dict[str, Callable[[Row, Row], list[Line]]] = {
        "returned with the status of an opt-out": lambda sent, back: [sent, {**back, "STATUS": "1"}],
        "returned with the word of an opt-out as status": lambda sent, back: [sent, {**back, "STATUS": "opted out"}],
        "returned with a status of another system": lambda sent, back: [sent, {**back, "STATUS": "Y"}],
        "returned in upper case": lambda sent, back: [sent, {**back, "PERSON_ID": back["PERSON_ID"].upper()}],
        "submitted in two forms and returned in one": lambda sent, back: [sent, {**sent, "PERSON_ID": sent["PERSON_ID"].upper()}, back],
        "returned in a row of words": lambda sent, back: [sent, {**back, "LIST": "NOT RETURNED"}],
        "in no row of the list": lambda sent, back: [],
        "opted out in another form of the pseudonym": lambda sent, back: [sent, back, national(sent["PERSON_ID"].upper())],
        "opted out at a day that cannot be read": lambda sent, back: [sent, back, national(sent["PERSON_ID"], EFFECTIVE_DATE="soon")],
    }  # fmt: skip
    return [
        Damage(
            KIND, name, "national_opt_outs", "list_part", Expected.SUPPRESSED, OBJECTS_NATIONALLY,
            lambda rows, change=change: change(rows[0], rows[1]), lambda rows: rows[:1], lambda rows: len(rows) == 2, counted=False,
        )
        for name, change in changes.items()
    ]  # fmt: skip
