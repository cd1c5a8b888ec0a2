"""How long things are kept, and how much room a run needs."""

from __future__ import annotations

from pydantic import BaseModel, Field


class UpkeepSettings(BaseModel, extra="forbid", frozen=True):
    """What `strata tidy` removes, and the room on disk that a run asks for before it begins."""

    old_versions_days: int = Field(
        default=90,
        ge=7,
        description="days that a table's earlier versions stay readable; a week at least, for readers in mid-read",
    )
    reproducible_runs: int = Field(
        default=12, ge=0, description="latest published runs of each outcome whose features are kept whatever their age"
    )
    run_months: int | None = Field(
        default=None,
        ge=1,
        description="months after its index date that a run's scores and drivers are kept; all where left out. The current run stays",
    )
    extract_months: int | None = Field(
        default=None,
        ge=1,
        description="months before the data cut; deliveries older than that are removed and not taken in again, and what only they "
        "say is then gone from the core tables too. All are kept where left out",
    )
    free_disk_gb: float = Field(default=1.0, ge=0, description="GB that must stay free beside what a run is expected to write")
