/**
 * Film strip: a row for each image, in it a line for each series, and a column for each position of the axis. Only
 * visible rows and columns have elements.
 */

import { createColumnHeader } from "./column_header.js";
import { element, setAttribute } from "./dom.js";
import { visibleSnapshots } from "./strip_cells.js";
import { computeStripLayout, visibleRange } from "./strip_layout.js";
import { createImageRow, hasSameSeries, updateImageRow } from "./strip_row.js";

/** Groups of controls of which only the current one is a stop of the tabulator key; the arrow keys move to the others. */
const ROVING_CONTROLS = [".cell", ".column button", ".class-name"];

const MARGIN = { rows: 1, columns: 2 }; // beyond the visible ones

export function createFilmStrip(actions) {
  const header = element("div", { class: "strip-header", role: "row", "aria-rowindex": 1 });
  header.append(element("div", { class: "corner", role: "columnheader", text: "Image" }));
  const currentColumn = element("div", { class: "current-column", "aria-hidden": "true" });
  const content = element("div", { class: "strip-content", role: "presentation" }, header, currentColumn);
  const label = "Heatmaps: images by snapshots";
  const node = element("div", { class: "strip", role: "grid", "aria-label": label, "aria-readonly": "true" }, content);
  const rowElements = new Map(); // by row key
  const columnHeaders = new Map(); // by position
  let viewModel = null;
  let layout = null;
  let drawn = null; // view model, layout and columns that the rows show
  let drawnRows = null; // range of the rows
  let isLayoutScheduled = false;

  const scheduleLayout = () => {
    if (isLayoutScheduled) return;
    isLayoutScheduled = true;
    requestAnimationFrame(() => {
      isLayoutScheduled = false;
      layOut();
    });
  };
  node.addEventListener("scroll", scheduleLayout, { passive: true });
  new ResizeObserver(scheduleLayout).observe(node);

  function layOut() {
    if (viewModel === null || node.clientWidth === 0) return;
    const { rows, axis, series } = viewModel;
    const available = { availableWidth: node.clientWidth, availableHeight: node.clientHeight };
    const newLayout = computeStripLayout({ ...available, rows: rows.length, axis, series: series.length });
    if (!hasSameValues(newLayout, layout)) layout = newLayout;
    const { headerHeight, labelWidth, rowPitch, columnPitch } = layout;
    if (viewModel !== drawn?.viewModel || layout !== drawn.layout) applySize();
    const [visibleWidth, visibleHeight] = [node.clientWidth - labelWidth, node.clientHeight - headerHeight];
    const visibleRows = visibleRange(node.scrollTop, visibleHeight, rowPitch, rows.length, MARGIN.rows);
    const columnCount = axis.positions.length;
    const visibleColumns = visibleRange(node.scrollLeft, visibleWidth, columnPitch, columnCount, MARGIN.columns);
    const scale = window.devicePixelRatio;
    const toDraw = { viewModel, layout, scale, firstColumn: visibleColumns.first, endColumn: visibleColumns.end };
    const isSameView = hasSameValues(toDraw, drawn);
    if (isSameView && hasSameValues(visibleRows, drawnRows)) return; // scrolled by less than a row and a column
    [drawn, drawnRows] = [toDraw, visibleRows];
    if (!isSameView) updateHeader(visibleColumns);
    updateRows(visibleRows, visibleColumns, isSameView);
    const histories = rows.slice(visibleRows.first, visibleRows.end).flatMap((row) => row.histories.filter(Boolean));
    const snapshotsOf = (history) => visibleSnapshots(history, axis, visibleColumns).filter(Boolean);
    actions.loadVisible(histories.map((history) => ({ history, snapshots: snapshotsOf(history) })));
  }

  function applySize() {
    const { isNarrow, width, height, labelWidth, nameHeight, headerHeight } = layout;
    setAttribute(node, "data-narrow", isNarrow);
    content.style.width = `${Math.max(width, node.clientWidth)}px`;
    content.style.height = `${height}px`;
    node.style.setProperty("--label-width", `${labelWidth}px`);
    node.style.setProperty("--name-height", `${nameHeight}px`);
    node.style.setProperty("--header-height", `${headerHeight}px`);
    setAttribute(node, "aria-rowcount", viewModel.rows.length * (viewModel.series.length + 1) + 1);
    setAttribute(node, "aria-colcount", viewModel.axis.positions.length + 1);
  }

  function updateHeader({ first, end }) {
    const { labelWidth, columnPitch, cell } = layout;
    const { axis } = viewModel;
    const visiblePositions = axis.positions.slice(first, end);
    for (const [position, columnHeader] of columnHeaders) {
      if (!visiblePositions.includes(position)) removeEntry(columnHeaders, position, columnHeader.node);
    }
    visiblePositions.forEach((position, i) => {
      if (!columnHeaders.has(position)) {
        columnHeaders.set(position, createColumnHeader(actions));
        header.append(columnHeaders.get(position).node);
      }
      const columnHeader = columnHeaders.get(position);
      columnHeader.update(axis, first + i, position === viewModel.position);
      columnHeader.node.style.transform = `translateX(${labelWidth + (first + i) * columnPitch}px)`;
      columnHeader.node.style.width = `${cell}px`;
      setAttribute(columnHeader.node, "aria-colindex", first + i + 2);
      setAttribute(columnHeader.node, "aria-current", position === viewModel.position ? "true" : null);
    });
    const currentIndex = axis.positions.indexOf(viewModel.position);
    currentColumn.hidden = currentIndex < 0;
    currentColumn.style.transform = `translateX(${labelWidth + currentIndex * columnPitch - 2}px)`;
    currentColumn.style.width = `${columnPitch}px`;
  }

  /** Update the visible rows; with `isSameView` only those that were not visible before. */
  function updateRows({ first, end }, columns, isSameView) {
    const visibleRows = new Map(viewModel.rows.slice(first, end).map((row, i) => [row.key, { row, index: first + i }]));
    for (const [key, rowElement] of rowElements) {
      const isUseful = visibleRows.has(key) && hasSameSeries(rowElement, viewModel.series);
      if (!isUseful) removeEntry(rowElements, key, rowElement.node);
    }
    for (const [key, { row, index }] of visibleRows) {
      if (isSameView && rowElements.has(key)) continue;
      if (!rowElements.has(key)) {
        rowElements.set(key, createImageRow(viewModel.series, actions));
        content.append(rowElements.get(key).node);
      }
      updateImageRow(rowElements.get(key), { viewModel, layout, row, rowIndex: index, columns, actions });
    }
  }

  /** Scroll as little as needed to make the cursor visible. */
  function revealCursor() {
    layOut();
    if (layout === null) return;
    const { labelWidth, headerHeight, columnPitch, rowPitch } = layout;
    const column = viewModel.axis.positions.indexOf(viewModel.position);
    const row = viewModel.rows.findIndex(({ key }) => key === viewModel.cursor?.row.key);
    if (column >= 0) {
      const left = column * columnPitch;
      const visibleWidth = node.clientWidth - labelWidth;
      if (left < node.scrollLeft) node.scrollLeft = left - columnPitch;
      if (left + columnPitch > node.scrollLeft + visibleWidth) node.scrollLeft = left + 2 * columnPitch - visibleWidth;
    }
    if (row >= 0) {
      const top = row * rowPitch;
      const visibleHeight = node.clientHeight - headerHeight;
      if (top < node.scrollTop) node.scrollTop = top;
      if (top + rowPitch > node.scrollTop + visibleHeight) node.scrollTop = top + rowPitch - visibleHeight;
    }
    layOut();
  }

  const currentCell = () => node.querySelector(".cell[tabindex='0']");

  return {
    node,
    revealCursor,
    update(newViewModel) {
      viewModel = newViewModel;
      const { activeElement } = document;
      const focused = node.contains(activeElement) && ROVING_CONTROLS.find((one) => activeElement.matches(one));
      layOut();
      if (focused) node.querySelector(`${focused}[tabindex='0']`)?.focus({ preventScroll: true });
    },
    focus: () => (currentCell() ?? node).focus({ preventScroll: true }),
    /** Return the existing rows from top to bottom. */
    visibleRows: () => [...rowElements.values()].sort((a, b) => a.rowIndex - b.rowIndex),
    layout: () => layout,
  };
}

function removeEntry(entries, key, node) {
  node.remove();
  entries.delete(key);
}

/** Return true if two objects have identical values. */
function hasSameValues(first, second) {
  return second !== null && Object.keys(first).every((key) => first[key] === second[key]);
}
