// A node-opcua client of the demonstration line: browses, subscribes, reads history, hears alarms, calls methods.
// argv: url pkiFolder userName password. stdin: one JSON command a line, answered by one JSON object; closed = stop.
import { createInterface } from "node:readline";
import {
  AttributeIds, ClientMonitoredItem, ClientSubscription, DataType, MessageSecurityMode, OPCUACertificateManager,
  OPCUAClient, SecurityPolicy, TimestampsToReturn, UserTokenType, Variant, constructEventFilter, makeBrowsePath, ofType,
  resolveNodeId,
} from "node-opcua";

const [url, rootFolder, userName, password] = process.argv.slice(2);
const say = (fields) => console.log(JSON.stringify(fields));
const clientCertificateManager = new OPCUACertificateManager({ rootFolder, automaticallyAcceptUnknownCertificate: true });
await clientCertificateManager.initialize();
const client = OPCUAClient.create({
  clientCertificateManager,
  endpointMustExist: false,
  securityMode: MessageSecurityMode.SignAndEncrypt,
  securityPolicy: SecurityPolicy.Basic256Sha256,
  connectionStrategy: { maxRetry: 0, initialDelay: 100 },
});
await client.createDefaultCertificate();
say({ event: "certificate", file: client.certificateFile });

let session, subscription;
const listed = (references) => (references ?? []).map((reference) => reference.browseName.name);
const fields = ["EventId", "ConditionName", "Severity", "Message", "ActiveState.Id", "AckedState.Id", "Retain"];
const commands = {
  async connect() {
    await client.connect(url);
    session = await client.createSession({ type: UserTokenType.UserName, userName, password });
    subscription = ClientSubscription.create(session, {
      requestedPublishingInterval: 100, requestedLifetimeCount: 1000, requestedMaxKeepAliveCount: 10,
      maxNotificationsPerPublish: 1000, publishingEnabled: true, priority: 1,
    });
    return { namespaces: await session.readNamespaceArray() };
  },
  async browse({ path }) {
    let node = "RootFolder";
    if (path) {
      const result = await session.translateBrowsePath(makeBrowsePath("RootFolder", path));
      if (!result.targets?.length) return { status: result.statusCode.name };
      node = result.targets[0].targetId;
    }
    const { references } = await session.browse(node);
    return { nodeId: node.toString(), names: listed(references) };
  },
  async read({ nodeId }) {
    const { value, statusCode, sourceTimestamp } = await session.read({ nodeId, attributeId: AttributeIds.Value });
    return { value: value.value?.text ?? value.value, status: statusCode.name, time: sourceTimestamp };
  },
  async watch({ nodeId }) {
    const item = ClientMonitoredItem.create(
      subscription, { nodeId, attributeId: AttributeIds.Value },
      { samplingInterval: 0, discardOldest: true, queueSize: 100 }, TimestampsToReturn.Source,
    );
    item.on("changed", ({ value, sourceTimestamp }) => say({ event: "changed", value: value.value, time: sourceTimestamp }));
    return {};
  },
  async history({ nodeId, most }) {
    const end = new Date(Date.now() + 60_000);
    const [first] = await session.readHistoryValue([{ nodeId }], new Date(0), end, { numValuesPerNode: most });
    const values = first.historyData?.dataValues ?? [];
    return {
      status: first.statusCode.name, more: Boolean(first.continuationPoint?.length),
      values: values.map((item) => [item.sourceTimestamp, item.value.value]),
    };
  },
  async call({ objectId, methodId, name, severity }) {
    const inputArguments = name === undefined ? [] : [
      new Variant({ dataType: DataType.String, value: name }),
      new Variant({ dataType: DataType.Double, value: severity }),
      new Variant({ dataType: DataType.Double, value: 0 }),
    ];
    const result = await session.call({ objectId, methodId, inputArguments });
    return { status: result.statusCode.name, outputs: (result.outputArguments ?? []).map((output) => output.value) };
  },
  async write({ nodeId }) {
    const value = { value: new Variant({ dataType: DataType.Double, value: 1 }) };
    return { status: (await session.write({ nodeId, attributeId: AttributeIds.Value, value })).name };
  },
  async alarms() {
    const filter = constructEventFilter([...fields, "ConditionId"], ofType("ConditionType"));
    const item = ClientMonitoredItem.create(
      subscription, { nodeId: "i=2253", attributeId: AttributeIds.EventNotifier },
      { samplingInterval: 0, discardOldest: true, queueSize: 100, filter }, TimestampsToReturn.Both,
    );
    await new Promise((resolve, reject) => item.once("initialized", resolve).once("err", (text) => reject(new Error(text))));
    item.on("changed", (values) => {
      const [eventId, name, severity, message, active, acknowledged, retain, condition] = values.map((item) => item.value);
      say({
        event: "alarm", eventId: eventId?.toString("hex"), name, severity, message: message?.text, active, acknowledged,
        retain, condition: condition?.toString(),
      });
    });
    const methodId = resolveNodeId("ConditionType_ConditionRefresh");
    const subscriptionId = new Variant({ dataType: DataType.UInt32, value: subscription.subscriptionId });
    const result = await session.call({ objectId: resolveNodeId("ConditionType"), methodId, inputArguments: [subscriptionId] });
    return { status: result.statusCode.name };
  },
  async acknowledge({ conditionId, eventId, comment }) {
    const status = await session.acknowledgeCondition(conditionId, Buffer.from(eventId, "hex"), comment);
    return { status: status.name };
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { command, ...given } = JSON.parse(line);
  try {
    say({ event: command, ...(await commands[command](given)) });
  } catch (error) {
    say({ event: command, status: /Bad\w+/.exec(error.message)?.[0] ?? error.message });
  }
}
await session?.close();
await client.disconnect();
process.exit(0);
