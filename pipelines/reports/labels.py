"""Stored names and dates as text for a reader."""

from __future__ import annotations

from datetime import date

SPELLINGS = {
    "gp": "GP", "ae": "A&E", "imd": "IMD", "lsoa": "LSOA", "nhs": "NHS", "icb": "ICB", "pcn": "PCN", "omop": "OMOP", "lightgbm": "LightGBM",
    "copd": "COPD", "tia": "TIA", "utf8": "UTF-8", "ids": "IDs",
}  # fmt: skip


def label(token: str, sentence: bool = True) -> str:
    """Return a stored name as text, as at the start of a sentence or within one: `gp_contacts` as "GP contacts"."""
    text = " ".join(SPELLINGS.get(word, word) for word in token.replace("age_sex", "age_and_sex").split("_") if word)
    return text[:1].upper() + text[1:] if sentence else text


def written_date(day: date) -> str:
    """Return a date as the NHS writes it: 1 January 2026."""
    return f"{day.day} {day:%B %Y}"


def known_to_words(deaths: date | None, objections: date | None) -> str:
    """Return up to which delivery a list knows deaths and objections; the earlier day where the two differ."""
    if deaths is None or objections is None:
        stated = [
            f"{what} {written_date(day) if day else 'not known'}"
            for what, day in (("deaths", deaths), ("objections", objections))
        ]
        return f"Deaths and objections known to: {', '.join(stated)}"
    both = "" if deaths == objections else f" (deaths {written_date(deaths)}, objections {written_date(objections)})"
    return f"Deaths and objections known to {written_date(min(deaths, objections))}{both}"
