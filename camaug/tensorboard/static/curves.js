/** The figures of the runs over the epochs: small charts, one below the other. A click goes to that epoch. */

import { drawing, element, setText } from "./dom.js";
import { figure } from "./words.js";

const SIZE = { width: 280, height: 84 };
const INSET = { left: 34, right: 8, top: 8, bottom: 8 };

/** Lines are told apart by their dashes as well. */
const DASHES = ["", "6 3", "2 3", "8 3 2 3", "1 4", "12 4", "4 2 1 2"];

/** What the figures are called, in the order in which they stand; others go by their own names and come last. */
const NAMES = {
  drift: "Drift",
  overlap: "Overlap with the look before",
  confidence: "Confidence in the true class",
  object_energy: "Mass in the box",
  object_area: "Share of the image in the box",
  constant_maps: "Share of flat maps",
  centre_bias: "Centre bias",
  class_similarity: "Similarity to another class",
  head_similarity: "Similarity to a random head",
};

export function createCurves(act) {
  const legend = element("ul", { class: "legend", "aria-label": "Series" });
  const charts = element("div", { class: "charts" });
  const node = element(
    "section",
    { class: "curves", "aria-label": "Curves" },
    element("h2", { text: "Curves" }),
    legend,
    charts,
  );
  const existing = new Map();
  return {
    node,
    update(scene) {
      const figures = gather(scene);
      node.hidden = figures.size === 0;
      drawLegend(legend, scene.series);
      for (const [name, chart] of existing) {
        if (figures.has(name)) continue;
        chart.node.remove();
        existing.delete(name);
      }
      for (const [name, lines] of figures) {
        if (!existing.has(name)) existing.set(name, makeChart(name, act));
        updateChart(existing.get(name), lines, scene);
      }
      const nodes = [...figures.keys()].map((name) => existing.get(name).node);
      if (nodes.some((chart, place) => charts.children[place] !== chart)) charts.replaceChildren(...nodes);
    },
  };
}

/** The figures by name without their prefix, each with its lines. */
function gather({ series, answers }) {
  const figures = new Map();
  const drawn = new Set();
  for (const one of series) {
    for (const [tag, points] of Object.entries(answers.get(one.key)?.figures ?? {})) {
      const name = tag.startsWith(`${one.prefix}/`) ? tag.slice(one.prefix.length + 1) : tag;
      const line = `${one.run}\n${tag}\n${JSON.stringify(points)}`;
      if (points.length === 0 || drawn.has(line)) continue; // a run's figure comes with each of its methods
      drawn.add(line);
      if (!figures.has(name)) figures.set(name, []);
      figures.get(name).push({ series: one, points });
    }
  }
  const rank = (name) => (Object.hasOwn(NAMES, name) ? Object.keys(NAMES).indexOf(name) : Infinity);
  return new Map([...figures].sort(([a], [b]) => (rank(a) === rank(b) ? 0 : rank(a) - rank(b))));
}

function drawLegend(legend, series) {
  const key = series.map((one) => one.key).join("\n");
  legend.hidden = series.length < 2;
  if (legend.dataset.key === key) return;
  legend.dataset.key = key;
  legend.replaceChildren(...series.map((one) => element("li", {}, swatch(one), element("span", { text: one.name }))));
}

function swatch({ number }) {
  const line = drawing("line", { x1: 1, x2: 25, y1: 5, y2: 5, "stroke-dasharray": DASHES[number % 7] });
  const attributes = { class: "line-of", "data-series": number % 7, width: 26, height: 10, "aria-hidden": "true" };
  return drawing("svg", attributes, line);
}

function makeChart(name, act) {
  const title = element("span", { class: "title", text: NAMES[name] ?? name });
  const values = element("span", { class: "values" });
  const svg = drawing("svg", { viewBox: `0 0 ${SIZE.width} ${SIZE.height}`, role: "img", preserveAspectRatio: "none" });
  const [low, high] = [element("span", { class: "bound low" }), element("span", { class: "bound high" })];
  const plot = element("div", { class: "plot" }, svg, high, low);
  const node = element("figure", { class: "chart" }, element("figcaption", {}, title, values), plot);
  const chart = { node, values, svg, low, high, title, epochs: [] };
  const go = (event) => {
    const box = svg.getBoundingClientRect();
    act.setEpoch(nearest(chart.epochs, (event.clientX - box.left) / box.width));
  };
  svg.addEventListener("pointerdown", (event) => {
    svg.setPointerCapture(event.pointerId);
    go(event);
  });
  svg.addEventListener("pointermove", (event) => svg.hasPointerCapture(event.pointerId) && go(event));
  return chart;
}

function updateChart(chart, lines, { epochs, epoch }) {
  chart.epochs = epochs;
  const all = lines.flatMap(({ points }) => points.map(([, value]) => value)).filter((value) => value !== null);
  const [low, high] = bounds(all);
  const x = (at) => INSET.left + share(at, epochs) * (SIZE.width - INSET.left - INSET.right);
  const y = (value) => SIZE.height - INSET.bottom - ((value - low) / (high - low)) * (SIZE.height - INSET.top - INSET.bottom);
  const now = lines.map(({ series, points }) => ({ series, value: points.find(([at]) => at === epoch)?.[1] ?? null }));
  setText(chart.low, figure(low));
  setText(chart.high, figure(high));
  chart.values.replaceChildren(
    ...now.map(({ series, value }) => element("span", { "data-series": series.number % 7, text: figure(value) })),
  );
  const said = now.map(({ series, value }) => `${series.name} ${figure(value)}`).join(", ");
  chart.svg.setAttribute("aria-label", `${chart.title.textContent} from ${figure(low)} to ${figure(high)}; now ${said}`);
  chart.svg.replaceChildren(
    drawing("line", { class: "now", x1: x(epoch), x2: x(epoch), y1: 0, y2: SIZE.height }),
    ...lines.map(({ series, points }) => drawLine(series, points, x, y)),
    ...now.filter(({ value }) => value !== null).map(({ series, value }) => dot(series, x(epoch), y(value))),
  );
}

function drawLine({ number }, points, x, y) {
  const known = points.filter(([, value]) => value !== null);
  if (known.length === 1) return dot({ number }, x(known[0][0]), y(known[0][1]));
  const path = known.map(([at, value], i) => `${i === 0 ? "M" : "L"}${x(at).toFixed(1)},${y(value).toFixed(1)}`);
  const attributes = { class: "line-of", "data-series": number % 7, "stroke-dasharray": DASHES[number % 7] };
  return drawing("path", { d: path.join(""), ...attributes });
}

/** A dot that stays round although the chart is stretched: a line of no length with round ends. */
function dot({ number }, x, y) {
  return drawing("path", { class: "dot", "data-series": number % 7, d: `M${x.toFixed(1)},${y.toFixed(1)}h0` });
}

/** From the least to the greatest; shares keep the whole of 0 to 1 where they fill much of it, or do not change. */
function bounds(values) {
  const [least, greatest] = [Math.min(...values), Math.max(...values)];
  const isConstant = least === greatest;
  if (least >= 0 && greatest <= 1 && (isConstant || greatest - least > 0.5)) return [0, 1];
  return isConstant ? [least - 0.5, greatest + 0.5] : [least, greatest];
}

/** Where an epoch lies between the first and the last, 0 to 1. */
function share(epoch, epochs) {
  const [first, last] = [epochs[0], epochs[epochs.length - 1]];
  return last === first ? 0.5 : (epoch - first) / (last - first);
}

function nearest(epochs, at) {
  const distance = (epoch) => Math.abs(share(epoch, epochs) - at);
  return epochs.reduce((best, epoch) => (distance(epoch) < distance(best) ? epoch : best));
}
