"""The plain form of identifiers and codes: what is repaired, what stays, and that SQL and Python agree."""

from __future__ import annotations

import random
import sys
import unicodedata

import pyarrow as pa
import pytest

from expectations.identifier_text import BLANK_CHARACTERS, PLAIN_CHARACTERS, may_change_sql, normal, normal_sql, plain_sql
from pipelines.lake.duckdb_connection import connect

NUMBER = "9434765919"
WRITTEN = {
    "blanks around": f"  {NUMBER}\t",
    "no-break space before": f"\u00a0{NUMBER}",
    "narrow no-break space after": f"{NUMBER}\u202f",
    "thin and ideographic spaces": f"\u2009{NUMBER}\u3000",
    "zero-width space inside": "94347\u200b65919",
    "zero-width non-joiner and joiner": f"{NUMBER}\u200c\u200d",
    "byte order mark": f"\ufeff{NUMBER}",
    "soft hyphen": "943476\u00ad5919",
    "left-to-right and right-to-left marks": f"\u200e{NUMBER}\u200f",
    "isolates": f"\u2066{NUMBER}\u2069",
    "embedding": f"\u202a{NUMBER}\u202c",
    "word joiner": f"{NUMBER}\u2060",
    "variation selector": f"{NUMBER}\ufe0f",
    "tag characters": f"{NUMBER}\U000e0041",
    "full-width digits": "９４３４７６５９１９",
    "Arabic digits": "٩٤٣٤٧٦٥٩١٩",
    "mathematical digits": "𝟗𝟒𝟑𝟒𝟕𝟔𝟓𝟗𝟏𝟗",
    "apostrophe of a spreadsheet": f"'{NUMBER}",
    "curly apostrophe": f"\u2019{NUMBER}",
    "formula of a spreadsheet": f'="{NUMBER}"',
    "formula with full-width signs": f"\uff1d\u201c{NUMBER}\u201d",
    "quotes": f'"{NUMBER}"',
    "apostrophe and formula": f'\'="{NUMBER}"',
    "decimal": f"{NUMBER}.0",
    "more decimals": f"{NUMBER}.000",
    "decimal point alone": f"{NUMBER}.",
    "decimal comma": f"{NUMBER},0",
    "decimal in quotes": f"'{NUMBER}.0'",
    "control characters at the end": f"{NUMBER}\x1a\x00",
    "C1 control character": f"{NUMBER}\x85",
}


FORMATS = [chr(code) for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code)) == "Cf"]


def test_a_format_character_of_any_kind_is_removed_wherever_it_is() -> None:
    values = [form.format(letter) for letter in FORMATS for form in ("{0}9434765919", "9434765919{0}", "94347{0}65919")]
    assert {normal(value) for value in values} == {NUMBER}
    with connect() as con:
        con.register("file", pa.table({"value": pa.array(values)}))
        assert con.execute(f"SELECT DISTINCT {plain_sql('value')} FROM file").fetchall() == [(NUMBER,)]


@pytest.mark.parametrize("written", WRITTEN.values(), ids=WRITTEN.keys())
def test_one_identifier_has_one_plain_form(written: str) -> None:
    assert normal(written) == NUMBER


@pytest.mark.parametrize(
    "text",
    [
        "P8db4af50f22db23a",
        "p8DB",
        "O'Neill",
        "A-1",
        "1.5",
        "I50.0",
        "1,000",
        "12.30",
        "x.0",
        "-17",
        "=1+1",
        "é",
        "a b",
        "1.0.0",
        "00123",
    ],
)
def test_what_may_be_part_of_an_identifier_stays(text: str) -> None:
    assert normal(text) == text


@pytest.mark.parametrize("text", ["", " ", "\u200b", "\ufeff\u00a0", "''", '=""', "\t'\u3000"])
def test_nothing_is_left_of_blanks_and_quotes(text: str) -> None:
    assert normal(text) == ""


@pytest.mark.parametrize("text", ["''''", '"' * 5_000, '=""""', "' ' ' ' '"])
def test_many_quotes_are_a_value_that_cannot_be_read_and_not_an_empty_one(text: str) -> None:
    assert normal(text) == text.replace(" ", "")


def test_sql_and_python_agree_on_random_texts() -> None:
    letters = [
        *"0123456789abcABCxXpPeE +-_.,=\"'/\\()\t\n\x00\x07\x1f\x7f\x80\xa0é中🙂",
        *BLANK_CHARACTERS,
        *list(PLAIN_CHARACTERS)[::37],
    ]
    letters += list("\u200b\u200e\ufeff\u00ad\u2066\ufe0f\uff10\uff21\u2019\u201c\u2011\U0001d7d8")
    source = random.Random(20260101)
    texts = ["".join(source.choice(letters) for _ in range(source.randint(0, 16))) for _ in range(30_000)]
    texts += ["".join(source.choice("'\"= \u200b") for _ in range(source.randint(0, 9))) for _ in range(2_000)]
    with connect() as con:
        con.register("texts", pa.table({"v": texts}))
        found = con.execute(f"SELECT v, {normal_sql('v')}, {plain_sql('v')}, {may_change_sql('v')} FROM texts").fetchall()
    assert [text for text, by_sql, _, _ in found if by_sql != normal(text)] == []
    assert [text for text, by_sql, plain, _ in found if by_sql != plain] == []
    assert [text for text, by_sql, _, suspected in found if by_sql != text and not suspected] == []


def test_a_plain_form_is_plain() -> None:
    source = random.Random(7)
    texts = ["".join(source.choice("01.,'\"= \u200b\uff10x") for _ in range(source.randint(0, 9))) for _ in range(20_000)]
    assert [text for text in texts if normal(normal(text)) != normal(text)] == []
