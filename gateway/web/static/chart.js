// Draws one signal into a lane of a canvas: band, mean, gaps, bad samples.
const INK = "#4a5763";
const GRID = "#d5dbe0";
const BAND = "rgba(31, 95, 139, 0.20)";
const LINE = "#1f5f8b";
const BAD = "#b3261e";
const HATCH = "#8a949d";
const PAD = { left: 58, right: 10, top: 26, bottom: 22 }; // the signal's name and value stand above the curve

// Round values for the scale: as many as fit, but never fewer than two, because one alone gives no scale.
export function ticks(low, high, most) {
  const power = 10 ** Math.floor(Math.log10(high - low || 1));
  const inside = (step) => Math.floor(high / step + 1e-9) - Math.ceil(low / step - 1e-9) + 1;
  const steps = [10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05].map((factor) => factor * power).filter((step) => inside(step) >= 2);
  const step = steps.findLast((candidate) => inside(candidate) <= Math.max(2, most)) ?? steps[0];
  const values = [];
  for (let count = Math.ceil(low / step - 1e-9); count * step <= high + step * 1e-9; count += 1) values.push(count * step);
  return { values, decimals: Math.max(0, -Math.floor(Math.log10(step) + 1e-9)) };
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

const scaleX = (width, startMs, endMs) => (t) =>
  PAD.left + ((t - startMs) / (endMs - startMs)) * (width - PAD.left - PAD.right);
export const timeAt = (width, startMs, endMs, x) =>
  startMs + ((x - PAD.left) / (width - PAD.left - PAD.right)) * (endMs - startMs);

// lane: {points, gaps, silence}; stale dims the curve, because its end is not now.
export function drawLane(context, lane, { width, height, startMs, endMs, stale, cursorMs }) {
  context.clearRect(0, 0, width, height);
  const x = scaleX(width, startMs, endMs);
  const range = extent(lane.points);
  drawGaps(context, lane, x, endMs, width, height);
  drawTimes(context, x, { width, height, startMs, endMs });
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
  if (cursorMs !== null) {
    context.fillStyle = "#22303c";
    context.fillRect(Math.round(x(cursorMs)), PAD.top - 4, 1, height - PAD.top - PAD.bottom + 8);
  }
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
    const foot = height - PAD.bottom;
    context.beginPath(); // a triangle at the foot: shape as well as colour
    context.moveTo(at - 4, foot);
    context.lineTo(at + 4, foot);
    context.lineTo(at, foot - 8);
    context.fill();
  }
}

function drawGaps(context, lane, x, endMs, width, height) {
  const found = lane.gaps.map((gap) => [gap.from, gap.to, gap.cause]);
  for (let index = 1; index < lane.points.length; index += 1) {
    const [before, after] = [lane.points[index - 1], lane.points[index]];
    if (after.t - before.t > lane.silence) found.push([before.t, after.t, ""]);
  }
  const last = lane.points.at(-1);
  if (last && endMs - last.t > lane.silence) found.push([last.t, endMs, ""]);
  const rows = []; // right ends of the texts in each row: causes that overlap stand above one another
  for (const [from, to, cause] of found) {
    const left = Math.max(PAD.left, x(from));
    const right = Math.min(width - PAD.right, Math.max(x(to), x(from) + 2));
    if (right <= PAD.left || left >= width - PAD.right) continue;
    hatch(context, left, right, height);
    if (cause && right - left > 90) {
      context.fillStyle = INK;
      context.font = "12px Roboto, system-ui, sans-serif";
      const at = rows.findIndex((end) => end < left);
      const row = at < 0 ? rows.length : at;
      rows[row] = left + 6 + context.measureText(cause).width;
      context.fillText(cause, left + 6, height - PAD.bottom - 6 - 14 * row, right - left - 12);
    }
  }
}

function hatch(context, left, right, height) {
  context.save();
  context.beginPath();
  context.rect(left, PAD.top - 4, right - left, height - PAD.top - PAD.bottom + 4);
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
  const { values, decimals } = ticks(range[0], range[1], Math.floor((height - PAD.top) / 22));
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

// Times at the foot, in the time zone of whoever looks.
function drawTimes(context, x, { width, height, startMs, endMs }) {
  const wanted = (endMs - startMs) / 1000 / Math.max(2, Math.floor(width / 110));
  const stepMs = 1000 * (STEPS_S.find((step) => step >= wanted) || 43200);
  const zoneMs = new Date(endMs).getTimezoneOffset() * 60_000;
  const form = { hour: "2-digit", minute: "2-digit", ...(stepMs < 60_000 ? { second: "2-digit" } : {}) };
  context.font = "12px Roboto, system-ui, sans-serif";
  context.fillStyle = INK;
  context.textAlign = "center";
  for (let at = Math.ceil((startMs - zoneMs) / stepMs) * stepMs + zoneMs; at <= endMs; at += stepMs) {
    if (x(at) < PAD.left || x(at) > width - 26) continue;
    context.fillText(new Date(at).toLocaleTimeString("en-GB", form), x(at), height - 5);
    context.fillRect(Math.round(x(at)), height - PAD.bottom, 1, 4);
  }
  context.textAlign = "left";
}
