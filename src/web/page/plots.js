// Plots of one file: how loud it is from moment to moment, below its waveform and as wide, so that
// what stands above each other is of the same time; and its average spectrum. The caption of each
// says the same in words.

import { clock, spelled } from "/page/words.js";

// In LU below the top; what is quieter is at the bottom.
const REACH = 40;

// So far apart lines of the grid are, in LU.
const GRID = 10;

const lufs = (value) => `${spelled(value, 1)} LUFS`;

// `short_term_lufs` is `Short-term`.
function title(key) {
  const words = key.replace(/_lufs$/, "").replaceAll("_", "-");
  return words[0].toUpperCase() + words.slice(1);
}

// The largest value and where it is; nothing if there is none.
function loudest({ values, step_seconds: step }) {
  const at = values.reduce((best, value, at) =>
    value !== null && (best === -1 || value > values[best]) ? at : best, -1);
  return at === -1 ? null : { value: values[at], seconds: at * step };
}

// A canvas that is drawn anew whenever its size or the colours change.
function onCanvas(canvas, draw) {
  const again = () => {
    const [width, height] = [canvas.clientWidth, canvas.clientHeight]
      .map((size) => Math.round(size * devicePixelRatio));
    if (width === 0 || height === 0) return;
    Object.assign(canvas, { width, height });
    draw(canvas.getContext("2d"), getComputedStyle(canvas), width, height);
  };
  new ResizeObserver(again).observe(canvas);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
  again();
}

// Draws timelines, with the loudness of the whole as a line across and its range behind.
function drawTimelines(canvas, lines, { metrics, seconds }) {
  const peaks = lines.map(([, line]) => loudest(line)).filter(Boolean);
  const top = Math.ceil((Math.max(...peaks.map((peak) => peak.value)) + 1) / GRID) * GRID;
  onCanvas(canvas, (context, style, width, height) => {
    const y = (value) => ((top - Math.max(value, top - REACH)) / REACH) * (height - 1);
    const { loudness_range_low_lufs: low, loudness_range_high_lufs: high } = metrics;
    if (typeof low === "number" && typeof high === "number") {
      context.fillStyle = style.caretColor;
      context.fillRect(0, y(high), width, Math.max(1, y(low) - y(high)));
    }
    context.font = `${12 * devicePixelRatio}px system-ui, sans-serif`;
    context.textBaseline = "bottom";
    for (let value = top - GRID; value > top - REACH; value -= GRID) {
      context.fillStyle = style.columnRuleColor;
      context.fillRect(0, Math.round(y(value)), width, 1);
      context.fillStyle = style.borderTopColor;
      context.fillText(spelled(value, 0), 4 * devicePixelRatio, y(value));
    }
    for (const [key, { values, step_seconds: step, window_seconds: window }] of lines) {
      // Of the windows, the longest is drawn boldest.
      context.lineWidth = (key === lines.at(-1)[0] ? 2.5 : 1) * devicePixelRatio;
      context.strokeStyle = key === lines.at(-1)[0] ? style.color : style.textDecorationColor;
      context.beginPath();
      values.forEach((value, at) => {
        // A window stands where its middle is.
        const x = ((at * step + window / 2) / seconds) * width;
        context.lineTo(x, y(value ?? -Infinity));
      });
      context.stroke();
    }
    if (typeof metrics.integrated_lufs === "number") {
      context.lineWidth = devicePixelRatio;
      context.setLineDash([6 * devicePixelRatio, 4 * devicePixelRatio]);
      context.strokeStyle = style.outlineColor;
      context.beginPath();
      context.moveTo(0, y(metrics.integrated_lufs));
      context.lineTo(width, y(metrics.integrated_lufs));
      context.stroke();
    }
  });
}

// A description of the picture, for screen readers.
function said(lines, { integrated_lufs: whole }) {
  const parts = lines.map(([key, line]) => {
    const { value, seconds } = loudest(line);
    const unit = line.window_seconds < 1 ? `${line.window_seconds * 1000} ms` : `${line.window_seconds} s`;
    return `${title(key)} (${unit}): at most ${lufs(value)}, at ${clock(seconds)}`;
  });
  if (typeof whole === "number") parts.push(`the whole, dashed: ${lufs(whole)}`);
  return `Loudness over time. ${parts.join("; ")}.`;
}

// Fetches the loudness of every moment and draws it into a row, if there is anything to be heard.
export async function drawLoudness(row, url, record) {
  const response = await fetch(url).catch(() => null);
  if (!response?.ok) return;
  const timelines = await response.json();
  const lines = Object.entries(timelines)
    .filter(([, line]) => loudest(line) !== null)
    .sort(([, one], [, other]) => one.window_seconds - other.window_seconds);
  if (lines.length === 0) return;
  const figure = row.querySelector(".loudness");
  const canvas = figure.querySelector("canvas");
  const caption = said(lines, record.metrics);
  canvas.setAttribute("aria-label", `Loudness over time of ${record.path}`);
  figure.querySelector("figcaption").textContent = caption;
  figure.hidden = false;
  drawTimelines(canvas, lines, {
    metrics: record.metrics, seconds: record.format.duration_seconds,
  });
}

// In dB below the strongest band; what is weaker is not seen.
const DEPTH = 60;

// What belongs to the sound, in dB below the strongest band.
const NEAR = 20;

const hertz = (value) => value < 1000 ? `${+value.toPrecision(3)} Hz` : `${+(value / 1000).toPrecision(3)} kHz`;

function drawBands(canvas, bands, top) {
  onCanvas(canvas, (context, style, width, height) => {
    const scale = devicePixelRatio;
    const foot = height - 16 * scale;
    const y = (level) => ((top - level) / DEPTH) * foot;
    context.font = `${12 * scale}px system-ui, sans-serif`;
    context.textBaseline = "bottom";
    for (let level = top - 20; level > top - DEPTH; level -= 20) {
      context.fillStyle = style.columnRuleColor;
      context.fillRect(0, Math.round(y(level)), width, 1);
      context.fillStyle = style.borderTopColor;
      context.fillText(spelled(level, 0), 4 * scale, y(level));
    }
    const each = width / bands.length;
    bands.forEach(({ centre_hz: centre, level_dbfs: level }, at) => {
      const left = Math.round(at * each);
      const wide = Math.max(1, Math.round((at + 1) * each) - left - Math.ceil(scale));
      if (level !== null && level > top - DEPTH) {
        context.fillStyle = style.color;
        const above = Math.floor(y(level));
        context.fillRect(left, above, wide, Math.max(1, Math.floor(foot) - above));
      }
      // The bands around 100 Hz, 1 kHz and 10 kHz have their names.
      const name = [100, 1000, 10000].find((named) => Math.abs(Math.log10(centre / named)) < 0.01);
      if (name) {
        context.fillStyle = style.borderTopColor;
        context.textAlign = "center";
        context.fillText(hertz(name), left + wide / 2, height);
        context.textAlign = "start";
      }
    });
  });
}

// Draws the average spectrum of a record into a row, if there is one and anything in it.
export function drawSpectrum(row, record) {
  const bands = record.spectrum_bands ?? [];
  const heard = bands.filter(({ level_dbfs: level }) => level !== null);
  if (heard.length === 0) return;
  const most = heard.reduce((one, other) => (other.level_dbfs > one.level_dbfs ? other : one));
  const near = heard.filter(({ level_dbfs: level }) => level >= most.level_dbfs - NEAR);
  const figure = row.querySelector(".spectrum");
  const canvas = figure.querySelector("canvas");
  canvas.setAttribute("aria-label", `Average spectrum of ${record.path}`);
  figure.querySelector("figcaption").textContent =
    `Average spectrum in thirds of an octave. Strongest around ${hertz(most.centre_hz)}: ` +
    `${spelled(most.level_dbfs, 1)} dBFS; within ${NEAR} dB of it from ` +
    `${hertz(near[0].centre_hz)} to ${hertz(near.at(-1).centre_hz)}.`;
  figure.hidden = false;
  drawBands(canvas, bands, Math.ceil((most.level_dbfs + 1) / 10) * 10);
}
