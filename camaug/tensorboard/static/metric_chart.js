/** Chart of one metric over the snapshots, with a line for each series. A click selects a snapshot. */

import { element, setAttribute, setText, svgElement } from "./dom.js";
import { decimal } from "./format.js";
import { positionName, snapshotAt } from "./snapshot_axis.js";

const SIZE = { width: 280, height: 84 };
const INSET = { left: 34, right: 8, top: 8, bottom: 8 };
const PLOT_WIDTH = SIZE.width - INSET.left - INSET.right;
const PLOT_HEIGHT = SIZE.height - INSET.top - INSET.bottom;

/** A chart is a slider of the snapshot: by pointer here, by the arrow keys as everywhere on the page. */
const SLIDER = { role: "slider", tabindex: 0, "aria-orientation": "horizontal", "aria-valuemin": 1 };

/** Dash patterns, so that lines can be distinguished without their colours. */
const DASHES = ["", "6 3", "2 3", "8 3 2 3", "1 4", "12 4", "4 2 1 2"];

/**
 * Create a chart. Its `update` takes the lines, each with its series and points by ascending position.
 *
 * @typedef {{series: Series, points: {position: number, value: number}[]}} MetricLine
 *
 * @param {string} title
 * @param {object} actions
 */
export function createMetricChart(title, actions) {
  const values = element("span", { class: "values" });
  const viewBox = `0 0 ${SIZE.width} ${SIZE.height}`;
  const svg = svgElement("svg", { viewBox, ...SLIDER, preserveAspectRatio: "none" });
  const [lowLabel, highLabel] = [element("span", { class: "bound low" }), element("span", { class: "bound high" })];
  const caption = element("figcaption", {}, element("span", { class: "title", text: title }), values);
  const plot = element("div", { class: "plot" }, svg, highLabel, lowLabel);
  const node = element("figure", { class: "chart" }, caption, plot);
  let positions = [];
  const selectPosition = (event) => {
    const box = svg.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * SIZE.width;
    actions.setPosition(nearestPosition(positions, (x - INSET.left) / PLOT_WIDTH));
  };
  svg.addEventListener("pointerdown", (event) => {
    svg.setPointerCapture(event.pointerId);
    selectPosition(event);
  });
  svg.addEventListener("pointermove", (event) => svg.hasPointerCapture(event.pointerId) && selectPosition(event));

  return {
    node,
    update(lines, { axis, position }) {
      positions = axis.positions;
      const [low, high] = axisBounds(lines.flatMap(({ points }) => points.map(({ value }) => value)));
      const current = lines.map(({ series, points }) => ({ series, point: snapshotAt(points, position) }));
      setText(lowLabel, decimal(low));
      setText(highLabel, decimal(high));
      values.replaceChildren(
        ...current.map(({ series, point }) => element("span", { ...seriesAttributes(series), text: valueText(point) })),
      );
      const currentText = current.map(({ series, point }) => `${series.name} ${valueText(point)}`).join(", ");
      const range = `from ${decimal(low)} to ${decimal(high)}`;
      setAttribute(svg, "aria-label", `${title} ${range}`);
      setAttribute(svg, "aria-valuemax", positions.length);
      setAttribute(svg, "aria-valuenow", positions.indexOf(position) + 1);
      setAttribute(svg, "aria-valuetext", `${positionName(axis, position)}: ${currentText}`);
      svg.replaceChildren(...drawLines(lines, current, positions, position, [low, high]));
    },
  };
}

/** Create a short sample of a series' line for the legend. */
export function createLineSample(series) {
  const line = svgElement("line", { x1: 1, x2: 25, y1: 5, y2: 5, "stroke-dasharray": dashes(series) });
  const attributes = { class: "series-curve", width: 26, height: 10, "aria-hidden": "true" };
  return svgElement("svg", { ...attributes, ...seriesAttributes(series) }, line);
}

function drawLines(lines, current, positions, position, [low, high]) {
  const x = (at) => (INSET.left + positionFraction(at, positions) * PLOT_WIDTH).toFixed(1);
  const y = (value) => (SIZE.height - INSET.bottom - ((value - low) / (high - low)) * PLOT_HEIGHT).toFixed(1);
  const currentDots = current.filter(({ point }) => point !== null);
  return [
    svgElement("line", { class: "current-position", x1: x(position), x2: x(position), y1: 0, y2: SIZE.height }),
    ...lines.map(({ series, points }) => createCurve(series, points, x, y)),
    ...currentDots.map(({ series, point }) => createDot(series, x(point.position), y(point.value))),
  ];
}

function createCurve(series, points, x, y) {
  if (points.length === 1) return createDot(series, x(points[0].position), y(points[0].value));
  const path = points.map(({ position, value }, i) => `${i === 0 ? "M" : "L"}${x(position)},${y(value)}`).join("");
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

function valueText(point) {
  return decimal(point?.value);
}

/** Return the extent of the values; fractions that are constant or fill more than half of 0 to 1 get 0 to 1. */
function axisBounds(values) {
  const [lowest, highest] = [Math.min(...values), Math.max(...values)];
  const isConstant = lowest === highest;
  if (lowest >= 0 && highest <= 1 && (isConstant || highest - lowest > 0.5)) return [0, 1];
  return isConstant ? [lowest - 0.5, highest + 0.5] : [lowest, highest];
}

/** Return where a position is between the first and the last, 0 to 1. */
function positionFraction(position, positions) {
  const [first, last] = [positions[0], positions[positions.length - 1]];
  return last === first ? 0.5 : (position - first) / (last - first);
}

function nearestPosition(positions, fraction) {
  const distance = (position) => Math.abs(positionFraction(position, positions) - fraction);
  return positions.reduce((best, position) => (distance(position) < distance(best) ? position : best));
}
