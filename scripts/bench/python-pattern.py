#!/usr/bin/env python3
"""The program that audiopool re-implements, as Python writes it: the peer in scripts/bench/run.

A pydub AudioSegment is cut into as many chunks as there are workers, each at least ten seconds; the
raw bytes, sample width, frame rate, channels and keyword arguments of each go to a
ProcessPoolExecutor; a worker rebuilds the segment, runs a function and returns a number; the
numbers are aggregated. Three metrics, so three rounds. The sum of non-silent time over chunks
depends on the cut: it is what this pattern gives, not what audiopool reports.

    scripts/bench/python-pattern.py [--workers N] FILE

Needs pydub (and its ffmpeg for anything but WAV); uses numpy where it is installed.
"""

import argparse
import json
import math
import sys
from concurrent.futures import ProcessPoolExecutor

from pydub import AudioSegment
from pydub.silence import detect_nonsilent

try:
    import numpy
except ImportError:
    numpy = None

MIN_CHUNK_MS = 10_000


def max_dbfs(segment):
    return segment.max_dBFS


def min_dbfs(segment):
    """The smallest sample that is not zero, in dB of full scale."""
    samples = segment.get_array_of_samples()
    if numpy is not None:
        sizes = numpy.abs(numpy.asarray(samples, dtype=numpy.int64))
        sizes = sizes[sizes > 0]
        smallest = int(sizes.min()) if sizes.size else 0
    else:
        smallest = min((abs(sample) for sample in samples if sample), default=0)
    return 20 * math.log10(smallest / segment.max_possible_amplitude) if smallest else math.inf


def non_silence_ms(segment, min_silence_len, silence_thresh):
    stretches = detect_nonsilent(segment, min_silence_len, silence_thresh, seek_step=1)
    return sum(end - start for start, end in stretches)


METRICS = {
    "max_dbfs": (max_dbfs, max, {}),
    "min_dbfs": (min_dbfs, min, {}),
    "non_silence_ms": (non_silence_ms, sum, {"min_silence_len": 100, "silence_thresh": -50}),
}


def run_chunk(raw, sample_width, frame_rate, channels, metric, kwargs):
    """In the worker: rebuild the segment, run the function, return a primitive."""
    segment = AudioSegment(
        data=raw, sample_width=sample_width, frame_rate=frame_rate, channels=channels
    )
    function, _, _ = METRICS[metric]
    return function(segment, **kwargs)


def in_chunks(segment, workers, metric):
    _, aggregate, kwargs = METRICS[metric]
    length = max(math.ceil(len(segment) / workers), MIN_CHUNK_MS)
    chunks = [segment[start : start + length] for start in range(0, len(segment), length)]
    if len(chunks) == 1:
        return METRICS[metric][0](segment, **kwargs)
    with ProcessPoolExecutor(max_workers=workers) as pool:
        futures = [
            pool.submit(
                run_chunk,
                chunk.raw_data,
                chunk.sample_width,
                chunk.frame_rate,
                chunk.channels,
                metric,
                kwargs,
            )
            for chunk in chunks
        ]
        return aggregate(future.result() for future in futures)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("file")
    options = parser.parse_args()
    segment = AudioSegment.from_file(options.file)
    if len(segment) == 0:
        sys.exit(f"{options.file}: no audio")
    figures = {name: in_chunks(segment, options.workers, name) for name in METRICS}
    print(json.dumps({"path": options.file, **figures}))


if __name__ == "__main__":
    main()
