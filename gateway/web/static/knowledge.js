// What analytics knows: how far its learning is, and of each machine that is not as learnt what is wrong and what to do.
import { emptyNote, h, s, setAttribute, setText } from "./dom.js";
import { analyticsItself, choose, chosenUnit, healthOf, healthShape, onChoice, parsed, result } from "./health.js";
import { assessments, condition, live, nowMs, on, workUnits } from "./live.js";
import { age } from "./words.js";

const URGENT = ["poor", "watch", "doubt", "learning", "unknown", "good"];
const REDRAW_MS = 1000;

export function mount(root) {
  const state = h("p", { class: "known-state", role: "status" });
  const list = h("ul", { class: "findings" });
  const rest = h("p", { class: "known-rest" });
  root.append(state, list, rest);
  let drawn = "";

  function draw() {
    const itself = analyticsItself();
    const units = judged();
    const shown = JSON.stringify([live.sites === null, sayState(itself), units, chosenUnit(), units.map(({ unit }) => texts(unit))]);
    if (shown === drawn) return;
    drawn = shown;
    setText(state, sayState(itself));
    setAttribute(state, "data-state", stateOf(itself));
    const wholly = stateOf(itself) !== "ok"; // then one sentence says for all of them why they are not judged
    const told = units.filter(({ health }) => health.look !== "good" && !(wholly && health.health === null));
    list.replaceChildren(...told.map(finding));
    setText(rest, wholly ? "" : sayRest(units, itself));
    if (!itself) list.replaceChildren(h("li", { class: "finding-empty" }, why()));
  }

  const stops = [on("tree", draw), on("link", draw), onChoice(draw)];
  const timer = setInterval(draw, REDRAW_MS);
  draw();
  return () => [clearInterval(timer), ...stops.map((stop) => stop())];
}

// Machines that analytics judges, the most urgent first: [{unit, health}].
function judged() {
  const found = assessments();
  return workUnits()
    .map((unit) => ({ unit: unit.device_id, health: healthOf(found.get(unit.device_id)) }))
    .filter(({ health }) => health)
    .sort((a, b) => URGENT.indexOf(a.health.look) - URGENT.indexOf(b.health.look) || (a.health.health ?? 1) - (b.health.health ?? 1));
}

const texts = (unit) => ["advisory", "evidence", "remaining_useful_life_h"].map((name) => result(assessments().get(unit), name));

function stateOf(itself) {
  const series = itself?.metrics.get("state");
  if (!series) return "none";
  return condition(series.number) === "live" ? result(itself, "state") : "unknown";
}

function sayState(itself) {
  const state = stateOf(itself);
  if (state === "none") return "";
  if (state !== "ok") {
    const reason = condition(itself.metrics.get("state").number) === "live" ? result(itself, "reason") : "analytics does not answer";
    return state === "learning" ? sentence(reason) : `Unknown: ${reason}.`;
  }
  const days = result(itself, "model_days");
  const trained = Date.parse(result(itself, "model_trained"));
  const parts = [`Learnt from ${days?.toFixed(1)} days, ${age((nowMs() - trained) / 1000)} ago (model ${result(itself, "model_version")})`];
  const drift = result(itself, "drift_share");
  if (drift > 0.25) parts.push(`${Math.round(100 * drift)} % of the signals have left what it learnt: it will learn anew`);
  const training = result(itself, "training");
  if (training) parts.push(`training ${training}`);
  return `${parts.join(". ")}.`;
}

const sentence = (text) => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;

function sayRest(units, itself) {
  if (!itself) return "";
  const good = units.filter(({ health }) => health.look === "good").length;
  const flood = result(itself, "alarm_flood");
  const silent = workUnits().length - units.length;
  const said = units.length ? [`${good} of ${units.length} machines are as learnt`] : [];
  if (silent > 0 && units.length) said.push(`Of ${silent} others and attached instruments nothing is claimed`);
  return [...said, flood].filter(Boolean).map((text) => `${text}.`).join(" ");
}

function why() {
  if (live.sites === null) return emptyNote("Loading", "Asking the gateway who has announced itself.");
  return emptyNote(
    "Analytics does not run",
    "Health, causes and remaining life appear here as soon as it does. It is part of the usual profile; alone it starts with:",
    "python -m analytics --config analytics.toml",
  );
}

function finding({ unit, health }) {
  const found = assessments().get(unit);
  const order = parsed(found, "advisory", "showroom-advisory/1");
  const open = chosenUnit() === unit;
  return h(
    "li",
    { class: "finding", "data-look": health.look, "data-unit": unit },
    h("button", { type: "button", class: "finding-head", "aria-expanded": String(open), onclick: () => choose(unit) },
      s("svg", { class: "finding-shape", viewBox: "0 0 16 16", "aria-hidden": "true" }, s("path", { d: healthShape(health.look) })),
      h("strong", {}, unit),
      h("span", { class: "finding-word" }, health.health === null ? health.word : `${health.word}, health ${health.health.toFixed(2)}`),
      h("span", { class: "finding-title" }, order ? withoutUnit(order.title, unit) : health.reason || waitsFor(found))),
    open ? details(found, order, health) : null,
  );
}

const waitsFor = (found) =>
  result(found, "anomaly_score") >= 1 ? "Seen just now; it is announced if it lasts" : "No longer seen; the alarm clears if it stays so";

const withoutUnit = (title, unit) => sentence(title.startsWith(`${unit}: `) ? title.slice(unit.length + 2) : title).slice(0, -1);

function details(found, order, health) {
  const evidence = parsed(found, "evidence", "showroom-evidence/1");
  const facts = order?.evidence?.length ? order.evidence : (evidence?.sensors || []).map((one) => `${one.signal}: ${one.text}`);
  const moved = (evidence?.contributions || []).slice(0, 3).map((one) => `${one.name} ${Math.round(100 * one.share)} %`);
  return h(
    "dl",
    { class: "finding-facts" },
    row("Why", facts.length ? facts : moved.length ? [`largest shares: ${moved.join(", ")}`] : []),
    row("Likely", order ? [`${order.mechanism.replaceAll("_", " ")}, ${Math.round(100 * order.probability)} %`, ...others(evidence)] : []),
    row("Time left", life(found)),
    row("Do", order ? [order.title, takes(order)] : []),
    row("First check", order?.next_check ? [order.next_check] : []),
    row("Waiting costs", order ? waiting(order) : []),
    row("Unknown", health.reason ? [health.reason] : []),
  );
}

function row(name, texts) {
  return texts.length ? [h("dt", {}, name), h("dd", {}, texts.map((text) => h("p", {}, text)))] : null;
}

const others = (evidence) =>
  (evidence?.diagnoses || []).slice(1, 3).filter((one) => one.probability >= 0.02)
    .map((one) => `or ${one.mechanism.replaceAll("_", " ")}, ${Math.round(100 * one.probability)} %`);

function life(found) {
  const [low, median, high] = ["low_h", "h", "high_h"].map((name) => result(found, `remaining_useful_life_${name}`));
  if (median === undefined || median === null) return [];
  const until = high === null || high === undefined ? "no upper limit can be said" : `${age(high * 3600)}`;
  return [`about ${age(median * 3600)} at today's duty; 90 % between ${age((low ?? 0) * 3600)} and ${until}`];
}

function takes(order) {
  const when = order.begin_ns ? `${new Date(order.begin_ns / 1e6).toISOString().slice(0, 16).replace("T", " ")} UTC, ` : "";
  const part = order.part_ready_h > 0 ? `, part comes in ${order.part_ready_h} h` : "";
  return `${when}${order.people} × ${order.hours} h${order.lock_out ? ", lock-out" : ""}${part}`;
}

function waiting(order) {
  const costs = order.waiting.map((one) =>
    `until the ${one.until} (${age(one.hours * 3600)}): ${Math.round(100 * one.chance)} % chance of failure, ${one.cost} ${order.currency} expected`);
  return costs.length ? [...costs, `assumed: ${order.assumptions.join("; ")}`] : [];
}
