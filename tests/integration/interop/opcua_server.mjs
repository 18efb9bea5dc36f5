// A node-opcua server with one device of five variables, one user and Basic256Sha256 SignAndEncrypt only.
// argv: port pkiFolder userName password. stdin: "set NUMBER" writes all variables, closed = stop.
import { createInterface } from "node:readline";
import {
  DataType, MessageSecurityMode, OPCUACertificateManager, OPCUAServer, SecurityPolicy, StatusCodes, Variant,
  makeApplicationUrn, standardUnits,
} from "node-opcua";

const [port, rootFolder, userName, password] = process.argv.slice(2);
const say = (fields) => console.log(JSON.stringify(fields));
const serverCertificateManager = new OPCUACertificateManager({ rootFolder, automaticallyAcceptUnknownCertificate: true });
await serverCertificateManager.initialize();
const server = new OPCUAServer({
  port: Number(port),
  hostname: "127.0.0.1",
  resourcePath: "/foreign",
  serverInfo: { applicationUri: makeApplicationUrn("127.0.0.1", "ForeignServer") },
  securityPolicies: [SecurityPolicy.Basic256Sha256],
  securityModes: [MessageSecurityMode.SignAndEncrypt],
  allowAnonymous: false,
  userManager: { isValidUser: (name, word) => name === userName && word === password },
  serverCertificateManager,
});
await server.initialize();

const space = server.engine.addressSpace;
const namespace = space.registerNamespace("urn:foreign:plant");
const plant = namespace.addFolder(space.rootFolder.objects, { browseName: "PLANT", nodeId: "s=PLANT" });
const device = namespace.addObject({ organizedBy: plant, browseName: "PRESS-1", nodeId: "s=PRESS-1" });
const kinds = {
  pressure_bar: [DataType.Double, (number) => number / 8],
  strokes: [DataType.UInt32, (number) => number],
  offset: [DataType.Int16, (number) => -number],
  running: [DataType.Boolean, (number) => number % 2 === 0],
  recipe: [DataType.String, (number) => `recipe ${number} Ж`],
};
const variables = Object.entries(kinds).map(([name, [dataType, value]]) => {
  const options = {
    componentOf: device, browseName: name, nodeId: `s=PRESS-1.${name}`, dataType, minimumSamplingInterval: 0,
  };
  const variable =
    name === "pressure_bar"
      ? namespace.addAnalogDataItem({
          ...options, engineeringUnitsRange: { low: 0, high: 250 }, engineeringUnits: standardUnits.bar,
          value: new Variant({ dataType, value: 0 }),
        })
      : namespace.addVariable(options);
  return { variable, dataType, value };
});
const set = (number) => {
  const time = new Date(1_700_000_000_000 + number * 1000);
  for (const { variable, dataType, value } of variables) {
    variable.setValueFromSource(new Variant({ dataType, value: value(number) }), StatusCodes.Good, time);
  }
};
set(0);
await server.start();
say({ event: "listening", url: server.getEndpointUrl(), certificate: server.certificateFile });

for await (const line of createInterface({ input: process.stdin })) {
  const [command, argument] = line.split(" ");
  if (command === "set") {
    set(Number(argument));
    say({ event: "set", number: Number(argument) });
  }
}
await server.shutdown(100);
process.exit(0);
