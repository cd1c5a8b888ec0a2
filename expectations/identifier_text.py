"""The plain form of an identifier or code: what its sender meant, whatever a spreadsheet or a copied text added.

Declared once, for files (`normal_sql`) and for one value (`normal`), which agree on every text. Changes that could turn one identifier
into another are not made: letter case, order and punctuation inside an identifier stay.
"""

from __future__ import annotations

import re
import unicodedata

from expectations.sql_values import quote

# Format characters (Unicode category Cf), others that show nothing, and variation selectors: removed wherever they are.
INVISIBLE_RANGES = (
    (0x00AD, 0x00AD), (0x034F, 0x034F), (0x0600, 0x0605), (0x061C, 0x061C), (0x06DD, 0x06DD), (0x070F, 0x070F), (0x0890, 0x0891),
    (0x08E2, 0x08E2), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F), (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F),
    (0x3164, 0x3164), (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0), (0xFFF0, 0xFFFC), (0x110BD, 0x110BD), (0x110CD, 0x110CD),
    (0x13430, 0x1345F), (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF),
)  # fmt: skip
# Blanks other than the space, control characters of Latin-1 among them: read as a space.
BLANK_CHARACTERS = "".join(
    map(chr, (*range(0x80, 0xA1), 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x2800, 0x3000))
)
DASHES = "".join(map(chr, (*range(0x2010, 0x2016), 0x2212, 0xFE58, 0xFE63, 0xFF0D)))
SINGLE_QUOTES = "\u2018\u2019\u201b\u02bc\u2032\u00b4\uff07"
DOUBLE_QUOTES = "\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb\uff02"
# Blocks whose letters and digits mean the ASCII ones (NFKC, restricted to these): full width, mathematical, digits of other scripts.
COMPATIBLE_RANGES = (
    (0xFF01, 0xFF5E), (0x1D400, 0x1D7FF), (0x0660, 0x0669), (0x06F0, 0x06F9), (0x0966, 0x096F), (0x2070, 0x2079), (0x2080, 0x2089),
    (0x00B2, 0x00B3), (0x00B9, 0x00B9),
)  # fmt: skip


def _plain_characters() -> dict[str, str]:
    plain = {}
    for first, last in COMPATIBLE_RANGES:
        for character in map(chr, range(first, last + 1)):
            digit = unicodedata.decimal(character, None)
            meant = str(digit) if digit is not None else unicodedata.normalize("NFKC", character)
            if len(meant) == 1 and meant.isascii():
                plain[character] = meant
    for characters, meant in ((BLANK_CHARACTERS, " "), (DASHES, "-"), (SINGLE_QUOTES, "'"), (DOUBLE_QUOTES, '"')):
        plain.update(dict.fromkeys(characters, meant))
    return plain


PLAIN_CHARACTERS = _plain_characters()
_TRANSLATION = str.maketrans(PLAIN_CHARACTERS)
_INVISIBLE = "[" + "".join(f"{chr(first)}-{chr(last)}" for first, last in INVISIBLE_RANGES) + "]"
# Spreadsheets write text as 'text or ="text", and a whole number that was once a decimal as 1.0.
_LEADING = r"""^(?:=?["']|[\x00-\x20\x7f])+"""
_TRAILING = r"""["'\x00-\x20\x7f]+$"""
_BLANK = r"[\x00-\x20\x7f]+"
_DECIMAL = r"^([0-9]+)(?:\.0*|,00?)$"
# At most these marks are what a spreadsheet writes for an empty text, such as ="". More of them are a value that cannot be read.
_EMPTY_TEXT = 3

_invisible, _blank, _leading, _trailing, _decimal = (re.compile(pattern) for pattern in (_INVISIBLE, _BLANK, _LEADING, _TRAILING.replace("$", r"\Z"), _DECIMAL.replace("$", r"\Z")))  # fmt: skip


def normal(text: str) -> str:
    """Return the plain form of an identifier or code; '' for blanks and an empty text. Many quotes alone stay as they are."""
    plain = _invisible.sub("", text).translate(_TRANSLATION)
    inner = _trailing.sub("", _leading.sub("", plain))
    if not inner and len(marks := _blank.sub("", plain)) > _EMPTY_TEXT:
        return marks
    return _decimal.sub(r"\1", inner)


def normal_header(name: str) -> str:
    """Return the name of a column in the form in which names are compared: without blanks and letter case."""
    return "".join(normal(name).split()).casefold()


def _normal_macro() -> str:
    visible = f"regexp_replace(v, {quote(_INVISIBLE)}, '', 'g')"
    plain = f"translate({visible}, {quote(''.join(PLAIN_CHARACTERS))}, {quote(''.join(PLAIN_CHARACTERS.values()))})"
    inner = f"regexp_replace(regexp_replace(plain, {quote(_LEADING)}, ''), {quote(_TRAILING)}, '')"
    marks = f"regexp_replace(plain, {quote(_BLANK)}, '', 'g')"
    form = rf"""CASE WHEN {inner} <> '' THEN regexp_replace({inner}, {quote(_DECIMAL)}, '\1')
        WHEN length({marks}) > {_EMPTY_TEXT} THEN {marks} ELSE {inner} END"""
    return f"CREATE MACRO normal_form(v) AS list_transform([{plain}], lambda plain: {form})[1]"


# Every connection has the macro: its text is long, and a statement for a file would repeat it a hundred times.
NORMAL_MACRO = _normal_macro()


def normal_sql(value: str) -> str:
    """Return the SQL of `normal`, for a connection with NORMAL_MACRO."""
    return f"normal_form({value})"


def may_change_sql(value: str) -> str:
    """Return fast SQL that is true for every value that `normal` changes, and for a few others.

    It compares the ends of a value and its number of bytes with that of its characters, and runs no pattern.
    """
    ends = f"{value} < '(' OR {value} > '~' OR {value} BETWEEN '=' AND '>' OR NOT reverse({value}) BETWEEN '0' AND '~'"
    return f"({ends} OR strlen({value}) <> length({value}) OR contains({value}, '.0') OR contains({value}, ',0'))"


def plain_sql(value: str) -> str:
    """Return the SQL of `normal` that costs little where most values are plain already."""
    return f"CASE WHEN {may_change_sql(value)} THEN {normal_sql(value)} ELSE {value} END"
