// The page's one connection to the gateway's live stream, and what is known of the plant.
import { inOrder } from "./layout.js";

const QUIET_MS = 2000; // two frames a second come even when nothing changes: four missing ones mean the stream is down
const CONNECT_MS = 4000;
const RETRY_BASE_MS = 500;
const RETRY_CAP_MS = 5000;
const STREAM = "/api/v1/stream";
const listeners = { values: new Set(), tree: new Set(), hops: new Set(), link: new Set() };

export const live = {
  series: new Map(), // number -> series of /api/v1/equipment
  values: new Map(), // number -> {timeMs, value, quality, origin}
  sites: null, // null until the equipment is known
  hops: [],
  link: { state: "connecting", cause: "", sinceMs: Date.now(), frameMs: null },
};

let socket = null;
let attempts = 0;
let retryTimer = null;
let openedMs = 0;
let catalogue = null;
let clockOffsetMs = 0;

// events: values (a Set of numbers), tree, hops, link
export function on(event, listener) {
  listeners[event].add(listener);
  return () => listeners[event].delete(listener);
}

function emit(event, detail) {
  for (const listener of listeners[event]) listener(detail);
}

// The gateway's clock: ages must not depend on how this browser's clock is set.
export const nowMs = () => Date.now() + clockOffsetMs;
export const streamAgeS = () => (live.link.frameMs === null ? null : (performance.now() - live.link.frameMs) / 1000);

// What a value may be called now: without a stream nothing on the page is live.
export function condition(number) {
  const value = live.values.get(number);
  if (!value) return "none";
  if (live.link.state !== "open") return "stale";
  return { 192: "live", 64: "uncertain", 500: "stale" }[value.quality] || "bad";
}

function setLink(state, cause) {
  if (live.link.state === state && live.link.cause === cause) return;
  if (live.link.state !== state) live.link.sinceMs = Date.now();
  live.link.state = state;
  live.link.cause = cause;
  document.body.classList.toggle("link-down", state !== "open");
  emit("link");
  emit("values", new Set(live.values.keys()));
}

function whyDown() {
  if (!navigator.onLine && !["localhost", "127.0.0.1", "[::1]"].includes(location.hostname)) {
    return "this device has no network connection";
  }
  return null;
}

function connect() {
  clearTimeout(retryTimer);
  retryTimer = null;
  openedMs = performance.now();
  const url = new URL(STREAM, location.href);
  url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  const current = new WebSocket(url);
  socket = current;
  current.onmessage = (message) => current === socket && take(JSON.parse(message.data));
  current.onclose = (event) => {
    if (current !== socket) return;
    const answered = event.reason || (event.code === 1006 ? "the gateway cannot be reached" : `closed with code ${event.code}`);
    lose(whyDown() || (event.code === 1012 || event.code === 1001 ? "the gateway is stopping" : answered));
  };
}

function lose(cause) {
  const old = socket;
  socket = null;
  if (old) old.close();
  setLink("down", cause);
  attempts += 1;
  const ceiling = Math.min(RETRY_CAP_MS, RETRY_BASE_MS * 2 ** Math.min(attempts, 5));
  if (retryTimer === null) retryTimer = setTimeout(connect, RETRY_BASE_MS / 2 + Math.random() * ceiling);
}

function watch() {
  if (!socket) return;
  const quietMs = performance.now() - Math.max(live.link.frameMs ?? 0, openedMs);
  if (socket.readyState === WebSocket.CONNECTING && quietMs > CONNECT_MS) {
    lose(whyDown() || "the gateway does not answer");
  } else if (socket.readyState === WebSocket.OPEN && quietMs > QUIET_MS) {
    lose(whyDown() || "the gateway sends nothing: it hangs, or the network drops its packets");
  }
}

function take(frame) {
  attempts = 0;
  live.link.frameMs = performance.now();
  clockOffsetMs = frame.sent_ms - Date.now();
  if (frame.type === "snapshot") live.values.clear();
  const changed = new Set();
  for (const [number, timeMs, value, quality, origin] of frame.values) {
    live.values.set(number, { timeMs, value, quality, origin });
    changed.add(number);
  }
  live.hops = frame.hops;
  if (frame.catalogue !== catalogue || frame.type === "snapshot") {
    catalogue = frame.catalogue;
    loadEquipment();
  }
  const recovered = live.link.state !== "open";
  setLink("open", "");
  if (!recovered) emit("values", changed);
  emit("hops");
}

async function loadEquipment() {
  const asked = catalogue;
  try {
    const answer = await ask("/api/v1/equipment");
    live.series.clear();
    for (const site of answer.sites)
      for (const edge of site.edges) {
        for (const signal of edge.signals) live.series.set(signal.number, signal);
        for (const unit of edge.work_units) for (const signal of unit.signals) live.series.set(signal.number, signal);
      }
    live.sites = answer.sites;
    emit("tree");
  } catch {
    // The stream notices the same outage; once it is back, its snapshot asks again.
    if (asked === catalogue) catalogue = null;
  }
}

// GET from the API; an error carries the gateway's own words and remedy.
export async function ask(path) {
  let response;
  try {
    response = await fetch(path, { headers: { Accept: "application/json" } });
  } catch {
    throw Object.assign(new Error("the gateway cannot be reached"), { remedy: "it is tried again by itself" });
  }
  if (response.ok) return response.json();
  const problem = await response.json().catch(() => ({ detail: `HTTP ${response.status}`, remedy: "" }));
  throw Object.assign(new Error(problem.detail), { remedy: problem.remedy, status: response.status });
}

// Equipment in the order of the tree: [{site, edge, unit}]; the edge agents' own metrics come last.
export function workUnits() {
  return inOrder(branches().filter((unit) => !unit.isResult));
}

// What analytics publishes, by work unit: {unit, edge, online, metrics: name -> series}; "ANALYTICS" is analytics itself.
export function assessments() {
  return new Map(
    branches()
      .filter((unit) => unit.isResult)
      .map((unit) => [unit.device_id, { ...unit, metrics: new Map(unit.signals.map((series) => [series.metric, series])) }]),
  );
}

// An edge node that declares the device ANALYTICS publishes results under the names of the machines they are about.
function branches() {
  const units = [];
  for (const site of live.sites || [])
    for (const edge of site.edges) {
      const isResult = edge.work_units.some((unit) => unit.device_id === "ANALYTICS");
      for (const unit of edge.work_units) units.push({ site: site.group_id, edge: edge.edge_node_id, isResult, ...unit });
    }
  return units;
}

connect();
setInterval(watch, 250);
