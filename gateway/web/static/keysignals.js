// Which two or three values of a machine are shown on its picture.
import { isNumeric } from "./words.js";

// By beginning of the work unit's name: signals worth seeing first. Machines that are not named here show their first.
const PREFERRED = {
  MIX: [/flow/, /level/, /^power/],
  MONO: [/^cur_mach_speed/, /^prod_processed/, /^power/],
  CA: [/receiver/, /air_demand|flow/, /^power/],
  EL: [/total_act_power|^power/, /total_act($|_energy|_wh)/, /total_current|current/, /voltage/],
};
export function keySignals(unit, count = 3) {
  const shown = unit.signals.filter((series) => !isState(series));
  const wanted = PREFERRED[unit.device_id.split("-")[0]] || [];
  const found = wanted.map((pattern) => shown.find((series) => pattern.test(series.metric))).filter(Boolean);
  const rest = shown.filter((series) => isNumeric(series) && !found.includes(series));
  return [...found, ...rest].slice(0, count);
}

const STATE_SIGNALS = /^(state_current(_text)?|unit_mode|equipment_(starved|blocked))$/;
export const isState = (series) => STATE_SIGNALS.test(series.metric);
export const stateSignal = (unit) =>
  unit.signals.find((series) => series.metric === "state_current") ||
  unit.signals.find((series) => series.metric === "state_current_text");
