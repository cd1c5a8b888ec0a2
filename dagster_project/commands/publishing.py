"""Commands that decide what readers see: publication, withdrawal and recorded decisions."""

from __future__ import annotations

from typing import Annotated

import typer

from dagster_project.commands.deployment_command import Config, Role, RunId, day_of, deployment_of, show_facts


def publish(config: Config) -> None:
    """Add to the publishing database what the lake has published and the database lacks."""
    with deployment_of(config) as deployment, deployment.alone():
        from pipelines.stages import publishing

        show_facts(publishing.follow_in_postgres(deployment).summary)


def refresh_exclusions(config: Config) -> None:
    """Remove people who died, objected or left from what readers see, by new deliveries of the list and of objections."""
    with deployment_of(config) as deployment, deployment.alone():
        from pipelines.errors import StrataError
        from pipelines.stages import refreshing

        result = refreshing.refresh_exclusions(deployment)
        show_facts(result.facts)
        if result.refused:
            raise StrataError(f"not everything could be refreshed; what the other feeds say is done.\n{result.refusals}")


def withdraw(
    config: Config,
    run_id: RunId,
    reason: Annotated[str, typer.Option(help="The reason, which is recorded and shown to readers.")] = "",
    role: Role = "",
) -> None:
    """Withdraw a published run, so that readers see the run before it."""
    with deployment_of(config) as deployment, deployment.alone():
        from pipelines.stages import publishing

        show_facts(publishing.withdraw_run(deployment, run_id, reason, role))


def decide(
    config: Config,
    kind: Annotated[
        str,
        typer.Argument(
            help="The kind: approval, accepted_breach, late_delivery, waiver, death_review, national_opt_out or withdrawal."
        ),
    ],
    subject: Annotated[
        str,
        typer.Argument(
            help="What is decided about, such as 'emergency_admission version 3'; docs/operations.md lists the forms."
        ),
    ],
    role: Role = "",
    reason: Annotated[str, typer.Option(help="The reason, which is recorded.")] = "",
    expires: Annotated[str | None, typer.Option(help="The last day on which the decision counts, such as 2026-12-31.")] = None,
    ends: Annotated[str, typer.Option(help="The decision_id of an earlier decision that this one replaces.")] = "",
) -> None:
    """Record a decision with its role and reason: an approval, an accepted breach, a waiver, a rule for opt-outs or a withdrawal."""
    with deployment_of(config) as deployment:
        from pipelines.stages import deciding

        request = deciding.DecisionRequest(kind, subject, role, reason, day_of(expires) if expires else None, ends)
        with deployment.alone():
            show_facts(deciding.decide(deployment, request))
