// The settings dialog: reads /settings/threads when it opens, writes it when told to.
// The browser's own modal dialog keeps the focus inside and gives it back, and closes on Escape.

const find = (id) => document.getElementById(id);
const dialog = find("settings");
const slider = find("threads");
const shown = find("threads-value");
const buttons = [find("save-settings"), find("reset-settings")];

let defaultThreads = 1;

// What the server says, or an error that says what went wrong.
async function talk(request) {
  let response;
  try {
    response = await fetch("/settings/threads", request);
  } catch {
    throw new Error("The server cannot be reached. Is it still running?");
  }
  const answer = await response.json().catch(() => ({}));
  if (!response.ok || answer.success !== true) {
    throw new Error(answer.error ?? `The server answered with status ${response.status}.`);
  }
  return answer;
}

function tell(status, error) {
  find("settings-status").textContent = status;
  find("settings-error").textContent = error;
}

function slideTo(threads) {
  slider.value = threads;
  shown.value = slider.value;
}

async function load() {
  tell("", "");
  for (const button of buttons) button.disabled = true;
  try {
    const now = await talk({});
    defaultThreads = now.default_threads;
    slider.max = now.max_threads;
    find("max-threads").textContent = now.max_threads;
    find("default-threads").textContent = now.default_threads;
    find("current-threads").textContent = now.current_threads;
    slideTo(now.current_threads);
    for (const button of buttons) button.disabled = false;
  } catch (error) {
    tell("", error.message);
  }
}

async function save(threads) {
  tell("Saving …", "");
  for (const button of buttons) button.disabled = true;
  try {
    const now = await talk({
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ num_threads: threads }),
    });
    find("current-threads").textContent = now.current_threads;
    slideTo(now.current_threads);
    tell(`Saved: ${now.current_threads} from the next analysis on.`, "");
  } catch (error) {
    tell("", error.message);
  }
  for (const button of buttons) button.disabled = false;
}

find("open-settings").addEventListener("click", () => {
  dialog.showModal();
  slider.focus();
  load();
});
slider.addEventListener("input", () => slideTo(slider.value));
find("settings-form").addEventListener("submit", (event) => {
  event.preventDefault();
  save(slider.valueAsNumber);
});
find("reset-settings").addEventListener("click", () => {
  slideTo(defaultThreads);
  save(defaultThreads);
});
find("cancel-settings").addEventListener("click", () => dialog.close());
// The backdrop belongs to the dialog; its content fills the dialog's own box.
dialog.addEventListener("pointerdown", (event) => {
  const box = dialog.getBoundingClientRect();
  const inside = event.clientX >= box.left && event.clientX <= box.right
    && event.clientY >= box.top && event.clientY <= box.bottom;
  if (event.target === dialog && !inside) dialog.close();
});
