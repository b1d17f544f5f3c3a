// Files on their way to the server: dropped, chosen, or named by a path. Each lot becomes a job.

import { Job, refusal } from "/page/job.js";

const find = (id) => document.getElementById(id);
const drop = find("drop");
const metrics = find("metrics");
const jobs = new Map();

let catalogue = { metrics: [], groups: [], failures: {}, warnings: {}, paths: false };

function complain(text) {
  find("drop-error").textContent = text;
}

// Says aloud how far everything is, and offers to cancel what is not done.
function tell() {
  const all = [...jobs.values()];
  const running = all.filter((job) => !job.isOver);
  find("no-jobs").hidden = all.length > 0;
  find("cancel-all").hidden = running.length === 0;
  const files = running.reduce((sum, job) => sum + job.total, 0);
  const done = running.reduce((sum, job) => sum + job.done, 0);
  if (running.length > 0) {
    find("news").textContent = `${done} of ${files} files done.`;
  } else if (all.length > 0) {
    find("news").textContent = "All done.";
  }
}

function show(job) {
  jobs.set(job, job);
  find("jobs").prepend(job.element);
  tell();
}

// Sends files; `entries` are pairs of a name and a file.
function send(entries) {
  complain("");
  if (entries.length === 0) {
    complain("There are no files in what was dropped.");
    return;
  }
  const form = new FormData();
  form.append("metrics", metrics.value);
  for (const [name, file] of entries) form.append("files", file, name);
  const job = new Job(catalogue, entries.map(([name]) => name), tell);
  show(job);

  const request = new XMLHttpRequest(); // fetch does not tell how far an upload is
  request.open("POST", "/api/v1/jobs");
  request.responseType = "json";
  request.upload.addEventListener("progress", (event) => job.sending(event.loaded, event.total));
  request.addEventListener("load", () => {
    if (request.status === 201) job.follow(request.response);
    else job.fail(request.response?.error ?? `The server answered with status ${request.status}.`);
  });
  request.addEventListener("error", () =>
    job.fail("The files did not get through. The server may be gone, or has refused them."));
  request.addEventListener("abort", () => job.fail("Cancelled."));
  job.abort = () => request.abort();
  request.send(form);
}

async function sendPath(path) {
  complain("");
  try {
    const response = await fetch("/api/v1/jobs", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ path, metrics: metrics.value }),
    });
    if (!response.ok) throw new Error(await refusal(response));
    const created = await response.json();
    const job = new Job(catalogue, created.files.map((file) => file.name), tell);
    show(job);
    job.follow(created);
  } catch (error) {
    complain(error.message);
  }
}

const chosen = (input) =>
  [...input.files].map((file) => [file.webkitRelativePath || file.name, file]);

// All files of a dropped file or folder, with the way to each.
async function filesOf(entry, way = "") {
  if (entry.isFile) {
    const file = await new Promise((done, failed) => entry.file(done, failed));
    return [[way + file.name, file]];
  }
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    const some = await new Promise((done, failed) => reader.readEntries(done, failed));
    if (some.length === 0) return found;
    for (const inner of some) found.push(...await filesOf(inner, `${way}${entry.name}/`));
  }
}

for (const [button, input] of [["choose-files", "files"], ["choose-folder", "folder"]]) {
  find(button).addEventListener("click", () => find(input).click());
  find(input).addEventListener("change", (event) => {
    const entries = chosen(event.target);
    event.target.value = "";
    if (entries.length > 0) send(entries);
  });
}
for (const kind of ["dragenter", "dragover"]) {
  document.addEventListener(kind, (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
}
document.addEventListener("dragleave", (event) => {
  if (event.relatedTarget === null) drop.classList.remove("over");
});
document.addEventListener("drop", async (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  const items = [...event.dataTransfer.items].filter((item) => item.kind === "file");
  const entries = items.map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  const plain = [...event.dataTransfer.files].map((file) => [file.name, file]);
  try {
    const found = await Promise.all(entries.map((entry) => filesOf(entry)));
    send(entries.length > 0 ? found.flat() : plain);
  } catch (error) {
    complain(`What was dropped cannot be read: ${error.message}`);
  }
});
find("path-form").addEventListener("submit", (event) => {
  event.preventDefault();
  sendPath(find("path").value);
});
find("cancel-all").addEventListener("click", () => {
  for (const job of jobs.values()) job.cancel();
});

// What can be asked for, and the jobs that the server still knows.
async function begin() {
  try {
    catalogue = await (await fetch("/api/v1/catalogue")).json();
    for (const group of [...catalogue.groups, { name: "all", title: "Everything", about: "" }]) {
      const option = new Option(group.title, group.name, group.name === catalogue.default);
      option.title = group.about;
      metrics.append(option);
    }
    metrics.value = catalogue.default;
    find("path-form").hidden = !catalogue.paths;
    const known = await (await fetch("/api/v1/jobs")).json();
    for (const { id } of known.jobs.reverse()) {
      const response = await fetch(`/api/v1/jobs/${id}`);
      if (!response.ok) continue;
      const full = await response.json();
      const job = new Job(catalogue, full.files.map((file) => file.name), tell);
      show(job);
      job.follow(full);
    }
  } catch {
    complain("The server cannot be reached. Is it still running?");
  }
}
begin();
