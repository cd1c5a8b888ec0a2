"""How likely so few rows are, if as many are to be expected as before."""

from __future__ import annotations

from math import comb, erfc

LARGE_COUNT = 500  # rows above which the normal distribution is close enough


def chance_of_so_few(rows: float, rows_earlier: float, deliveries: float) -> float:
    """Return the probability of at most this number of rows after so many rows in some earlier deliveries, if nothing changed.

    Given their sum, Poisson counts with one rate are binomial. Rows of no earlier delivery do not vary: 0.
    """
    if not deliveries:
        return 0.0
    total, share = int(rows + rows_earlier), 1 / (1 + deliveries)
    if total > LARGE_COUNT:
        deviation = (total * share * (1 - share)) ** 0.5
        return 0.5 * erfc((total * share - rows - 0.5) / deviation / 2**0.5)
    return sum(comb(total, few) * share**few * (1 - share) ** (total - few) for few in range(int(rows) + 1))
