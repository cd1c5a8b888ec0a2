"""core__organisation, its relations and successions: all dated, so that a merger of organisations changes data and not code."""

from __future__ import annotations

from datetime import date, timedelta

import pandas as pd

from expectations.organisations import ICB, PCN, PRACTICE, PROVIDER, REGION, SUB_ICB, relation_name
from features.organisation_lines import line_frame, lines_of
from pipelines.errors import ExtractError
from pipelines.reference.columns import HIERARCHY, ORGANISATIONS, RELATIONS, SUCCESSION
from pipelines.reference.files import OrganisationFile, Reference, dates, numbers
from pipelines.reference.organisation_rules import problems_of_organisations, problems_of_relations, problems_of_successions
from pipelines.reference.problems import refuse

# The levels and links of a snapshot of the practice hierarchy.
LEVELS = (PRACTICE, PCN, SUB_ICB, ICB, REGION)
LINKS = ((PRACTICE, PCN), (PRACTICE, SUB_ICB), (PCN, SUB_ICB), (SUB_ICB, ICB), (ICB, REGION))
_NO_NETWORK = ("U", "")  # the code of the practice hierarchy for a practice without a network


def organisation_frames(reference: Reference) -> dict[str, pd.DataFrame]:
    """Build organisation, relation, succession and line from the reference files, each sorted by its key.

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
    succession = _successions(reference)
    return {
        "organisation": organisation.sort_values(["code", "role", "valid_from"], ignore_index=True),
        "relation": relation.sort_values(["child_code", "parent_code", "relation", "valid_from"], ignore_index=True),
        "succession": succession,
        "line": _lines(succession, organisation),
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
    roles = frame["role"].str.lower() if "role" in frame else PROVIDER
    dated = _with_days(frame.assign(role=roles), "valid_from", "valid_to")
    dated = dated.drop_duplicates(["code", "role", "valid_from", "valid_to", *(["name"] if "name" in dated else [])])
    refuse(file.file, problems_of_organisations(dated))
    dated = dated.assign(name=dated.get("name"), valid_from=dated["valid_from"].fillna(pd.Timestamp(file.valid_from)))
    return dated[["code", "role", "name", "valid_from", "valid_to"]]


def _with_days(frame: pd.DataFrame, *names: str) -> pd.DataFrame:
    """Read the columns of days; `stated_<name>` has the text. A column that the file lacks is null."""
    for name in names:
        text = frame[name] if name in frame else pd.Series(None, index=frame.index, dtype=object)
        frame = frame.assign(**{f"stated_{name}": text, name: dates(text)})
    return frame


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
            links.append(
                pairs.drop_duplicates().assign(relation=relation_name(child, parent), valid_from=valid_from, valid_to=valid_to)
            )
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
    source = reference.settings.organisation_relations
    frame = _with_days(reference.read(source, RELATIONS, tuple(columns)), "valid_from", "valid_to").drop_duplicates(columns)
    refuse(source, problems_of_relations(frame))
    return frame[columns]


def _lines(succession: pd.DataFrame, organisation: pd.DataFrame) -> pd.DataFrame:
    ends = succession.drop_duplicates("from_code").set_index("from_code")["effective_date"]
    ended = {str(code): day.date() - timedelta(days=1) for code, day in ends.items()}
    levels = organisation.sort_values("valid_from").drop_duplicates("code", keep="last").set_index("code")["role"]
    return line_frame(lines_of(succession), ended, {str(code): level for code, level in levels.items()})


def _successions(reference: Reference) -> pd.DataFrame:
    columns = list(SUCCESSION)
    if not reference.settings.organisation_succession:
        return pd.DataFrame(columns=columns)
    source = reference.settings.organisation_succession
    frame = _with_days(reference.read(source, SUCCESSION, tuple(columns)), "effective_date")
    frame = frame.assign(share=numbers(frame["share"]), kind=frame["kind"].str.lower())
    refuse(source, problems_of_successions(frame))
    return frame[columns].sort_values(["from_code", "to_code", "effective_date"], ignore_index=True)
