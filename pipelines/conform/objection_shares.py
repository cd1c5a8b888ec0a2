"""The share of the people who object in a delivery and match no one on the registered list, compared with the delivery before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import duckdb

from expectations.sql_values import quote


@dataclass(frozen=True)
class Share:
    """The share in one delivery of a feed, and in the one before; None for the first."""

    feed: str
    day: date
    share: float
    before: float | None

    @property
    def rise(self) -> float:
        return 0.0 if self.before is None else self.share - self.before


def shares_not_on_list(con: duckdb.DuckDBPyConnection, kind: str) -> list[Share]:
    """Return the shares of every delivery of a kind in the table `stated`, by day; people are on the list of the table `listed`.

    A delivery is compared with the one before it of the same feed, and the first of a feed with the one before it of any.
    """
    rows = con.execute(f"""SELECT feed, extract_date, 1 - count(DISTINCT listed.person_id) / count(DISTINCT stated.person_id)
        FROM stated LEFT JOIN listed USING (person_id)
        WHERE kind = {quote(kind)} AND feed <> '' AND status = '1' AND list_part <> 'RETURNED'
        GROUP BY extract_date, feed ORDER BY extract_date, feed""").fetchall()
    found: list[Share] = []
    for feed, day, share in rows:
        of_feed = [one.share for one in found if one.feed == feed]
        earlier = of_feed or [one.share for one in found if one.day < day]
        found.append(Share(feed, day, share, earlier[-1] if earlier else None))
    return found
