/**
 * Heatmaps as pixels. A map is upsampled before it is coloured, bilinearly as in the library, because interpolated
 * colours would not be in the colour map.
 *
 * @typedef {object} HeatMap
 * @property {number} width
 * @property {number} height
 * @property {Uint8Array} values  row-major
 * @property {number} low         value of the byte 0, at most 0
 * @property {number} high        value of the byte 255, at least 1
 *
 * @typedef {object} HeatmapStyle
 * @property {Uint8Array} colours  red, green and blue of 256 values
 * @property {number} opacity      0 to 1
 * @property {number} threshold    0 to 1; values below it are transparent
 */

import { DIFFERENCE_STOPS, interpolateStops } from "./colormaps.js";

const DIFFERENCE_COLOURS = interpolateStops(DIFFERENCE_STOPS, 511);

/**
 * Upsample a map bilinearly (`align_corners=False`) and clamp it to 0 to 1, as the library does.
 *
 * @param {HeatMap} map
 * @param {number} width
 * @param {number} height
 * @returns {Float32Array} values from 0 to 1, row-major
 */
export function upsample(map, width, height) {
  const stretched = stretchRows(map, width);
  const rows = interpolationWeights(map.height, height);
  const { low, high } = map;
  const upsampled = new Float32Array(width * height);
  for (let y = 0, i = 0; y < height; y++) {
    const [top, bottom, weight] = [rows.before[y] * width, rows.after[y] * width, rows.weight[y]];
    for (let x = 0; x < width; x++, i++) {
      const upper = stretched[top + x];
      const byte = upper + (stretched[bottom + x] - upper) * weight;
      upsampled[i] = Math.min(1, Math.max(0, low + ((high - low) * byte) / 255));
    }
  }
  return upsampled;
}

/** Interpolate the rows of a map to a width. @returns {Float64Array} bytes from 0 to 255, row-major */
function stretchRows({ width: gridWidth, height: gridHeight, values }, width) {
  const { before, after, weight } = interpolationWeights(gridWidth, width);
  const stretched = new Float64Array(width * gridHeight);
  for (let y = 0, i = 0; y < gridHeight; y++) {
    const row = y * gridWidth;
    for (let x = 0; x < width; x++, i++) {
      const left = values[row + before[x]];
      stretched[i] = left + (values[row + after[x]] - left) * weight[x];
    }
  }
  return stretched;
}

/** Return a map's value from 0 to 1 at a point given as fractions of the width and height. */
export function valueAt(map, x, y) {
  const gridPosition = (fraction, size) => Math.min(Math.max(fraction * size - 0.5, 0), size - 1);
  const [column, row] = [gridPosition(x, map.width), gridPosition(y, map.height)];
  const [left, top] = [Math.floor(column), Math.floor(row)];
  const [right, bottom] = [Math.min(left + 1, map.width - 1), Math.min(top + 1, map.height - 1)];
  return interpolate(map, top, bottom, left, right, row - top, column - left);
}

/**
 * Colour an upsampled map; values below the threshold are transparent.
 *
 * @param {HeatMap} map
 * @param {number} width
 * @param {number} height
 * @param {HeatmapStyle} style
 * @returns {ImageData}
 */
export function heatmapPixels(map, width, height, { colours, opacity, threshold }) {
  const values = upsample(map, width, height);
  const image = new ImageData(width, height);
  const pixels = new Uint32Array(image.data.buffer);
  const pixelOf = pixelTable(colours, Math.round(opacity * 255));
  for (let i = 0; i < values.length; i++) {
    if (values[i] >= threshold) pixels[i] = pixelOf[Math.round(255 * values[i])];
  }
  return image;
}

let lastTable = { colours: null, alpha: null, pixels: null };

/** Return red, green, blue and alpha of 256 values as they are in memory, four bytes a number. */
function pixelTable(colours, alpha) {
  if (lastTable.colours === colours && lastTable.alpha === alpha) return lastTable.pixels;
  const bytes = new Uint8Array(4 * 256);
  for (let i = 0; i < 256; i++) bytes.set([...colours.subarray(3 * i, 3 * i + 3), alpha], 4 * i);
  lastTable = { colours, alpha, pixels: new Uint32Array(bytes.buffer) };
  return lastTable.pixels;
}

/** Colour the difference of two maps: orange where the second is higher, blue where the first is. */
export function differencePixels(first, second, width, height) {
  const [firstValues, secondValues] = [upsample(first, width, height), upsample(second, width, height)];
  const pixels = new ImageData(width, height);
  for (let i = 0; i < firstValues.length; i++) {
    const colour = 3 * (255 + Math.round(255 * (secondValues[i] - firstValues[i])));
    pixels.data.set(DIFFERENCE_COLOURS.subarray(colour, colour + 3), 4 * i);
    pixels.data[4 * i + 3] = 255;
  }
  return pixels;
}

/** Return for each of `length` pixels the grid values before and after it, and the weight of the latter. */
function interpolationWeights(gridLength, length) {
  const before = new Int32Array(length);
  const after = new Int32Array(length);
  const weight = new Float32Array(length);
  for (let i = 0; i < length; i++) {
    const position = Math.max(0, ((i + 0.5) * gridLength) / length - 0.5);
    before[i] = Math.min(Math.floor(position), gridLength - 1);
    after[i] = Math.min(before[i] + 1, gridLength - 1);
    weight[i] = position - before[i];
  }
  return { before, after, weight };
}

/** Interpolate between four grid values; the weights belong to the bottom and the right ones. */
function interpolate({ values, width, low, high }, top, bottom, left, right, bottomWeight, rightWeight) {
  const [topLeft, topRight] = [values[top * width + left], values[top * width + right]];
  const [bottomLeft, bottomRight] = [values[bottom * width + left], values[bottom * width + right]];
  const upper = topLeft + (topRight - topLeft) * rightWeight;
  const lower = bottomLeft + (bottomRight - bottomLeft) * rightWeight;
  const byte = upper + (lower - upper) * bottomWeight;
  return Math.min(1, Math.max(0, low + ((high - low) * byte) / 255));
}
