import io

from pipelines.reports.terminal import as_text, facts, item, paragraph, show, table, whole_line

ROWS = [{"name": "first", "share": "23.7%", "rows": 12345}, {"name": "second", "share": "5.0%", "rows": 6}]


def test_numbers_are_on_the_right_and_text_on_the_left() -> None:
    lines = as_text(table(ROWS, {"name": "Name", "share": "Share", "rows": "Rows"})).splitlines()
    assert lines[0] == "  Name    Share    Rows"
    assert lines[2:] == ["  first   23.7%  12,345", "  second   5.0%       6"]


def test_a_table_without_rows_says_none() -> None:
    assert as_text(table([], ("name",))).strip() == "none"


def test_a_narrow_terminal_breaks_text_between_words() -> None:
    lines = as_text(item("one two three four five six seven"), width=20).splitlines()
    assert lines[0] == "  - one two three" and all(len(line) <= 20 for line in lines)
    wide = as_text(table([{"a": "long text " * 20, "b": 1}], ("a", "b")), width=80)
    assert max(map(len, wide.splitlines())) <= 80


def test_a_path_is_never_broken() -> None:
    path = "/a/" + "very-long-folder/" * 10
    assert path in as_text(whole_line(path), width=40)


def test_what_is_not_a_terminal_gets_no_escape_codes() -> None:
    stream = io.StringIO()
    show(table(ROWS, {"name": "Name"}), stream)
    show(paragraph("[bold]not markup[/bold]"), stream)
    assert "\x1b" not in stream.getvalue() and "[bold]not markup[/bold]" in stream.getvalue()


def test_facts_are_text_without_lists_or_underscores() -> None:
    text = as_text(facts({"rows_removed": 1234, "loaded": ["a", "b"], "tables": [], "by_table": {"core__person": 1}}))
    assert text.splitlines() == ["rows removed: 1,234", "loaded: a, b", "tables: none", "by table: core__person 1"]
