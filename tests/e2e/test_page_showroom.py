"""The showroom page in a real browser."""

import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import OpenPage
from tests.servers import Server

pytestmark = pytest.mark.servers

LARGE = (1920, 1080)
PHONE = (390, 844)
Serve = Callable[[str], Server]


def row(page: Page, label: str) -> Any:
    """Row of the table of signals."""
    return page.locator("tr[data-condition]").filter(has=page.get_by_text(label, exact=True)).first


@pytest.mark.parametrize("size", [LARGE, PHONE], ids=["large screen", "phone"])
def test_the_page_shows_moving_values_without_scrolling_sideways(
    serve_plant: Serve, open_page: OpenPage, size: tuple[int, int]
) -> None:
    """Every machine, every signal and every hop is there, and values move by themselves."""
    page = open_page(serve_plant("bottling"), *size)
    expect(page.locator("g.unit")).to_have_count(4)
    expect(page.locator("tr[data-condition='live']")).to_have_count(28)
    expect(page.locator(".hop")).to_have_count(8)
    expect(page.locator("g.unit[data-unit='MIX-10']")).to_contain_text("EXECUTE")
    expect(page.locator("g.unit[data-unit='EL-92']")).to_contain_text("values live")
    values = "[...document.querySelectorAll('tr .amount')].map((node) => node.textContent).join()"
    page.wait_for_function(f"(before) => {values} !== before", arg=page.evaluate(values), timeout=15_000)
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]


def test_every_value_says_whether_it_can_be_believed(serve_plant: Serve, open_page: OpenPage) -> None:
    """Live, uncertain, bad and stale values and their origin are told apart by words, machines by state words."""
    page = open_page(serve_plant("troubled"))
    expect(row(page, "product flow")).to_contain_text("bad")
    expect(row(page, "product flow").locator(".amount")).to_have_text("–")
    expect(row(page, "brix")).to_contain_text("uncertain")
    expect(row(page, "total act power")).to_contain_text("stale")
    expect(row(page, "level")).to_contain_text("live")
    expect(row(page, "level")).to_contain_text("simulated")
    for unit, word, look in (
        ("MIX-10", "SUSPENDED", "wait"),
        ("MONO-30", "HELD", "held"),
        ("CA-90", "ABORTED", "fault"),
    ):
        picture = page.locator(f"g.unit[data-unit='{unit}']")
        expect(picture).to_contain_text(word)
        expect(picture).to_have_attribute("data-look", look)
    expect(page.locator(".chip")).to_contain_text("partly not flowing")
    expect(page.locator(".trouble")).to_contain_text("not connected to the broker")
    expect(page.locator(".trouble")).to_contain_text("start the edge agent meter-edge")


def test_a_lost_stream_makes_every_value_stale_within_three_seconds_and_recovers(
    own_plant: Server, open_page: OpenPage
) -> None:
    """A gateway that hangs leaves no value that looks live; when it goes on, the page does too, untouched."""
    page = open_page(own_plant)
    expect(page.locator("tr[data-condition='live']")).to_have_count(28)
    own_plant.freeze()
    frozen_s = time.monotonic()
    expect(page.locator("tr[data-condition='stale']")).to_have_count(28, timeout=8000)
    stale_after_s = time.monotonic() - frozen_s
    expect(page.locator(".banner")).to_contain_text("gateway")
    expect(page.locator("g.unit[data-unit='MIX-10']")).to_contain_text("STALE")
    own_plant.thaw()
    expect(page.locator("tr[data-condition='live']")).to_have_count(28, timeout=30_000)
    expect(page.locator(".banner")).to_be_hidden()
    assert stale_after_s < 3.3  # three seconds, and what the browser under test needs to be asked


def test_a_restarted_gateway_is_found_again(own_plant: Server, open_page: OpenPage) -> None:
    """After a crash the page comes back by itself."""
    page = open_page(own_plant)
    expect(page.locator("tr[data-condition='live']")).to_have_count(28)
    own_plant.kill()
    expect(page.locator(".banner")).to_contain_text("cannot be reached", timeout=5000)
    for file in own_plant.folder.glob("plant.duckdb*"):
        file.unlink()
    own_plant.start()
    expect(page.locator("tr[data-condition='live']")).to_have_count(28, timeout=30_000)


def test_an_empty_plant_says_why_and_what_to_do(serve_plant: Serve, open_page: OpenPage) -> None:
    """No panel is blank before the first edge agent."""
    page = open_page(serve_plant("empty"))
    expect(page.locator(".panel-line")).to_contain_text("No edge agent has announced itself")
    expect(page.locator(".panel-line")).to_contain_text("python -m edge_agent")
    expect(page.locator(".panel-signals")).to_contain_text("No signal is known yet")
    expect(page.locator(".panel-trends")).to_contain_text("No trend yet")


def test_a_store_that_is_away_is_named_where_history_would_be(serve_plant: Serve, open_page: OpenPage) -> None:
    """Live values go on; the trend shows the store's own words and the remedy."""
    page = open_page(serve_plant("storeless"))
    expect(page.locator(".lane-empty").first).to_contain_text("locked by another process")
    expect(page.locator(".lane-empty").first).to_contain_text("stop the other gateway")
    expect(row(page, "level")).to_contain_text("live")


def test_a_plant_that_nobody_described_is_shown_too(serve_plant: Serve, open_page: OpenPage) -> None:
    """A replayed recording appears under its own names, marked as replayed."""
    page = open_page(serve_plant("replayed"))
    expect(page.locator("g.unit[data-unit='valve1']")).to_contain_text("Volume Flow RateRMS")
    expect(page.locator("g.unit[data-unit='valve1']")).to_contain_text("replayed")
    expect(row(page, "Pressure")).to_contain_text("replayed")


@pytest.mark.parametrize("size", [LARGE, PHONE], ids=["large screen", "phone"])
def test_each_machine_shows_its_health_and_on_what_it_rests(
    serve_plant: Serve, open_page: OpenPage, size: tuple[int, int]
) -> None:
    """Health stands on each machine by shape, word and number; pressed, evidence, life, stop and costs are told."""
    page = open_page(serve_plant("judged"), *size)
    for unit, look, words in (
        ("MIX-10", "watch", "changed0.62"),
        ("MONO-30", "good", "as learnt0.98"),
        ("CA-90", "unknown", "unknown"),
        ("EL-92", "doubt", "check sensor1.00"),
    ):
        health = page.locator(f"g.unit[data-unit='{unit}'] g.health")
        expect(health).to_have_attribute("data-health", look)
        expect(health.locator(".health-word, .health-amount").first).to_be_visible()
        said = "".join(health.locator("text").all_text_contents())
        assert said == words
    expect(page.locator("g.unit")).to_have_count(4)
    panel = page.locator(".panel-knowledge")
    expect(panel).to_contain_text("Learnt from 7.0 days")
    expect(panel).to_contain_text("1 of 4 machines are as learnt")
    expect(panel.locator(".finding")).to_have_count(3)
    expect(panel).to_contain_text("no values since 2026-11-22 07:10 UTC")
    health = page.locator("g.unit[data-unit='MIX-10'] g.health")
    health.focus()
    page.keyboard.press("Enter")
    facts = panel.locator(".finding[data-unit='MIX-10'] .finding-facts")
    for words in (
        "12.4 times its limit",
        "against: suction pressure as learnt",
        "bearing outer race, 91 %",
        "or strainer blocked, 6 %",
        "90 % between",
        "envelope spectrum at two speeds",
        "% chance of failure",
        "assumed: an hour of standstill costs 900 EUR",
    ):
        expect(facts).to_contain_text(words)
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    panel.locator(".finding[data-unit='MIX-10'] button").click()
    expect(facts).to_have_count(0)


def test_learning_and_absent_analytics_say_so(serve_plant: Serve, open_page: OpenPage) -> None:
    """While it learns the page says from how much; where there is none, what it would show and how to start it."""
    page = open_page(serve_plant("learning"))
    expect(page.locator(".known-state")).to_contain_text("Learning, 12.0 of 30 days: 3 of 9 parts are imported.")
    expect(page.locator("g.unit[data-unit='MIX-10'] g.health")).to_have_attribute("data-health", "learning")
    absent = open_page(serve_plant("bottling"))
    expect(absent.locator(".panel-knowledge")).to_contain_text("Analytics does not run")
    expect(absent.locator("g.health")).to_have_count(0)


def test_trends_are_chosen_by_mouse_and_by_keyboard(serve_plant: Serve, open_page: OpenPage) -> None:
    """A value of the picture and a name of the table both add and remove a trend; the choice survives a reload."""
    page = open_page(serve_plant("bottling"))
    expect(page.locator("figure.lane")).to_have_count(4)
    page.locator("g.value-row").filter(has_text="brix").click()
    expect(page.locator("figure.lane")).to_have_count(5)
    name = row(page, "brix").locator("button")
    expect(name).to_have_attribute("aria-pressed", "true")
    name.focus()
    page.keyboard.press("Enter")
    expect(page.locator("figure.lane")).to_have_count(4)
    page.locator("figure.lane").first.get_by_role("button").click()
    expect(page.locator("figure.lane")).to_have_count(3)
    page.get_by_role("button", name="1 h", exact=True).click()
    page.reload()
    expect(page.locator("figure.lane")).to_have_count(3)


def test_a_trend_draws_its_history(serve_plant: Serve, open_page: OpenPage) -> None:
    """The curve spans the window: ink in the first tenth and in the last tenth of the lane."""
    page = open_page(serve_plant("bottling"))
    page.wait_for_function(
        """() => {
          const canvas = document.querySelector(".lane-canvas");
          if (!canvas || !canvas.width) return false;
          const context = canvas.getContext("2d");
          const isBlue = (x, width) => {
            const { data } = context.getImageData(x, 0, width, canvas.height);
            for (let i = 0; i < data.length; i += 4) if (data[i + 2] > data[i] + 60) return true;
            return false;
          };
          const [left, span] = [60, canvas.width - 70];
          return isBlue(left, Math.floor(span / 10)) && isBlue(left + Math.floor(span * 0.9), Math.floor(span / 10));
        }""",
        timeout=15_000,
    )


def test_names_of_meters_and_causes_of_gaps_are_words(serve_plant: Serve, open_page: OpenPage) -> None:
    """Short forms of devices and of gap records are spelt out, and a zero has no invented decimals."""
    page = open_page(serve_plant("bottling"))
    said = page.evaluate(
        """async () => {
          const place = document.querySelector("link[href*='showroom.css']").href.replace("showroom.css", "words.js");
          const { causeWords, number, signalLabel } = await import(place);
          const name = (metric, unit) => signalLabel({ metric, unit });
          return [
            name("em_0_total_act_power_w", "W"), name("em_0_a_aprt_power_va", "VA"), name("em_1_b_pf", ""),
            name("product_flow_l_h", "L/h"), causeWords("edge_down"), causeWords("some_other"),
            number(0, { datatype: "double", low: null, high: null }),
            number(0, { datatype: "double", low: 0, high: 5 }),
          ];
        }"""
    )
    assert said == [
        "total active power", "phase A apparent power", "meter 1 phase B power factor", "product flow",
        "edge agent was off", "some other", "0", "0.00",
    ]  # fmt: skip


def test_search_narrows_the_table(serve_plant: Serve, open_page: OpenPage) -> None:
    """Words match machine, signal and description; no match says so."""
    page = open_page(serve_plant("bottling"))
    search = page.get_by_role("searchbox", name="Search signals")
    search.fill("mix pressure")
    expect(page.locator("tr[data-condition]:visible")).to_have_count(2)
    search.fill("nonsense")
    expect(page.locator(".panel-signals")).to_contain_text("No signal matches")


@pytest.mark.parametrize("size", [LARGE, PHONE], ids=["large screen", "phone"])
@pytest.mark.parametrize("scenario", ["bottling", "troubled", "judged", "learning", "empty"])
def test_text_has_enough_contrast(
    serve_plant: Serve, open_page: OpenPage, scenario: str, size: tuple[int, int]
) -> None:
    """At least 4.5:1 between every text and what lies behind it (WCAG 2.2, 1.4.3), in good and in bad times."""
    page = open_page(serve_plant(scenario), *size)
    page.wait_for_selector(".hop")
    assert page.evaluate(_LOW_CONTRAST) == []


def test_everything_that_can_be_pressed_is_reached_by_keyboard_and_named(
    serve_plant: Serve, open_page: OpenPage
) -> None:
    """Every button and link has a name; Tab comes from the first to the table."""
    page = open_page(serve_plant("bottling"))
    expect(page.locator("tr[data-condition='live']")).to_have_count(28)
    nameless = page.evaluate(
        """() => [...document.querySelectorAll("button, a, input, [role=button]")]
          .filter((node) => !(node.textContent.trim() || node.getAttribute("aria-label")))
          .map((node) => node.outerHTML)"""
    )
    assert nameless == []
    reached = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.className.baseVal ?? document.activeElement.className"))
    assert {"api-link", "value-row", "signal-name"} <= reached
    assert re.match("en", page.evaluate("document.documentElement.lang"))


# Contrast of text as WCAG 2.2 defines it; what lies behind is the nearest opaque ancestor, or the shape under SVG text.
_LOW_CONTRAST = """() => {
  const parse = (text) => (text.match(/[\\d.]+/g) || [0, 0, 0, 0]).map(Number);
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const opaque = (color) => color && color !== "none" && parse(color).length >= 3 && (parse(color)[3] ?? 1) > 0.9;
  const behind = (node) => {
    if (node instanceof SVGElement) {
      const box = node.getBoundingClientRect();
      const at = [box.x + box.width / 2, box.y + box.height / 2];
      for (let group = node.parentNode; group instanceof SVGElement; group = group.parentNode)
        for (const rect of [...group.children].filter((child) => child.tagName === "rect").reverse()) {
          const r = rect.getBoundingClientRect();
          const fill = getComputedStyle(rect).fill;
          const inside = at[0] >= r.left && at[0] <= r.right && at[1] >= r.top && at[1] <= r.bottom;
          if (inside && opaque(fill)) return parse(fill);
        }
    }
    for (let up = node; up; up = up.parentElement) {
      const color = getComputedStyle(up).backgroundColor;
      if (opaque(color)) return parse(color);
    }
    return [255, 255, 255];
  };
  const found = [];
  for (const node of document.querySelectorAll("body *")) {
    const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim());
    const style = getComputedStyle(node);
    if (!own || !node.getClientRects().length || style.visibility === "hidden" || style.opacity === "0") continue;
    const ink = parse(node instanceof SVGElement ? style.fill : style.color);
    const [a, b] = [light(ink), light(behind(node))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const name = node.className?.baseVal ?? node.className;
    if (ratio < 4.5) found.push(`${ratio.toFixed(2)} ${name} ${node.textContent.slice(0, 40)}`);
  }
  return found;
}"""
