// Where machines and pipes of the line picture go. Pure geometry: units and a width in, boxes and links out.
const NARROW = 560;
const UTILITY_FROM = 90; // work units are numbered along the line; from 90 on they supply it
const PACKAGING_FROM = 30; // conveyors have numbers of their own, counted from the first packaging machine on
const DENSE_FROM = 8; // more machines than this get small pictures

// Looks of the pictures: sizes in pixels; `rows` of values in each column of at least `columnWidth`.
const ROOMY = {
  dense: false, height: 156, minWidth: 232, maxWidth: 500, columnWidth: 205, rows: 3, gapX: 84, gapY: 66, rowGap: 40,
  narrowPerRow: 1, narrowGap: 30,
};
const DENSE = {
  dense: true, height: 112, minWidth: 148, maxWidth: 260, columnWidth: 205, rows: 2, gapX: 26, gapY: 28, rowGap: 26,
  narrowPerRow: 2, narrowGap: 22,
};

const HEALTH_HEIGHT = 26;

const numberOf = (unit) => Number(/-(\d+)$/.exec(unit.device_id)?.[1] ?? NaN);
const isPlace = (unit) => numberOf(unit) === 0; // the site itself: weather, hall
const isConveyor = (unit) => /^CNV-/.test(unit.device_id);

// The order in which people walk along: the line, then what supplies it, then what has no number.
export function inOrder(units) {
  const { main, utilities, others } = arrange(units);
  return [...main, ...utilities, ...others];
}

// Machines that are numbered stand in that order; what follows no such naming is shown without a claim on its order.
export function arrange(units) {
  const numbered = units.filter((unit) => !Number.isNaN(numberOf(unit)));
  numbered.sort((a, b) => numberOf(a) - numberOf(b));
  const inFlow = numbered.filter((unit) => numberOf(unit) < UTILITY_FROM && !isConveyor(unit) && !isPlace(unit));
  return {
    main: withConveyors(inFlow, numbered.filter(isConveyor)),
    utilities: [...numbered.filter((unit) => numberOf(unit) >= UTILITY_FROM), ...numbered.filter(isPlace)],
    others: units.filter((unit) => Number.isNaN(numberOf(unit))),
  };
}

// The n-th conveyor stands behind the n-th packaging machine.
function withConveyors(machines, conveyors) {
  const waiting = new Map(conveyors.map((unit) => [numberOf(unit), unit]));
  const found = [];
  let place = 0;
  for (const machine of machines) {
    found.push(machine);
    if (numberOf(machine) < PACKAGING_FROM) continue;
    place += 1;
    if (waiting.has(place)) found.push(waiting.get(place));
    waiting.delete(place);
  }
  return [...found, ...waiting.values()];
}

// `judged`: names of machines whose health is shown below their values.
export function layout(units, width, judged = new Set()) {
  const { main, utilities, others } = arrange(units);
  const usual = units.length >= DENSE_FROM ? DENSE : ROOMY;
  const look = judged.size ? { ...usual, height: usual.height + HEALTH_HEIGHT } : usual;
  const boxes = [];
  const narrow = width < NARROW;
  let y = 2;
  const flow = row(main, width, y, narrow, boxes, look, look.gapX, look.maxWidth);
  if (main.length) y = flow.bottom + (utilities.length && !narrow ? look.gapY : look.narrowGap);
  const supply = row(utilities, width, y, narrow, boxes, look, Math.min(look.gapX, 36), look.maxWidth);
  if (utilities.length) y = supply.bottom + look.gapY / 3;
  // Instruments that are attached to a machine and whatever else has no place in the line: one value each is enough.
  const small = look.dense ? { ...look, rows: 1, height: usual.height - 24 } : look;
  row(others, width, y, narrow, boxes, small, 28, others.length < 3 ? width : Math.max(look.maxWidth, 460));
  const height = Math.max(...boxes.map((box) => box.y + box.height)) + 2;
  const byId = new Map(boxes.map((box) => [box.unit, box]));
  return {
    boxes, height, narrow, dense: look.dense,
    main: main.map((u) => byId.get(u)), utilities: utilities.map((u) => byId.get(u)),
  };
}

function row(units, width, top, narrow, boxes, look, wideGap, maxWidth) {
  if (!units.length) return { bottom: top };
  const gap = narrow ? Math.min(wideGap, 20) : wideGap;
  const most = Math.floor((width + gap) / (look.minWidth + gap));
  const perRow = narrow ? look.narrowPerRow : Math.max(1, Math.min(units.length, evenly(units.length, most)));
  const boxWidth = Math.min(narrow ? width : maxWidth, (width - 4 - gap * (perRow - 1)) / perRow);
  const space = perRow > 1 ? (width - 4 - boxWidth * perRow) / (perRow - 1) : 0;
  const rowGap = narrow ? look.narrowGap : look.rowGap;
  units.forEach((unit, index) => {
    const column = index % perRow;
    const line = Math.floor(index / perRow);
    boxes.push({
      unit,
      x: 2 + column * (boxWidth + space),
      y: top + line * (look.height + rowGap),
      width: boxWidth,
      height: look.height,
      columns: Math.max(1, Math.floor((boxWidth - 28) / look.columnWidth)),
      rows: look.rows,
      dense: look.dense,
    });
  });
  return { bottom: top + Math.ceil(units.length / perRow) * (look.height + rowGap) - rowGap };
}

// As few rows as possible, all about equally long.
function evenly(count, most) {
  return Math.ceil(count / Math.ceil(count / Math.max(1, most)));
}
