"""Each analyzer by itself, for `scripts/bench/run --analyzers`: worker/benches/analyzers.rs.

Time per sample is criterion's median. The count of instructions per sample is that of callgrind
(of valgrind, where it is installed), which does not depend on how busy a machine is; valgrind knows
no AVX-512, so it is the count of what runs on processors without it.
"""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = 10 * 48_000 * 2  # of worker/benches/analyzers.rs
# More instructions than last time, by so much, are told.
GROWTH_BAR = 1.05
HEAD = "| analyzer | ns per sample | instructions per sample |"
ROW = re.compile(r"^\| (\w+) \| [\d.]+ \| ([\d.]+) \|$")


def program():
    """The built bench."""
    argv = ["cargo", "bench", "--package", "audiopool-worker", "--bench", "analyzers", "--no-run"]
    told = subprocess.run([*argv, "--message-format=json"], cwd=ROOT, check=True, text=True,
                          stdout=subprocess.PIPE)
    for line in told.stdout.splitlines():
        message = json.loads(line)
        if message.get("target", {}).get("name") == "analyzers" and message.get("executable"):
            return message["executable"]
    sys.exit("bench: cargo built no bench of the analyzers")


def measure(note):
    """Nanoseconds and instructions per sample of each analyzer, in the order of the registry."""
    bench = program()
    told = subprocess.run([bench, "--bench", "--list"], check=True, capture_output=True, text=True)
    names = re.findall(r"^analyzers/(\w+): benchmark$", told.stdout, re.MULTILINE)
    if not names:
        sys.exit(f"bench: {bench} lists no analyzers")
    has_valgrind = shutil.which("valgrind") is not None
    if not has_valgrind:
        note("no valgrind, so instructions are not counted")
    return {name: (nanoseconds(bench, name, note),
                   instructions(bench, name) if has_valgrind else None) for name in names}


def nanoseconds(bench, name, note):
    note(f"analyzers: {name}")
    home = ROOT / "target" / "criterion"
    subprocess.run([bench, "--bench", "--noplot", "--exact", f"analyzers/{name}"], check=True,
                   cwd=ROOT, capture_output=True, env={"CRITERION_HOME": str(home)})
    estimates = json.loads((home / "analyzers" / name / "new" / "estimates.json").read_text())
    return estimates["median"]["point_estimate"] / SAMPLES


def instructions(bench, name):
    argv = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
            "--toggle-collect=analyzers::measured*", bench, "--test", "--exact", f"analyzers/{name}"]
    told = subprocess.run(argv, check=True, capture_output=True, text=True)
    # Once more for each process that criterion forks, which looks for gnuplot.
    counted = max(map(int, re.findall(r"Collected : (\d+)", told.stderr)), default=0)
    if counted == 0:
        sys.exit(f"bench: callgrind counted nothing for {name}: {told.stderr}")
    return counted / SAMPLES


def table(found):
    yield HEAD
    yield "|---|---:|---:|"
    for name, (time, count) in found.items():
        yield f"| {name} | {time:.2f} | {'' if count is None else f'{count:.2f}'} |"


def verdicts(found, results):
    """Analyzers that need more instructions than in the newest table of the results that has them."""
    before = {}
    for line in results.splitlines():
        if row := ROW.match(line):
            before.setdefault(row[1], float(row[2]))
    grown = {name: count / before[name] for name, (_, count) in found.items()
             if count is not None and name in before}
    what = f"analyzers: instructions per sample ≤ {GROWTH_BAR} × last time"
    if not grown:
        yield f"- not measured: {what}"
        return
    beyond = {name: by for name, by in grown.items() if by > GROWTH_BAR}
    for name, by in beyond.items():
        yield f"- MISSED {what}: {name} {by:.2f}"
    if not beyond:
        yield f"- met {what}: {max(grown.values()):.2f}"
