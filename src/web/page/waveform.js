// The waveform of one file: peaks that the pool has computed, drawn on a canvas, with what is not
// silent behind it and a mark wherever something was found. The pointer and the
// keyboard move a cursor, which shows time, level and finding.

import { clock, finding, level } from "/page/words.js";

// So much of the whole each key goes on.
const STEPS = {
  ArrowLeft: -0.01, ArrowDown: -0.01, ArrowRight: 0.01, ArrowUp: 0.01, PageDown: -0.1, PageUp: 0.1,
};

class Picture {
  // As a share of the whole; nowhere, until someone moves it.
  cursor = null;

  constructor(canvas, place, peaks, record, catalogue) {
    Object.assign(this, { canvas, place, peaks, catalogue });
    this.regions = record.regions.non_silence_regions ?? [];
    this.findings = [...record.findings].sort((a, b) => a.start_seconds - b.start_seconds);
    this.duration = (peaks.length * peaks.samples_per_pixel) / peaks.sample_rate;
    new ResizeObserver(() => this.draw()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
    canvas.addEventListener("pointermove", (event) =>
      this.move(event.offsetX / canvas.clientWidth));
    canvas.addEventListener("pointerleave", () => this.leave());
    canvas.addEventListener("keydown", (event) => this.press(event));
    canvas.addEventListener("blur", () => this.leave());
    canvas.setAttribute("aria-valuemax", this.duration.toFixed(2));
    this.say(0);
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
    const spans = (places, least) => places.map(({ start_seconds: start, end_seconds: end }) => {
      const [left, right] = [start, end].map((at) => (at / this.duration) * width);
      const wide = Math.max(least, Math.ceil(right) - Math.floor(left));
      return [Math.min(Math.floor(left), width - wide), wide];
    });
    context.fillStyle = style.caretColor;
    for (const [left, wide] of spans(this.regions, 1)) context.fillRect(left, 0, wide, height);
    const marks = spans(this.findings, Math.ceil(2 * devicePixelRatio));
    context.fillStyle = style.textDecorationColor;
    // What is true of most of the file is no place in it, and has its mark at the edges alone.
    const places = marks.filter(([, wide]) => wide < width / 2);
    for (const [left, wide] of places) context.fillRect(left, 0, wide, height);
    context.fillStyle = style.color;
    const y = (sample) => ((32768 - sample) / 65536) * height;
    for (let x = 0; x < width; x += 1) {
      const [least, largest] = this.extremes(x / width, (x + 1) / width);
      // Whole pixels: a line of one is not to fade into two.
      const top = Math.min(height - 1, Math.floor(y(largest)));
      context.fillRect(x, top, 1, Math.max(1, Math.ceil(y(least)) - top));
    }
    // However loud it is there, a mark is seen at the edges.
    const edge = Math.ceil(height / 10);
    context.fillStyle = style.textDecorationColor;
    for (const [left, wide] of marks) {
      context.fillRect(left, 0, wide, edge);
      context.fillRect(left, height - edge, wide, edge);
    }
    if (this.cursor !== null) {
      context.fillStyle = style.columnRuleColor;
      context.fillRect(Math.min(width - 1, Math.floor(this.cursor * width)), 0, 1, height);
    }
  }

  move(share) {
    this.cursor = Math.min(1, Math.max(0, share));
    this.draw();
    this.say(this.cursor);
    this.place.textContent = this.told();
  }

  leave() {
    this.cursor = null;
    this.draw();
    this.place.textContent = "";
  }

  press(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const at = this.cursor ?? 0;
    const goal = {
      Home: () => 0,
      End: () => 1,
      n: () => this.beside(this.cursor ?? -1, 1),
      p: () => this.beside(at, -1),
    }[event.key] ?? (event.key in STEPS ? () => at + STEPS[event.key] : null);
    if (goal === null) return;
    event.preventDefault();
    this.move(goal());
  }

  // The next finding in that direction, or where we are if there is none.
  beside(at, way) {
    // By less than this, a share differs from what it was made of.
    const near = 1e-9;
    const shares = this.findings.map((found) => found.start_seconds / this.duration);
    const next = way > 0
      ? shares.find((share) => share > at + near)
      : shares.findLast((share) => share < at - near);
    return next ?? at;
  }

  // The cursor's value, for whom does not see it.
  say(share) {
    const at = share * this.duration;
    this.canvas.setAttribute("aria-valuenow", at.toFixed(2));
    this.canvas.setAttribute("aria-valuetext", clock(at));
  }

  // Time, level, and what is there: under a cursor that is as wide as a pixel.
  told() {
    const half = 0.5 / this.canvas.clientWidth;
    const [from, to] = [this.cursor - half, this.cursor + half];
    const [least, largest] = this.extremes(Math.max(0, from), to);
    const at = this.cursor * this.duration;
    const touches = ({ start_seconds: start, end_seconds: end }) =>
      start <= to * this.duration && from * this.duration < end;
    const silence = this.regions.length > 0 && !this.regions.some(touches) ? ["silence"] : [];
    const found = this.findings.filter(touches);
    const some = found.slice(0, 3).map((one) => finding(this.catalogue, one));
    const more = found.length > some.length ? [`and ${found.length - some.length} more`] : [];
    return [clock(at), level(Math.max(-least, largest)), ...silence, ...some, ...more].join(" · ");
  }
}

// Fetches the peaks and draws them into a row; without peaks there is no picture.
export async function draw(row, url, record, catalogue) {
  const response = await fetch(url).catch(() => null);
  if (!response?.ok) return;
  const peaks = await response.json();
  if (peaks.length === 0) return;
  const box = row.querySelector(".waveform");
  const canvas = box.querySelector("canvas");
  const count = record.findings.length;
  const found = count === 0 ? "" : `, ${count} ${count === 1 ? "finding" : "findings"} marked`;
  canvas.setAttribute("aria-label", `Waveform of ${record.path}${found}`);
  box.querySelector(".marks").hidden = count === 0;
  box.hidden = false;
  new Picture(canvas, box.querySelector(".place"), peaks, record, catalogue).draw();
}
