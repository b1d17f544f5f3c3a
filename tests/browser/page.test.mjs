// The page in Chromium: by mouse, by keyboard, and as axe-core sees it.
// scripts/ci/test-browser installs what this needs and names the programs in AUDIOPOOL_PROGRAM and
// AUDIOPOOL_ROGUE_PROGRAM; PAGE_PICTURES names a folder for pictures of what was seen.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import path from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import bundled from "@sparticuz/chromium";
import { chromium } from "playwright-core";

const axe = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
const data = path.resolve(process.env.AUDIOPOOL_DATA);
const fixture = (name) => path.join(data, name);
let browser;

before(async () => {
  browser = await chromium.launch({
    executablePath: await bundled.executablePath(),
    args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
  });
});
after(() => browser.close());

// A server of its own for a test, ended with it.
async function serve(t, args = [], env = {}) {
  const child = spawn(process.env.AUDIOPOOL_PROGRAM, ["serve", "--listen", "127.0.0.1:0", ...args], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, LD_LIBRARY_PATH: "", ...env },
  });
  const ended = once(child, "exit");
  t.after(async () => {
    child.kill("SIGTERM");
    assert.deepEqual(await ended, [0, null], "the server ends well");
  });
  const [line] = await once(createInterface(child.stdout), "line");
  return line.match(/http:\S+/)[0];
}

// A page on which nothing may go wrong unnoticed.
async function open(t, url, settings = {}) {
  const context = await browser.newContext(settings);
  const page = await context.newPage();
  const troubles = [];
  page.on("pageerror", (error) => troubles.push(String(error)));
  page.on("console", (message) => message.type() === "error" && troubles.push(message.text()));
  page.on("dialog", (dialog) => troubles.push(dialog.message()));
  t.after(async () => {
    await context.close();
    assert.deepEqual(troubles, []);
  });
  await page.goto(url);
  await page.locator("#metrics option").first().waitFor({ state: "attached" });
  return page;
}

async function accessible(page) {
  // Through the debugger, to which the page's security policy does not apply.
  await page.evaluate((await import("node:fs")).readFileSync(axe, "utf8"));
  const { violations } = await page.evaluate(() => window.axe.run());
  assert.deepEqual(violations.map(({ id, nodes }) => [id, nodes.map((node) => node.html)]), []);
}

async function picture(page, name) {
  const folder = process.env.PAGE_PICTURES;
  if (folder) await page.screenshot({ path: path.join(folder, `${name}.png`) });
}

const settings = (page) => page.getByRole("dialog", { name: "Settings" });

test("the worker count is set by mouse, is told, and outlives a reload", async (t) => {
  const page = await open(t, await serve(t));
  await page.getByRole("button", { name: "Settings" }).click();
  const dialog = settings(page);
  const slider = dialog.getByRole("slider", { name: "Worker processes" });
  await dialog.getByRole("button", { name: "Save Settings" }).and(page.locator(":enabled")).waitFor();
  const max = await dialog.locator("#max-threads").textContent();
  assert.equal(await slider.getAttribute("max"), max);
  const other = await slider.inputValue() === max ? "1" : max;
  await slider.fill(other);
  assert.equal(await dialog.locator("output").textContent(), other);
  await dialog.getByRole("button", { name: "Save Settings" }).click();
  await dialog.getByRole("status").filter({ hasText: `Saved: ${other}` }).waitFor();
  assert.equal(await dialog.locator("#current-threads").textContent(), other);
  await accessible(page);
  await dialog.getByRole("button", { name: "Cancel" }).click();
  await dialog.waitFor({ state: "hidden" });

  await page.reload();
  await page.getByRole("button", { name: "Settings" }).click();
  await settings(page).locator("#current-threads").filter({ hasText: other }).waitFor();
  assert.equal(await slider.inputValue(), other);
  await settings(page).getByRole("button", { name: "Reset to default" }).click();
  const preset = await settings(page).locator("#default-threads").textContent();
  await settings(page).getByRole("status").filter({ hasText: `Saved: ${preset}` }).waitFor();
  await page.mouse.click(5, 5); // beside the dialog
  await settings(page).waitFor({ state: "hidden" });
});

test("the settings work by keyboard alone, and the focus comes back", async (t) => {
  const page = await open(t, await serve(t));
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  const dialog = settings(page);
  await dialog.getByRole("button", { name: "Save Settings" }).and(page.locator(":enabled")).waitFor();
  const focused = () => page.evaluate(() => document.activeElement.id);
  assert.equal(await focused(), "threads");
  await page.keyboard.press("End");
  assert.equal(await page.locator("#threads").inputValue(), await page.locator("#max-threads").textContent());
  const seen = new Set();
  for (let press = 0; press < 12; press += 1) {
    await page.keyboard.press("Tab");
    seen.add(await focused());
  }
  // The browser's own frame has no name; nothing behind the dialog is reached.
  for (const id of seen) {
    assert.ok(["threads", "save-settings", "reset-settings", "cancel-settings", ""].includes(id), id);
  }
  await page.locator("#threads").focus();
  await page.keyboard.press("Enter");
  await dialog.getByRole("status").filter({ hasText: "Saved" }).waitFor();
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "hidden" });
  assert.equal(await focused(), "open-settings");
});

test("what the server refuses is shown in the dialog", async (t) => {
  const page = await open(t, await serve(t));
  await page.route("**/settings/threads", (route) => route.request().method() === "POST"
    ? route.fulfill({ json: { success: false, error: "num_threads must be small" } })
    : route.continue());
  await page.getByRole("button", { name: "Settings" }).click();
  await settings(page).getByRole("button", { name: "Save Settings" }).click();
  await settings(page).getByRole("alert").filter({ hasText: "num_threads must be small" }).waitFor();
});

test("good and broken files end in figures, warnings and plain words", async (t) => {
  const url = await serve(t);
  const page = await open(t, url, { viewport: { width: 1200, height: 900 }, colorScheme: "light" });
  await page.locator("#metrics").selectOption("all");
  const { readFile } = await import("node:fs/promises");
  const named = async (name, file) => ({ name, mimeType: "audio/x", buffer: await readFile(file) });
  await page.locator("#files").setInputFiles([
    await named("speech.flac", fixture("speech-12000.flac")),
    await named("long.mp3", fixture("mono-8000-64s.mp3")),
    await named("<img src=x onerror=alert(1)>.wav", fixture("README.md")),
    await named("empty.wav", fixture("empty.wav")),
    await named("stereo.wav", fixture("s16-stereo-44100.wav")),
  ]);
  const job = page.locator(".job");
  await job.getByText(/^Done: \d measured, \d without figures$/).waitFor();
  const rows = job.locator(".files > li");
  assert.equal(await rows.count(), 5);
  assert.equal(await rows.locator("progress").count(), 0);
  const bad = rows.filter({ hasText: "<img src=x" });
  assert.equal(await bad.locator(".state").textContent(), "✗ no figures");
  const said = await bad.locator(".error").textContent();
  assert.match(said, /^Not a known audio format\. .+Choose an audio file, or convert it to FLAC or WAV\.$/);
  // Figures stand in their groups, and what deserves a look says so, and what it may mean.
  const titles = await rows.first().locator(".figures h4").allTextContents();
  assert.deepEqual(titles.slice(0, 5), ["Basic", "Activity", "Level", "Loudness", "Damage"]);
  const loudness = rows.first().locator(".figures section").filter({ has: page.getByRole("heading", { name: "Loudness" }) });
  assert.match(await loudness.textContent(), /Integrated−\d+\.\d+ LUFS/);
  const looks = await rows.locator(".figures .look").allTextContents();
  assert.ok(looks.length > 0 && looks.every((text) => /⚠ (above|below) −?\d/.test(text)), looks.join());
  const notes = await rows.locator(".looks li").count();
  assert.equal(notes, looks.length, "each mark has its sentence");
  assert.match(await rows.first().locator(".figures dl").first().textContent(), /Peak−1\.3\d? dBFS/);
  // Twelve seconds of speech are no flat line, and the picture of a file without figures is none.
  const wave = rows.first().getByRole("slider", { name: "Waveform of speech.flac" });
  await wave.waitFor();
  assert.equal(await bad.locator("canvas:visible").count(), 0);
  const heights = await wave.evaluate((canvas) => {
    const { width, height } = canvas;
    const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
    const ink = getComputedStyle(canvas).color.match(/\d+/g).map(Number);
    const isInk = (x, y) => ink.every((part, at) => data[4 * (y * width + x) + at] === part);
    const column = (x) => Array.from({ length: height }, (_, y) => isInk(x, y)).filter(Boolean).length;
    return Array.from({ length: width }, (_, x) => column(x));
  });
  assert.ok(heights.every((height) => height >= 1), "a gap in the waveform");
  assert.ok(new Set(heights).size > 10, `flat: ${[...new Set(heights)]}`);
  await wave.hover();
  assert.match(await rows.first().locator(".place").textContent(), /^0:0\d\.\d\d · −(∞|\d+\.\d) dBFS/);
  // How loud it is from moment to moment stands below, and in words.
  const moments = rows.first().locator(".loudness");
  const plot = moments.getByRole("img", { name: "Loudness over time of speech.flac" });
  await plot.waitFor();
  assert.match(await moments.locator("figcaption").textContent(),
    /^Loudness over time\. Momentary \(400 ms\): at most −\d+\.\d LUFS, at 0:\d\d\.\d\d; Short-term \(3 s\): at most −\d+\.\d LUFS, at 0:\d\d\.\d\d; the whole, dashed: −\d+\.\d LUFS\.$/);
  const reach = await plot.evaluate((canvas) => {
    const { width, height } = canvas;
    const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
    const ink = getComputedStyle(canvas).color.match(/\d+/g).map(Number);
    const isInk = (at) => ink.every((part, of) => data[4 * at + of] === part);
    const all = Array.from({ length: width * height }, (_, at) => at).filter(isInk);
    const columns = all.map((at) => at % width);
    const rows = all.map((at) => Math.floor(at / width));
    return [new Set(columns).size / width, Math.max(...rows) - Math.min(...rows)];
  });
  await rows.first().getByRole("img", { name: "Average spectrum of speech.flac" }).waitFor();
  assert.match(await rows.first().locator(".spectrum figcaption").textContent(),
    /Strongest around \d+ Hz: −\d+\.\d dBFS; within 20 dB of it from \d+ Hz to [\d.]+ k?Hz\.$/);
  assert.ok(reach[0] > 0.6 && reach[1] > 5, `the short-term loudness is drawn: ${reach}`);
  await page.getByRole("status").filter({ hasText: "All done." }).waitFor();
  const download = page.waitForEvent("download");
  await job.getByRole("link", { name: "CSV" }).click();
  assert.equal((await download).suggestedFilename(), "audiopool.csv");
  await accessible(page);
  await picture(page, "light");

  // Whoever comes back, with a dark screen or a small one, finds it all again.
  for (const [name, colorScheme, width] of [["dark", "dark", 1200], ["phone", "dark", 360]]) {
    const again = await open(t, url, { viewport: { width, height: 800 }, colorScheme });
    await again.getByText(/^Done: /).waitFor();
    await accessible(again);
    const overflow = await again.evaluate(() =>
      document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.equal(overflow, 0, `${name} scrolls sideways`);
    await picture(again, name);
  }
});

test("findings are marks on the waveform, and the keyboard goes from one to the next", async (t) => {
  const page = await open(t, await serve(t), { viewport: { width: 1200, height: 900 } });
  await page.locator("#metrics").selectOption("all");
  await page.locator("#files").setInputFiles([fixture("s16-stereo-1600-31s.wav")]);
  const wave = page.getByRole("slider", { name: /^Waveform of s16-stereo-1600-31s.wav, \d+ findings marked$/ });
  await wave.waitFor();
  const { findings } = await page.evaluate(async () => {
    const { jobs } = await (await fetch("/api/v1/jobs")).json();
    return (await (await fetch(`/api/v1/jobs/${jobs[0].id}`)).json()).files[0].record;
  });
  const duration = Number(await wave.getAttribute("aria-valuemax"));
  // Which columns have that colour at the upper edge, as shares of the width.
  const columns = (property) => wave.evaluate((canvas, property) => {
    const { width } = canvas;
    const { data } = canvas.getContext("2d").getImageData(0, 0, width, 1);
    const ink = getComputedStyle(canvas)[property].match(/\d+/g).map(Number);
    const all = Array.from({ length: width }, (_, x) => x);
    const shown = all.filter((x) => ink.every((part, at) => data[4 * x + at] === part));
    return shown.map((x) => (x + 0.5) / width);
  }, property);
  const marked = await columns("textDecorationColor");
  const wide = 4 / (await wave.evaluate((canvas) => canvas.width));
  for (const { start_seconds: start, end_seconds: end } of findings) {
    const middle = (start + end) / 2 / duration;
    assert.ok(marked.some((share) => Math.abs(share - middle) < wide), `no mark at ${middle}`);
  }
  const near = (share) => findings.some(({ start_seconds: start, end_seconds: end }) =>
    share > start / duration - wide && share < end / duration + wide);
  assert.deepEqual(marked.filter((share) => !near(share)), [], "a mark where nothing was found");

  // By keyboard, in the order of time, and told each time.
  const told = page.locator(".place");
  assert.equal(await told.getAttribute("aria-live"), "polite");
  await wave.focus();
  const starts = [...new Set(findings.map((found) => found.start_seconds))].sort((a, b) => a - b);
  assert.ok(starts.length >= 2);
  for (const start of starts) {
    await page.keyboard.press("n");
    assert.equal(Number(await wave.getAttribute("aria-valuenow")), Number(start.toFixed(2)));
    assert.match(await told.textContent(), / · [A-Z][a-z ]+ in channel [12]: −?\d+\.\d+ (ms|dBFS) \(found from −?\d+\.\d+ (ms|dBFS) on\)/);
  }
  await page.keyboard.press("n");
  assert.equal(Number(await wave.getAttribute("aria-valuenow")), Number(starts.at(-1).toFixed(2)));
  await page.keyboard.press("p");
  assert.equal(Number(await wave.getAttribute("aria-valuenow")), Number(starts.at(-2).toFixed(2)));
  assert.match(await told.textContent(), /Dropouts in channel [12]: \d+\.\d+ ms \(found from 1\.0+ ms on\)/);
  await page.keyboard.press("Home");
  assert.match(await told.textContent(), /^0:00\.00 · −/);
  await page.keyboard.press("PageUp");
  await page.keyboard.press("ArrowRight");
  assert.equal(Number(await wave.getAttribute("aria-valuenow")), Number((0.11 * duration).toFixed(2)));
  assert.equal((await wave.getAttribute("aria-valuetext")).slice(0, 6), "0:03.4");
  const [cursor] = await columns("columnRuleColor");
  assert.ok(Math.abs(cursor - 0.11) < wide, `the cursor is at ${cursor}`);
  await page.keyboard.press("End");
  assert.match(await told.textContent(), /^0:31\.0/);
  await accessible(page);
  await picture(page, "findings");
});

test("the average spectrum is drawn band by band, and told", async (t) => {
  const page = await open(t, await serve(t), { viewport: { width: 1200, height: 900 } });
  // The strongest is the one of 1 kHz, each other is weaker by 3 dB, and one is silent.
  await page.evaluate(async () => {
    const { drawSpectrum } = await import("/page/plots.js");
    const row = document.getElementById("file-form").content.firstElementChild.cloneNode(true);
    row.querySelector(".name").textContent = "made up";
    const list = document.createElement("ul");
    list.className = "files";
    list.append(row);
    document.getElementById("jobs").append(list);
    const bands = Array.from({ length: 30 }, (_, at) => ({
      centre_hz: 1000 * 2 ** ((at - 16) / 3),
      level_dbfs: at === 0 ? null : -12.5 - 3 * Math.abs(at - 16),
    }));
    drawSpectrum(row, { path: "made up", spectrum_bands: bands });
  });
  const plot = page.getByRole("img", { name: "Average spectrum of made up" });
  await plot.waitFor();
  assert.equal(await page.locator(".spectrum figcaption").textContent(),
    "Average spectrum in thirds of an octave. Strongest around 1 kHz: −12.5 dBFS; " +
    "within 20 dB of it from 250 Hz to 4 kHz.");
  const heights = await plot.evaluate((canvas) => {
    const { width, height } = canvas;
    const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
    const ink = getComputedStyle(canvas).color.match(/\d+/g).map(Number);
    const isInk = (x, y) => ink.every((part, of) => data[4 * (y * width + x) + of] === part);
    const middle = (at) => Math.floor(((at + 0.4) * width) / 30);
    return Array.from({ length: 30 }, (_, at) =>
      Array.from({ length: height }, (_, y) => isInk(middle(at), y)).filter(Boolean).length);
  });
  assert.equal(Math.max(...heights), heights[16], heights.join());
  assert.equal(heights[0], 0);
  for (let at = 2; at <= 16; at += 1) assert.ok(heights[at] > heights[at - 1], heights.join());
  for (let at = 17; at < 30; at += 1) assert.ok(heights[at] < heights[at - 1], heights.join());
  await accessible(page);
  await picture(page, "spectrum");
});

test("a job that hangs is cancelled with a click", async (t) => {
  const args = ["--sandbox", "off", "--worker-program", process.env.AUDIOPOOL_ROGUE_PROGRAM];
  const page = await open(t, await serve(t, args, { AUDIOPOOL_ROGUE: "hang" }));
  await page.locator("#files").setInputFiles([fixture("speech-12000.flac"), fixture("silence.wav")]);
  await page.getByText(/^In work with/).waitFor();
  await accessible(page);
  await page.getByRole("button", { name: "Cancel 2 files" }).click();
  await page.getByText("Cancelled: 0 measured, 2 without figures").waitFor();
});
