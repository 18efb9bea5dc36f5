// Signals whose trends are shown, by path, so that the choice survives a reload and a new store.
import { live, on, workUnits } from "./live.js";
import { isNumeric } from "./words.js";
import { keySignals } from "./keysignals.js";

const KEY = "showroom.trends";
const LIMIT = 5;
const listeners = new Set();
let paths = read();

function read() {
  try {
    const stored = JSON.parse(localStorage.getItem(KEY));
    return Array.isArray(stored) ? stored.filter((path) => typeof path === "string").slice(0, LIMIT) : null;
  } catch {
    return null; // storage is blocked: the choice lasts as long as the page
  }
}

let known = null; // what selected() found, until the choice or the equipment changes
on("tree", () => (known = null));

function changed() {
  known = null;
  try {
    localStorage.setItem(KEY, JSON.stringify(paths));
  } catch {
    // see read()
  }
  for (const listener of listeners) listener();
}

export function onSelection(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

// Series that are chosen and known; before anybody chose, the first key signals of the machines that tell most.
export function selected() {
  known ??= find();
  return known;
}

function find() {
  const byPath = new Map([...live.series.values()].map((series) => [series.path, series]));
  const chosen = (paths || []).map((path) => byPath.get(path)).filter(Boolean);
  if (chosen.length || (paths && paths.length === 0)) return chosen;
  return byDefault();
}

// What tells most about a line comes first: the filler's speed, its electricity, its heat and its air.
const TELLING = ["MONO", "EL", "PAS", "CA"];

function rank(unit) {
  const place = TELLING.indexOf(unit.device_id.split("-")[0]);
  return place < 0 ? TELLING.length : place;
}

// The first key signal of every machine, then the second, until there are enough.
function byDefault() {
  const units = workUnits().sort((a, b) => rank(a) - rank(b));
  const rows = units.map((unit) => keySignals(unit).filter(isNumeric));
  const found = [];
  for (let place = 0; place < 4 && found.length < 4; place += 1) found.push(...rows.map((row) => row[place]).filter(Boolean));
  return found.slice(0, 4);
}

export const isSelected = (series) => selected().some((other) => other.path === series.path);

export function toggle(series) {
  const now = selected().map((other) => other.path);
  paths = now.includes(series.path) ? now.filter((path) => path !== series.path) : [...now, series.path].slice(-LIMIT);
  changed();
}
