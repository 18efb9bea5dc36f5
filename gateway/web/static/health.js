// What analytics says of a machine, as shape, word and number; grey where all is well, colour where it is not (ISA-101).
import { assessments, condition, live } from "./live.js";

const LIMIT = 1; // anomaly score at which a machine is not as learnt
const POOR = 0.5; // health index below which the state is severe

// Looks: good, watch, poor, doubt (an instrument is not believed), unknown, learning, none (analytics knows nothing of it).
const SHAPES = {
  good: "M2 8l4 4 8-9", // tick
  watch: "M8 1l7 7-7 7-7-7z", // diamond
  poor: "M8 1l7 13H1z", // triangle, points up
  doubt: "M8 2a6 6 0 1 1 0 12a6 6 0 1 1 0-12zM8 5v4M8 11v.6", // circle with a mark
  unknown: "M4 8h8", // dash
  learning: "M3 2h10L8 8l5 6H3l5-6z", // hourglass
};
export const healthShape = (look) => SHAPES[look] || SHAPES.unknown;

// The value of one result of a unit; undefined where it was never published, null where it is unknown.
export function result(found, metric) {
  const series = found?.metrics.get(metric);
  return series && live.values.get(series.number)?.value;
}

// JSON results: the object, or null where there is none or another form than expected.
export function parsed(found, metric, schema) {
  try {
    const content = JSON.parse(result(found, metric) || "null");
    return content?.schema === schema ? content : null;
  } catch {
    return null;
  }
}

// {look, word, health, reason} of a unit; null where analytics does not know the unit.
export function healthOf(found) {
  if (!found) return null;
  const state = found.metrics.get("state");
  const health = result(found, "health_index");
  if (!state || condition(state.number) === "none") return null;
  if (condition(state.number) === "stale") {
    return { look: "unknown", word: "unknown", health: null, reason: "analytics does not answer" };
  }
  const reason = result(found, "reason") || "";
  const said = result(found, "state");
  if (said !== "ok") return { look: said === "learning" ? "learning" : "unknown", word: said, health: null, reason };
  const raised = alarms(found);
  const score = result(found, "anomaly_score");
  if (health < POOR) return { look: "poor", word: "poor", health, reason };
  if (raised.has("anomaly") || score >= LIMIT) return { look: "watch", word: "changed", health, reason };
  if (raised.has("sensor")) return { look: "doubt", word: "check sensor", health, reason };
  return { look: "good", word: "as learnt", health, reason };
}

function alarms(found) {
  const content = parsed(found, "alarms", "showroom-alarms/1");
  const active = (content?.alarms || []).filter((alarm) => ["unacknowledged", "acknowledged"].includes(alarm.state));
  return new Set(active.map((alarm) => alarm.quantity));
}

export const analyticsItself = () => assessments().get("ANALYTICS");

// Which unit's advisory is shown in full; chosen on the picture or in the panel.
let chosen = null;
const listeners = new Set();
export const chosenUnit = () => chosen;
export function choose(unit) {
  chosen = chosen === unit ? null : unit;
  for (const listener of listeners) listener(chosen);
}
export function onChoice(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
