// Words, numbers and times as people read them.
export const QUALITY = { 192: "good", 64: "uncertain", 0: "bad", 500: "stale" };
export const ORIGIN = ["real", "simulated", "replayed"];
export const ORIGIN_SHORT = ["real", "sim", "replay"]; // where a picture is small

// PackML states (ISA-TR88.00.02): number -> word, and how each looks. Normal states are grey; colour means abnormal.
const STATES = {
  1: "CLEARING", 2: "STOPPED", 3: "STARTING", 4: "IDLE", 5: "SUSPENDED", 6: "EXECUTE", 7: "STOPPING", 8: "ABORTING",
  9: "ABORTED", 10: "HOLDING", 11: "HELD", 12: "UNHOLDING", 13: "SUSPENDING", 14: "UNSUSPENDING", 15: "RESETTING",
  16: "COMPLETING", 17: "COMPLETE",
};
const LOOKS = {
  EXECUTE: "run", IDLE: "idle", STOPPED: "stop", COMPLETE: "done", SUSPENDED: "wait", SUSPENDING: "wait", HELD: "held",
  HOLDING: "held", ABORTED: "fault", ABORTING: "fault",
};

export function stateWord(value) {
  if (typeof value === "number") return STATES[value] || `STATE ${value}`;
  return String(value).toUpperCase();
}

export const stateLook = (word) => LOOKS[word] || "change";

// "product_flow_l_h" with unit "L/h" -> "product flow": the unit stands behind the number already.
export function signalLabel(series) {
  const unit = series.unit
    .toLowerCase()
    .replaceAll("°", "deg")
    .replaceAll("%", "pct")
    .replaceAll("³", "3")
    .replaceAll("²", "2")
    .replaceAll("·", "")
    .replaceAll("/", "_")
    .replaceAll(" ", "_");
  let name = series.metric;
  if (unit && name.toLowerCase().endsWith(`_${unit}`)) name = name.slice(0, -unit.length - 1);
  return spoken(name).replaceAll("_", " ").replaceAll("/", " / ");
}

// Energy meters name their channels and phases in short forms: "em_0_a_act_power" is the active power of phase A.
const SHORT = { act: "active", aprt: "apparent", freq: "frequency", pf: "power factor", ret: "returned" };

// PackML's names are for machines; people say these.
const PACKML = {
  cur_mach_speed: "speed", mach_speed: "set speed", prod_processed_count: "processed", prod_defective_count: "rejected",
  equipment_starved: "starved", equipment_blocked: "blocked", unit_mode: "mode", state_current: "state",
  state_current_text: "state in words", minor_stop_count: "minor stops",
};

function spoken(name) {
  if (PACKML[name]) return PACKML[name];
  const channel = /^em(?:data)?_(\d+)_/.exec(name);
  if (!channel) return name;
  const words = name.slice(channel[0].length).split("_").map((word) => SHORT[word] || word);
  if (["a", "b", "c", "n"].includes(words[0])) words[0] = `phase ${words[0].toUpperCase()}`.replace("phase N", "neutral");
  return (channel[1] === "0" ? words : [`meter ${channel[1]}`, ...words]).join("_");
}

// Why nobody has samples of an interval, as the gap record says it.
const CAUSES = {
  source_down: "no contact to the machine", edge_down: "edge agent was off", log_overflow: "edge log was full",
  log_thinned: "edge log was full: thinned out", log_damaged: "edge log was damaged", log_lost: "edge log was lost",
};
export const causeWords = (cause) => CAUSES[cause] || cause.replaceAll("_", " ");

export const label = (series) => `${series.device_id || series.edge_node_id} ${signalLabel(series)}`;

const GROUPED = new Intl.NumberFormat("en-GB", { useGrouping: true, maximumFractionDigits: 0 });

// Four significant digits, steady in width: a moving number must not make the page jump.
export function number(value, series) {
  if (value === null || value === undefined) return "–";
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value !== "number") return String(value);
  if (Number.isInteger(value) && !series?.datatype?.match(/float|double/)) return GROUPED.format(value);
  if (value === 0 && series?.low == null) return "0"; // a width is kept only where the range is known
  const span = series && series.low !== null && series.high !== null ? series.high - series.low : Math.abs(value);
  const decimals = span >= 1000 ? 0 : span >= 100 ? 1 : span >= 1 ? 2 : 4;
  if (Math.abs(value) >= 10000) return GROUPED.format(value);
  return value.toFixed(decimals).replace(/^-(0(\.0*)?)$/, "$1").replace("-", "−");
}

export function age(seconds) {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return "–";
  if (seconds < -1) return `${age(-seconds)} ahead`;
  const positive = Math.max(0, seconds);
  if (positive < 10) return `${positive.toFixed(1)} s`;
  if (positive < 120) return `${Math.round(positive)} s`;
  if (positive < 7200) return `${Math.round(positive / 60)} min`;
  if (positive < 172800) return `${Math.round(positive / 3600)} h`;
  return `${Math.round(positive / 86400)} d`;
}

export const isNumeric = (series) =>
  !["string", "text", "uuid", "bytes", "file", "boolean", "unknown", "dataset", "template"].includes(series.datatype);
