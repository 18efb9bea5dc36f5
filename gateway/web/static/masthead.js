// Name of the product and site, state of the whole path, clock.
import { h, setAttribute, setText } from "./dom.js";
import { live, nowMs, on, streamAgeS } from "./live.js";
import { age } from "./words.js";

const SEVERITY = ["ok", "waiting", "degraded", "failed"];
const SAID = { ok: "all well", waiting: "waiting for values", degraded: "delayed", failed: "not flowing" };

export function mount(root) {
  const site = h("span", { class: "site" });
  const word = h("span", {});
  const chip = h("div", { class: "chip", role: "status" }, h("span", { class: "chip-shape", "aria-hidden": "true" }), word);
  const clock = h("time", { class: "clock" });
  const banner = h("div", { class: "banner", role: "alert", hidden: true });
  root.append(
    h(
      "div",
      { class: "masthead-row" },
      h("span", { class: "mark", "aria-hidden": "true" }),
      h("h1", {}, "Smart factory showroom"),
      site,
      chip,
      clock,
      h("a", { class: "api-link", href: "/docs", title: "Documentation of the HTTP API" }, "API"),
    ),
    banner,
  );

  // Where only a source or an edge agent fails while others deliver, it is not the whole path that stands.
  function saidOf(overall) {
    const ends = live.hops.filter((hop) => /^(source|edge) /.test(hop.name));
    const failed = live.hops.filter((hop) => hop.state === "failed");
    const partly = failed.every((hop) => ends.includes(hop)) && ends.some((hop) => /^source /.test(hop.name) && hop.state === "ok");
    return overall === "failed" && partly ? "partly not flowing" : SAID[overall];
  }

  function show() {
    const { state, cause, frameMs } = live.link;
    const hops = live.hops.map((hop) => SEVERITY.indexOf(hop.state));
    const worst = hops.length ? SEVERITY[Math.max(...hops)] : "waiting";
    const overall = state === "open" ? worst : state === "down" ? "failed" : "waiting";
    setAttribute(chip, "data-state", overall);
    setText(word, state === "down" ? "stream lost" : state === "connecting" ? "connecting" : saidOf(overall));
    setText(site, (live.sites || []).map((entry) => entry.group_id).join(", "));
    banner.hidden = state !== "down";
    if (state === "down") {
      const last = frameMs === null ? "No value has come yet." : `Values shown are ${age(streamAgeS())} old and marked stale.`;
      setText(banner, `No live values: ${cause}. ${last} This page reconnects by itself.`);
    }
  }

  function tick() {
    const now = new Date(nowMs());
    setText(clock, now.toLocaleTimeString("en-GB"));
    setAttribute(clock, "datetime", now.toISOString());
    setAttribute(clock, "title", `${now.toISOString().slice(0, 19)}Z by the gateway's clock`);
    if (live.link.state === "down") show();
  }

  // A font that is needed first when the gateway is gone could not be fetched then, and its text would stay blank.
  for (const weight of [400, 500, 600, 700]) document.fonts.load(`${weight} 14px Roboto`, "A→✕ž").catch(() => {});
  const stops = [on("hops", show), on("link", show), on("tree", show)];
  const timer = setInterval(tick, 1000);
  show();
  tick();
  return () => [clearInterval(timer), ...stops.map((stop) => stop())];
}
