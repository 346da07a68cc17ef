/** Drawing of images and heatmaps on canvases. */

import { heatmapPixels } from "./heatmap.js";

const scratchCanvas = document.createElement("canvas");

/** Return a context in main memory: a GPU does not speed up small canvases whose pixels are replaced. */
export function contextOf(canvas) {
  return canvas.getContext("2d", { willReadFrequently: true });
}

/** Return the largest box of an image's aspect ratio in the centre of a square. */
export function fitInSquare(image, side) {
  const [imageWidth, imageHeight] = image ? [image.naturalWidth, image.naturalHeight] : [1, 1];
  const scale = side / Math.max(imageWidth, imageHeight);
  const [width, height] = [imageWidth, imageHeight].map((length) => Math.max(1, Math.round(length * scale)));
  return { x: Math.floor((side - width) / 2), y: Math.floor((side - height) / 2), width, height };
}

/** Draw pixels over a canvas. `putImageData` alone would replace what is below transparent pixels. */
export function blendPixels(context, pixels, x, y) {
  const { width, height } = pixels;
  if (scratchCanvas.width < width) scratchCanvas.width = width;
  if (scratchCanvas.height < height) scratchCanvas.height = height;
  contextOf(scratchCanvas).putImageData(pixels, 0, 0);
  context.drawImage(scratchCanvas, 0, 0, width, height, x, y, width, height);
}

/** Resize a canvas and keep its pixels, moved to the right by `offset`. */
export function moveContent(canvas, width, height, offset) {
  const { width: oldWidth, height: oldHeight } = canvas;
  if (scratchCanvas.width < oldWidth) scratchCanvas.width = oldWidth;
  if (scratchCanvas.height < oldHeight) scratchCanvas.height = oldHeight;
  const scratch = contextOf(scratchCanvas);
  scratch.clearRect(0, 0, oldWidth, oldHeight);
  scratch.drawImage(canvas, 0, 0);
  [canvas.width, canvas.height] = [width, height];
  contextOf(canvas).drawImage(scratchCanvas, 0, 0, oldWidth, oldHeight, offset, 0, oldWidth, oldHeight);
}

/** Draw an image into a square of a canvas. */
export function drawImage(context, square, image) {
  if (!image) return;
  const box = fitInSquare(image, square.side);
  context.imageSmoothingQuality = "high";
  context.drawImage(image, square.x + box.x, square.y + box.y, box.width, box.height);
}

/**
 * Draw a heatmap into the box that an image takes in a square of a canvas.
 *
 * @param {CanvasRenderingContext2D} context
 * @param {{x: number, y: number, side: number}} square
 * @param {HTMLImageElement|null} image
 * @param {HeatMap|null} map
 * @param {HeatmapStyle} style
 */
export function drawHeatmap(context, square, image, map, style) {
  if (!map) return;
  const box = fitInSquare(image, square.side);
  const pixels = heatmapPixels(map, box.width, box.height, style);
  blendPixels(context, pixels, square.x + box.x, square.y + box.y);
}

/** Draw an image with its heatmap on top into a square of a canvas. */
export function drawOverlay(context, square, image, map, style) {
  drawImage(context, square, image);
  drawHeatmap(context, square, image, map, style);
}
