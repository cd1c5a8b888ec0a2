from pipelines.text_table import table


def test_numbers_stand_to_the_right_and_words_to_the_left() -> None:
    rows = [{"reason": "deleted", "rows": 1_200, "share": 0.5}, {"reason": "test_patient", "rows": 3, "share": None}]
    assert list(table(rows, ("reason", "rows", "share"))) == [
        "  reason         rows  share",
        "  deleted       1,200  0.500",
        "  test_patient      3",
    ]


def test_no_rows_are_said_to_be_none() -> None:
    assert list(table([], ("reason",))) == ["  none"]
