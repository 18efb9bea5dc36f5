// The data path, hop by hop: what waits, how old the newest value is, what is wrong and what to do about it.
import { emptyNote, h, setAttribute, setText } from "./dom.js";
import { live, nowMs, on, streamAgeS } from "./live.js";
import { age } from "./words.js";

const SAID = { ok: "ok", waiting: "waiting", degraded: "delayed", failed: "failed" };
const BROWSER = "this browser";
const NAMES = { ingest: "gateway" };
const BESIDE = { history: "store" }; // hops that are no step of the way of a value

export function mount(root) {
  const list = h("ol", { class: "hops" });
  const trouble = h("div", { class: "trouble", role: "status" });
  let shown = new Map();
  let builtForm = "";

  function browserHop() {
    const open = live.link.state === "open";
    let newest = null;
    for (const value of live.values.values()) if (newest === null || value.timeMs > newest) newest = value.timeMs;
    return {
      name: BROWSER,
      state: open ? "ok" : live.link.state === "down" ? "failed" : "waiting",
      queue_depth: null,
      queue_limit: null,
      lag_s: newest === null ? null : (nowMs() - newest) / 1000,
      frame_s: streamAgeS(),
      error: open ? "" : live.link.cause,
      remedy: live.link.state === "down" ? "wait: the page reconnects by itself; if it does not, check the gateway's machine" : "",
    };
  }

  function show() {
    if (!live.hops.length && live.link.state !== "open") {
      const reason = live.link.state === "down" ? live.link.cause : "Asking the gateway.";
      root.replaceChildren(emptyNote("The gateway has not said yet how the path is", reason));
      return;
    }
    if (!list.isConnected) root.replaceChildren(list, trouble);
    // Without a stream nobody knows how the hops before this one are: their last state would be a claim.
    const unknown = live.link.state !== "open";
    const hops = [...live.hops.map((hop) => (unknown ? { ...hop, state: "unknown" } : hop)), browserHop()];
    const form = hops.map((hop) => [hop.name, hop.lag_s !== null, hop.queue_depth !== null].join()).join("|");
    if (form !== builtForm) rebuild(hops);
    builtForm = form;
    for (const hop of hops) shown.get(hop.name)(hop);
    tell(hops);
  }

  function rebuild(hops) {
    shown = new Map();
    const stages = new Map(); // what stands side by side, such as two edge agents, is one step of the way
    for (const hop of hops) {
      const [node, update] = hopItem(hop);
      shown.set(hop.name, update);
      const stage = /^(source|edge) /.test(hop.name) ? hop.name.split(" ")[0] : BESIDE[hop.name] || hop.name;
      stages.set(stage, [...(stages.get(stage) || []), node]);
    }
    const order = [...stages.keys()].sort((one, other) => (other === "source") - (one === "source"));
    list.replaceChildren(...order.map((stage) => h("li", { class: "stage", "data-size": stages.get(stage).length }, stages.get(stage))));
  }

  function tell(hops) {
    const wrong = hops.filter((hop) => hop.error && hop.state !== "unknown");
    const text = wrong.map((hop) => `${hop.name}|${hop.error}|${hop.remedy}`).join("\n");
    if (trouble.dataset.text === text) return;
    trouble.dataset.text = text;
    trouble.replaceChildren(
      ...wrong.map((hop) =>
        h("p", { "data-state": hop.state }, h("strong", {}, hop.name), ` ${hop.error}`, hop.remedy ? h("em", {}, hop.remedy) : null),
      ),
    );
  }

  const stops = [on("hops", show), on("link", show)];
  const timer = setInterval(show, 1000);
  show();
  return () => [clearInterval(timer), ...stops.map((stop) => stop())];
}

function hopItem(hop) {
  const word = h("span", { class: "hop-word" });
  const lag = h("dd", {});
  const queue = h("dd", {});
  const meter = h("span", { class: "hop-fill" });
  const bar = h("span", { class: "hop-bar", "aria-hidden": "true" }, meter);
  const facts = [];
  if (hop.lag_s !== null) facts.push(h("dt", {}, "age"), lag);
  if (hop.queue_depth !== null) facts.push(h("dt", {}, "queue"), queue);
  if (hop.name === BROWSER) facts.push(h("dt", {}, "frame"), queue);
  const [kind, ...rest] = (NAMES[hop.name] || hop.name).replace(/^source .*\//, "source ").split(" ");
  const title = hop.name === BROWSER ? [hop.name] : [kind, rest.length ? h("small", {}, rest.join(" ")) : null];
  const node = h(
    "div",
    { class: "hop" },
    h("div", { class: "hop-name", title: hop.name }, ...title),
    h("div", { class: "hop-state" }, h("span", { class: "chip-shape", "aria-hidden": "true" }), word),
    facts.length ? h("dl", {}, facts) : null,
    hop.queue_limit ? bar : null,
  );
  return [
    node,
    (now) => {
      setAttribute(node, "data-state", now.state);
      setText(word, SAID[now.state] || "unknown");
      setText(lag, age(now.lag_s));
      if (now.name === BROWSER) setText(queue, age(now.frame_s));
      else if (now.queue_depth !== null) setText(queue, String(now.queue_depth));
      if (now.queue_limit) meter.style.width = `${Math.min(100, (100 * now.queue_depth) / now.queue_limit)}%`;
    },
  ];
}
