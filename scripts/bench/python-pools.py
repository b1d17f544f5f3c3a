"""Pools of Python, measured as examples/pool_speed.rs measures ours; for scripts/bench/run --pool.

    python-pools.py spawn|fork|loky --workers N --tasks N

Prints a line for each figure: its name and seconds, or tasks per second for `map`.
"""

import argparse
import os
import signal
import statistics
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context


def echo(number):
    return number


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def pool_of(kind, workers):
    if kind == "loky":
        from loky import ProcessPoolExecutor as Loky

        return Loky(max_workers=workers)
    return ProcessPoolExecutor(max_workers=workers, mp_context=get_context(kind))


def timed(what):
    begun = time.perf_counter()
    what()
    return time.perf_counter() - begun


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=("spawn", "fork", "loky"))
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--tasks", type=int, default=5000)
    options = parser.parse_args()

    def first():
        begun = time.perf_counter()
        pool = pool_of(options.kind, options.workers)
        assert pool.submit(echo, 1).result() == 1
        took = time.perf_counter() - begun
        pool.shutdown()
        return took

    say("first", [first() for _ in range(5)])

    with pool_of(options.kind, options.workers) as pool:
        for number in range(100):
            assert pool.submit(echo, number).result() == number

        def mapped():
            assert list(pool.map(echo, range(options.tasks), chunksize=1)) == list(range(options.tasks))

        say("map", [options.tasks / timed(mapped) for _ in range(3)])
        say("back", [timed(lambda: pool.submit(echo, 7).result()) for _ in range(1000)])
        large = bytes([7]) * (1 << 20)

        def length():
            assert pool.submit(len, large).result() == 1 << 20

        for _ in range(10):
            length()
        say("large", [timed(length) for _ in range(100)])

    # A death breaks these pools: another one has to be made.
    def replaced():
        pool = pool_of(options.kind, 1)
        pool.submit(echo, 1).result()
        begun = time.perf_counter()
        try:
            pool.submit(die).result()
        except Exception:
            pool.shutdown()
            pool = pool_of(options.kind, 1)
            pool.submit(echo, 2).result()
        took = time.perf_counter() - begun
        pool.shutdown()
        return took

    say("replaced", [replaced() for _ in range(5)])


def say(name, figures):
    print(f"{name} {statistics.median(figures):.9f}", flush=True)


if __name__ == "__main__":
    main()
