/**
 * Film strip: a row for each image, in it a line for each series, and a column for each epoch. Only visible rows and
 * columns have elements.
 */

import { element, setAttribute } from "./dom.js";
import { computeStripLayout, visibleRange } from "./strip_layout.js";
import { createImageRow, hasSameSeries, updateImageRow } from "./strip_row.js";

const MARGIN = { rows: 1, columns: 2 }; // beyond the visible ones

export function createFilmStrip(actions) {
  const header = element("div", { class: "strip-header", role: "row", "aria-rowindex": 1 });
  header.append(element("div", { class: "corner", role: "columnheader", text: "Image" }));
  const currentColumn = element("div", { class: "current-column", "aria-hidden": "true" });
  const content = element("div", { class: "strip-content", role: "presentation" }, header, currentColumn);
  const label = "Heatmaps: images by epochs";
  const node = element("div", { class: "strip", role: "grid", "aria-label": label, "aria-readonly": "true" }, content);
  const rowElements = new Map(); // by row key
  const epochHeaders = new Map(); // by epoch
  let viewModel = null;
  let layout = null;
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
    const { rows, epochs, series } = viewModel;
    const available = { availableWidth: node.clientWidth, availableHeight: node.clientHeight };
    layout = computeStripLayout({ ...available, rows: rows.length, columns: epochs.length, series: series.length });
    const { headerHeight, labelWidth, rowPitch, columnPitch } = layout;
    applySize();
    const [visibleWidth, visibleHeight] = [node.clientWidth - labelWidth, node.clientHeight - headerHeight];
    const visibleRows = visibleRange(node.scrollTop, visibleHeight, rowPitch, rows.length, MARGIN.rows);
    const visibleColumns = visibleRange(node.scrollLeft, visibleWidth, columnPitch, epochs.length, MARGIN.columns);
    updateHeader(visibleColumns);
    updateRows(visibleRows, visibleColumns);
    const histories = rows.slice(visibleRows.first, visibleRows.end).flatMap((row) => row.histories.filter(Boolean));
    const visibleEpochs = epochs.slice(visibleColumns.first, visibleColumns.end);
    actions.loadVisible(histories.map((history) => ({ history, epochs: visibleEpochs })));
  }

  function applySize() {
    const { isNarrow, width, height, labelWidth, nameHeight, headerHeight } = layout;
    setAttribute(node, "data-narrow", isNarrow);
    content.style.width = `${Math.max(width, node.clientWidth)}px`;
    content.style.height = `${height}px`;
    node.style.setProperty("--label-width", `${labelWidth}px`);
    node.style.setProperty("--name-height", `${nameHeight}px`);
    node.style.setProperty("--header-height", `${headerHeight}px`);
    setAttribute(node, "aria-rowcount", viewModel.rows.length * viewModel.series.length + 1);
    setAttribute(node, "aria-colcount", viewModel.epochs.length + 1);
  }

  function updateHeader({ first, end }) {
    const { labelWidth, columnPitch, cell } = layout;
    const visibleEpochs = viewModel.epochs.slice(first, end);
    for (const [epoch, epochHeader] of epochHeaders) {
      if (!visibleEpochs.includes(epoch)) removeEntry(epochHeaders, epoch, epochHeader);
    }
    visibleEpochs.forEach((epoch, i) => {
      if (!epochHeaders.has(epoch)) {
        epochHeaders.set(epoch, createEpochHeader(epoch, actions));
        header.append(epochHeaders.get(epoch));
      }
      const epochHeader = epochHeaders.get(epoch);
      epochHeader.style.transform = `translateX(${labelWidth + (first + i) * columnPitch}px)`;
      epochHeader.style.width = `${cell}px`;
      setAttribute(epochHeader, "aria-colindex", first + i + 2);
      setAttribute(epochHeader, "aria-current", epoch === viewModel.epoch ? "true" : null);
    });
    const currentIndex = viewModel.epochs.indexOf(viewModel.epoch);
    currentColumn.hidden = currentIndex < 0;
    currentColumn.style.transform = `translateX(${labelWidth + currentIndex * columnPitch - 2}px)`;
    currentColumn.style.width = `${columnPitch}px`;
  }

  function updateRows({ first, end }, columns) {
    const visibleRows = new Map(viewModel.rows.slice(first, end).map((row, i) => [row.key, { row, index: first + i }]));
    for (const [key, rowElement] of rowElements) {
      const isUseful = visibleRows.has(key) && hasSameSeries(rowElement, viewModel.series);
      if (!isUseful) removeEntry(rowElements, key, rowElement.node);
    }
    for (const [key, { row, index }] of visibleRows) {
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
    const column = viewModel.epochs.indexOf(viewModel.epoch);
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
      const isCellFocused = node.contains(document.activeElement) && document.activeElement.matches(".cell");
      layOut();
      if (isCellFocused) currentCell()?.focus({ preventScroll: true });
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

function createEpochHeader(epoch, actions) {
  const attributes = { type: "button", tabindex: -1, text: String(epoch), title: `Go to epoch ${epoch}` };
  const button = element("button", { ...attributes, on: { click: () => actions.setState({ epoch }) } });
  return element("div", { class: "epoch", role: "columnheader" }, button);
}
