"""Other programs, asked for what they know of a file."""

import json
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "tests" / "data"


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, errors="replace")


def probe(path):
    """What ffprobe says of the first audio stream; None if there is none."""
    shown = run("ffprobe", "-v", "error", "-of", "json", "-select_streams", "a:0", "-show_entries",
                "stream=codec_name,sample_rate,channels,bits_per_raw_sample", str(path))
    streams = json.loads(shown.stdout or "{}").get("streams", [])
    return streams[0] if streams else None
