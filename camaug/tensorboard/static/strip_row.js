/** A row of the film strip: label and thumbnail of the image, then one line of cells for each series. */

import { contextOf, drawImage } from "./canvas.js";
import { element, setAttribute, setText } from "./dom.js";
import { className, correctness, correctnessSymbol, describeCell, describePrediction, percent } from "./format.js";
import { heatmapClassName, shownClass } from "./heatmap_class.js";
import { positionLabel, positionName, snapshotName, storedSnapshot } from "./snapshot_axis.js";
import { drawCells, visibleSnapshots } from "./strip_cells.js";

const SERIES_COLOURS = 7;
const THUMBNAIL_SIDE = 56; // CSS pixels

export function createImageRow(series, actions) {
  const thumbnail = element("canvas", { class: "thumbnail", "aria-hidden": "true" });
  const name = element("button", { type: "button", class: "class-name" });
  const index = element("div", { class: "secondary" });
  const names = element("div", { class: "image-names", role: "rowheader" }, name, index);
  const label = element("div", { class: "image-label", role: "row" }, thumbnail, names);
  const lines = series.map((one) => createSeriesLine(one, series.length > 1, actions));
  const body = element("div", { class: "series-lines", role: "presentation" }, ...lines.map((line) => line.node));
  const node = element("div", { class: "image-row", role: "rowgroup" }, label, body);
  return { node, label, thumbnail, name, index, lines, seriesKeys: joinKeys(series) };
}

/** Return true if a row was created for the same series. */
export function hasSameSeries(rowElement, series) {
  return rowElement.seriesKeys === joinKeys(series);
}

/**
 * Update a row's elements.
 *
 * @param {object} rowElement  as returned by `createImageRow`
 * @param {{viewModel: ViewModel, layout: StripLayout, row: ImageRow, rowIndex: number, columns: {first: number,
 *   end: number}, actions: object}} context
 */
export function updateImageRow(rowElement, context) {
  const { viewModel, layout, row, rowIndex, actions } = context;
  const { node, label, thumbnail, name, index, lines } = rowElement;
  Object.assign(rowElement, { row, rowIndex });
  node.style.transform = `translateY(${layout.headerHeight + rowIndex * layout.rowPitch}px)`;
  node.style.height = `${layout.rowPitch}px`;
  setAttribute(node, "data-current", viewModel.cursor?.row.key === row.key);
  setText(name, row.className);
  setAttribute(label, "aria-rowindex", firstLine(rowIndex, viewModel));
  setAttribute(name, "title", row.className);
  setAttribute(name, "aria-label", `${row.className}, image ${row.id}: details`);
  setAttribute(name, "tabindex", viewModel.cursor?.row.key === row.key ? 0 : -1);
  setText(index, `image ${row.id}`);
  label.onclick = () => actions.setState({ row: row.key, page: "details" });
  drawThumbnail(thumbnail, actions.image(row.histories.find(Boolean)));
  lines.forEach((line, number) => updateSeriesLine(line, row.histories[number], viewModel.series[number], context));
}

/** Return the index of an image's first row in the grid, counted from 1: its name, then its series. */
function firstLine(rowIndex, { series }) {
  return rowIndex * (series.length + 1) + 2;
}

function joinKeys(series) {
  return series.map(({ key }) => key).join("\n");
}

function createSeriesLine(series, hasSeveralSeries, actions) {
  const title = element("span", { class: "series-name", text: series.name, title: series.name });
  const shown = element("span", { class: "shown-snapshot" });
  const titleLine = element("div", { class: "series-title" }, title, shown);
  const symbol = element("span", { class: "symbol", "aria-hidden": "true" });
  const prediction = element("span", { class: "prediction" });
  const drift = element("div", { class: "secondary" });
  const predictionLine = element("div", { class: "prediction-line" }, symbol, prediction);
  const parts = hasSeveralSeries ? [titleLine, predictionLine] : [predictionLine, drift];
  const headerAttributes = { class: "line-header", role: "rowheader", "data-series": series.number % SERIES_COLOURS };
  const header = element("div", headerAttributes, ...parts);
  const canvas = element("canvas", { "aria-hidden": "true" });
  const error = element("button", { type: "button", class: "load-error", hidden: true, on: { click: actions.retry } });
  const node = element("div", { class: "series-line", role: "row" }, header, canvas, error);
  return {
    node, header, shown, symbol, prediction, drift, canvas, error, cells: [], firstColumn: 0, drawn: null,
  };
}

function drawThumbnail(canvas, image) {
  const side = Math.round(THUMBNAIL_SIDE * window.devicePixelRatio);
  const drawnKey = image ? `${image.src} ${side}` : "";
  if (canvas.dataset.drawnKey === drawnKey) return;
  canvas.dataset.drawnKey = drawnKey;
  canvas.width = canvas.height = side;
  drawImage(contextOf(canvas), { x: 0, y: 0, side }, image);
}

function updateSeriesLine(line, history, series, context) {
  const { viewModel, layout, rowIndex, row, columns, actions } = context;
  const snapshot = history?.snapshotAt(viewModel.position) ?? null;
  const prediction = history?.predictionOf(snapshot) ?? null;
  line.node.style.height = `${layout.seriesPitch}px`;
  setAttribute(line.node, "aria-rowindex", firstLine(rowIndex, viewModel) + 1 + series.number);
  setAttribute(line.header, "aria-label", `${row.className}, image ${row.id}, ${series.name}`);
  setAttribute(line.header, "data-correctness", prediction ? correctness(prediction) : null);
  const isOfPosition = snapshot === null || snapshot.position === viewModel.position;
  setText(line.shown, isOfPosition ? "" : `at ${positionLabel(viewModel.axis, snapshot.position)}`);
  setText(line.symbol, prediction ? correctnessSymbol(prediction) : "");
  setText(line.prediction, prediction ? `${prediction.predictedName} ${percent(prediction.confidence)}` : "not logged");
  const description = prediction && `${describePrediction(prediction)}; ${snapshotName(viewModel.axis, snapshot)}`;
  setAttribute(line.prediction, "title", description);
  setText(line.drift, prediction && prediction.drift !== null ? `drift ${prediction.drift.toFixed(2)}` : "");
  const snapshots = visibleSnapshots(history, viewModel.axis, columns);
  setText(line.error, (history && actions.loadError(history, snapshots.filter(Boolean))) ?? "");
  line.error.hidden = line.error.textContent === "";
  line.header.onclick = () => history && actions.setState({ row: row.key, series: series.key, page: "details" });
  updateCells(line, history, series, snapshots, context);
  drawCells(line, history, snapshots, context);
}

function updateCells(line, history, series, snapshots, context) {
  const { viewModel, layout, row, columns, actions } = context;
  placeCells(line, columns);
  const { axis, cursor } = viewModel;
  const seriesName = viewModel.series.length > 1 ? series.name : "";
  const isCursorLine = cursor?.row.key === row.key && cursor.series.key === series.key;
  line.cells.forEach((cell, i) => {
    const column = columns.first + i;
    const position = axis.positions[column];
    const snapshot = snapshots[i];
    const prediction = history?.predictionOf(snapshot) ?? null;
    const isCurrent = isCursorLine && position === viewModel.position;
    const { heatmapClass } = viewModel.state;
    const content = [row, axis, seriesName, column, prediction, isCurrent, heatmapClass, layout.cell, layout.labelWidth];
    if (cell.content?.every((value, k) => value === content[k])) return;
    cell.content = content;
    const name = snapshot ? snapshotName(axis, snapshot) : positionName(axis, position);
    const description = describeCell(row, seriesName, name, prediction, describeShown(viewModel, history, prediction));
    const { node } = cell;
    node.style.transform = `translateX(${layout.labelWidth + column * layout.columnPitch}px)`;
    node.style.width = node.style.height = `${layout.cell}px`;
    setAttribute(node, "aria-colindex", column + 2);
    setAttribute(node, "aria-label", description);
    setAttribute(node, "title", description);
    setAttribute(node, "aria-selected", String(isCurrent));
    setAttribute(node, "tabindex", isCurrent ? 0 : -1);
    setAttribute(node, "data-not-logged", prediction === null);
    setAttribute(node, "data-position", position);
    const selection = { snapshot: storedSnapshot(axis, position), row: row.key, series: series.key };
    node.onclick = () => prediction && actions.setState({ ...selection, page: "details" });
  });
}

/** Return which class's heatmap a cell shows, unless it is the predicted one's: `; heatmap of bee (label 2)`. */
function describeShown({ state, responses }, history, prediction) {
  const { heatmapClass } = state;
  if (prediction === null || heatmapClass === "predicted") return "";
  const label = shownClass(heatmapClass, history.labels, prediction);
  const role = heatmapClassName(heatmapClass, history.labels.length > 1).toLowerCase();
  if (label === null) return `; no ${role}`;
  return `; heatmap of ${className(responses.get(history.series.key)?.classes, label)} (${role})`;
}

/**
 * Let the line have a cell for each visible column, in this order. A cell keeps its column while the strip scrolls, and
 * those that leave the view are used for the columns that enter it.
 */
function placeCells(line, { first, end }) {
  const { cells } = line;
  const spare = [];
  for (; cells.length > 0 && line.firstColumn < first; line.firstColumn++) spare.push(cells.shift());
  while (cells.length > 0 && line.firstColumn + cells.length > end) spare.push(cells.pop());
  if (cells.length === 0) line.firstColumn = Math.min(first, end);
  const takeCell = () => spare.pop() ?? { node: element("div", { class: "cell", role: "gridcell" }), content: null };
  for (; line.firstColumn > first; line.firstColumn--) {
    const cell = takeCell();
    line.node.insertBefore(cell.node, cells[0]?.node ?? null);
    cells.unshift(cell);
  }
  while (cells.length < end - first) {
    const cell = takeCell();
    line.node.append(cell.node);
    cells.push(cell);
  }
  for (const { node } of spare) node.remove();
}
