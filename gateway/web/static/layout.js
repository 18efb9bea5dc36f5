// Where machines and pipes of the line picture go. Pure geometry: units and a width in, boxes and links out.
const GAP_X = 84;
const GAP_Y = 66;
const HEIGHT = 156;
const NARROW = 560;
const MIN_WIDTH = 232;
const MAX_WIDTH = 500;
const COLUMN_WIDTH = 205;
const ROWS_A_COLUMN = 3;
const UTILITY_FROM = 90; // work units are numbered along the line; from 90 on they supply it

const sequenceOf = (unit) => Number(/-(\d+)$/.exec(unit.device_id)?.[1] ?? NaN);

// The order in which people walk along: the line, then what supplies it, then what has no number.
export function inOrder(units) {
  const { main, utilities, others } = arrange(units);
  return [...main, ...utilities, ...others];
}

// Machines that are numbered stand in that order; what follows no such naming is shown without a claim on its order.
export function arrange(units) {
  const numbered = units.filter((unit) => !Number.isNaN(sequenceOf(unit)));
  numbered.sort((a, b) => sequenceOf(a) - sequenceOf(b));
  return {
    main: numbered.filter((unit) => sequenceOf(unit) < UTILITY_FROM),
    utilities: numbered.filter((unit) => sequenceOf(unit) >= UTILITY_FROM),
    others: units.filter((unit) => Number.isNaN(sequenceOf(unit))),
  };
}

export function layout(units, width) {
  const { main, utilities, others } = arrange(units);
  const boxes = [];
  const narrow = width < NARROW;
  let y = 2;
  const flow = row(main, width, y, narrow, boxes, GAP_X, MAX_WIDTH);
  if (main.length) y = flow.bottom + (utilities.length && !narrow ? GAP_Y : 30);
  const supply = row(utilities, width, y, narrow, boxes, 36, MAX_WIDTH);
  if (utilities.length) y = supply.bottom + GAP_Y / 3;
  row(others, width, y, narrow, boxes, 28, others.length < 3 ? width : 460);
  const height = Math.max(...boxes.map((box) => box.y + box.height)) + 2;
  const byId = new Map(boxes.map((box) => [box.unit, box]));
  return { boxes, height, narrow, main: main.map((u) => byId.get(u)), utilities: utilities.map((u) => byId.get(u)) };
}

function row(units, width, top, narrow, boxes, gap, maxWidth) {
  if (!units.length) return { bottom: top };
  const perRow = narrow ? 1 : Math.max(1, Math.min(units.length, Math.floor((width + gap) / (MIN_WIDTH + gap))));
  const boxWidth = narrow ? width - 4 : Math.min(maxWidth, (width - 4 - gap * (perRow - 1)) / perRow);
  const space = perRow > 1 ? (width - 4 - boxWidth * perRow) / (perRow - 1) : 0;
  const rowGap = narrow ? 30 : 40;
  units.forEach((unit, index) => {
    const column = index % perRow;
    const line = Math.floor(index / perRow);
    boxes.push({
      unit,
      x: 2 + column * (boxWidth + space),
      y: top + line * (HEIGHT + rowGap),
      width: boxWidth,
      height: HEIGHT,
      columns: Math.max(1, Math.floor((boxWidth - 28) / COLUMN_WIDTH)),
      rows: ROWS_A_COLUMN,
    });
  });
  return { bottom: top + Math.ceil(units.length / perRow) * (HEIGHT + rowGap) - rowGap };
}
