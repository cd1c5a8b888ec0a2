"""The assets, checks, jobs and schedules that Dagster loads."""
