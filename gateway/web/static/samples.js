// Samples of one window as points that a chart draws, whatever form the API gave them in.
import { ask } from "./live.js";
import { causeWords } from "./words.js";

const USABLE = new Set([192, 64]);

// A point: {t, low, high, mean, bad}; t in milliseconds; low, high, mean null where no usable sample is in it.
export async function loadPoints(series, startMs, endMs, maxPoints) {
  const query = new URLSearchParams({
    series: series.number,
    start: `${Math.floor(startMs)}000000`,
    end: `${Math.ceil(endMs)}000000`,
    max_points: maxPoints,
  });
  const answer = await ask(`/api/v1/samples?${query}`);
  return answer.form === "raw" ? fromRaw(answer.raw) : fromBuckets(answer.buckets);
}

function fromRaw({ time_ns, value, quality }) {
  return time_ns.map((ns, index) => rawPoint(ns / 1e6, value[index], quality[index]));
}

export function rawPoint(t, value, quality) {
  const usable = USABLE.has(quality) && typeof value === "number";
  const shown = usable ? value : null;
  return { t, low: shown, high: shown, mean: shown, bad: usable ? 0 : 1, uncertain: quality === 64 };
}

function fromBuckets({ start_ns, width_ns, minimum, maximum, mean, bad }) {
  const half = width_ns / 2e6;
  return start_ns.map((ns, index) => ({
    t: ns / 1e6 + half,
    low: minimum[index],
    high: maximum[index],
    mean: mean[index],
    bad: bad[index],
    uncertain: false,
  }));
}

export async function loadGaps(startMs, endMs) {
  const query = new URLSearchParams({ start: `${Math.floor(startMs)}000000`, end: `${Math.ceil(endMs)}000000` });
  return ask(`/api/v1/gaps?${query}`);
}

export function gapsOf(series, gaps) {
  return gaps
    .filter(
      (gap) =>
        gap.edge === `${series.group_id}/${series.edge_node_id}` &&
        (gap.device_id === null ? gap.metric === null || series.device_id === "" : gap.device_id === series.device_id) &&
        (gap.metric === null || gap.metric === series.metric),
    )
    .map((gap) => ({ from: gap.start_ns / 1e6, to: gap.end_ns / 1e6, cause: causeWords(gap.cause) }));
}

// Longest silence that still is the same curve: report by exception may keep still for its longest interval.
export function silenceMs(series, points) {
  let longest = 0;
  try {
    longest = 1000 * (JSON.parse(series.report).max_interval_s || 0);
  } catch {
    // no rule was announced: the samples' own rhythm decides
  }
  const steps = [];
  for (let index = 1; index < points.length; index += 1) steps.push(points[index].t - points[index - 1].t);
  steps.sort((a, b) => a - b);
  const usual = steps.length ? steps[Math.floor(steps.length / 2)] : 0;
  return Math.max(1.5 * longest, 5 * usual, 10_000);
}
