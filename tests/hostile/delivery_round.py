"""Run deliveries that follow clean ones, and complete files in other forms, and compare everyone with the clean run."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date

from hostile.board_run import CONFORM, Result, build, home_of, run_board, take_in, write_files
from hostile.damage_round import Board, RoundReport, Violation, config_of, differences
from hostile.delivery_cases import KIND, STOPPED, UNCHANGED, DeliveryCase, files_in_other_forms

from pipelines.conform.national_list import check_national_list
from pipelines.errors import StrataError, ValidationStop
from pipelines.run.deployment import Deployment
from pipelines.stages import conforming
from pipelines.stages.preparation import prepare

CHECKS = {
    conforming.conform_objections: (conforming.check_objections,), conforming.conform_events: (conforming.check_deaths,),
    conforming.conform_linkage: (conforming.check_linkage,),
}  # fmt: skip
MOST_SHOWN = 300


def run_deliveries(board: Board, cases: Sequence[DeliveryCase]) -> RoundReport:
    """Run deliveries in copies of the folder of the clean run: each that must be stopped in one, and all others together in one."""
    report = RoundReport(Counter({KIND: len(cases)}))
    stopped = [case for case in cases if case.expected is STOPPED]
    unchanged = [case for case in cases if case.expected is not STOPPED]
    for case in stopped:
        found = _accepted(case, board)
        report.known += [f"{case.name}: {case.known}"] if case.known and found else []
        report.violations += [] if case.known else found
    if unchanged:
        report.violations += _changed(unchanged, board)
    return report


def _accepted(case: DeliveryCase, board: Board) -> list[Violation]:
    """Return a violation if a delivery was not stopped, or the message lacks a word."""
    with _copy(board, case.files(board.files)) as deployment:
        try:
            run_with_checks(deployment, date.fromisoformat(case.today))
        except StrataError as error:
            missing = [word for word in case.words if word not in str(error)]
            return [Violation(case.name, "all", "", f"a message with {missing}", str(error)[:MOST_SHOWN])] if missing else []
    return [Violation(case.name, "all", "", STOPPED, "accepted")]


def _changed(cases: Sequence[DeliveryCase], board: Board) -> list[Violation]:
    """Return what deliveries change that must change nothing."""
    written = {path: content for case in cases for path, content in case.files(board.files).items()}
    name = "; ".join(case.name for case in cases)
    with _copy(board, written) as deployment:
        try:
            result = run_with_checks(deployment, date.fromisoformat(cases[0].today))
        except StrataError as error:
            return [Violation(name, "all", "", UNCHANGED, str(error)[:MOST_SHOWN])]
        return _differing(name, board.result, result)


def _differing(name: str, base: Result, result: Result) -> list[Violation]:
    return [one for person in sorted({*base.people, *result.people}) for one in differences(name, person, base, result)]


@contextmanager
def _copy(board: Board, written: Mapping[str, bytes]) -> Iterator[Deployment]:
    """Open a copy of the clean home, with more files in its landing folder."""
    folder = board.folder / "delivery"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(board.clean, folder)
    write_files(folder, written)
    with home_of(folder) as deployment:
        yield deployment


def run_with_checks(deployment: Deployment, today: date) -> Result:
    """Run what a deployment runs, each check after its stage; a StrataError says what stopped it."""
    prepare(deployment, today)
    take_in(deployment)
    for step in CONFORM:
        step(deployment)
        for check in CHECKS.get(step, ()):
            broken = check(deployment).broken
            if broken:
                raise ValidationStop(broken)
        if step is conforming.conform_objections:
            check_national_list(deployment.lake, today)
    return build(deployment)


def run_other_forms(board: Board, turns: int) -> RoundReport:
    """Run the clean files in other forms and under other names: everyone must be as in the clean run."""
    report = RoundReport()
    for turn in range(turns):
        written, forms = files_in_other_forms(board.files, turn)
        report.cases[KIND] += len(forms)
        name = "; ".join(f"{feed}: {form}" for feed, form in forms.items())
        result = run_board(board.folder / f"forms_{turn}", written, config_of(board.files))
        report.violations += _differing(f"files in other forms ({name})", board.result, result)
    return report
