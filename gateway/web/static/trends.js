// Trends of the chosen signals: history from /api/v1/samples, extended by the live stream.
import { drawLane, timeAt } from "./chart.js";
import { emptyNote, h, setText } from "./dom.js";
import { condition, live, nowMs, on } from "./live.js";
import { gapsOf, loadGaps, loadPoints, rawPoint, silenceMs } from "./samples.js";
import { onSelection, selected, toggle } from "./selection.js";
import { label, number } from "./words.js";

const WINDOWS = [
  { name: "10 min", spanMs: 600_000, reloadMs: 60_000, drawMs: 500 },
  { name: "1 h", spanMs: 3_600_000, reloadMs: 180_000, drawMs: 1000 },
  { name: "24 h", spanMs: 86_400_000, reloadMs: 600_000, drawMs: 5000 },
];

export function mount(root) {
  let chosen = WINDOWS[0];
  let lanes = [];
  let cursorMs = null; // time under the pointer, the same in every lane
  let drawnMs = 0;
  const buttons = WINDOWS.map((window) =>
    h("button", { type: "button", "aria-pressed": String(window === chosen), onclick: () => choose(window) }, window.name),
  );
  const at = h("span", { class: "count", "aria-live": "off" });
  const stack = h("div", { class: "lanes" });
  const note = h("div", { class: "note" });
  root.append(h("div", { class: "tools" }, h("div", { class: "segments", role: "group", "aria-label": "Window" }, buttons), at), stack, note);

  function choose(window) {
    chosen = window;
    buttons.forEach((button, index) => button.setAttribute("aria-pressed", String(WINDOWS[index] === window)));
    reload();
  }

  // Keeps the lanes of signals that stay, so that nothing flickers while the others load.
  function rebuild() {
    const wanted = selected();
    lanes = wanted.map((series) => lanes.find((lane) => lane.series.number === series.number && lane.series.path === series.path) || newLane(series));
    for (const lane of lanes) lane.series = wanted.find((series) => series.path === lane.series.path);
    stack.replaceChildren(...lanes.map((lane) => lane.node));
    explain();
    reload();
  }

  function newLane(series) {
    const canvas = h("canvas", { class: "lane-canvas", role: "img", "aria-label": `Trend of ${label(series)}` });
    const value = h("span", { class: "lane-value" });
    const empty = h("div", { class: "lane-empty" });
    const node = h("figure", { class: "lane" },
      h("figcaption", {}, h("span", { class: "lane-name" }, label(series)), value,
        h("button", { type: "button", class: "remove", "aria-label": `Remove ${label(series)}`, title: "Remove", onclick: () => toggle(series) }, "✕")),
      h("div", { class: "lane-frame" }, canvas, empty));
    return { series, node, canvas, value, empty, points: [], gaps: [], seen: [], lost: false, silence: 10_000, state: "loading", asked: 0 };
  }

  function explain() {
    stack.hidden = lanes.length === 0;
    note.replaceChildren();
    if (lanes.length) return;
    if (live.series.size === 0) note.append(emptyNote("No trend yet", live.link.state === "down" ? `The gateway does not answer: ${live.link.cause}.` : "Trends appear when the first signal is known."));
    else note.append(emptyNote("No signal chosen", "Press a value in the picture or the name of a signal in the table."));
  }

  async function reload() {
    const end = nowMs();
    const start = end - chosen.spanMs;
    const gaps = loadGaps(start, end).catch(() => []);
    await Promise.all(lanes.map((lane) => load(lane, start, end, gaps)));
    draw();
  }

  async function load(lane, start, end, gaps) {
    const asked = ++lane.asked;
    try {
      const points = await loadPoints(lane.series, start, end, Math.max(200, Math.min(1200, Math.floor(lane.canvas.clientWidth || 600))));
      const declared = gapsOf(lane.series, await gaps);
      if (asked !== lane.asked) return;
      lane.seen = lane.seen.filter((own) => own.to > start && !declared.some((gap) => gap.from < own.to && gap.to > own.from));
      Object.assign(lane, { points, gaps: [...declared, ...lane.seen], silence: silenceMs(lane.series, points), state: points.length ? "shown" : "empty", problem: null });
      extend([lane.series.number]);
    } catch (error) {
      if (asked === lane.asked) Object.assign(lane, { state: "failed", problem: error });
    }
  }

  function extend(numbers) {
    const changed = new Set(numbers);
    for (const lane of lanes) {
      if (!changed.has(lane.series.number) || lane.state === "loading") continue;
      const value = live.values.get(lane.series.number);
      if (!value) continue;
      if (value.quality === 500) lane.lost = true;
      const last = lane.points.at(-1)?.t;
      if (value.quality === 500 || value.timeMs <= (last ?? 0)) continue;
      if (lane.lost && last !== undefined) {
        // The gap is declared a little later; until it is read, no line is drawn across what nobody saw.
        const gap = { from: last, to: value.timeMs, cause: "" };
        lane.seen.push(gap);
        lane.gaps.push(gap);
      }
      lane.lost = false;
      lane.points.push(rawPoint(value.timeMs, value.value, value.quality));
      if (lane.state === "empty") lane.state = "shown";
      const oldest = nowMs() - chosen.spanMs;
      while (lane.points.length > 2 && lane.points[1].t < oldest) lane.points.shift();
    }
  }

  function draw() {
    drawnMs = performance.now();
    const endMs = nowMs();
    const view = { startMs: endMs - chosen.spanMs, endMs };
    for (const lane of lanes) {
      const context = prepare(lane.canvas);
      const { clientWidth: width, clientHeight: height } = lane.canvas;
      const stale = ["stale", "bad"].includes(condition(lane.series.number));
      drawLane(context, lane, { ...view, width, height, stale, cursorMs });
      read(lane);
      setText(lane.empty, whyEmpty(lane, view));
    }
  }

  function whyEmpty(lane, view) {
    if (lane.state === "loading") return "loading";
    if (lane.state === "failed") return `${lane.problem.message}. ${lane.problem.remedy || ""}`;
    const seen = lane.points.some((point) => point.t >= view.startMs && point.mean !== null);
    if (seen) return "";
    const last = lane.points.at(-1);
    return last && last.bad ? "only bad samples in this window" : `no samples in the last ${chosen.name}`;
  }

  // Value at the cursor, or the newest one.
  function read(lane) {
    const unit = lane.series.unit;
    if (cursorMs === null) {
      const value = live.values.get(lane.series.number);
      setText(lane.value, `${number(value?.value, lane.series)} ${unit}`.trim());
      lane.node.dataset.condition = condition(lane.series.number);
      return;
    }
    const point = nearest(lane.points, cursorMs);
    const close = point && Math.abs(point.t - cursorMs) <= lane.silence;
    if (!close || point.mean === null) setText(lane.value, close ? "bad" : "no sample");
    else if (point.high > point.low) setText(lane.value, `${number(point.mean, lane.series)} (${number(point.low, lane.series)} to ${number(point.high, lane.series)}) ${unit}`);
    else setText(lane.value, `${number(point.mean, lane.series)} ${unit}`.trim());
  }

  function point(event) {
    const canvas = event.target.closest(".lane-frame")?.querySelector("canvas");
    if (!canvas) return;
    const endMs = nowMs();
    const time = timeAt(canvas.clientWidth, endMs - chosen.spanMs, endMs, event.clientX - canvas.getBoundingClientRect().left);
    cursorMs = Math.min(endMs, Math.max(endMs - chosen.spanMs, time));
    setText(at, new Date(cursorMs).toLocaleTimeString("en-GB"));
    draw();
  }
  stack.addEventListener("pointermove", point);
  stack.addEventListener("pointerleave", () => {
    cursorMs = null;
    setText(at, "");
    draw();
  });

  function onValues(numbers) {
    extend(numbers);
    if (performance.now() - drawnMs >= chosen.drawMs - 50) draw();
  }

  let wasOpen = live.link.state === "open";
  const stops = [
    on("values", onValues),
    on("tree", rebuild),
    on("link", () => {
      const open = live.link.state === "open";
      if (open && !wasOpen) reload(); // what was missed meanwhile is in the store
      wasOpen = open;
      explain();
    }),
    onSelection(rebuild),
  ];
  const observer = new ResizeObserver(draw);
  observer.observe(stack);
  let timer = null;
  const schedule = () => {
    timer = setTimeout(() => {
      if (!document.hidden && live.link.state === "open") reload();
      schedule();
    }, chosen.reloadMs);
  };
  schedule();
  rebuild();
  return () => [clearTimeout(timer), observer.disconnect(), ...stops.map((stop) => stop())];
}

function prepare(canvas) {
  const ratio = window.devicePixelRatio || 1;
  const width = Math.round(canvas.clientWidth * ratio);
  const height = Math.round(canvas.clientHeight * ratio);
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, canvas.clientWidth, canvas.clientHeight);
  return context;
}

function nearest(points, t) {
  let low = 0;
  let high = points.length - 1;
  if (high < 0) return null;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (points[middle].t < t) low = middle + 1;
    else high = middle;
  }
  const before = points[Math.max(0, low - 1)];
  return Math.abs(before.t - t) < Math.abs(points[low].t - t) ? before : points[low];
}
