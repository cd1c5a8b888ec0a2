"""Commands that protect people: erasure, re-identification by a practice and the pseudonym key."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dagster_project.commands.deployment_command import Config, PersonId, deployment_of, show_facts


def erase(
    config: Config,
    person_id: PersonId,
    reason: Annotated[str, typer.Option(help="The reason, which is recorded without the person.")] = "",
) -> None:
    """Remove one person from every table, report and database, and from later deliveries."""
    with deployment_of(config) as deployment:
        from pipelines.stages import upkeep

        with deployment.alone():
            rows = upkeep.erase_person(deployment, person_id, reason)
        show_facts({"rows removed": rows})
        print("Strata does not change the extracts as delivered. Ask their sender to erase the person there, too.")


def reidentify(
    config: Config,
    practice: Annotated[str, typer.Option(help="The code of the practice, one for each use.")] = "",
    identifiers: Annotated[Path | None, typer.Option(help="The practice's own file of NHS numbers, one on each line.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="The file to write, outside Strata's folder, with NHS number, band, risk and drivers.")
    ] = None,
    role: Annotated[str, typer.Option(help="The role of the person who asks, which is recorded.")] = "",
    reason: Annotated[str, typer.Option(help="The reason, which is recorded.")] = "",
) -> None:
    """Find a practice's own people among the scores by its NHS numbers, and record the use."""
    with deployment_of(config) as deployment:
        from pipelines.errors import StrataError
        from pipelines.stages import privacy
        from pipelines.upkeep.reidentification import Request

        if not practice or not identifiers or not out:
            raise StrataError(
                "re-identification needs three options: --practice (its code), --identifiers (its file of NHS numbers, one on each "
                "line) and --out (the file to write)"
            )
        with deployment.alone():
            show_facts(privacy.reidentify_practice(deployment, Request(practice, role, reason), identifiers, out))


def rotate_key(config: Config) -> None:
    """Replace every pseudonym with one of a new key, in every table and database, or complete an interrupted rotation."""
    with deployment_of(config) as deployment:
        from pipelines.stages import privacy

        with deployment.alone():
            show_facts(privacy.rotate_key(deployment))
        print("Readers of scores need the new pseudonyms. Write the caseload pages again with `strata caseload`.")
