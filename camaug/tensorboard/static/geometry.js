/**
 * Where things are on the film strip: all rows and all columns are equal, so that places are arithmetic and only what is
 * in sight need exist.
 *
 * @typedef {object} Geometry  in CSS pixels
 * @property {number} head     height of the line of epochs
 * @property {boolean} narrow  whether there is little room
 * @property {number} side     width of what stands before the first column
 * @property {number} cell     side of a picture
 * @property {number} column   distance of two columns
 * @property {number} line     distance of two lines; a row has one for each series
 * @property {number} row      distance of two rows
 * @property {number} width    of everything
 * @property {number} height
 */

const HEAD = 32;
const GAP = 4;
const PADDING = 12;
const SMALLEST = 36;
const LARGEST = 112;
const LEAST_ROW = 72; // room for the original and the names
const ROWS = 4.5; // that shall be in sight at once, as long as cells do not become small for it
const COMFORTABLE = 56;

/** @returns {Geometry} */
export function measure({ available, high, rows, columns, series }) {
  const narrow = available < 720;
  const side = narrow ? 168 : 280;
  const fitting = Math.floor((available - side - 24) / Math.max(columns, 1)) - GAP;
  const lower = Math.floor((high / ROWS - PADDING) / series) - GAP;
  const cell = Math.max(Math.min(fitting, Math.max(lower, COMFORTABLE), LARGEST), SMALLEST);
  const line = Math.max(cell + GAP, Math.ceil((LEAST_ROW - PADDING) / series));
  const row = line * series + PADDING;
  const column = cell + GAP;
  const [width, height] = [side + columns * column + GAP, HEAD + rows * row];
  return { head: HEAD, narrow, side, cell, column, line, row, width, height };
}

/**
 * The first that is in sight and the first that is not any more, of things that lie `size` apart.
 *
 * @param {number} scrolled
 * @param {number} extent   what is in sight, in pixels
 * @param {number} size
 * @param {number} number   of things
 * @param {number} margin   how many more at either end
 */
export function inSight(scrolled, extent, size, number, margin) {
  const first = Math.max(0, Math.floor(scrolled / size) - margin);
  const end = Math.min(number, Math.ceil((scrolled + extent) / size) + margin);
  return { first, end: Math.max(first, end) };
}
