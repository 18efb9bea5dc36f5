// An edge node of Eclipse Tahu: births one device, sends numbered values on demand, answers rebirth requests.
// argv: serverUrl username password groupId edgeNode deviceId. stdin: "send FIRST LAST", closed = stop.
import { createInterface } from "node:readline";
import { createRequire } from "node:module";

const sparkplug = createRequire(import.meta.url)("sparkplug-client");
const [serverUrl, username, password, groupId, edgeNode, deviceId] = process.argv.slice(2);
const client = sparkplug.newClient({
  serverUrl, username, password, groupId, edgeNode, clientId: `${groupId}-${edgeNode}`, version: "spBv1.0", keepalive: 5,
});
const say = (fields) => console.log(JSON.stringify(fields));
const BASE_MS = 1_700_000_000_000;
const metrics = (number, timestamp) => [
  { name: "count", type: "Int32", value: -number, timestamp },
  { name: "total", type: "UInt64", value: number, timestamp },
  { name: "power_w", type: "Double", value: number / 8, timestamp },
  { name: "running", type: "Boolean", value: number % 2 === 0, timestamp },
  { name: "recipe", type: "String", value: `recipe ${number} Ж`, timestamp },
];

client.on("birth", () => {
  client.publishNodeBirth({
    timestamp: Date.now(),
    metrics: [{ name: "Node Control/Rebirth", type: "Boolean", value: false }],
  });
  client.publishDeviceBirth(deviceId, { timestamp: Date.now(), metrics: metrics(0, BASE_MS) });
  say({ event: "birth" });
});
client.on("ncmd", (payload) => {
  for (const metric of payload.metrics ?? []) {
    if (metric.name === "Node Control/Rebirth" && metric.value) {
      say({ event: "rebirth" });
      client.emit("birth");
    }
  }
});
client.on("error", (error) => say({ event: "error", message: String(error) }));

for await (const line of createInterface({ input: process.stdin })) {
  const [command, first, last] = line.split(" ");
  if (command === "send") {
    for (let number = Number(first); number <= Number(last); number += 1) {
      const timestamp = BASE_MS + number * 1000;
      client.publishDeviceData(deviceId, { timestamp, metrics: metrics(number, timestamp) });
    }
    say({ event: "sent", first: Number(first), last: Number(last) });
  }
}
client.stop();
setTimeout(() => process.exit(0), 200);
