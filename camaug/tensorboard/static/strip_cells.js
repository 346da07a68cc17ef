/** Drawing of a film strip's cells: all visible cells of a series line on one canvas. */

import { contextOf, drawOverlay } from "./canvas.js";

/** Draw the visible cells of a line if anything that they show has changed. */
export function drawCells(line, history, { viewModel, layout, columns, actions }) {
  const { state, heatmapStyle } = viewModel;
  const scale = window.devicePixelRatio;
  const [cell, columnPitch] = [Math.round(layout.cell * scale), layout.columnPitch * scale];
  const image = actions.image(history);
  const snapshots = visibleSnapshots(history, viewModel.axis, columns);
  const style = [state.colormap, state.opacity, state.threshold, state.heatmapClass, state.display];
  const logged = snapshots.filter(Boolean);
  const content = [history?.series.key, history?.id, image?.src, actions.mapsVersion(history, logged)];
  const key = JSON.stringify([content, snapshots.map((snapshot) => snapshot?.step), cell, style]);
  line.canvas.style.left = `${layout.labelWidth + columns.first * layout.columnPitch}px`;
  if (line.drawnKey === key) return;
  line.drawnKey = key;
  const context = prepareCanvas(line.canvas, Math.max(1, Math.round(snapshots.length * columnPitch)), cell, scale);
  snapshots.forEach((snapshot, i) => {
    const prediction = history?.predictionOf(snapshot);
    if (!prediction) return;
    const square = { x: Math.round(i * columnPitch), y: 0, side: cell };
    const maps = actions.maps(history, snapshot);
    if (maps) {
      const map = (state.heatmapClass === "true" && maps.byClass.get(history.labels[0])) || maps.predicted;
      drawOverlay(context, square, image, map, heatmapStyle);
      drawBadges(context, square, prediction, scale);
    } else drawPlaceholder(context, square);
  });
}

/** Return an image's snapshot in each visible column, or null; all null without a history. */
export function visibleSnapshots(history, { positions }, { first, end }) {
  return positions.slice(first, end).map((position) => history?.exactSnapshot(position) ?? null);
}

function prepareCanvas(canvas, width, height, scale) {
  [canvas.width, canvas.height] = [width, height];
  canvas.style.width = `${width / scale}px`;
  canvas.style.height = `${height / scale}px`;
  return contextOf(canvas);
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
