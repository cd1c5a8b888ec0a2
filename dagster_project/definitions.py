"""What Dagster loads: the definitions of the deployment that STRATA_CONFIG names."""

from __future__ import annotations

from dagster_project.assembly import build
from dagster_project.resources import chosen_config

defs = build(chosen_config())
