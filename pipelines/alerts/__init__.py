"""What is wrong, since when, how bad and what to do: rules over the monitoring tables, and the messages they send."""
