// Every signal, grouped by machine: value, place in its range, age, quality and origin.
import { emptyNote, h, setAttribute, setText } from "./dom.js";
import { assessments, condition, live, nowMs, on, workUnits } from "./live.js";
import { isSelected, onSelection, toggle } from "./selection.js";
import { age, isNumeric, number, ORIGIN, signalLabel, stateWord } from "./words.js";

const LONGEST = 18; // characters of a text; the rest is in its tooltip

const SAID = { live: "live", stale: "stale", bad: "bad", uncertain: "uncertain", none: "no value" };

export function mount(root) {
  const search = h("input", { type: "search", placeholder: "Search signals", "aria-label": "Search signals", oninput: filter });
  const count = h("span", { class: "count", role: "status" });
  const table = h("table", { class: "signal-table" });
  const note = h("div", {});
  root.append(h("div", { class: "tools" }, search, count), h("div", { class: "table-scroll", tabindex: 0 }, table, note));
  let rows = new Map();
  // On a phone hundreds of signals would bury the page: machines are opened one by one there.
  const folded = new Set();
  const startsFolded = matchMedia("(max-width: 900px)").matches;
  const seen = new Set();

  function draw() {
    rows = new Map();
    for (const { title } of groups()) {
      if (startsFolded && !seen.has(title)) folded.add(title);
      seen.add(title);
    }
    const head = ["Signal", "Value", "Range", "Age", "State"].map((text) => h("th", { scope: "col" }, text));
    const bodies = groups().map(({ title, signals }) =>
      h("tbody", { "data-group": title },
        h("tr", { class: "group" }, h("th", { colspan: 5, scope: "rowgroup" }, groupButton(title, signals.length))),
        signals.map((series) => {
          const row = signalRow(series);
          rows.set(series.number, row);
          return row.node;
        }),
      ),
    );
    table.replaceChildren(h("thead", {}, h("tr", {}, head)), ...bodies);
    filter();
    for (const row of rows.values()) row.show();
  }

  function groupButton(title, count) {
    const fold = () => {
      if (!folded.delete(title)) folded.add(title);
      filter();
    };
    return h("button", { type: "button", class: "group-fold", onclick: fold }, title, h("small", {}, `${count} signals`));
  }

  // A search looks into folded machines too.
  function filter() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let visible = 0;
    for (const body of table.tBodies) {
      const open = words.length > 0 || !folded.has(body.dataset.group);
      body.querySelector(".group-fold").setAttribute("aria-expanded", String(open));
      const found = [...body.rows].slice(1).filter((row) => {
        const matches = words.every((word) => row.dataset.text.includes(word));
        row.hidden = !matches || !open;
        return matches;
      });
      body.hidden = found.length === 0;
      visible += found.length;
    }
    setText(count, rows.size ? `${visible} of ${rows.size}` : "");
    table.hidden = visible === 0;
    note.replaceChildren(...(visible ? [] : [why(search.value)]));
  }

  function update(numbers) {
    for (const number of numbers) rows.get(number)?.show();
  }

  const stops = [
    on("tree", draw),
    on("values", update),
    on("link", () => rows.size === 0 && filter()),
    onSelection(() => update(rows.keys())),
  ];
  const timer = setInterval(() => {
    for (const row of rows.values()) if (!row.node.hidden) row.showAge();
  }, 1000);
  draw();
  return () => [clearInterval(timer), ...stops.map((stop) => stop())];
}

function groups() {
  const found = workUnits().map((unit) => ({ title: unit.device_id, signals: unit.signals }));
  for (const result of assessments().values()) {
    const title = result.device_id === "ANALYTICS" ? "analytics itself" : `${result.device_id} as analytics judges it`;
    found.push({ title, signals: result.signals });
  }
  for (const site of live.sites || [])
    for (const edge of site.edges)
      if (edge.signals.length) found.push({ title: `${edge.edge_node_id} (edge agent)`, signals: edge.signals });
  return found.filter((group) => group.signals.length);
}

function why(search) {
  if (live.series.size) return emptyNote("No signal matches", `Nothing is called “${search}”. Clear the search field to see all.`);
  if (live.link.state === "down") return emptyNote("The gateway does not answer", live.link.cause);
  if (live.sites === null) return emptyNote("Loading", "Asking the gateway for its signals.");
  return emptyNote("No signal is known yet", "Signals appear when an edge agent announces them.");
}

function signalRow(series) {
  const chartable = isNumeric(series);
  const name = chartable
    ? h("button", { type: "button", class: "signal-name", title: titleOf(series), onclick: () => toggle(series) })
    : h("span", { class: "signal-name", title: titleOf(series) });
  name.append(h("span", {}, signalLabel(series)));
  const amount = h("span", { class: "amount" });
  const mark = h("span", { class: "range-mark" });
  const range = series.low !== null && series.high !== null && series.high > series.low;
  const bar = range ? h("span", { class: "range", title: `${series.low} to ${series.high} ${series.unit}` }, mark) : null;
  const old = h("td", { class: "cell-age" });
  const badge = h("span", { class: "badge" });
  const origin = h("span", { class: "badge badge-origin" });
  const node = h(
    "tr",
    {},
    h("th", { scope: "row", class: "cell-name" }, name),
    h("td", { class: "cell-value" }, amount, series.unit ? h("span", { class: "unit-of-measure" }, series.unit) : null),
    h("td", { class: "cell-range" }, bar),
    old,
    h("td", { class: "cell-state" }, badge, origin),
  );
  function showAge() {
    const value = live.values.get(series.number);
    setText(old, value ? age((nowMs() - value.timeMs) / 1000) : "–");
  }
  function show() {
    const value = live.values.get(series.number);
    const state = condition(series.number);
    const isState = series.metric === "state_current" && typeof value?.value === "number";
    const said = isState ? `${value.value} ${stateWord(value.value)}` : number(value?.value, series);
    setText(amount, said.length > LONGEST ? `${said.slice(0, LONGEST - 1)}…` : said);
    if (said.length > LONGEST) setAttribute(amount, "title", said);
    setAttribute(node, "data-condition", state);
    setText(badge, SAID[state]);
    const from = value?.origin ?? ORIGIN.indexOf(series.origin);
    setText(origin, ORIGIN[from]);
    if (chartable) setAttribute(name, "aria-pressed", String(isSelected(series)));
    if (bar) place(bar, mark, value?.value, series);
    showAge();
  }
  node.dataset.text = `${series.path} ${signalLabel(series)} ${series.description}`.toLowerCase();
  return { node, show, showAge };
}

const titleOf = (series) => [signalLabel(series), series.description].filter(Boolean).join(": ");

function place(bar, mark, value, series) {
  const known = typeof value === "number";
  const share = known ? (value - series.low) / (series.high - series.low) : 0;
  mark.hidden = !known;
  mark.style.left = `${(100 * Math.min(1, Math.max(0, share))).toFixed(1)}%`;
  bar.classList.toggle("outside", known && (share < 0 || share > 1));
}
