"""The jobs and schedules that Dagster loads."""
