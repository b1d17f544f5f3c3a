// Figures, times and findings in words, for whatever shows or tells them.

// A place in a file: `0:03.20`, `1:02:03.20`.
export function clock(seconds) {
  const hundredths = Math.round(seconds * 100);
  const [minutes, rest] = [Math.floor(hundredths / 6000), hundredths % 6000];
  const two = (number) => String(number).padStart(2, "0");
  const short = `${two(Math.floor(rest / 100))}.${two(rest % 100)}`;
  const hours = Math.floor(minutes / 60);
  return hours > 0 ? `${hours}:${two(minutes % 60)}:${short}` : `${minutes}:${short}`;
}

// A length: `0.90 s`, `3:07 min`, `1:02:03 h`.
export function length(seconds) {
  const whole = Math.round(seconds);
  const two = (number) => String(number).padStart(2, "0");
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  if (hours > 0) return `${hours}:${two(minutes)}:${two(whole % 60)} h`;
  return whole >= 60 ? `${minutes}:${two(whole % 60)} min` : `${seconds.toFixed(2)} s`;
}

// Of a sample of 16 bits.
export function level(sample) {
  return sample === 0 ? "−∞ dBFS" : `${spelled(20 * Math.log10(sample / 32768), 1)} dBFS`;
}

// Digits with a minus that is read as one, and never −0.
export function spelled(number, decimals) {
  const text = number.toFixed(decimals);
  return /[1-9]/.test(text) ? text.replace("-", "−") : text.replace("-", "");
}

// A figure of a metric of the catalogue, with its unit.
export function figure(metric, value) {
  return value === null ? "none" : `${spelled(value, metric.decimals)} ${metric.unit}`.trim();
}

// What was found at a place. The metric of its kind counts such places; how bad one is, is told in
// the unit of the metric behind that one, if that is the one of the worst of them.
export function finding(catalogue, { kind, channel, value, threshold, byte }) {
  const at = catalogue.metrics.findIndex((metric) => metric.key === kind);
  const [metric, next] = [catalogue.metrics[at], catalogue.metrics[at + 1]];
  const size = /^(longest|largest|loudest)_/.test(next?.key) ? next : null;
  // What was found in the file and not in the audio is measured in bytes.
  if (byte !== null) {
    const bytes = value === null ? "" : `: ${value} ${value === 1 ? "byte" : "bytes"}`;
    return `${metric?.title ?? kind} at byte ${byte}${bytes}`;
  }
  const where = channel === null ? "" : ` in channel ${channel}`;
  const how = value === null || !size ? "" : `: ${figure(size, value)}`;
  const from = how === "" || threshold === null ? "" : ` (found from ${figure(size, threshold)} on)`;
  return `${metric?.title ?? kind}${where}${how}${from}`;
}
