"""The plain-English names of the kinds of groups that models are compared by."""

from __future__ import annotations

KIND_LABELS = {
    "imd_quintile": "deprivation quintile", "imd_decile": "deprivation decile", "ethnic_group": "ethnic group",
    "ethnic_category": "ethnic category", "sex_name": "sex", "age_band": "age band", "rural_urban": "rural or urban area",
    "local_authority_code": "local authority", "pcn_code": "primary care network", "sub_icb_code": "sub-ICB location",
    "practice_code": "practice", "gp_covered": "cover by a GP feed", "emergency_admission_24m": "emergency admission in the last 24 months",
    "core20plus": "Core20PLUS group", "imd_quintile_by_ethnic_group": "deprivation quintile and ethnic group",
}  # fmt: skip


def kind_label(kind: str) -> str:
    """Return the name of a kind of groups; a kind of the user's own table keeps its column's name, without underscores."""
    return KIND_LABELS.get(kind, kind.replace("_", " "))


def group_label(subject: str) -> str:
    """Return the name of a group that is stored as its kind and its name, such as `imd_quintile 1`."""
    kind, _, name = subject.partition(" ")
    return f"{kind_label(kind)} {name}" if name else subject
