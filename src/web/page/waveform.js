// The waveform of one file: peaks that the pool has computed, drawn on a canvas, with what is not
// silent behind it; whoever points at it is told time and level.

function seconds(at) {
  const minutes = Math.floor(at / 60);
  const rest = (at - 60 * minutes).toFixed(2).padStart(5, "0");
  return `${minutes}:${rest}`;
}

function level(sample) {
  return sample === 0 ? "−∞ dBFS" : `${(20 * Math.log10(sample / 32768)).toFixed(1)} dBFS`;
}

class Picture {
  constructor(canvas, place, peaks, regions) {
    Object.assign(this, { canvas, place, peaks, regions });
    this.duration = (peaks.length * peaks.samples_per_pixel) / peaks.sample_rate;
    new ResizeObserver(() => this.draw()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
    canvas.addEventListener("pointermove", (event) => this.tell(event.offsetX));
    canvas.addEventListener("pointerleave", () => { place.textContent = ""; });
  }

  // Least and largest sample between two shares of the width.
  extremes(from, to) {
    const { length, data } = this.peaks;
    const first = Math.min(length - 1, Math.floor(from * length));
    const last = Math.max(first + 1, Math.min(length, Math.ceil(to * length)));
    const part = data.slice(2 * first, 2 * last);
    return [Math.min(...part), Math.max(...part)];
  }

  draw() {
    const { canvas } = this;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight]
      .map((size) => Math.round(size * devicePixelRatio));
    if (width === 0 || height === 0) return;
    Object.assign(canvas, { width, height });
    const context = canvas.getContext("2d");
    const style = getComputedStyle(canvas);
    context.fillStyle = style.caretColor;
    for (const { start_seconds: start, end_seconds: end } of this.regions) {
      const [left, right] = [start, end].map((at) => (at / this.duration) * width);
      context.fillRect(left, 0, Math.max(1, right - left), height);
    }
    context.fillStyle = style.color;
    const y = (sample) => ((32768 - sample) / 65536) * height;
    for (let x = 0; x < width; x += 1) {
      const [least, largest] = this.extremes(x / width, (x + 1) / width);
      // Whole pixels: a line of one is not to fade into two.
      const top = Math.min(height - 1, Math.floor(y(largest)));
      context.fillRect(x, top, 1, Math.max(1, Math.ceil(y(least)) - top));
    }
  }

  tell(x) {
    const share = Math.min(1, Math.max(0, x / this.canvas.clientWidth));
    const [least, largest] = this.extremes(share, share + 1 / this.canvas.clientWidth);
    const at = share * this.duration;
    const isActive = this.regions.some((region) =>
      region.start_seconds <= at && at < region.end_seconds);
    const silence = this.regions.length > 0 && !isActive ? " · silence" : "";
    this.place.textContent =
      `${seconds(at)} · ${level(Math.max(-least, largest))}${silence}`;
  }
}

// Fetches the peaks and draws them into a row; without peaks there is no picture.
export async function draw(row, url, record, name) {
  const response = await fetch(url).catch(() => null);
  if (!response?.ok) return;
  const peaks = await response.json();
  if (peaks.length === 0) return;
  const figure = row.querySelector(".waveform");
  const canvas = figure.querySelector("canvas");
  canvas.setAttribute("aria-label", `Waveform of ${name}`);
  figure.hidden = false;
  const regions = record.regions.non_silence_regions ?? [];
  new Picture(canvas, figure.querySelector(".place"), peaks, regions).draw();
}
