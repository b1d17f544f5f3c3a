// The figures of one file, group by group, with a mark on each that deserves a look; and what is
// wrong with a file, in plain words and with what would help. All words are the catalogue's.

import { figure, spelled } from "/page/words.js";

function element(tag, text, kind) {
  const made = document.createElement(tag);
  made.textContent = text;
  if (kind) made.className = kind;
  return made;
}

// Why a figure deserves a look: `above 0`; nothing if it does not.
function unusual({ usual }, value) {
  if (value === null || usual === null) return null;
  const { least, most } = usual;
  const isLow = least !== null && value < least;
  if (!isLow && !(most !== null && value > most)) return null;
  const digits = (number) => spelled(number, (String(number).split(".")[1] ?? "").length);
  return isLow ? `below ${digits(least)}` : `above ${digits(most)}`;
}

// Fills the place for figures of a row.
export function show(row, { groups, metrics }, figures) {
  const place = row.querySelector(".figures");
  const looks = [];
  for (const group of groups) {
    const own = metrics.filter((metric) => metric.group === group.name && metric.key in figures);
    if (own.length === 0) continue;
    const section = document.createElement("section");
    const title = element("h4", group.title);
    title.title = group.about;
    const list = document.createElement("dl");
    for (const metric of own) {
      const value = figures[metric.key];
      const pair = document.createElement("div");
      const term = element("dt", metric.title);
      term.title = metric.definition;
      const shown = element("dd", figure(metric, value));
      const why = unusual(metric, value);
      if (why !== null) {
        pair.className = "look";
        shown.append(element("span", `⚠ ${why}`, "why"));
        looks.push([metric, value]);
      }
      pair.append(term, shown);
      list.append(pair);
    }
    section.append(title, list);
    place.append(section);
  }
  const notes = row.querySelector(".looks");
  for (const [metric, value] of looks) {
    const item = document.createElement("li");
    item.append(element("strong", `${metric.title}: ${figure(metric, value)}.`), ` ${metric.reading}`);
    notes.append(item);
  }
}

// One trouble in words: what it is, what the matter is with this file, and what would help.
function told(words, message) {
  const parts = [element("strong", `${words?.title ?? "Something is wrong"}.`), ` ${message}`];
  if (words) parts.push(element("span", words.help, "help"));
  return parts;
}

// Says what is wrong with a file.
export function troubles(row, { failures, warnings }, record) {
  if (record.error) {
    row.querySelector(".error").replaceChildren(...told(failures[record.error.kind], record.error.message));
  }
  for (const warning of record.warnings) {
    const item = document.createElement("li");
    item.append(...told(warnings[warning.kind], warning.message));
    row.querySelector(".warnings").append(item);
  }
}
