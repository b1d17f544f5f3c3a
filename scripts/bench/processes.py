"""Runs a program with all that it starts: wall and CPU time, peak memory, and who is left behind.

The measuring half of scripts/bench/run; knows nothing of audio. Linux only.
"""

import ctypes
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import Optional

MEMORY_INTERVAL = 0.010
ORPHAN_PATIENCE = 5.0
PR_SET_CHILD_SUBREAPER = 36


@dataclass
class Outcome:
    """What one run took, in seconds and in MB of 1,000,000 bytes, and what it said."""

    wall: float
    cpu: float
    peak: float  # 0 unless memory was sampled
    out: str
    err: str
    problem: Optional[str]


def run(argv, stdin=None, sample_memory=False):
    """Runs a program to the end of all that it started."""
    with TemporaryFile() as given, TemporaryFile() as out, TemporaryFile() as err:
        given.write(stdin or b"")
        given.seek(0)
        began = time.perf_counter()
        process = subprocess.Popen(argv, stdin=given, stdout=out, stderr=err)
        peak = 0
        if sample_memory:
            pid = 0
            while pid == 0:
                peak = max(peak, sum(pss(one) for one in descendants()))
                time.sleep(MEMORY_INTERVAL)
                pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        else:
            _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        orphans_cpu, left = reap_orphans()
        cpu = usage.ru_utime + usage.ru_stime + orphans_cpu
        out.seek(0)
        err.seek(0)
        said = out.read().decode(errors="replace"), err.read().decode(errors="replace")
    problem = None
    if process.returncode != 0:
        tail = said[1].strip().splitlines()[-1:] or ["it said nothing"]
        problem = f"exit {process.returncode}: {tail[0]}"
    elif left:
        problem = f"left {left} processes behind"
    return Outcome(wall, cpu, peak / 1e6, *said, problem)


def become_subreaper():
    """Orphaned processes become our children, so that their processor time is counted."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        sys.exit("bench: prctl(PR_SET_CHILD_SUBREAPER) failed; this script is for Linux")


def reap_orphans():
    """Waits for descendants that were left behind: their CPU seconds, and how many never end."""
    cpu = 0.0
    deadline = time.monotonic() + ORPHAN_PATIENCE
    while time.monotonic() < deadline:
        try:
            pid, _, usage = os.wait4(-1, os.WNOHANG)
        except ChildProcessError:
            return cpu, 0
        if pid == 0:
            time.sleep(MEMORY_INTERVAL)
        cpu += usage.ru_utime + usage.ru_stime
    left = list(descendants())
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    return cpu, len(left)


def descendants():
    """Yields the process ids of all that run below us, right now."""
    children = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                # `pid (name) state ppid …`; the name may hold anything, also brackets.
                stat = Path("/proc", entry, "stat").read_text()
            except OSError:
                continue
            children.setdefault(int(stat.rpartition(")")[2].split()[1]), []).append(int(entry))
    family = children.get(os.getpid(), [])
    while family:
        pid = family.pop()
        family.extend(children.get(pid, []))
        yield pid


def pss(pid):
    try:
        for line in Path("/proc", str(pid), "smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass  # it has ended
    return 0
