// Draws one signal into a lane of a canvas: band, mean, gaps, bad samples.
const INK = "#4a5763";
const GRID = "#d5dbe0";
const BAND = "rgba(31, 95, 139, 0.20)";
const LINE = "#1f5f8b";
const BAD = "#b3261e";
const HATCH = "#8a949d";
const PAD = { left: 58, right: 10, top: 9, bottom: 9 };

export function ticks(low, high, most) {
  const span = high - low || 1;
  const raw = span / Math.max(1, most);
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= raw);
  const found = [];
  for (let value = Math.ceil(low / step) * step; value <= high + step * 1e-9; value += step) found.push(value);
  return { values: found, decimals: Math.max(0, -Math.floor(Math.log10(step) + 1e-9)) };
}

export function extent(points) {
  let low = Infinity;
  let high = -Infinity;
  for (const point of points) {
    if (point.low === null) continue;
    if (point.low < low) low = point.low;
    if (point.high > high) high = point.high;
  }
  if (low > high) return null;
  const margin = (high - low) * 0.08 || Math.abs(high) * 0.02 || 1;
  return [low - margin, high + margin];
}

export const scaleX = (width, startMs, endMs) => (t) =>
  PAD.left + ((t - startMs) / (endMs - startMs)) * (width - PAD.left - PAD.right);
export const timeAt = (width, startMs, endMs, x) =>
  startMs + ((x - PAD.left) / (width - PAD.left - PAD.right)) * (endMs - startMs);

// lane: {points, gaps, silence}; stale dims the curve, because its end is not now.
export function drawLane(context, lane, { width, height, startMs, endMs, stale }) {
  context.clearRect(0, 0, width, height);
  const x = scaleX(width, startMs, endMs);
  const range = extent(lane.points);
  drawGaps(context, lane, x, width, height);
  if (!range) return;
  const y = (value) => height - PAD.bottom - ((value - range[0]) / (range[1] - range[0])) * (height - PAD.top - PAD.bottom);
  drawGrid(context, range, y, width, height);
  context.save();
  context.beginPath();
  context.rect(PAD.left, 0, width - PAD.left - PAD.right, height);
  context.clip();
  context.globalAlpha = stale ? 0.45 : 1;
  for (const run of runs(lane)) drawRun(context, run, x, y);
  drawBad(context, lane.points, x, height);
  context.restore();
}

// Points that belong together: a bad sample, a silence or a declared gap ends a run.
export function runs({ points, gaps, silence }) {
  const found = [];
  let run = [];
  const cut = () => {
    if (run.length) found.push(run);
    run = [];
  };
  for (const point of points) {
    if (point.mean === null) {
      cut();
      continue;
    }
    const before = run.at(-1);
    if (before && (point.t - before.t > silence || gaps.some((gap) => gap.from < point.t && gap.to > before.t))) cut();
    run.push(point);
  }
  cut();
  return found;
}

function drawRun(context, run, x, y) {
  if (run.some((point) => point.high > point.low)) {
    context.fillStyle = BAND;
    context.beginPath();
    run.forEach((point, index) => context[index ? "lineTo" : "moveTo"](x(point.t), y(point.high)));
    for (const point of run.toReversed()) context.lineTo(x(point.t), y(point.low));
    context.fill();
  }
  context.strokeStyle = LINE;
  context.lineWidth = 1.6;
  context.lineJoin = "round";
  context.beginPath();
  run.forEach((point, index) => context[index ? "lineTo" : "moveTo"](x(point.t), y(point.mean)));
  context.stroke();
  if (run.length === 1) {
    context.fillStyle = LINE;
    context.fillRect(x(run[0].t) - 1.5, y(run[0].mean) - 1.5, 3, 3);
  }
}

function drawBad(context, points, x, height) {
  context.fillStyle = BAD;
  for (const point of points) {
    if (!point.bad) continue;
    const at = x(point.t);
    context.beginPath(); // a cross-free triangle at the foot: shape as well as colour
    context.moveTo(at - 4, height - 2);
    context.lineTo(at + 4, height - 2);
    context.lineTo(at, height - 9);
    context.fill();
  }
}

function drawGaps(context, lane, x, width, height) {
  const found = lane.gaps.map((gap) => [gap.from, gap.to, gap.cause]);
  for (let index = 1; index < lane.points.length; index += 1) {
    const [before, after] = [lane.points[index - 1], lane.points[index]];
    if (after.t - before.t > lane.silence) found.push([before.t, after.t, ""]);
  }
  for (const [from, to, cause] of found) {
    const left = Math.max(PAD.left, x(from));
    const right = Math.min(width - PAD.right, Math.max(x(to), x(from) + 2));
    if (right <= PAD.left || left >= width - PAD.right) continue;
    hatch(context, left, right, height);
    if (cause && right - left > 70) {
      context.fillStyle = INK;
      context.font = "12px Roboto, system-ui, sans-serif";
      context.fillText(cause, left + 6, 20);
    }
  }
}

function hatch(context, left, right, height) {
  context.save();
  context.beginPath();
  context.rect(left, 2, right - left, height - 4);
  context.clip();
  context.strokeStyle = HATCH;
  context.lineWidth = 1;
  context.beginPath();
  for (let at = left - height; at < right; at += 8) {
    context.moveTo(at, height);
    context.lineTo(at + height, 0);
  }
  context.globalAlpha = 0.5;
  context.stroke();
  context.restore();
}

function drawGrid(context, range, y, width, height) {
  const { values, decimals } = ticks(range[0], range[1], Math.max(2, Math.floor(height / 34)));
  context.font = "12px Roboto, system-ui, sans-serif";
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (const value of values) {
    context.strokeStyle = GRID;
    context.lineWidth = 1;
    context.beginPath();
    context.moveTo(PAD.left, Math.round(y(value)) + 0.5);
    context.lineTo(width - PAD.right, Math.round(y(value)) + 0.5);
    context.stroke();
    context.fillStyle = INK;
    context.fillText(value.toFixed(decimals), PAD.left - 8, y(value));
  }
  context.textAlign = "left";
  context.textBaseline = "alphabetic";
}

const STEPS_S = [10, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600];

// Times under the lanes, in the time zone of whoever looks.
export function drawTimes(context, { width, startMs, endMs }) {
  const x = scaleX(width, startMs, endMs);
  const wanted = (endMs - startMs) / 1000 / Math.max(2, Math.floor(width / 120));
  const stepMs = 1000 * (STEPS_S.find((step) => step >= wanted) || 43200);
  const zoneMs = new Date(endMs).getTimezoneOffset() * 60_000;
  context.font = "12px Roboto, system-ui, sans-serif";
  context.fillStyle = INK;
  context.textAlign = "center";
  const form = { hour: "2-digit", minute: "2-digit", ...(stepMs < 60_000 ? { second: "2-digit" } : {}) };
  const first = Math.ceil((startMs - zoneMs) / stepMs) * stepMs + zoneMs;
  for (let at = first; at <= endMs; at += stepMs) {
    if (x(at) < PAD.left || x(at) > width - 24) continue;
    context.fillText(new Date(at).toLocaleTimeString("en-GB", form), x(at), 14);
    context.fillRect(Math.round(x(at)), 0, 1, 3);
  }
  context.textAlign = "left";
}
