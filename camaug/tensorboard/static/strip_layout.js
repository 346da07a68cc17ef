/**
 * Layout of the film strip. All rows and all columns are equal, so that positions are arithmetic and only the visible
 * ones need elements.
 *
 * @typedef {object} StripLayout  in CSS pixels
 * @property {number} headerHeight  of one line, or with the names of epochs of two
 * @property {boolean} isNarrow
 * @property {number} labelWidth    width of the labels before the first column
 * @property {number} nameHeight    height of the class name above a row's cells, 0 unless the strip is narrow
 * @property {number} cell          side of a cell
 * @property {number} columnPitch   distance between two columns
 * @property {number} seriesPitch   distance between two series of an image
 * @property {number} rowPitch      distance between two images
 * @property {number} width         of the whole strip
 * @property {number} height
 */

const HEADER_HEIGHT = 32;
const HEADER_HEIGHT_WITH_EPOCHS = 46;
const DIGIT_WIDTH = 8;
const HEADER_PADDING = 12;
const GAP = 4;
const ROW_PADDING = 12;
const MIN_CELL = 36;
const MIN_CELL_WITH_EPOCHS = 48;
const MAX_CELL = 112;
const COMFORTABLE_CELL = 56;
const MIN_ROW = 72; // room for the thumbnail and the labels
const ROWS_IN_VIEW = 4.5; // as long as cells do not become smaller than comfortable
const NARROW_WIDTH = 720;

/**
 * @param {{availableWidth: number, availableHeight: number, rows: number, axis: SnapshotAxis, series: number}} content
 * @returns {StripLayout}
 */
export function computeStripLayout({ availableWidth, availableHeight, rows, axis, series }) {
  const { hasEpochNames } = axis;
  const columns = axis.columns.length;
  const longestLabel = Math.max(0, ...axis.columns.map(({ label }) => label.length));
  const smallest = Math.max(hasEpochNames ? MIN_CELL_WITH_EPOCHS : MIN_CELL, longestLabel * DIGIT_WIDTH + HEADER_PADDING);
  const largest = Math.max(MAX_CELL, smallest);
  const isNarrow = availableWidth < NARROW_WIDTH;
  const labelWidth = isNarrow ? 168 : 280;
  const nameHeight = isNarrow ? 20 : 0;
  const widthLimit = Math.floor((availableWidth - labelWidth - 24) / Math.max(columns, 1)) - GAP;
  const heightLimit = Math.floor((availableHeight / ROWS_IN_VIEW - ROW_PADDING) / series) - GAP;
  const headerHeight = hasEpochNames ? HEADER_HEIGHT_WITH_EPOCHS : HEADER_HEIGHT;
  const cell = Math.max(Math.min(widthLimit, Math.max(heightLimit, COMFORTABLE_CELL), largest), smallest);
  const seriesPitch = Math.max(cell + GAP, Math.ceil((MIN_ROW - ROW_PADDING) / series));
  const rowPitch = nameHeight + seriesPitch * series + ROW_PADDING;
  const columnPitch = cell + GAP;
  return {
    headerHeight,
    isNarrow,
    labelWidth,
    nameHeight,
    cell,
    columnPitch,
    seriesPitch,
    rowPitch,
    width: labelWidth + columns * columnPitch + GAP,
    height: headerHeight + rows * rowPitch,
  };
}

/**
 * Return the range of visible items that are `pitch` apart; `end` is exclusive.
 *
 * @param {number} scrolled
 * @param {number} extent  visible length in pixels
 * @param {number} pitch
 * @param {number} count   number of items
 * @param {number} margin  additional items at either end
 */
export function visibleRange(scrolled, extent, pitch, count, margin) {
  const first = Math.max(0, Math.floor(scrolled / pitch) - margin);
  const end = Math.min(count, Math.ceil((scrolled + extent) / pitch) + margin);
  return { first, end: Math.max(first, end) };
}
