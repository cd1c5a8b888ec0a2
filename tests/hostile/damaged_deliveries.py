"""Run every damage and delivery, or a sample of them, against one small ICB."""

from __future__ import annotations

from itertools import islice

from hostile.damage_round import Board, RoundReport, run_damages
from hostile.damages import Damage
from hostile.delivery_cases import DeliveryCase, delivery_cases
from hostile.delivery_round import run_deliveries, run_other_forms
from hostile.foreign_values import foreign_values
from hostile.identifier_damages import identifiers
from hostile.lost_value_damages import lost_values
from hostile.objection_damages import objections
from hostile.parsing_damages import parsing
from hostile.written_deliveries import written_deliveries


def all_damages(board: Board) -> list[Damage]:
    """Return every damage to the rows of a person."""
    headers = {feed: file.header for feed, file in board.files.items()}
    return [*lost_values(), *objections(), *parsing(headers), *identifiers(), *foreign_values()]


def all_deliveries() -> list[DeliveryCase]:
    """Return every delivery that is judged by itself."""
    return [*delivery_cases(), *written_deliveries()]


def run_all(board: Board, *, every: int = 1, first: int = 0, forms: int = 2) -> RoundReport:
    """Run every damage and delivery; with `every` above 1 only each of that place, from `first` on."""
    report = RoundReport()
    report.add(run_damages(board, list(islice(all_damages(board), first, None, every))))
    report.add(run_deliveries(board, list(islice(all_deliveries(), first, None, every))))
    report.add(run_other_forms(board, forms))
    return report
