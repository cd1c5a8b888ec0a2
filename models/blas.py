"""Linear algebra on one thread: the same result on every machine, and no threads that wait for each other on a busy one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import threadpool_limits


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Limit BLAS to one thread, as a decorator of a function or in a `with` block. LightGBM's threads are not limited."""
    with threadpool_limits(limits=1, user_api="blas"):
        yield
