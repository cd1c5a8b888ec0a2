"""core__organisation, its relations and successions: all dated, so that a merger of organisations changes data and not code."""

from __future__ import annotations

from datetime import date, timedelta

import pandas as pd

from pipelines.errors import ExtractError
from pipelines.reference.columns import HIERARCHY, ORGANISATIONS, RELATIONS, SUCCESSION
from pipelines.reference.files import OrganisationFile, Reference, dates, numbers

LEVELS = ("practice", "pcn", "sub_icb", "icb", "region")
LINKS = (("practice", "pcn"), ("practice", "sub_icb"), ("pcn", "sub_icb"), ("sub_icb", "icb"), ("icb", "region"))
_NO_NETWORK = ("U", "")  # the code of the practice hierarchy for a practice without a network


def organisation_frames(reference: Reference) -> dict[str, pd.DataFrame]:
    """Build organisation, relation and succession from the reference files, each sorted by its key.

    A snapshot of the practice hierarchy is valid from its day until the next snapshot. Facts that do not change have one period.
    """
    snapshots: list[tuple[date, pd.DataFrame]] = []
    organisations: list[pd.DataFrame] = []
    for file in reference.settings.organisations:
        frame = reference.read(file.file, {**HIERARCHY, **ORGANISATIONS}, (), file.columns)
        if "practice_code" in frame:
            snapshots.append((file.valid_from, _practices(frame)))
        else:
            organisations.append(_dated_organisations(file, frame))
    named, related = _from_snapshots(snapshots)
    organisation = pd.concat([*organisations, named], ignore_index=True).drop_duplicates(["code", "role", "valid_from"])
    relation = pd.concat([_relations(reference), related], ignore_index=True)
    relation = relation.drop_duplicates(["child_code", "parent_code", "relation", "valid_from"])
    return {
        "organisation": organisation.sort_values(["code", "role", "valid_from"], ignore_index=True),
        "relation": relation.sort_values(["child_code", "parent_code", "relation", "valid_from"], ignore_index=True),
        "succession": _successions(reference),
    }


def _practices(frame: pd.DataFrame) -> pd.DataFrame:
    frame = frame.dropna(subset="practice_code").drop_duplicates("practice_code")
    for level in LEVELS:
        for name in (f"{level}_code", f"{level}_name"):
            if name not in frame:
                frame[name] = None
    return frame.assign(pcn_code=frame["pcn_code"].where(~frame["pcn_code"].isin(_NO_NETWORK), None))


def _dated_organisations(file: OrganisationFile, frame: pd.DataFrame) -> pd.DataFrame:
    if "code" not in frame:
        raise ExtractError(f"{file.file}: there is no column practice_code or code; name its header in `columns` of this file")
    frame = frame.dropna(subset="code")
    begins = dates(frame["valid_from"]) if "valid_from" in frame else pd.Series(pd.NaT, index=frame.index)
    return pd.DataFrame(
        {
            "code": frame["code"],
            "role": frame["role"].str.lower() if "role" in frame else "provider",
            "name": frame.get("name"),
            "valid_from": begins.fillna(pd.Timestamp(file.valid_from)),
            "valid_to": dates(frame["valid_to"]) if "valid_to" in frame else pd.NaT,
        }
    ).drop_duplicates()


def _from_snapshots(snapshots: list[tuple[date, pd.DataFrame]]) -> tuple[pd.DataFrame, pd.DataFrame]:
    ordered = sorted(snapshots, key=lambda snapshot: snapshot[0])
    names, links = [], []
    for number, (begins, frame) in enumerate(ordered):
        ends = ordered[number + 1][0] - timedelta(days=1) if number + 1 < len(ordered) else None
        valid_from, valid_to = pd.Timestamp(begins), pd.Timestamp(ends or "NaT")
        for level in LEVELS:
            codes = frame[[f"{level}_code", f"{level}_name"]].set_axis(["code", "name"], axis=1).dropna(subset="code")
            names.append(codes.drop_duplicates("code").assign(role=level, valid_from=valid_from, valid_to=valid_to))
        for child, parent in LINKS:
            pairs = frame[[f"{child}_code", f"{parent}_code"]].set_axis(["child_code", "parent_code"], axis=1).dropna()
            links.append(pairs.drop_duplicates().assign(relation=f"{child}_{parent}", valid_from=valid_from, valid_to=valid_to))
    return (
        merged_periods(names, ["code", "role", "name"]),
        merged_periods(links, ["child_code", "parent_code", "relation"]),
    )


def merged_periods(frames: list[pd.DataFrame], facts: list[str]) -> pd.DataFrame:
    """Merge periods with the same facts and no gap between them; frames have the facts, valid_from and valid_to."""
    columns = [*facts, "valid_from", "valid_to"]
    if not frames:
        return pd.DataFrame(columns=columns)
    periods = pd.concat(frames, ignore_index=True).sort_values([*facts, "valid_from"], ignore_index=True)
    same = periods[facts].fillna("").eq(periods[facts].fillna("").shift()).all(axis=1)
    follows = same & (periods["valid_from"] == periods["valid_to"].shift() + pd.Timedelta(days=1))
    run = (~follows).cumsum()
    last = ~follows.shift(-1, fill_value=False)
    ends = periods["valid_to"].where(last).groupby(run).last()
    return periods[~follows][[*facts, "valid_from"]].assign(valid_to=ends.to_numpy())[columns]


def _relations(reference: Reference) -> pd.DataFrame:
    columns = list(RELATIONS)
    if not reference.settings.organisation_relations:
        return pd.DataFrame(columns=columns)
    frame = reference.read(reference.settings.organisation_relations, RELATIONS, tuple(columns))
    return frame.assign(valid_from=dates(frame["valid_from"]), valid_to=dates(frame["valid_to"]))[columns]


def _successions(reference: Reference) -> pd.DataFrame:
    columns = list(SUCCESSION)
    if not reference.settings.organisation_succession:
        return pd.DataFrame(columns=columns)
    frame = reference.read(reference.settings.organisation_succession, SUCCESSION, tuple(columns))
    frame = frame.assign(share=numbers(frame["share"]), effective_date=dates(frame["effective_date"]))
    wrong = ~frame["share"].between(0, 1)
    if wrong.any():
        raise ExtractError(
            f"{reference.settings.organisation_succession}: {int(wrong.sum()):,} rows have no share between 0 and 1; correct them"
        )
    return frame[columns].sort_values(["from_code", "to_code", "effective_date"], ignore_index=True)
