/** Chart of one metric over the epochs, with a line for each series. A click selects the epoch. */

import { element, setText, svgElement } from "./dom.js";
import { decimal } from "./format.js";

const SIZE = { width: 280, height: 84 };
const INSET = { left: 34, right: 8, top: 8, bottom: 8 };

/** Dash patterns, so that lines can be distinguished without their colours. */
const DASHES = ["", "6 3", "2 3", "8 3 2 3", "1 4", "12 4", "4 2 1 2"];

/**
 * Create a chart. Its `update` takes the lines, each with its series and points `[epoch, value]`.
 *
 * @param {string} title
 * @param {object} actions
 */
export function createMetricChart(title, actions) {
  const values = element("span", { class: "values" });
  const viewBox = `0 0 ${SIZE.width} ${SIZE.height}`;
  const svg = svgElement("svg", { viewBox, role: "img", preserveAspectRatio: "none" });
  const [lowLabel, highLabel] = [element("span", { class: "bound low" }), element("span", { class: "bound high" })];
  const caption = element("figcaption", {}, element("span", { class: "title", text: title }), values);
  const plot = element("div", { class: "plot" }, svg, highLabel, lowLabel);
  const node = element("figure", { class: "chart" }, caption, plot);
  let shownEpochs = [];
  const selectEpoch = (event) => {
    const box = svg.getBoundingClientRect();
    actions.setEpoch(nearestEpoch(shownEpochs, (event.clientX - box.left) / box.width));
  };
  svg.addEventListener("pointerdown", (event) => {
    svg.setPointerCapture(event.pointerId);
    selectEpoch(event);
  });
  svg.addEventListener("pointermove", (event) => svg.hasPointerCapture(event.pointerId) && selectEpoch(event));

  return {
    node,
    update(lines, { epochs, epoch }) {
      shownEpochs = epochs;
      const [low, high] = axisBounds(lines.flatMap(({ points }) => points.map(([, value]) => value)));
      const current = lines.map(({ series, points }) => ({ series, value: valueAtEpoch(points, epoch) }));
      setText(lowLabel, decimal(low));
      setText(highLabel, decimal(high));
      values.replaceChildren(
        ...current.map(({ series, value }) => element("span", { ...seriesAttributes(series), text: decimal(value) })),
      );
      const currentText = current.map(({ series, value }) => `${series.name} ${decimal(value)}`).join(", ");
      svg.setAttribute("aria-label", `${title} from ${decimal(low)} to ${decimal(high)}; now ${currentText}`);
      svg.replaceChildren(...drawLines(lines, current, epochs, epoch, [low, high]));
    },
  };
}

/** Create a short sample of a series' line for the legend. */
export function createLineSample(series) {
  const line = svgElement("line", { x1: 1, x2: 25, y1: 5, y2: 5, "stroke-dasharray": dashes(series) });
  const attributes = { class: "series-curve", width: 26, height: 10, "aria-hidden": "true" };
  return svgElement("svg", { ...attributes, ...seriesAttributes(series) }, line);
}

function drawLines(lines, current, epochs, epoch, [low, high]) {
  const [plotWidth, plotHeight] = [SIZE.width - INSET.left - INSET.right, SIZE.height - INSET.top - INSET.bottom];
  const x = (at) => (INSET.left + epochFraction(at, epochs) * plotWidth).toFixed(1);
  const y = (value) => (SIZE.height - INSET.bottom - ((value - low) / (high - low)) * plotHeight).toFixed(1);
  const currentDots = current.filter(({ value }) => value !== null);
  return [
    svgElement("line", { class: "current-epoch", x1: x(epoch), x2: x(epoch), y1: 0, y2: SIZE.height }),
    ...lines.map(({ series, points }) => createCurve(series, points, x, y)),
    ...currentDots.map(({ series, value }) => createDot(series, x(epoch), y(value))),
  ];
}

function createCurve(series, points, x, y) {
  if (points.length === 1) return createDot(series, x(points[0][0]), y(points[0][1]));
  const path = points.map(([epoch, value], i) => `${i === 0 ? "M" : "L"}${x(epoch)},${y(value)}`).join("");
  const attributes = { "stroke-dasharray": dashes(series), ...seriesAttributes(series) };
  return svgElement("path", { class: "series-curve", d: path, ...attributes });
}

/** Create a dot that stays round although the chart is stretched: a line of length zero with round ends. */
function createDot(series, x, y) {
  return svgElement("path", { class: "dot", d: `M${x},${y}h0`, ...seriesAttributes(series) });
}

function seriesAttributes({ number }) {
  return { "data-series": number % DASHES.length };
}

function dashes({ number }) {
  return DASHES[number % DASHES.length];
}

function valueAtEpoch(points, epoch) {
  return points.find(([pointEpoch]) => pointEpoch === epoch)?.[1] ?? null;
}

/** Return the extent of the values; fractions that are constant or fill more than half of 0 to 1 get 0 to 1. */
function axisBounds(values) {
  const [lowest, highest] = [Math.min(...values), Math.max(...values)];
  const isConstant = lowest === highest;
  if (lowest >= 0 && highest <= 1 && (isConstant || highest - lowest > 0.5)) return [0, 1];
  return isConstant ? [lowest - 0.5, highest + 0.5] : [lowest, highest];
}

/** Return an epoch's position between the first and the last, 0 to 1. */
function epochFraction(epoch, epochs) {
  const [first, last] = [epochs[0], epochs[epochs.length - 1]];
  return last === first ? 0.5 : (epoch - first) / (last - first);
}

function nearestEpoch(epochs, fraction) {
  const distance = (epoch) => Math.abs(epochFraction(epoch, epochs) - fraction);
  return epochs.reduce((best, epoch) => (distance(epoch) < distance(best) ? epoch : best));
}
