/** Drawing of a film strip's cells: all visible cells of a series line on one canvas. */

import { contextOf, drawOverlay, moveContent } from "./canvas.js";
import { shownMap } from "./heatmap_class.js";

/**
 * Draw the visible cells of a line that have changed. The others keep their pixels, which move while the strip scrolls.
 *
 * @param {object} line  as `createSeriesLine` returns it; `drawn` is what its canvas shows
 * @param {ImageHistory|null} history
 * @param {(Snapshot|null)[]} snapshots  one for each visible column
 * @param {object} context  as in `updateImageRow`
 */
export function drawCells(line, history, snapshots, { viewModel, layout, columns, actions }) {
  const { state, heatmapStyle } = viewModel;
  const scale = window.devicePixelRatio;
  const cell = Math.round(layout.cell * scale);
  const leftOf = (column) => Math.round(column * layout.columnPitch * scale);
  const image = actions.image(history);
  const style = [state.colormap, state.opacity, state.threshold, state.heatmapClass, state.display];
  const key = JSON.stringify([history?.series.key, history?.id, image?.src, cell, layout.columnPitch, scale, style]);
  const left = leftOf(columns.first);
  const width = Math.max(1, leftOf(columns.end) - left);
  const previous = line.drawn?.key === key ? line.drawn : null;
  line.drawn = { key, left, width, contents: new Map() };
  placeCanvas(line.canvas, previous, line.drawn, cell, layout.labelWidth, scale);
  const context = contextOf(line.canvas);
  snapshots.forEach((snapshot, i) => {
    const column = columns.first + i;
    const prediction = history?.predictionOf(snapshot) ?? null;
    const maps = prediction && actions.maps(history, snapshot);
    line.drawn.contents.set(column, { prediction, maps });
    const old = previous?.contents.get(column);
    if (old && old.prediction === prediction && old.maps === maps) return;
    const square = { x: leftOf(column) - left, y: 0, side: cell };
    context.clearRect(square.x, 0, cell, cell);
    if (!prediction) return;
    if (maps) {
      const map = shownMap(maps, state.heatmapClass, history, prediction);
      drawOverlay(context, square, image, map, heatmapStyle);
      drawBadges(context, square, prediction, scale);
    } else drawPlaceholder(context, square);
  });
}

/** Return an image's snapshot in each visible column, or null; all null without a history. */
export function visibleSnapshots(history, { positions }, { first, end }) {
  return positions.slice(first, end).map((position) => history?.exactSnapshot(position) ?? null);
}

/** Set position and size of a line's canvas, and move what it shows of other columns. */
function placeCanvas(canvas, previous, { left, width }, height, labelWidth, scale) {
  canvas.style.left = `${labelWidth + left / scale}px`;
  if (previous?.left === left && previous.width === width) return;
  if (previous) moveContent(canvas, width, height, previous.left - left);
  else [canvas.width, canvas.height] = [width, height];
  canvas.style.width = `${width / scale}px`;
  canvas.style.height = `${height / scale}px`;
}

/** Draw a pale square where a heatmap is not loaded yet. */
function drawPlaceholder(context, { x, y, side }) {
  context.fillStyle = "rgba(128, 128, 128, 0.12)";
  context.fillRect(x, y, side, side);
}

/** Draw a cross in the right corner of a wrong prediction, and a triangle in the left corner for a warning. */
function drawBadges(context, { x, y, side }, prediction, scale) {
  const size = Math.max(11, Math.min(16, side / scale / 4)) * scale;
  context.lineWidth = 1.6 * scale;
  context.lineCap = context.lineJoin = "round";
  if (prediction.isCorrect === false) {
    context.fillStyle = "#b3261e";
    context.fillRect(x + side - size, y, size, size);
    drawCross(context, x + side - size / 2, y + size / 2, size * 0.22);
  }
  if (prediction.warning) {
    context.fillStyle = "#ffd54f";
    drawTriangle(context, x + size * 0.65, y + size * 0.62, size * 0.5);
  }
}

function drawCross(context, x, y, radius) {
  context.strokeStyle = "#ffffff";
  context.beginPath();
  context.moveTo(x - radius, y - radius);
  context.lineTo(x + radius, y + radius);
  context.moveTo(x + radius, y - radius);
  context.lineTo(x - radius, y + radius);
  context.stroke();
}

function drawTriangle(context, x, y, radius) {
  context.strokeStyle = "#1b1b1b";
  context.beginPath();
  context.moveTo(x, y - radius);
  context.lineTo(x + radius, y + radius * 0.8);
  context.lineTo(x - radius, y + radius * 0.8);
  context.closePath();
  context.fill();
  context.stroke();
}
