/** Charts of all metrics over the snapshots, one below another. */

import { element, setText } from "./dom.js";
import { createLineSample, createMetricChart } from "./metric_chart.js";
import { positionLabel } from "./snapshot_axis.js";

/** Titles of the known metrics, in display order. Other metrics follow under their own names. */
const TITLES = {
  drift: "Drift",
  overlap: "IoU with the previous snapshot",
  confidence: "True-class confidence",
  object_energy: "Energy inside the object",
  object_area: "Area of the object",
  constant_maps: "Share of constant maps",
  centre_bias: "Centre bias",
  position_bias: "Position bias",
  class_similarity: "Similarity to the runner-up class",
  head_similarity: "Similarity to a random head",
};

export function createMetricCharts(actions) {
  const legend = element("ul", { class: "legend", "aria-label": "Series" });
  const list = element("div", { class: "charts" });
  const heading = element("h2", { text: "Metrics" });
  const scale = element("p", { class: "secondary" });
  const node = element("section", { class: "metrics", "aria-label": "Metrics" }, heading, scale, legend, list);
  const charts = new Map(); // by metric
  let linesOfMetrics = new Map();
  let shownRows = null;
  return {
    node,
    update(viewModel) {
      if (viewModel.allRows !== shownRows) linesOfMetrics = collectLines(viewModel); // there is new data
      shownRows = viewModel.allRows;
      node.hidden = linesOfMetrics.size === 0;
      setText(scale, describeScale(viewModel.axis));
      updateLegend(legend, viewModel.series);
      for (const name of charts.keys()) if (!linesOfMetrics.has(name)) charts.delete(name);
      for (const [name, lines] of linesOfMetrics) {
        if (!charts.has(name)) charts.set(name, createMetricChart(TITLES[name] ?? name, actions));
        charts.get(name).update(lines, viewModel);
      }
      const nodes = [...linesOfMetrics.keys()].map((name) => charts.get(name).node);
      const shown = [...list.children];
      const isUnchanged = nodes.length === shown.length && nodes.every((chart, i) => chart === shown[i]);
      if (!isUnchanged) list.replaceChildren(...nodes);
    },
  };
}

/**
 * Collect the lines of each metric, in display order, named without the series' prefix.
 *
 * @returns {Map<string, MetricLine[]>}
 */
function collectLines({ series, responses, axis, choices }) {
  const prefixes = new Set(choices.methods.map((method) => method.split("/")[0]));
  const linesOfMetrics = new Map();
  const collected = new Set();
  for (const one of series) {
    const response = responses.get(one.key);
    if (!response) continue;
    const positionOf = new Map(axis.snapshotsOf.get(one.key).map(({ step, position }) => [step, position]));
    for (const [tag, values] of Object.entries(response.metrics)) {
      const [prefix] = tag.split("/");
      if (prefix !== one.prefix && prefixes.has(prefix)) continue; // of another logger, whose own series has it
      const name = tag.startsWith(`${one.prefix}/`) ? tag.slice(one.prefix.length + 1) : tag;
      const key = `${one.run}\n${tag}\n${JSON.stringify(values)}`;
      if (collected.has(key)) continue; // each method of a run repeats the run's metrics
      collected.add(key);
      if (!linesOfMetrics.has(name)) linesOfMetrics.set(name, []);
      const points = values.map(([step, value]) => ({ position: positionOf.get(step), value }));
      linesOfMetrics.get(name).push({ series: one, points });
    }
  }
  const order = Object.keys(TITLES);
  const rank = (name) => (order.includes(name) ? order.indexOf(name) : order.length);
  return new Map([...linesOfMetrics].sort(([a], [b]) => rank(a) - rank(b)));
}

function describeScale(axis) {
  const [first, last] = [axis.positions[0], axis.positions.at(-1)].map((position) => positionLabel(axis, position));
  return `By ${axis.unit}, ${first}–${last}. Each chart has its own vertical scale.`;
}

function updateLegend(legend, series) {
  const key = series.map((one) => one.key).join("\n");
  legend.hidden = series.length < 2;
  if (legend.dataset.key === key) return;
  legend.dataset.key = key;
  const createItem = (one) => element("li", {}, createLineSample(one), element("span", { text: one.name }));
  legend.replaceChildren(...series.map(createItem));
}
