// Drawn symbols: machines (48 x 48 line drawings) and state shapes (16 x 16, told apart without colour).
import { s } from "./dom.js";

const MACHINES = {
  // shelves of a store
  STO: ["M6 44V8l18-5 18 5v36", "M12 20h24M12 32h24M12 44h24", "M15 14h7v6h-7zM27 26h7v6h-7zM16 38h8v6h-8z"],
  // sun over a roof
  SITE: ["M4 42V28l14-8 14 8v14z", "M36 6a6 6 0 1 0 .1 0z", "M36 22v3M46 12h-3M29 12h-3M43 5l-2 2M43 19l-2-2"],
  // tank with agitator and outlet
  MIX: ["M10 6h28v22l-9 10H19l-9-10z", "M24 2v22", "M17 24h14", "M24 38v6", "M10 15h28"],
  PAS: ["M8 8h32v32H8z", "M8 16h32M8 24h32M8 32h32", "M16 8v32M32 8v32"],
  TNK: ["M10 10c0-5 28-5 28 0v28c0 5-28 5-28 0z", "M10 22h28"],
  // filler carousel with bottles
  MONO: ["M6 44h36", "M10 44V30l3-5v-7h4v7l3 5v14M28 44V30l3-5v-7h4v7l3 5v14", "M6 10h36", "M15 10v5M33 10v5M24 4v6"],
  QC: ["M6 40h36", "M16 40V26h16v14", "M24 6v8", "M16 14h16l-4 7h-8z"],
  LAB: ["M18 6h12v8l4 6v22H14V20l4-6z", "M14 26h20v9H14z"],
  SHR: ["M6 14h36v22H6z", "M14 14v22M22 14v22M30 14v22", "M6 25h36"],
  PAL: ["M6 42h36M10 42v-4M38 42v-4", "M10 24h13v14H10zM25 24h13v14H25zM17 10h14v14H17z"],
  CNV: ["M10 20h28a6 6 0 0 1 0 14H10a6 6 0 0 1 0-14z", "M12 27h.1M24 27h.1M36 27h.1", "M18 8h12v12H18z"],
  // screw compressor on its receiver
  CA: ["M6 30c0-4 36-4 36 0v8c0 4-36 4-36 0z", "M12 26V10h24v16", "M16 18a8 5 0 0 1 16 0a8 5 0 0 1-16 0", "M12 42v3M36 42v3"],
  CH: ["M24 6v36M8 15l32 18M40 15L8 33", "M18 9l6 5 6-5M18 39l6-5 6 5"],
  EL: ["M8 6h32v36H8z", "M14 13h20v9H14z", "M26 25l-6 8h7l-5 7"],
  CIP: ["M24 5c8 10 12 15 12 22a12 12 0 0 1-24 0c0-7 4-12 12-22z", "M18 29a6 6 0 0 0 6 6"],
  WAT: ["M24 5c8 10 12 15 12 22a12 12 0 0 1-24 0c0-7 4-12 12-22z"],
};
const OTHER = ["M8 12h32v26H8z", "M14 30l5-8 5 5 4-9 6 12", "M16 38v5M32 38v5"];

export function machine(deviceId, x, y, size) {
  const lines = MACHINES[deviceId.split(/[-_]/)[0].toUpperCase()] || OTHER;
  const scale = size / 48;
  return s(
    "g",
    { class: "machine", transform: `translate(${x} ${y}) scale(${scale})`, "aria-hidden": "true" },
    lines.map((d) => s("path", { d })),
  );
}

const SHAPES = {
  run: "M3 2l11 6-11 6z", // triangle
  idle: "M8 2a6 6 0 1 1 0 12a6 6 0 1 1 0-12z", // circle
  stop: "M3 3h10v10H3z", // square
  done: "M2 8l4 4 8-9", // tick
  wait: "M3 2h10L8 8l5 6H3l5-6z", // hourglass
  held: "M4 2h3v12H4zM9 2h3v12H9z", // two bars
  fault: "M8 1l7 13H1z", // warning triangle, points up
  change: "M2 8h9M8 4l4 4-4 4", // arrow
  none: "M4 8h8", // dash
};

export const shape = (look) => SHAPES[look] || SHAPES.none;
