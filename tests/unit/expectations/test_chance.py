import pytest

from expectations.chance import chance_of_so_few


@pytest.mark.parametrize(
    ("rows", "earlier", "deliveries", "chance"),
    [
        (0, 9, 1, 0.002), (2, 12, 1, 0.0065), (14, 30, 1, 0.0113), (5, 10, 1, 0.151), (0, 30, 6, 0.0098), (500, 1_000, 1, 0.0), (500, 500, 1, 0.513), (0, 5, 0, 0.0),
    ],
)  # fmt: skip
def test_the_chance_of_so_few_rows(rows: int, earlier: int, deliveries: int, chance: float) -> None:
    assert chance_of_so_few(rows, earlier, deliveries) == pytest.approx(chance, abs=0.001)


@pytest.mark.parametrize(("rows", "earlier", "deliveries"), [(240, 260, 1), (100, 400, 3), (0, 500, 1), (60, 440, 6)])
def test_the_chance_of_so_few_rows_is_continuous_where_the_normal_distribution_takes_over(rows, earlier, deliveries) -> None:
    exact, close = chance_of_so_few(rows, earlier, deliveries), chance_of_so_few(rows, earlier + 1, deliveries)
    assert abs(exact - close) < 0.03
    assert 0 <= close <= 1
