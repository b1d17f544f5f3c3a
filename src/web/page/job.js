// One job on the page: its files, what happens to them, and what came of it.
// Names and messages come from outside and are only ever set as text.

import { show, troubles } from "/page/figures.js";
import { drawLoudness, drawSpectrum } from "/page/plots.js";
import { draw } from "/page/waveform.js";
import { length } from "/page/words.js";

const LONG_WORDS = {
  queued: "Waiting for its turn",
  running: "In work",
  finished: "Done",
  cancelled: "Cancelled",
  failed: "Failed",
};

// Why the server did not do what it was asked for.
export async function refusal(response) {
  const answer = await response.json().catch(() => ({}));
  return answer.error ?? `The server answered with status ${response.status}.`;
}

function copy(id) {
  return document.getElementById(id).content.firstElementChild.cloneNode(true);
}

export class Job {
  isOver = false;
  done = 0;
  abort = null;

  constructor(catalogue, names, changed) {
    this.catalogue = catalogue;
    this.changed = changed;
    this.total = names.length;
    this.element = copy("job-form");
    const title = names.length === 1 ? names[0] : `${names.length} files`;
    this.element.querySelector("h3").textContent = title;
    this.cancelButton = this.element.querySelector(".cancel");
    this.cancelButton.setAttribute("aria-label", `Cancel ${title}`);
    this.cancelButton.addEventListener("click", () => this.cancel());
    this.rows = names.map((name) => {
      const row = copy("file-form");
      row.querySelector(".name").textContent = name;
      row.querySelector("progress").setAttribute("aria-label", `Progress of ${name}`);
      this.element.querySelector(".files").append(row);
      return row;
    });
    this.say("Sending …");
  }

  say(text) {
    this.element.querySelector(":scope > .state").textContent = text;
  }

  sending(sent, all) {
    this.say(`Sending … ${Math.floor((100 * sent) / all)} %`);
  }

  fail(text) {
    this.element.querySelector(":scope > .error").textContent = text;
    this.say("Not measured");
    this.end();
  }

  end() {
    this.isOver = true;
    this.cancelButton.remove();
    for (const row of this.rows) row.querySelector("progress")?.remove();
    this.changed();
  }

  async cancel() {
    if (this.isOver) return;
    if (!this.id) {
      this.abort?.();
      return;
    }
    const response = await fetch(`/api/v1/jobs/${this.id}`, { method: "DELETE" }).catch(() => null);
    if (!response?.ok) {
      const why = response ? await refusal(response) : "The server cannot be reached.";
      this.element.querySelector(":scope > .error").textContent = why;
    }
  }

  // Follows what happens on the server; a connection that breaks is taken up again by the browser.
  follow(created) {
    this.id = created.id;
    this.say(LONG_WORDS[created.status] ?? created.status);
    const events = new EventSource(`/api/v1/jobs/${this.id}/events`);
    const on = (kind, act) =>
      events.addEventListener(kind, (event) => act(JSON.parse(event.data)));
    on("started", ({ workers }) =>
      this.say(`In work with ${workers} worker ${workers === 1 ? "process" : "processes"}`));
    on("file", ({ index }) => this.state(index, "Decoding"));
    on("opened", (opened) => {
      this.state(opened.index, "Measuring");
      const channels = opened.channels === 1 ? "mono" : `${opened.channels} channels`;
      this.format(opened.index, [opened.codec, `${opened.sample_rate} Hz`, channels]);
    });
    on("progress", ({ index, percent }) => {
      const bar = this.rows[index].querySelector("progress");
      if (percent === null) bar?.removeAttribute("value");
      else if (bar) bar.value = percent;
    });
    on("retried", ({ index, attempt }) => this.state(index, `A process died; try ${attempt}`));
    on("record", ({ index, record }) => this.record(index, record));
    on("ended", ({ status, summary, error }) => {
      events.close();
      const failed = summary.failed > 0 ? `, ${summary.failed} without figures` : "";
      this.say(`${LONG_WORDS[status]}: ${summary.ok} measured${failed}`);
      if (error) this.element.querySelector(":scope > .error").textContent = error;
      for (const kind of ["json", "csv"]) {
        const link = this.element.querySelector(`.${kind}`);
        link.href = `/api/v1/jobs/${this.id}/report.${kind}`;
        link.hidden = false;
      }
      this.end();
    });
  }

  state(index, text) {
    this.rows[index].querySelector(".state").textContent = text;
  }

  format(index, parts) {
    this.rows[index].querySelector(".format").textContent = parts.join(" · ");
  }

  record(index, record) {
    const row = this.rows[index];
    row.classList.add(record.status);
    row.querySelector("progress")?.remove();
    this.state(index, record.status === "ok" ? "✓ measured" : "✗ no figures");
    const format = record.format;
    if (format) {
      const channels = format.channels === 1 ? "mono" : `${format.channels} channels`;
      const parts = [format.codec, `${format.sample_rate} Hz`, channels];
      if (format.duration_seconds !== null) parts.unshift(length(format.duration_seconds));
      this.format(index, parts);
    }
    if (record.status === "ok") {
      const files = `/api/v1/jobs/${this.id}/files/${index}`;
      draw(row, `${files}/waveform.json`, record, this.catalogue);
      const isAsked = this.catalogue.metrics.some(({ group, key }) =>
        group === "loudness" && key in record.metrics);
      drawSpectrum(row, record);
      if (isAsked) drawLoudness(row, `${files}/timelines.json`, record);
    }
    troubles(row, this.catalogue, record);
    show(row, this.catalogue, record.metrics);
    this.done += 1;
    this.changed();
  }
}
