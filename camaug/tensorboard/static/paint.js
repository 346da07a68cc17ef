/**
 * Maps to pixels. A map is enlarged in its own values, as the library does (bilinear, pixel centres), and coloured
 * afterwards: enlarging colours would invent ones that the colour map does not have.
 *
 * @typedef {object} HeatMap
 * @property {number} width
 * @property {number} height
 * @property {Uint8Array} values  one byte a place, row by row
 * @property {number} low         what the byte 0 stands for, at most 0
 * @property {number} high        what the byte 255 stands for, at least 1
 *
 * @typedef {object} Paint
 * @property {Uint8Array} colours  a table of 256 colours
 * @property {number} opacity      0 to 1
 * @property {number} threshold    0 to 1; what is below it is not painted
 */

import { DIFFERENCE, colourTable } from "./colormaps.js";

const DIFFERENCE_COLOURS = colourTable(DIFFERENCE, 511);

/**
 * Where each of `length` pixels lies among `from` values: the one before, the one after, and the share of the latter.
 *
 * @param {number} from
 * @param {number} length
 */
function places(from, length) {
  const before = new Int32Array(length);
  const after = new Int32Array(length);
  const portion = new Float32Array(length);
  for (let i = 0; i < length; i++) {
    const position = Math.max(0, ((i + 0.5) * from) / length - 0.5);
    before[i] = Math.min(Math.floor(position), from - 1);
    after[i] = Math.min(before[i] + 1, from - 1);
    portion[i] = position - before[i];
  }
  return { before, after, portion };
}

/**
 * A map, enlarged; what stands outside 0 to 1 at the map's own places is cut afterwards, as the library did.
 *
 * @param {HeatMap} map
 * @param {number} width
 * @param {number} height
 * @returns {Float32Array} values from 0 to 1, row by row
 */
export function enlarge(map, width, height) {
  const columns = places(map.width, width);
  const rows = places(map.height, height);
  const enlarged = new Float32Array(width * height);
  const step = (map.high - map.low) / 255;
  for (let y = 0, at = 0; y < height; y++) {
    const [top, bottom] = [rows.before[y] * map.width, rows.after[y] * map.width];
    const down = rows.portion[y];
    for (let x = 0; x < width; x++, at++) {
      const [left, right, along] = [columns.before[x], columns.after[x], columns.portion[x]];
      const upper = map.values[top + left] + (map.values[top + right] - map.values[top + left]) * along;
      const lower = map.values[bottom + left] + (map.values[bottom + right] - map.values[bottom + left]) * along;
      enlarged[at] = cut(map.low + step * (upper + (lower - upper) * down));
    }
  }
  return enlarged;
}

/** The map's value from 0 to 1 at a point whose coordinates are shares of the width and the height. */
export function valueAt(map, x, y) {
  const at = (share, size) => Math.min(Math.max(share * size - 0.5, 0), size - 1);
  const [column, row] = [at(x, map.width), at(y, map.height)];
  const [left, top] = [Math.floor(column), Math.floor(row)];
  const [right, bottom] = [Math.min(left + 1, map.width - 1), Math.min(top + 1, map.height - 1)];
  const value = (r, c) => map.values[r * map.width + c];
  const upper = value(top, left) + (value(top, right) - value(top, left)) * (column - left);
  const lower = value(bottom, left) + (value(bottom, right) - value(bottom, left)) * (column - left);
  return cut(map.low + ((map.high - map.low) * (upper + (lower - upper) * (row - top))) / 255);
}

function cut(value) {
  return Math.min(1, Math.max(0, value));
}

/**
 * A map as pixels whose transparency is the paint's opacity, and complete below its threshold.
 *
 * @param {HeatMap} map
 * @param {number} width
 * @param {number} height
 * @param {Paint} paint
 * @returns {ImageData}
 */
export function heat(map, width, height, { colours, opacity, threshold }) {
  const values = enlarge(map, width, height);
  const pixels = new ImageData(width, height);
  const alpha = Math.round(opacity * 255);
  for (let i = 0; i < values.length; i++) {
    if (values[i] < threshold) continue;
    const colour = 3 * Math.round(255 * values[i]);
    pixels.data[4 * i] = colours[colour];
    pixels.data[4 * i + 1] = colours[colour + 1];
    pixels.data[4 * i + 2] = colours[colour + 2];
    pixels.data[4 * i + 3] = alpha;
  }
  return pixels;
}

/** How much the second map is above (orange) or below (blue) the first, as opaque pixels. */
export function difference(first, second, width, height) {
  const [before, after] = [enlarge(first, width, height), enlarge(second, width, height)];
  const pixels = new ImageData(width, height);
  for (let i = 0; i < before.length; i++) {
    const colour = 3 * (255 + Math.round(255 * (after[i] - before[i])));
    pixels.data.set(DIFFERENCE_COLOURS.subarray(colour, colour + 3), 4 * i);
    pixels.data[4 * i + 3] = 255;
  }
  return pixels;
}

const scratch = document.createElement("canvas");

/** Where to draw on a canvas that stays in main memory: pixels come and go here, and small ones, which no GPU speeds up. */
export function contextOf(canvas) {
  return canvas.getContext("2d", { willReadFrequently: true });
}

/** Put pixels into a canvas over what is there: `putImageData` alone would replace it, transparency and all. */
export function lay(context, pixels, x, y) {
  if (scratch.width < pixels.width) scratch.width = pixels.width;
  if (scratch.height < pixels.height) scratch.height = pixels.height;
  const { width, height } = pixels;
  contextOf(scratch).putImageData(pixels, 0, 0);
  context.drawImage(scratch, 0, 0, width, height, x, y, width, height);
}

/** The largest box of an image's shape in the middle of a square of so many pixels. */
export function fit(image, square) {
  const [wide, high] = image ? [image.naturalWidth, image.naturalHeight] : [1, 1];
  const scale = square / Math.max(wide, high);
  const [width, height] = [Math.max(1, Math.round(wide * scale)), Math.max(1, Math.round(high * scale))];
  return { x: Math.floor((square - width) / 2), y: Math.floor((square - height) / 2), width, height };
}

/**
 * Paint an image with its heat into a square of a canvas.
 *
 * @param {CanvasRenderingContext2D} context
 * @param {{x: number, y: number, side: number}} square
 * @param {HTMLImageElement|null} image
 * @param {HeatMap|null} map  null for the image alone
 * @param {Paint} paint
 */
export function paintHeat(context, square, image, map, paint) {
  const box = fit(image, square.side);
  const [x, y] = [square.x + box.x, square.y + box.y];
  if (image) {
    context.imageSmoothingQuality = "high";
    context.drawImage(image, x, y, box.width, box.height);
  }
  if (map) lay(context, heat(map, box.width, box.height, paint), x, y);
}
