"""The result of tuning a method on held-out people before it is fitted."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Tuned:
    """The tuned number of a method (a prior variance, or a number of trees), and whether its plain form was better.

    The plain form of a regression has straight lines instead of splines. The plain form of boosting has trees of LightGBM's default size and
    pace instead of the smaller ones that few events get.
    """

    number: float
    plain: bool = False
