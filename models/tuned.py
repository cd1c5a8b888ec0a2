"""What is chosen on held-out people before a method is fitted."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Tuned:
    """The tuned number of a method (a prior variance, or trees), and whether its plain form did better.

    Plain is: straight lines instead of splines; trees of LightGBM's own size and pace instead of smaller ones where events are few.
    """

    number: float
    plain: bool = False
