"""From feature rows to risk, and how good and how fair it is; pure."""
