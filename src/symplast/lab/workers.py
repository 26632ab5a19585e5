"""Where experiments run: worker processes of this machine or of a Dask cluster, and how they end with their parent."""

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor

from symplast.lab.provenance import cpus

ATTEMPTS = 2
"""A worker process may die under an experiment this often before it counts as failed."""

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""Where libraries of linear algebra look for their number of threads."""


class Terminated(KeyboardInterrupt):
    """SIGTERM, which ends a run as Ctrl-C does."""


@contextlib.contextmanager
def ending_in_order() -> Iterator[None]:
    """SIGTERM stops the workers and lets the process end, so that nothing of theirs is left in the system."""

    def stop(*_: object) -> None:
        raise Terminated

    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
        yield  # the program has a way of its own
        return
    signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


@contextlib.contextmanager
def executor_of(count: int, cluster: str | None) -> Iterator[Executor]:
    """An executor whose workers are gone when the block ends, however it ends.

    Args:
        count: of local processes.
        cluster: address of a Dask scheduler, used instead.

    Raises:
        ValueError: no cluster answers there, or Dask is not installed.
    """
    if cluster is None:
        context = multiprocessing.get_context("spawn")
        others = set(multiprocessing.active_children())
        pool = ProcessPoolExecutor(count, mp_context=context, initializer=_guard_worker)
        try:
            with _threads_of_children(max(1, cpus() // count)):
                yield pool
        except BaseException:
            for process in set(multiprocessing.active_children()) - others:
                process.kill()
            raise
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
        return
    try:
        from distributed import Client
    except ImportError:
        raise ValueError('--cluster needs Dask; install it with: pip install "symplast[cluster]"') from None
    try:
        client = Client(cluster, timeout=10, set_as_default=False)
    except OSError as error:
        raise ValueError(f"--cluster {cluster}: no Dask scheduler answers there ({error})") from None
    with client:
        executor = client.get_executor(pure=False, retries=ATTEMPTS)
        try:
            yield executor
        except BaseException:
            executor.shutdown(wait=False, cancel_futures=True)
            raise


@contextlib.contextmanager
def _threads_of_children(count: int) -> Iterator[None]:
    """Linear algebra of processes that start in the block takes so many threads, unless the user has said how many.

    Workers that share their cores would wait for each other's threads, spinning.
    """
    mine = [name for name in THREADS if name not in os.environ]
    os.environ.update(dict.fromkeys(mine, str(count)))
    try:
        yield
    finally:
        for name in mine:
            os.environ.pop(name, None)


def _guard_worker() -> None:
    """Leave Ctrl-C to the parent, and end when the parent does, even by ``kill -9``."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()

    def follow() -> None:
        if parent is not None:
            parent.join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True, name="follow-parent").start()
