from pipelines.reports.text_table import fitted, table


def test_numbers_stand_to_the_right_and_words_to_the_left() -> None:
    rows = [{"reason": "deleted", "rows": 1_200, "share": 0.5}, {"reason": "test_patient", "rows": 3, "share": None}]
    assert list(table(rows, ("reason", "rows", "share"))) == [
        "  reason         rows  share",
        "  deleted       1,200  0.500",
        "  test_patient      3",
    ]


def test_no_rows_are_said_to_be_none() -> None:
    assert list(table([], ("reason",))) == ["  none"]


def test_lines_wider_than_a_terminal_are_broken_between_words() -> None:
    wide = "  gate: " + " ".join(["words"] * 40)
    lines = "\n".join(fitted(["short", wide])).split("\n")
    assert lines[0] == "short"
    assert len(lines) > 2 and all(len(line) <= 120 for line in lines)
    assert lines[1].startswith("  gate: words") and lines[2].startswith("      words")
    assert " ".join(" ".join(lines[1:]).split()) == wide.strip()
