"""Draw one block of people and everything that happens to them; deliveries are written from it later."""

from __future__ import annotations

from dataclasses import dataclass

from pipelines.sources.synthetic.actions import Actions, draw_actions
from pipelines.sources.synthetic.admissions import draw_stays
from pipelines.sources.synthetic.areas_and_practices import Places
from pipelines.sources.synthetic.attendances import Appointments, Attendances, draw_appointments, draw_attendances
from pipelines.sources.synthetic.gp_record import Observations, draw_observations
from pipelines.sources.synthetic.injustice import drop_unserved, need_factors, recorded_lives
from pipelines.sources.synthetic.lives import Lives, draw_lives
from pipelines.sources.synthetic.medicines import Issues, draw_issues
from pipelines.sources.synthetic.opt_outs import OptOuts, draw_opt_outs
from pipelines.sources.synthetic.people import People, draw_people
from pipelines.sources.synthetic.random_streams import BLOCK_PEOPLE
from pipelines.sources.synthetic.settings import SyntheticSettings
from pipelines.sources.synthetic.spells import Stays


@dataclass
class Block:
    """A block's people, their lives and their records."""

    number: int
    people: People
    lives: Lives
    stays: Stays
    attendances: Attendances
    appointments: Appointments
    observations: Observations
    issues: Issues
    opt_outs: OptOuts
    actions: Actions


def block_count(settings: SyntheticSettings) -> int:
    """Count the blocks of a board."""
    return -(-settings.people // BLOCK_PEOPLE)


def draw_block(settings: SyntheticSettings, places: Places, number: int) -> Block:
    """Draw a block, independently of all other blocks."""
    people = draw_people(settings, places, number)
    lives = draw_lives(settings, places, people, number, need_factors(settings, places, people))
    recorded = recorded_lives(settings, people, lives, number)
    stays = drop_unserved(settings, people, lives, draw_stays(settings, places, people, lives, recorded, number), number)
    attendances = draw_attendances(settings, places, people, lives, stays, number)
    return Block(
        number=number,
        people=people,
        lives=lives,
        stays=stays,
        attendances=drop_unserved(settings, people, lives, attendances, number),
        appointments=draw_appointments(settings, places, people, recorded, number),
        observations=draw_observations(settings, people, recorded, stays, number),
        issues=draw_issues(settings, people, recorded, number),
        opt_outs=draw_opt_outs(settings, people, lives, number),
        actions=draw_actions(settings, people, lives, stays, number),
    )
