"""Pools by themselves, for `scripts/bench/run --pool`: ours, and those of Python, in turns.

Ours is measured by examples/pool_speed.rs, Python's by scripts/bench/python-pools.py, the same five
figures each: tasks that do nothing in a row (`map`), one there and back, the first answer of a new
pool, an argument of 1 MiB, and the answer after the death of the only worker.
"""

import statistics
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
VENV = ROOT / "target" / "bench-venv"

OURS = "audiopool"
PEERS = {"CPython spawn": "spawn", "CPython fork": "fork", "loky": "loky"}

# How often ours is to be better at least, by figure and peer. More tasks, or less time.
BARS = {
    ("map", "CPython spawn"): 10,
    ("map", "CPython fork"): 10,
    ("back", "CPython spawn"): 8,
    ("back", "CPython fork"): 8,
    ("first", "CPython spawn"): 10,
    ("large", "CPython spawn"): 4,
    ("large", "CPython fork"): 4,
}
# A killed worker is replaced and answering within so many seconds.
REPLACED_BAR = 0.050

FIGURES = {
    "map": ("map, tasks/s", 1, "{:,.0f}"),
    "back": ("there and back, µs", 1e6, "{:.1f}"),
    "first": ("first answer, ms", 1e3, "{:.2f}"),
    "large": ("1 MiB argument, ms", 1e3, "{:.3f}"),
    "replaced": ("worker replaced, ms", 1e3, "{:.1f}"),
}


def python_with_loky(note):
    """A Python that has loky; without a way to get it, the one that runs this."""
    python = VENV / "bin" / "python"
    try:
        if not python.exists():
            note("making a Python with loky in target/bench-venv")
            subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)
            argv = [str(python), "-m", "pip", "install", "--quiet", "loky"]
            subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)
        subprocess.run([str(python), "-c", "import loky"], check=True, capture_output=True)
        return str(python), dict(PEERS)
    except (OSError, subprocess.CalledProcessError) as error:
        note(f"without loky: {error}")
        return sys.executable, {name: kind for name, kind in PEERS.items() if kind != "loky"}


def measure(workers, runs, note):
    """Each turn's figures of each pool."""
    python, peers = python_with_loky(note)
    ours = ROOT / "target" / "release" / "examples" / "pool_speed"
    each = {OURS: [str(ours), "--workers", str(workers), "--tasks", "20000"]}
    script = str(HERE / "python-pools.py")
    for name, kind in peers.items():
        each[name] = [python, script, kind, "--workers", str(workers), "--tasks", "5000"]
    found = {name: [] for name in each}
    for turn in range(runs):
        for name, argv in each.items():
            note(f"pool: {name}, turn {turn + 1} of {runs}")
            out = subprocess.run(argv, check=True, capture_output=True, text=True, timeout=600)
            lines = (line.split() for line in out.stdout.splitlines())
            figures = {figure: float(value) for figure, value in lines}
            if set(figures) != set(FIGURES):
                sys.exit(f"bench: {name} did not measure all: {out.stdout}")
            found[name].append(figures)
    return found


def better(found, figure, peer):
    """How often ours is better: the median of the ratios within each turn."""
    ratios = (our[figure] / its[figure] for our, its in zip(found[OURS], found[peer]))
    ratio = statistics.median(ratios)
    return ratio if figure == "map" else 1 / ratio


def table(found):
    yield "| pool | " + " | ".join(title for title, _, _ in FIGURES.values()) + " |"
    yield "|---|" + "---:|" * len(FIGURES)
    for name, turns in found.items():
        cells = [name]
        for figure, (_, scale, form) in FIGURES.items():
            cell = form.format(statistics.median(turn[figure] for turn in turns) * scale)
            cells.append(cell if name == OURS else f"{cell} ({better(found, figure, name):.1f} ×)")
        yield "| " + " | ".join(cells) + " |"


def verdicts(found):
    for (figure, peer), bar in BARS.items():
        reached = better(found, figure, peer)
        verdict = "met" if reached >= bar else "MISSED"
        yield f"- {verdict} pool: {FIGURES[figure][0]}: ≥ {bar} × as good as {peer}: {reached:.1f}"
    reached = statistics.median(turn["replaced"] for turn in found[OURS])
    verdict = "met" if reached <= REPLACED_BAR else "MISSED"
    yield f"- {verdict} pool: worker replaced within {REPLACED_BAR * 1e3:.0f} ms: {reached * 1e3:.1f}"
