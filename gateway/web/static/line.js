// The line as a picture: machines with their state by colour, shape and word, their key values, the pipes between them.
import { emptyNote, s, setAttribute, setText } from "./dom.js";
import { keySignals, stateSignal } from "./keysignals.js";
import { layout } from "./layout.js";
import { choose, chosenUnit, healthOf, healthShape, onChoice } from "./health.js";
import { assessments, condition, live, on, workUnits } from "./live.js";
import { isSelected, onSelection, toggle } from "./selection.js";
import { machine, shape } from "./symbols.js";
import { number, ORIGIN, ORIGIN_SHORT, signalLabel, stateLook, stateWord } from "./words.js";

const MIN_WIDTH = 240;

export function mount(root) {
  let cells = new Map(); // series number -> function that shows its newest value
  let states = []; // functions that show the state of a machine
  let width = 0;

  function draw() {
    const units = workUnits();
    cells = new Map();
    states = [];
    if (!units.length) {
      root.replaceChildren(why());
      return;
    }
    width = Math.floor(root.clientWidth);
    if (width < MIN_WIDTH) return; // not laid out yet: the observer draws as soon as it is
    const results = assessments();
    const plan = layout(units, width, new Set(results.keys()));
    const picture = s(
      "svg",
      { class: "line-picture", width, height: plan.height, viewBox: `0 0 ${width} ${plan.height}`, role: "group",
        "aria-label": `Line with ${units.length} machines` },
      pipes(plan, states),
      plan.boxes.map((box) => card(box, cells, states, results.get(box.unit.device_id))),
    );
    root.replaceChildren(picture);
    update(live.series.keys());
  }

  function update(numbers) {
    for (const number of numbers) cells.get(number)?.forEach((show) => show());
    for (const show of states) show();
  }

  const observer = new ResizeObserver(() => {
    if (Math.abs(root.clientWidth - width) > 1) draw();
  });
  observer.observe(root);
  draw();
  const stops = [
    on("tree", draw), on("values", update), on("link", () => live.sites === null && draw()), onSelection(draw), onChoice(draw),
  ];
  return () => [observer.disconnect(), ...stops.map((stop) => stop())];
}

function why() {
  if (live.sites === null) {
    const { state, cause } = live.link;
    return state === "down"
      ? emptyNote("The gateway does not answer", `${cause}. This page tries again by itself.`)
      : emptyNote("Loading", "Asking the gateway which machines have announced themselves.");
  }
  return emptyNote(
    "No edge agent has announced itself yet",
    "A machine appears here by itself as soon as an edge agent that reads it is connected to the broker. Start one:",
    "python -m edge_agent --config edge.toml",
  );
}

function card(box, cells, states, found) {
  const { unit, x, y, width, height, dense } = box;
  const frame = s("rect", { class: "unit-frame", width, height, rx: 6 });
  const origin = s("text", { class: "unit-origin", x: width - (dense ? 10 : 14), y: dense ? 23 : 26, "text-anchor": "end" });
  const node = s(
    "g",
    { class: dense ? "unit dense" : "unit", transform: `translate(${x} ${y})`, "data-unit": unit.device_id },
    frame,
    dense ? machine(unit.device_id, 8, 5, 26) : machine(unit.device_id, 12, 10, 44),
    s("title", {}, unit.device_id),
    s("text", { class: "unit-name", x: dense ? 40 : 66, y: dense ? 24 : 28 }, fitted(unit.device_id, width - (dense ? 76 : 150))),
    origin,
    stateBadge(box, (show) => states.push(() => show(node, origin))),
    valueRows(box, cells),
    found ? healthRow(box, found, (show) => states.push(show)) : null,
  );
  return node;
}

// Places of the parts of a machine's picture, in pixels from its corner.
const PLACES = {
  roomy: { badge: [60, 34, 25], glyph: [66, 38], word: [88, 51], values: 84, pitch: 27, margin: 14 },
  dense: { badge: [8, 33, 22], glyph: [12, 36], word: [32, 48.5], values: 74, pitch: 24, margin: 8 },
};
const placesOf = (box) => (box.dense ? PLACES.dense : PLACES.roomy);

function stateBadge({ unit, width, dense }, register) {
  const signal = stateSignal(unit);
  const { badge, glyph: mark, word: text, margin } = placesOf({ dense });
  const glyph = s("path", { class: "state-glyph", transform: `translate(${mark[0]} ${mark[1]})` });
  const word = s("text", { class: "state-word", x: text[0], y: text[1] });
  const back = s("rect", { class: "state-back", x: badge[0], y: badge[1], height: badge[2], rx: 4, width: width - badge[0] - margin });
  register((node, origin) => {
    const value = signal && live.values.get(signal.number);
    const known = signal && value && value.value !== null && condition(signal.number) !== "stale";
    const name = known ? stateWord(value.value) : unit.online && live.link.state === "open" ? wordless(unit, signal) : "OFFLINE";
    const look = known ? stateLook(name) : "none";
    setText(word, known ? name : live.link.state === "open" ? name : "STALE");
    setAttribute(glyph, "d", shape(look));
    setAttribute(node, "data-look", unit.online && live.link.state === "open" ? look : "off");
    const origins = new Set(unit.signals.map((series) => live.values.get(series.number)?.origin).filter((o) => o !== undefined));
    setText(origin, [...origins].map((code) => (dense ? ORIGIN_SHORT : ORIGIN)[code]).join(" + "));
  });
  return s("g", { class: "state" }, back, glyph, word);
}

// What stands where a machine has a state: meters and stores have none, only values.
function wordless(unit, signal) {
  if (signal) return "no state";
  const shown = unit.signals.map((series) => condition(series.number));
  return shown.includes("live") ? "values live" : shown.includes("stale") ? "values stale" : "no values";
}

// Health as analytics sees it: shape, word and number; pressed, the panel shows on what it rests.
function healthRow({ unit, width, height, dense }, found, register) {
  const { margin } = placesOf({ dense });
  const glyph = s("path", { class: "health-glyph", transform: `translate(${margin + 4} 4.5) scale(.9)` });
  const word = s("text", { class: "health-word", x: margin + 25, y: 16 });
  const amount = s("text", { class: "health-amount", x: width - margin - 4, y: 16, "text-anchor": "end" });
  const title = s("title", {});
  const open = () => choose(unit.device_id);
  const row = s(
    "g",
    { class: "health", transform: `translate(0 ${height - 28})`, tabindex: 0, role: "button",
      "aria-pressed": String(chosenUnit() === unit.device_id), onclick: open,
      onkeydown: (event) => (event.key === "Enter" || event.key === " ") && (event.preventDefault(), open()) },
    title,
    s("rect", { class: "health-back", x: margin, width: width - 2 * margin, height: 23, rx: 4 }),
    glyph, word, amount,
  );
  register(() => {
    const health = healthOf(found) || { look: "unknown", word: "unknown", health: null, reason: "nothing was said yet" };
    setAttribute(row, "data-health", health.look);
    setAttribute(glyph, "d", healthShape(health.look));
    setText(word, health.word);
    setText(amount, health.health === null ? "" : health.health.toFixed(2));
    const said = `health of ${unit.device_id}: ${health.word}${health.health === null ? "" : ` ${health.health.toFixed(2)}`}`;
    setText(title, health.reason ? `${said}; ${health.reason}` : said);
    setAttribute(row, "aria-label", `${title.textContent}, show or hide why`);
  });
  return row;
}

function valueRows(box, cells) {
  const { columns } = box;
  const { values, pitch, margin } = placesOf(box);
  const shown = keySignals(box.unit, columns * box.rows);
  const columnWidth = (box.width - 2 * margin - 18 * (columns - 1)) / columns;
  return shown.map((series, index) => {
    const column = Math.floor(index / box.rows);
    const x = margin + column * (columnWidth + 18);
    return valueRow(series, x, values + (index % box.rows) * pitch, columnWidth, cells);
  });
}

function valueRow(series, x, y, width, cells) {
  const text = s("text", { class: "value", x: width - 4, y: 4, "text-anchor": "end" });
  const amount = s("tspan", { class: "amount" });
  const unit = s("tspan", { class: "unit-of-measure", dx: series.unit ? 5 : 0 }, series.unit);
  text.append(amount, unit);
  const label = s("text", { class: "value-name", x: 4, y: 4 }, clip(signalLabel(series), width - 62 - 7 * series.unit.length));
  const row = s(
    "g",
    { class: "value-row", transform: `translate(${x} ${y})`, tabindex: 0, role: "button",
      "aria-pressed": String(isSelected(series)), onclick: () => toggle(series),
      onkeydown: (event) => (event.key === "Enter" || event.key === " ") && (event.preventDefault(), toggle(series)) },
    s("title", {}, series.description || series.metric),
    s("rect", { class: "value-back", x: -4, y: -14, width: width + 8, height: 25, rx: 4 }),
    label,
    text,
  );
  const show = () => {
    const state = condition(series.number);
    const value = live.values.get(series.number);
    setText(amount, number(value?.value, series));
    setAttribute(row, "data-condition", state);
    const spoken = `${signalLabel(series)} ${amount.textContent} ${series.unit}, ${state}, show or hide trend`;
    setAttribute(row, "aria-label", spoken);
  };
  cells.set(series.number, [...(cells.get(series.number) || []), show]);
  return row;
}

// A name keeps its end too: instruments are told apart by it.
function fitted(name, width) {
  const most = Math.max(8, Math.floor(width / 8.6));
  return name.length <= most ? name : `${name.slice(0, most - 5)}…${name.slice(-4)}`;
}

const clip = (text, width) => (text.length * 6.8 > width ? `${text.slice(0, Math.max(6, Math.floor(width / 6.8)))}…` : text);

function pipes(plan, states) {
  const drawn = [];
  plan.main.forEach((box, index) => {
    const next = plan.main[index + 1];
    if (next) drawn.push(product(box, next, states));
  });
  if (!plan.narrow && !plan.dense) plan.utilities.forEach((box, index) => drawn.push(...supply(box, plan, index)));
  return drawn;
}

function product(box, next, states) {
  const sameRow = box.y === next.y;
  const level = box.dense ? 44 : 46;
  const from = sameRow ? [box.x + box.width, box.y + level] : [box.x + box.width / 2, box.y + box.height];
  const to = sameRow ? [next.x, next.y + level] : [next.x + next.width / 2, next.y];
  const middle = (from[1] + to[1]) / 2;
  const d = sameRow
    ? `M${from[0]} ${from[1]}H${to[0] - 9}`
    : `M${from[0]} ${from[1]}V${middle}H${to[0]}V${to[1] - 9}`;
  const head = sameRow ? `M${to[0] - 11} ${to[1] - 7}l10 7-10 7z` : `M${to[0] - 7} ${to[1] - 11}l7 10 7-10z`;
  const pipe = s(
    "g",
    { class: "pipe pipe-product" },
    s("path", { class: "pipe-wall", d }),
    s("path", { class: "pipe-flow", d }),
    s("path", { class: "pipe-head", d: head }),
  );
  const signal = stateSignal(box.unit);
  states.push(() => {
    const value = signal && live.values.get(signal.number);
    pipe.classList.toggle("running", Boolean(value) && condition(signal.number) === "live" && stateLook(stateWord(value.value)) === "run");
  });
  return pipe;
}

// Compressed air goes to the machines that report taking some, electricity to those that report a power.
const MEDIA = [
  { kind: "air", from: /^CA/, takes: /^compressed_air|air_flow/, name: "compressed air" },
  { kind: "power", from: /^EL/, takes: /^power|_power/, name: "electricity" },
  { kind: "cold", from: /^CH/, takes: /supply_temperature|chilled/, name: "chilled water" },
];

function supply(box, plan, index) {
  const medium = MEDIA.find((candidate) => candidate.from.test(box.unit.device_id));
  if (!medium) return [];
  const takers = plan.main.filter((other) => other.unit.signals.some((series) => medium.takes.test(series.metric)));
  if (!takers.length) return [];
  const busY = box.y - 22 - (index % 2) * 22;
  const start = box.x + box.width / 2 + (index % 2 ? 14 : -14);
  const ends = takers.map((other) => other.x + other.width / 2 + 34 * (index % 2 ? 1 : -1));
  const left = Math.min(start, ...ends);
  const right = Math.max(start, ...ends);
  const d = [`M${start} ${box.y}V${busY}`, `M${left} ${busY}H${right}`];
  takers.forEach((other, place) => d.push(`M${ends[place]} ${busY}V${other.y + other.height}`));
  const heads = takers.map((other, place) => `M${ends[place] - 5} ${other.y + other.height + 9}l5-8 5 8z`).join("");
  return [
    s("path", { class: `pipe supply supply-${medium.kind}`, d: d.join("") }),
    s("path", { class: `supply-head supply-${medium.kind}`, d: heads }),
    s("text", { class: "supply-name", x: left + (right - left) / 2, y: busY - 5, "text-anchor": "middle" }, medium.name),
  ];
}
