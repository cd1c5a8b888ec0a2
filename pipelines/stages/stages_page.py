"""docs/stages.md: every stage with what it writes, reads and receives, and what runs again when a setting or outside input changes.

`python -m pipelines.stages.stages_page` writes it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from expectations.catalogue import RAW_TABLES
from expectations.table import Table
from pipelines.stages.decisions_in_settings import IMPORTED_AS
from pipelines.stages.declared import FIRST, STAGES
from pipelines.stages.landing import LIST_FEED, raw_stage, suite_stage
from pipelines.stages.outside import OutsideInput
from pipelines.stages.presence import has_ready_table
from pipelines.stages.settings_view import DECISIONS, MACHINE
from pipelines.stages.stage import ALL_FEEDS, Per, Stage
from pipelines.validation.validate import looks_up_births

FILE = Path(__file__).resolve().parents[2] / "docs" / "stages.md"
OF_EACH_FEED = "raw__<feed>"
INTRODUCTION = """# Stages

This page is generated from the declarations in `pipelines/stages/` by `make docs`. [Architecture](architecture.md#a-stage-runs-when-something-it-reads-is-new)
explains them.

A stage runs again if a table it reads, a setting or outside input it receives, the code, or a table it wrote has changed. Otherwise it is skipped.
*Reads* are tables of this run: the stage comes after them. *Reads earlier* are its own tables, or those of later stages, as earlier runs left them.
"""
OF_SETTINGS = """
## What runs again when a setting changes

The stages named here receive the setting. Stages after them run again only if what these stages write has changed.
"""
OF_INPUTS = """
## What runs again when something outside changes
"""
OF_DECISIONS = """
## What runs again when a decision is recorded

`strata decide` records a decision. Decisions in the settings are recorded at the start of a run, once. The other kinds make no stage run again.
"""
NOT_COUNTED = "none: it is recorded with what it allows, and is part of no digest"
IMPORTED = "none by itself: it is recorded as a decision of the kind {kind}, which runs again what the table of decisions names"


def stages_page() -> str:
    """Return the page as Markdown."""
    stages = list(_every_stage())
    skipped = [stage for stage in stages if stage not in _first_steps()]
    return "\n".join(
        [
            INTRODUCTION,
            *_stages(stages),
            OF_SETTINGS,
            *_settings(skipped),
            OF_INPUTS,
            *_inputs(skipped),
            OF_DECISIONS,
            *_decisions(stages),
            "",
        ]
    )


def _first_steps() -> dict[Stage, Stage]:
    """Return the small stages that are done before another one, whenever that one is asked for, each with that stage."""
    return {stage.first: stage for stage in STAGES if stage.first}


def _every_stage() -> Iterator[Stage]:
    """Yield every stage; those of the feeds once for all feeds, with the suite of the list apart."""
    registered, other = RAW_TABLES[LIST_FEED], RAW_TABLES["admissions"]
    yield from FIRST
    yield replace(raw_stage(other, registered), name=OF_EACH_FEED)
    yield suite_stage(registered)
    yield replace(suite_stage(other), name=f"{OF_EACH_FEED} suite")
    for stage in STAGES:
        yield from (stage.first,) if stage.first else ()
        yield stage


def _stages(stages: Iterable[Stage]) -> Iterator[str]:
    yield "| stage | runs | writes | reads | reads earlier | settings | outside inputs |"
    yield "|---|---|---|---|---|---|---|"
    for stage in stages:
        of_feed = stage.feed and stage.name.startswith(OF_EACH_FEED)
        cells = (
            f"`{_name(stage)}`",
            _per(stage),
            f"`{OF_EACH_FEED}`; also {_tables(stage.adds_to)}"
            if of_feed and stage.writes
            else _tables(stage.writes, "; also ", (*stage.records, *stage.adds_to)),
            _reads(stage, OF_EACH_FEED if of_feed else ""),
            _tables(stage.reads_earlier),
            _codes(stage.settings),
            "; ".join((*_outside(stage), *(f"recorded decisions of the kind {kind}" for kind in stage.decisions))),
        )
        yield f"| {' | '.join(cells)} |"


def _outside(stage: Stage) -> Iterator[str]:
    yield from (str(which) for which in OutsideInput if which in (*stage.outside, *stage.changes))


def _name(stage: Stage) -> str:
    return f"{stage.name} (ready-made)" if stage.exists is has_ready_table else stage.name


def _per(stage: Stage) -> str:
    if stage in _first_steps():
        return f"as the first step of `{_first_steps()[stage].name}`, always"
    if stage.check is not None:
        return "as a check that blocks" if stage.check.blocking else "as a check that stops nothing"
    names = {Per.ONCE: "once", Per.INDEX_DATE: "per index date", Per.STUDY: "per study"}
    return names.get(stage.per, "per study and index date")


def _reads(stage: Stage, raw_name: str) -> str:
    tables = raw_name and f"`{raw_name}`" if raw_name and stage.reads else _tables(stage.reads)
    feeds = "every feed" if stage.feeds == ALL_FEEDS else ", ".join(stage.feeds)
    limit = f" (not for {_feeds_without_births()}, whose rules compare nothing with dates of birth)" if raw_name and feeds else ""
    return "; ".join(part for part in (tables, f"validated rows of {feeds}{limit}" if feeds else "") if part)


def _feeds_without_births() -> str:
    """Return the feeds, but for the list itself, whose rules look up no birth."""
    without = [feed for feed, table in RAW_TABLES.items() if feed != LIST_FEED and not looks_up_births(table)]
    return f"{', '.join(without[:-1])} and {without[-1]}"


def _settings(stages: Iterable[Stage]) -> Iterator[str]:
    yield "| setting | runs again |"
    yield "|---|---|"
    declared = sorted({path for stage in stages for path in stage.settings} | DECISIONS)
    for path in declared:
        names = _codes(_name(stage) for stage in stages if path in stage.settings)
        yield f"| `{path}` | {_of_decision(path) if path in DECISIONS else names} |"
    for path in sorted(MACHINE):
        yield f"| `{path}` | none: it bears on no result |"


def _of_decision(path: str) -> str:
    return IMPORTED.format(kind=f"`{IMPORTED_AS[path]}`") if path in IMPORTED_AS else NOT_COUNTED


def _decisions(stages: Collection[Stage]) -> Iterator[str]:
    yield "| kind of decision | runs again |"
    yield "|---|---|"
    for kind in sorted({kind for stage in stages for kind in stage.decisions}):
        yield f"| `{kind}` | {_codes(_name(stage) for stage in stages if kind in stage.decisions)} |"


def _inputs(stages: Iterable[Stage]) -> Iterator[str]:
    yield "| outside input | runs again |"
    yield "|---|---|"
    for which in OutsideInput:
        names = [_name(stage) for stage in stages if which in stage.outside or which in stage.changes]
        yield f"| {which} | {_codes(names)} |"


def _tables(tables: Iterable[Table], joint: str = "", others: Iterable[Table] = ()) -> str:
    names, further = (_codes(dict.fromkeys(table.name for table in group)) for group in (tables, others))
    return f"{names}{joint if names else ''}{further}" if further else names


def _codes(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


if __name__ == "__main__":
    FILE.write_text(stages_page(), encoding="utf-8")
