from expectations.catalogue import TABLES
from expectations.data_dictionary import FILE, data_dictionary


def test_the_data_dictionary_is_current() -> None:
    current = data_dictionary(TABLES.values())
    assert FILE.read_text(encoding="utf-8") == current, "run: .venv/bin/python -m expectations.data_dictionary"


def test_each_known_defect_has_a_rule() -> None:
    lines = [
        line
        for line in data_dictionary(TABLES.values()).splitlines()
        if line.startswith(tuple(f"| {number} |" for number in range(1, 15)))
    ]
    assert len(lines) == 14
    assert all(line.rsplit("|", 2)[1].strip() for line in lines)
