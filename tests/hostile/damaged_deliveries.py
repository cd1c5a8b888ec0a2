"""Run every damage and delivery, or a sample of them, against one small ICB."""

from __future__ import annotations

from itertools import islice

from hostile.damage_round import Board, RoundReport, run_damages
from hostile.damages import Damage
from hostile.delivery_cases import delivery_cases
from hostile.delivery_round import run_deliveries, run_other_forms
from hostile.identifier_damages import identifiers
from hostile.lost_value_damages import lost_values
from hostile.objection_damages import objections
from hostile.parsing_damages import parsing


def all_damages(board: Board) -> list[Damage]:
    """Return every damage to the rows of a person."""
    return [*lost_values(), *objections(), *parsing({feed: file.header for feed, file in board.files.items()}), *identifiers()]


def run_all(board: Board, *, every: int = 1, first: int = 0, forms: int = 2) -> RoundReport:
    """Run every damage and delivery; with `every` above 1 only each of that place, from `first` on."""
    report = RoundReport()
    report.add(run_damages(board, list(islice(all_damages(board), first, None, every))))
    report.add(run_deliveries(board, list(islice(delivery_cases(), first, None, every))))
    report.add(run_other_forms(board, forms))
    return report
