"""Linear algebra on one thread: the same bits on every machine, and no threads that wait for each other on a busy one."""

from __future__ import annotations

from threadpoolctl import threadpool_limits


def one_blas_thread() -> threadpool_limits:
    """Hold BLAS to one thread within a `with` block; LightGBM's own threads are not touched."""
    return threadpool_limits(limits=1, user_api="blas")
