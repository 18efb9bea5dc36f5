// Which two or three values of a machine are shown on its picture.
import { isNumeric } from "./words.js";

// By beginning of the work unit's name: signals worth seeing first. Machines that are not named here show their first.
const PREFERRED = {
  LINE: [/^order_good/, /^shift_good/],
  STO: [/bottles/, /caps/],
  MIX: [/flow/, /level/, /^power/],
  PAS: [/holding_a/, /flow/, /valve/, /^power/],
  TNK: [/level/],
  MONO: [/^cur_mach_speed/, /^prod_processed/, /^power/],
  QC: [/net/, /defective/],
  LAB: [/^cur_mach_speed/, /photo/],
  SHR: [/zone/, /^power/],
  PAL: [/cycle/, /vacuum/],
  CNV: [/accumulation/, /^power/],
  CA: [/receiver/, /air_demand|flow/, /^power/],
  CH: [/supply/, /^power/],
  CIP: [/conductivity/, /temperature/],
  WAT: [/^water_flow/, /^water_m3/],
  SITE: [/outdoor/, /irradiance/],
  EL: [/^grid_w|total_act_power|^power/, /^pv_w|total_act($|_energy|_wh)/, /total_current|current/, /voltage/],
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
