"""Groups of diagnosis codes for tables with a few codes in each row: three-character categories and chapters.

The chapters are those of the ICD-9-CM tabular list (CDC/NCHS) and of ICD-10 (WHO).
"""

from __future__ import annotations

from bisect import bisect_right
from typing import Literal

import pandas as pd

CodeSystem = Literal["icd9", "icd10"]

_ICD9_STARTS = (1, 140, 240, 280, 290, 320, 390, 460, 520, 580, 630, 680, 710, 740, 760, 780, 800)
_ICD9_NAMES = (
    "infectious", "neoplasms", "endocrine", "blood", "mental", "nervous", "circulatory", "respiratory", "digestive",
    "genitourinary", "pregnancy", "skin", "musculoskeletal", "congenital", "perinatal", "symptoms", "injury",
)  # fmt: skip
_ICD10_STARTS = (
    "A00", "C00", "D50", "E00", "F00", "G00", "H00", "H60", "I00", "J00", "K00", "L00", "M00", "N00", "O00", "P00", "Q00",
    "R00", "S00", "U00", "V00", "Z00",
)  # fmt: skip
_ICD10_NAMES = (
    "infectious", "neoplasms", "blood", "endocrine", "mental", "nervous", "eye", "ear", "circulatory", "respiratory",
    "digestive", "skin", "musculoskeletal", "genitourinary", "pregnancy", "perinatal", "congenital", "symptoms", "injury",
    "special", "external_causes", "contact_with_services",
)  # fmt: skip


def category(code: str) -> str:
    """Return the three-character category of a code (four characters for ICD-9 external causes, E8xx); '' for no code."""
    plain = code.strip().upper().split(".")[0]
    return plain[:4] if plain[:1] == "E" and len(plain) > 3 and plain[1:].isdigit() else plain[:3]


def chapter(code: str, system: CodeSystem) -> str:
    """Return the name of a code's chapter; '' for no code or a code of no chapter."""
    plain = category(code)
    if system == "icd10":
        place = bisect_right(_ICD10_STARTS, plain)
        return _ICD10_NAMES[place - 1] if place and len(plain) == 3 else ""
    if plain[:1] in ("V", "E"):
        return "contact_with_services" if plain[0] == "V" else "external_causes"
    return _ICD9_NAMES[bisect_right(_ICD9_STARTS, int(plain)) - 1] if plain.isdigit() and 1 <= int(plain) <= 999 else ""


def diagnosis_groups(codes: pd.Series, system: CodeSystem) -> tuple[pd.Series, pd.Series]:
    """Return the category and the chapter of each code as text. Null where there is none."""
    distinct = [code for code in codes.dropna().unique() if code]
    categories = {code: category(code) or None for code in distinct}
    chapters = {code: chapter(code, system) or None for code in distinct}
    return codes.map(categories), codes.map(chapters)
