// Decodes (hex lines in, JSON lines out) and encodes (JSON lines in, hex lines out) with Eclipse Tahu's payload library.
import { createInterface } from "node:readline";
import { createRequire } from "node:module";

const spb = createRequire(import.meta.url)("sparkplug-payload").get("spBv1.0");
const plain = (key, value) =>
  value instanceof Uint8Array || value?.type === "Buffer"
    ? { hex: Buffer.from(value.data ?? value).toString("hex") }
    : value !== null && typeof value === "object" && "low" in value && "high" in value
      ? { long: value.toString() }
      : value;

for await (const line of createInterface({ input: process.stdin })) {
  if (line.startsWith("{")) {
    console.log(Buffer.from(spb.encodePayload(JSON.parse(line))).toString("hex"));
  } else {
    console.log(JSON.stringify(spb.decodePayload(Buffer.from(line, "hex")), plain));
  }
}
