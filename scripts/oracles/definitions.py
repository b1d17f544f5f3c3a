"""The definitions of `audiopool explain`, written down a second time, in NumPy and SciPy.

Nothing here was taken from the program: each function is what the definition says, without chunks,
without a word on speed. scripts/oracles/record-definition-figures and scripts/oracles/compare-peers hold the two
against each other. Samples are a matrix, a row for each frame, as whole numbers of so many bits or,
where a wave is filtered, as doubles with a full scale of 1.
"""

import subprocess

import numpy as np
import scipy.signal


def whole_numbers(path, channels, bits):
    """Of a file whose samples are whole numbers, as ffmpeg decodes it."""
    told = subprocess.run(["ffmpeg", "-v", "error", "-i", str(path), "-map", "0:a:0", "-f", "s32le", "-"],
                          capture_output=True).stdout
    return (np.frombuffer(told, "<i4").reshape(-1, channels).astype(np.int64)) >> (32 - bits)


def runs(hits):
    """Beginnings and ends of what is true in a row."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], hits.astype(np.int8), [0]])))
    return list(zip(edges[::2], edges[1::2]))


def clipping(x, bits):
    full = 2 ** (bits - 1)
    return [end - start for one in x.T for code in (full - 1, -full)
            for start, end in runs(one == code) if end - start >= 3]


def flat_tops(x, bits):
    full, found = 2 ** (bits - 1), []
    for one in x.T:
        ends = [value for value in (one.max(), one.min()) if abs(value) >= full // 100]
        for value in ends:
            # Below full scale, and the largest above zero or the least below.
            if value in (full - 1, -full) or (value == one.max()) != (value > 0):
                continue
            for start, end in runs(one == value):
                if end - start >= 3 and start > 0 and end < len(one) and min(
                        abs(one[start - 1] - value), abs(one[end] - value)) >= 4:
                    found.append(end - start)
    return found


def dropouts(x, bits, rate):
    least, found = max(2 ** (bits - 1) // 100, 4), []
    for one in x.T:
        for start, end in runs(one == 0):
            if max(rate // 1000, 4) <= end - start <= rate // 2 and start > 0 and end < len(one) and min(
                    abs(one[start - 1]), abs(one[end])) >= least:
                found.append((end - start) / rate * 1000)
    return found


def clicks(x, bits):
    """Sizes in dBFS. What is nearer than 37 samples to an end has no 36 samples to that side that bend."""
    full, found = 2 ** (bits - 1), []
    for one in x.T:
        bend = np.concatenate([[0], one[:-2] - 2 * one[1:-1] + one[2:], [0]])
        size = np.abs(bend)
        for at in np.flatnonzero(size >= max(full // 32, 16)):
            if not 37 <= at < len(one) - 37 or size[at] < size[at - 3:at + 4].max():
                continue
            itself = np.delete(size[at - 3:at + 4], 3)
            around = np.concatenate([size[at - 36:at - 3], size[at + 4:at + 37]])
            first_largest = (size[at - 3:at] < size[at]).all() and (itself <= size[at]).all()
            back = [other for other in np.delete(bend[at - 3:at + 4], 3)
                    if (other < 0) != (bend[at] < 0) and 3 * abs(other) >= size[at]]
            if first_largest and (around * 8 <= size[at]).all() and back:
                found.append(20 * np.log10(size[at] / 2 / full))
    return found


def is_tiled(block):
    """Whether it repeats something shorter throughout, as a tone does."""
    parts = [length for length in range(1, len(block) // 2 + 1) if len(block) % length == 0]
    return any((block[length:] == block[:-length]).all() for length in parts)


def repeats(x, rate):
    """Lengths in ms, by trying every length; what is judged has all that it takes on both sides."""
    shortest, longest, found = max(rate // 200, 64), rate // 10, {}
    changes = (np.diff(x, axis=0) != 0).any(axis=1)
    # What is repeated is so at every one of these, too.
    stride = shortest // 4
    for lag in range(shortest, min(longest, len(x) - 1) + 1):
        some = (x[lag::stride] == x[:len(x) - lag:stride]).all(axis=1)
        for first, last in runs(some):
            if last - first < 3:
                continue
            low, high = max(first - 1, 0) * stride, min(last * stride + 1, len(x) - lag)
            for start, end in runs((x[low + lag:high + lag] == x[low:high]).all(axis=1)):
                start, length = start + low + lag, end - start
                if not longest + 17 <= start < len(x) - 3 * longest - 1 or not lag <= length < 3 * lag:
                    continue
                moves = 2 * changes[start - lag:start - 1].sum() >= lag
                if moves and not is_tiled(x[start - lag:start]):
                    found.setdefault(start, lag)
    return [lag / rate * 1000 for lag in found.values()]


def dead_channels(x, bits):
    with np.errstate(divide="ignore"):
        peaks = 20 * np.log10(np.abs(x).max(axis=0) / 2 ** (bits - 1))
    return int((peaks < -60).sum()) if (peaks >= -40).any() else 0


def histogram(x, bits):
    with np.errstate(divide="ignore"):
        level = -20 * np.log10(np.abs(x) / 2 ** (bits - 1))
    return [int(((level >= db) & (level < db + 1)).sum()) for db in range(6)]


def damage(x, bits, rate):
    largest = lambda found: float(max(found)) if found else 0.0
    clipped, tops, holes = clipping(x, bits), flat_tops(x, bits), dropouts(x, bits, rate)
    clicked, again = clicks(x, bits), repeats(x, rate)
    return {
        "clipped_samples": int(sum(clipped)), "clipping_runs": len(clipped),
        "longest_clipping_samples": largest(clipped),
        "flat_tops": len(tops), "longest_flat_top_samples": largest(tops),
        "dropouts": len(holes), "longest_dropout_ms": largest(holes),
        "clicks": len(clicked), "largest_click_dbfs": float(max(clicked)) if clicked else None,
        "repeats": len(again), "longest_repeat_ms": largest(again),
        "dead_channels": dead_channels(x, bits),
        **{f"histogram_{db}db": count for db, count in enumerate(histogram(x, bits))},
    }


def k_weighted(x, rate):
    """BS.1770-5: the table at 48 kHz, and for other rates the same analogue filters anew."""
    def shelf():
        k, q, v = np.tan(np.pi * 1681.974450955533 / rate), 0.7071752369554196, 10 ** (3.999843853973347 / 20)
        b = v ** 0.4996667741545416
        return [v + b * k / q + k * k, 2 * (k * k - v), v - b * k / q + k * k], \
               [1 + k / q + k * k, 2 * (k * k - 1), 1 - k / q + k * k]
    k, q = np.tan(np.pi * 38.13547087602444 / rate), 0.5003270373238773
    high = [1, -2, 1], [1, 2 * (k * k - 1) / (1 + k / q + k * k), (1 - k / q + k * k) / (1 + k / q + k * k)]
    for b, a in (shelf(), high):
        x = scipy.signal.lfilter(np.array(b) / a[0], np.array(a) / a[0], x, axis=0)
    return x


WEIGHTS = {4: [1, 1, 1.41, 1.41], 5: [1, 1, 1, 1.41, 1.41], 6: [1, 1, 1, 0, 1.41, 1.41],
           7: [1, 1, 1, 0, 1, 1.41, 1.41], 8: [1, 1, 1, 0, 1, 1, 1.41, 1.41]}


def loudness(x, rate):
    """BS.1770-5, Tech 3341 and the MATLAB code of Tech 3342, and from them PLR and PSR."""
    channels = x.shape[1]
    energy = np.concatenate([[0], np.cumsum(k_weighted(x, rate) ** 2 @ WEIGHTS.get(channels, [1] * channels))])
    count = len(x) * 100 // rate
    at = [cell * rate // 100 for cell in range(count + 1)]
    def powers(length, hop):
        starts = range(0, count - length + 1, hop)
        return np.array([(energy[at[s + length]] - energy[at[s]]) / (at[s + length] - at[s]) for s in starts])
    lufs = lambda power: float(-0.691 + 10 * np.log10(power)) if power > 0 else None
    blocks, windows = powers(40, 10), powers(300, 10)
    absolute = 10 ** ((-70 + 0.691) / 10)
    loud = blocks[blocks > absolute]
    integrated = lufs(loud[loud > loud.mean() / 10].mean()) if len(loud) else None
    heard = windows[windows >= absolute]
    gate = max(absolute, heard.mean() / 100) if len(heard) else np.inf
    kept = np.sort(heard[heard >= gate])
    # round((n − 1) · percent + 1), halves upwards, of places that begin with 1.
    place = lambda percent: kept[((len(kept) - 1) * percent + 50) // 100]
    low, high = (lufs(place(10)), lufs(place(95))) if len(kept) else (None, None)
    largest = lambda found: lufs(found.max()) if len(found) else None
    every_100_ms = true_peaks(x, rate, [step * rate // 10 for step in range(len(x) * 10 // rate + 1)])
    peak = decibels(max(every_100_ms, default=0.0))
    ratios = [decibels(max(every_100_ms[step:step + 30])) - lufs(power)
              for step, power in enumerate(windows) if power >= gate]
    return {
        "integrated_lufs": integrated,
        "momentary_max_lufs": largest(powers(40, 1)), "short_term_max_lufs": largest(powers(300, 1)),
        "loudness_range_lu": None if low is None else high - low,
        "loudness_range_low_lufs": low, "loudness_range_high_lufs": high,
        "plr": None if None in (peak, integrated) else peak - integrated,
        "psr": min(ratios, default=None),
    }


def decibels(amplitude):
    return float(20 * np.log10(amplitude)) if amplitude > 0 else None


# ITU-R BS.1770-5, Annex 2, phases 0 and 1; phases 3 and 2 are these backwards.
ANNEX_2 = [
    [0.0017089843750, 0.0109863281250, -0.0196533203125, 0.0332031250000, -0.0594482421875, 0.1373291015625,
     0.9721679687500, -0.1022949218750, 0.0476074218750, -0.0266113281250, 0.0148925781250, -0.0083007812500],
    [-0.0291748046875, 0.0292968750000, -0.0517578125000, 0.0891113281250, -0.1665039062500, 0.4650878906250,
     0.7797851562500, -0.2003173828125, 0.1015625000000, -0.0582275390625, 0.0330810546875, -0.0189208984375],
]


def true_peaks(x, rate, edges):
    """The largest magnitude of each step from one edge to the next (and of the rest), on the samples and
    at four times the rate, by the filter of the standard below 96 kHz and a sinc under Hann's window below 192."""
    if rate < 96_000:
        phases = [ANNEX_2[0], ANNEX_2[1], ANNEX_2[1][::-1], ANNEX_2[0][::-1]]
    elif rate < 192_000:
        away = [np.arange(-12, 12) + quarter / 4 for quarter in (1, 2, 3)]
        phases = [np.sinc(one) * (0.5 + 0.5 * np.cos(np.pi * one / 12)) for one in away]
    else:
        phases = []
    magnitude = np.abs(x).max(axis=1, initial=0.0)
    for phase in phases:
        between = scipy.signal.lfilter(phase, [1.0], x, axis=0)
        magnitude = np.maximum(magnitude, np.abs(between).max(axis=1, initial=0.0))
    return [magnitude[start:end].max() for start, end in zip(edges, edges[1:] + [len(x)]) if end > start]


def whole_peak(x):
    """The largest magnitude of the band-limited wave itself, in dB, as near as 32 points a sample come:
    every spectrum is filled up with zeros, around every place that can be the largest."""
    largest, reach, times = np.abs(x).max(initial=0.0), 2048, 32
    for one in x.T:
        padded = np.concatenate([np.zeros(reach), one, np.zeros(reach)])
        for start in range(0, len(one), reach):
            piece = padded[start:start + 3 * reach]
            middle = np.abs(piece[reach - 2:2 * reach + 2])
            # No wave is more than 4 times as large as its samples there, but for built ones.
            if not len(middle) or middle.max() * 4 < largest:
                continue
            piece = piece * scipy.signal.windows.tukey(len(piece), 0.3)
            fine = scipy.signal.resample(piece, times * len(piece))
            largest = max(largest, np.abs(fine[times * reach:times * 2 * reach]).max(initial=0.0))
    return decibels(largest)


def bandwidth(x, rate):
    """Where the average spectrum falls by 8 dB or more to a floor that is flat up to half the rate."""
    if len(x) < 2048:
        return None, None
    _, _, density = scipy.signal.spectrogram(x, rate, window="hann", nperseg=2048, noverlap=1536,
                                             detrend=False, axis=0)
    power = density.mean(axis=(1, 2))
    if not power.any():
        return None, None
    power[1:-1] /= 2
    width = rate / 2048
    # A full-scale sine in its bin is 1; below -150 dB there is nothing.
    sine = 1 / (8 * width * 1.5 / 2)
    level = np.maximum(10 * np.log10(np.maximum(power / sine, 1e-30)), -150)
    count = len(level)
    bins = lambda hz: min(count, max(1, int(np.ceil(hz / width - 1e-9))))
    kilo, slope = bins(1000), bins(300)
    middle = lambda some: np.sort(some)[len(some) // 2]
    floor = middle(level[int(np.ceil(0.95 * count)):count - 1])

    def edge(start, stop, least):
        last = next((b for b in range(stop - 1, start - 1, -1) if level[b] >= least and level[b - 1] >= least), None)
        return start if last is None else last + 1

    highest = int(np.ceil(0.94 * count))
    below = lambda b: middle(level[b - kilo:b])
    fall = lambda b: below(b) - middle(level[b + slope:b + slope + kilo])
    start = max(bins(3000), kilo)
    cliff = next((b for b in range(min(highest, count - 2 * slope) - 1, start - 1, -1) if fall(b) >= 45), None)
    if cliff is not None:
        cliff = max(range(max(cliff - kilo, start), cliff + 1), key=lambda b: (fall(b), b))
        return edge(cliff - kilo, min(cliff + slope + kilo, min(highest, count - 2 * slope)), below(cliff) - 12) * width, float(fall(cliff))
    end = next((e for e in range(count - slope - 1, kilo + slope - 1, -1)
                if abs(middle(level[e - slope:e]) - floor) > 3), None)
    if end is None:
        return rate / 2, None
    depth = middle(level[end - kilo - slope:end - slope]) - floor
    found = edge(end - slope, end, floor + depth / 2)
    return (found * width, float(depth)) if depth >= 8 and found <= highest else (rate / 2, None)


def level(x, bits):
    largest = np.abs(x).max()
    return {
        "peak_count": int((np.abs(x) == largest).sum()),
        "zero_crossing_rate": float(np.diff(x < 0, axis=0).mean()) if len(x) > 1 else None,
    }


def stereo(x, rate):
    """Shares of the whole 100 ms that are above -70 dBFS and that correlate at all."""
    cells = [x[step * rate // 10:(step + 1) * rate // 10, :2] for step in range(len(x) * 10 // rate)]
    loud = [cell for cell in cells if len(cell) and (cell ** 2).mean() >= 1e-7 and np.ptp(cell, axis=0).all()]
    found = np.array([np.corrcoef(cell, rowvar=False)[0, 1] for cell in loud])
    share = lambda hits: float(hits.mean()) if len(found) else None
    return {"negative_correlation_share": share(found < 0), "phase_inverted_share": share(found <= -0.95),
            "mono_share": share(found >= 0.9995)}


def dr14(x, rate):
    """Of the channels that have it, the mean."""
    found = []
    for one in x.T:
        blocks = [one[start:start + 3 * rate] for start in range(0, len(one), 3 * rate)]
        if len(blocks) < 2:
            return None
        peaks = sorted(np.abs(block).max() for block in blocks)
        powers = sorted((2 * (block ** 2).mean() for block in blocks), reverse=True)
        loudest = np.mean(powers[:max(1, len(blocks) // 5)])
        if peaks[-2] > 0 and loudest > 0:
            found.append(20 * np.log10(peaks[-2]) - 10 * np.log10(loudest))
    return float(np.mean(found)) if found else None


def wave(path, channels):
    """As doubles, however its samples are stored."""
    told = subprocess.run(["ffmpeg", "-v", "error", "-i", str(path), "-map", "0:a:0", "-f", "f64le", "-"],
                          capture_output=True).stdout
    return np.frombuffer(told, "<f8").reshape(-1, channels)


def figures(path, rate, channels, bits):
    """All of them, by key; what looks at single samples only of whole numbers of that many bits."""
    x = wave(path, channels)
    found = {}
    if len(x) == 0:
        return found
    if bits:
        exact = whole_numbers(path, channels, bits)
        found |= damage(exact, bits, rate) | level(exact, bits)
        found |= edges(exact, rate, 2 ** (bits - 1)) | noise(exact, rate, 2 ** (bits - 1))
        found |= hum(exact, rate, 2 ** (bits - 1))
    if rate >= 8000:
        found |= loudness(x, rate)
    found["true_peak_dbtp"] = decibels(max(true_peaks(x, rate, [0])))
    if channels >= 2:
        found |= stereo(x.clip(-1, 1), rate)
    if rate > 1:
        found["dr14"] = dr14(x, rate)
    found["bandwidth_hz"], found["cutoff_depth_db"] = bandwidth(x, rate)
    return found


def edges(x, rate, full_scale):
    """Levels of the first and the last 10 ms of the channels that begin or end with -40 dBFS or more."""
    frames = rate // 100
    if not 0 < frames <= len(x):
        return {}
    levels = [decibels(np.sqrt((part ** 2).mean()) / full_scale) for one in x.T for part in (one[:frames], one[-frames:])]
    cut = [level for level in levels if level is not None and level >= -40]
    return {"cut_edges": len(cut), "loudest_edge_dbfs": max(cut, default=None)}


def noise(x, rate, full_scale):
    """Of the channels, the highest level that a tenth of all 50 ms do not exceed, and the least distance from
    there to the one that 95 % do not exceed; none of a channel of which a tenth is digital silence."""
    cells = [step * rate // 20 for step in range(len(x) * 20 // rate + 1)]
    found = []
    for one in x.astype(float).T:
        powers = np.array([(one[start:end] ** 2).mean() for start, end in zip(cells, cells[1:]) if end > start])
        powers = np.sort(powers)
        quiet, loud = (powers[-(-len(powers) * percent // 100) - 1] if len(powers) else 0 for percent in (10, 95))
        if len(powers) >= 20 and quiet > 0:
            found.append(tuple(10 * np.log10(power / full_scale ** 2) for power in (quiet, loud)))
    return {"noise_floor_dbfs": max((float(low) for low, _ in found), default=None),
            "snr_db": min((float(high - low) for low, high in found), default=None)}


def hum(x, rate, full_scale):
    """Of the channels, the most hum; a second is as many frames as ours, the sines are those of mathematics."""
    lines, beside = np.array([50, 60, 100, 120, 150, 180, 200, 240]), np.array([0, -6, -4, 4, 6])
    if not 1000 <= rate <= 768_000:
        return {}
    step = max(rate // 2000, 1)
    frames = step * round(rate / step)
    time = np.arange(frames)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * time / frames)
    sines = window[:, None] * np.exp(-2j * np.pi * np.add.outer(lines, beside).ravel() * time[:, None] / rate)
    found = []
    for one in x.T:
        seconds = one[:len(one) // frames * frames].reshape(-1, frames)
        heard = seconds[seconds.any(axis=1)].astype(float)
        if len(heard) < 3:
            continue
        power = np.stack([np.abs(second @ sines) ** 2 for second in heard]).reshape(len(heard), len(lines), len(beside))
        above = np.sort(10 * np.log10(power[:, :, 0] / power[:, :, 1:].mean(axis=2)).clip(0), axis=0)
        level = np.sort(10 * np.log10(power[:, :, 0] / (2 * (full_scale * frames / 4) ** 2)), axis=0)
        quarter, half = -(-len(heard) // 4) - 1, -(-len(heard) // 2) - 1
        steady = level[half] - level[quarter] <= 6
        heights, levels = np.where(steady, above[quarter], 0), level[quarter]
        for mains in (50, 60):
            of_mains = np.flatnonzero(lines % mains == 0)
            of_mains = of_mains[np.argsort(-heights[of_mains], kind="stable")]
            first = heights[list(lines).index(mains)]
            found.append((max(first, heights[of_mains[1]]), levels[of_mains[0]], mains))
    if not found:
        return {"hum_db": None, "hum_dbfs": None, "hum_hz": None}
    most, level, mains = max(found, key=lambda one: one[0])
    heard = most >= 12
    return {"hum_db": float(most), "hum_dbfs": float(level) if heard else None, "hum_hz": mains if heard else None}
