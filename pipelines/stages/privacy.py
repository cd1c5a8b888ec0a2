"""Re-identification for a practice, and new pseudonyms for everyone: only where the pseudonyms are Strata's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from expectations.feeds import LIST_FEED
from pipelines.errors import RefusalError
from pipelines.extracts.pseudonyms import read_keys
from pipelines.postgres.settings import connection_string
from pipelines.run.deployment import Deployment
from pipelines.upkeep.key_rotation import rotate
from pipelines.upkeep.reidentification import Request, read_identifiers, reidentify, write_private

Summary = dict[str, Any]


def reidentify_practice(deployment: Deployment, request: Request, identifiers: Path, out: Path) -> Summary:
    """Write a practice's own people with their scores, by the practice's own list of NHS numbers."""
    if deployment.settings.purpose.use != "finding_people_for_care":
        raise RefusalError("this deployment's runs are for planning: no one in them is identified (purpose.use)")
    keys = _keys(deployment, (LIST_FEED,))
    given = read_identifiers(identifiers)
    if out.exists():
        raise RefusalError(f"{out} is there already: choose another name, or delete it")
    found = reidentify(deployment.lake, keys, request, given)
    write_private(found, out, deployment.home)
    return {"identifiers_given": len(given), "people_matched": found["nhs_number"].nunique(), "file": str(out)}


def rotate_key(deployment: Deployment) -> Summary:
    """Replace everyone's pseudonym by that of the newest key, in the lake and in the publishing database."""
    nhs = deployment.settings.source.nhs
    keys = _keys(deployment, tuple(nhs.feeds) if nhs else ())

    def reload() -> None:
        if deployment.settings.publish.postgres:
            from pipelines.postgres.follow import reload

            reload(deployment.lake, connection_string(deployment.settings.publish.postgres))

    return dict(rotate(deployment.lake, keys, deployment.reports, reload))


def _keys(deployment: Deployment, feeds: tuple[str, ...]) -> tuple[bytes, ...]:
    """Read the keys; a RefusalError where pseudonyms of a feed are not made with them."""
    source = deployment.settings.source
    theirs = [
        feed for feed in feeds if source.nhs is None or feed not in source.nhs.feeds or source.nhs.feeds[feed].pseudonymised
    ]
    if source.chosen.pseudonyms is None or theirs:
        whose = f" of {', '.join(theirs)}" if theirs else ""
        raise RefusalError(
            f"the pseudonyms{whose} are the sender's own (pseudonymised: true), and Strata has no key to them: ask the sender"
        )
    return read_keys(source.chosen.pseudonyms, deployment.folder)
