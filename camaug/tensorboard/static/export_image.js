/** Export of the view as an image with a caption. */

import { heatmapClassName } from "./heatmap_class.js";
import { positionLabel, snapshotName } from "./snapshot_axis.js";
import { mistakesSnapshotName } from "./snapshot_mistakes.js";

const PAGES_OF_ONE_CLASS = ["strip", "details", "compare"]; // whose heatmaps are of the chosen class
const PAGES_OF_MISTAKES = ["mistakes", "mistake", "classes"];
const NO_IMAGES = "There are no images to save: choose others.";
const MARGIN = 24;
const HEADING_HEIGHT = 52;
const FONT = "Roboto, 'Segoe UI', system-ui, sans-serif";

/**
 * Draw the visible part of the film strip.
 *
 * @param {ViewModel} viewModel
 * @param {object} filmStrip  as returned by `createFilmStrip`
 * @param {HTMLElement} page  element whose colours are used
 * @returns {HTMLCanvasElement}
 */
export function stripImage(viewModel, filmStrip, page) {
  const layout = filmStrip.layout();
  const rows = filmStrip.visibleRows();
  const { canvas: firstCanvas } = rows[0].lines[0];
  const [left, visibleWidth] = [parseFloat(firstCanvas.style.left), firstCanvas.clientWidth];
  const height = layout.headerHeight + rows.length * layout.rowPitch;
  const { canvas, context, colours } = createCanvas(viewModel, page, layout.labelWidth + visibleWidth, height);
  viewModel.axis.positions.forEach((position, column) => {
    const x = layout.labelWidth + column * layout.columnPitch;
    if (x < left || x >= left + visibleWidth) return;
    const colour = position === viewModel.position ? colours.accent : colours.secondary;
    const centre = x - left + layout.labelWidth + layout.cell / 2;
    drawText(context, positionLabel(viewModel.axis, position), centre, 20, { colour, align: "center", size: 12 });
  });
  rows.forEach((row, i) => drawRow(context, row, layout.headerHeight + i * layout.rowPitch, layout, colours));
  return canvas;
}

function drawRow(context, { row, thumbnail, lines }, top, layout, { text, secondary }) {
  const { labelWidth, isNarrow, nameHeight } = layout;
  const linesTop = top + nameHeight;
  const side = thumbnail.clientWidth;
  context.drawImage(thumbnail, 0, linesTop, side, side);
  const [nameLeft, nameWidth] = isNarrow ? [0, labelWidth - 12] : [66, labelWidth - 160];
  drawText(context, row.className, nameLeft, top + 16, { colour: text, size: 14, maxWidth: nameWidth });
  if (!isNarrow) drawText(context, `image ${row.id}`, nameLeft, top + 34, { colour: secondary, size: 12 });
  lines.forEach(({ canvas, header }, number) => {
    const y = linesTop + number * layout.seriesPitch;
    const texts = [...header.children].map((child) => child.textContent).filter(Boolean);
    texts.forEach((content, i) => {
      const style = { colour: i === 0 ? text : secondary, size: 12, align: "right", maxWidth: 112 };
      drawText(context, content, labelWidth - 12, y + 16 + 18 * i, style);
    });
    context.drawImage(canvas, labelWidth, y, canvas.clientWidth, canvas.clientHeight);
  });
}

/** Draw image panels where they are on the screen, with their captions. */
export function panelsImage(viewModel, panels, page) {
  if (panels.length === 0) throw new Error(NO_IMAGES);
  const boxes = panels.map(({ node }) => node.getBoundingClientRect());
  const [left, top] = [Math.min(...boxes.map((box) => box.left)), Math.min(...boxes.map((box) => box.top))];
  const [right, bottom] = [Math.max(...boxes.map((box) => box.right)), Math.max(...boxes.map((box) => box.bottom))];
  const { canvas, context, colours } = createCanvas(viewModel, page, right - left, bottom - top);
  const isSwipe = panels.some(({ hiddenShare }) => hiddenShare !== undefined);
  panels.forEach((panel, i) => {
    drawPanel(context, panel, boxes[i].left - left, boxes[i].top - top, isSwipe, colours.text);
  });
  return canvas;
}

/** Draw cards where they are on the screen, with their texts. */
export function cardsImage(viewModel, cards, page) {
  if (cards.length === 0) throw new Error(NO_IMAGES);
  const boxes = cards.map(({ node }) => node.getBoundingClientRect());
  const [left, top] = [Math.min(0, ...boxes.map((box) => box.left)), Math.min(...boxes.map((box) => box.top))];
  const right = Math.max(400, ...boxes.map((box) => box.right));
  const bottom = Math.max(top, ...boxes.map((box) => box.bottom));
  const { canvas, context, colours } = createCanvas(viewModel, page, right - left, bottom - top);
  cards.forEach(({ canvas: cardCanvas, texts }, i) => {
    const [x, y] = [boxes[i].left - left, boxes[i].top - top];
    const { clientWidth: side } = cardCanvas;
    context.drawImage(cardCanvas, x, y, side, side);
    texts().forEach((text, line) => {
      const colour = line === 0 ? colours.text : colours.secondary;
      drawText(context, text, x, y + side + 16 + 16 * line, { colour, size: 12, maxWidth: side });
    });
  });
  return canvas;
}

function drawPanel(context, panel, x, y, isSwipe, colour) {
  const { canvas, node, hiddenShare = 0 } = panel;
  const { clientWidth: width, clientHeight: height } = canvas;
  const isRight = panel.hiddenShare !== undefined;
  const caption = { colour, size: 13, align: isRight ? "right" : "left", maxWidth: isSwipe ? width / 2 - 4 : width };
  drawText(context, panel.caption().join("  "), isRight ? x + width : x, y + 16, caption);
  const hidden = Math.round(hiddenShare * canvas.width);
  const shown = canvas.width - hidden;
  if (shown === 0) return;
  const top = y + canvas.getBoundingClientRect().top - node.getBoundingClientRect().top;
  const [left, shownWidth] = [x + hiddenShare * width, (1 - hiddenShare) * width];
  context.drawImage(canvas, hidden, 0, shown, canvas.height, left, top, shownWidth, height);
}

/** Encode a canvas as PNG. @returns {Promise<Blob>} */
export async function encodePng(canvas) {
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  if (blob === null) throw new Error("The image is too large for this browser: make the window smaller.");
  return blob;
}

/** Save a blob as a file. A host that embeds the page may block it, which no script can notice. */
export function saveFile(blob, fileName) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = fileName;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

/** Create a canvas with the heading, its origin below it. */
function createCanvas({ series, state, axis, snapshot, cursor, mistakes, currentMistake }, page, width, height) {
  const scale = window.devicePixelRatio;
  const canvas = document.createElement("canvas");
  canvas.width = Math.round((width + 2 * MARGIN) * scale);
  canvas.height = Math.round((height + HEADING_HEIGHT + 2 * MARGIN) * scale);
  const context = canvas.getContext("2d");
  const colours = readColours(page);
  context.fillStyle = colours.background;
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.scale(scale, scale);
  context.translate(MARGIN, MARGIN);
  const runs = [...new Set(series.map(({ run }) => run))].join(", ");
  const methods = [...new Set(series.map(({ method }) => method))].join(", ");
  const name = PAGES_OF_MISTAKES.includes(state.page) && mistakes?.record ? mistakesSnapshotName(axis, mistakes) : snapshotName(axis, snapshot);
  const heading = [runs, methods, describeImage(state, cursor, currentMistake), name].filter(Boolean).join(" · ");
  drawText(context, heading, 0, 14, { colour: colours.text, size: 15, maxWidth: width });
  const { heatmapClass, colormap, opacity, threshold } = state;
  const classOfMaps = PAGES_OF_ONE_CLASS.includes(state.page) ? `${heatmapClassName(heatmapClass, false).toLowerCase()} class, ` : "";
  const settings = `${classOfMaps}${colormap}, opacity ${opacity}, threshold ${threshold}`;
  drawText(context, settings, 0, 34, { colour: colours.secondary, size: 12, maxWidth: width });
  context.translate(0, HEADING_HEIGHT);
  return { canvas, context, colours };
}

/** Name the image that a page shows; empty for a page of several. */
function describeImage({ page }, cursor, mistake) {
  if (page === "mistake" && mistake) return `${mistake.labelNames.join(", ")} → ${mistake.predictedName}, ${mistake.name}`;
  return ["details", "compare"].includes(page) ? `${cursor.row.className}, image ${cursor.row.id}` : "";
}

function readColours(page) {
  const style = getComputedStyle(page);
  const names = ["background", "text", "secondary", "accent"];
  return Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
}

function drawText(context, text, x, y, { colour, size, align = "left", maxWidth = undefined }) {
  context.font = `${size}px ${FONT}`;
  context.textAlign = align;
  context.fillStyle = colour;
  context.fillText(text, x, y, maxWidth);
}
