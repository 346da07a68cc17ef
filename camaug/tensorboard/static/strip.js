/**
 * The film strip: a row for each image, in it a line for each series, and a column for each epoch. Only what is in sight
 * exists: a row is drawn on one canvas a line, over which the cells lie as elements that can be clicked, focused and
 * read aloud.
 */

import { element, setAttribute, setText } from "./dom.js";
import { inSight, measure } from "./geometry.js";
import { contextOf, paintHeat } from "./paint.js";
import { mark, percent, sentence, verdict } from "./words.js";

const MARGIN = { rows: 1, columns: 2 };

export function createStrip(act) {
  const epochs = element("div", { class: "epochs", role: "row", "aria-rowindex": 1 });
  const corner = element("div", { class: "corner", role: "columnheader", text: "Image" });
  const column = element("div", { class: "current-column", "aria-hidden": "true" });
  const sizer = element("div", { class: "sizer", role: "presentation" }, epochs, column);
  const label = "Heatmaps: images by epochs";
  const node = element("div", { class: "strip", role: "grid", "aria-label": label, "aria-readonly": "true" }, sizer);
  const groups = new Map(); // the rows that exist, by key
  const heads = new Map(); // the columns that exist, by epoch
  let scene = null;
  let geometry = null;
  let waiting = false;

  const later = () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      layout();
    });
  };
  node.addEventListener("scroll", later, { passive: true });
  new ResizeObserver(later).observe(node);

  function layout() {
    if (scene === null || node.clientWidth === 0) return;
    const { rows, epochs: all, series } = scene;
    const counts = { rows: rows.length, columns: all.length, series: series.length };
    geometry = measure({ available: node.clientWidth, high: node.clientHeight, ...counts });
    const { head, narrow, side, row, width, height } = geometry;
    setAttribute(node, "data-narrow", narrow);
    sizer.style.width = `${Math.max(width, node.clientWidth)}px`;
    sizer.style.height = `${height}px`;
    node.style.setProperty("--side", `${side}px`);
    node.style.setProperty("--head", `${head}px`);
    setAttribute(node, "aria-rowcount", rows.length * series.length + 1);
    setAttribute(node, "aria-colcount", all.length + 1);
    const down = inSight(node.scrollTop, node.clientHeight - head, row, rows.length, MARGIN.rows);
    const along = inSight(node.scrollLeft, node.clientWidth - side, geometry.column, all.length, MARGIN.columns);
    layColumns(along);
    layRows(down, along);
    wish(down, along);
  }

  function layColumns({ first, end }) {
    const shown = scene.epochs.slice(first, end);
    for (const [epoch, head] of heads) if (!shown.includes(epoch)) forget(heads, epoch, head);
    shown.forEach((epoch, i) => {
      if (!heads.has(epoch)) heads.set(epoch, addHead(epochs, epoch, act));
      const head = heads.get(epoch);
      head.style.transform = `translateX(${geometry.side + (first + i) * geometry.column}px)`;
      head.style.width = `${geometry.cell}px`;
      setAttribute(head, "aria-colindex", first + i + 2);
      setAttribute(head, "aria-current", epoch === scene.epoch ? "true" : null);
    });
    if (!corner.isConnected) epochs.prepend(corner);
    const place = scene.epochs.indexOf(scene.epoch);
    column.hidden = place < 0;
    column.style.transform = `translateX(${geometry.side + place * geometry.column - 2}px)`;
    column.style.width = `${geometry.column}px`;
  }

  function layRows({ first, end }, along) {
    const shown = new Map(scene.rows.slice(first, end).map((row, i) => [row.key, { row, number: first + i }]));
    for (const [key, group] of groups) if (!shown.has(key) || !sameSeries(group, scene)) forget(groups, key, group.node);
    for (const [key, { row, number }] of shown) {
      if (!groups.has(key)) {
        groups.set(key, makeGroup(scene, act));
        sizer.append(groups.get(key).node);
      }
      updateGroup(groups.get(key), { scene, geometry, row, number, along, act });
    }
  }

  /** Ask for what is in sight: heatmaps and originals. */
  function wish(down, along) {
    const members = scene.rows.slice(down.first, down.end).flatMap((row) => row.members.filter(Boolean));
    const epochs = scene.epochs.slice(along.first, along.end);
    act.wish(members.map((member) => ({ member, epochs })));
  }

  /** Scroll as little as needed for the cursor to be in sight. */
  function reveal() {
    layout();
    if (geometry === null) return;
    const place = scene.epochs.indexOf(scene.epoch);
    const number = scene.rows.findIndex((row) => row.key === scene.cursor?.row.key);
    if (place >= 0) {
      const left = place * geometry.column;
      const room = node.clientWidth - geometry.side;
      if (left < node.scrollLeft) node.scrollLeft = left - geometry.column;
      if (left + geometry.column > node.scrollLeft + room) node.scrollLeft = left + 2 * geometry.column - room;
    }
    if (number >= 0) {
      const top = number * geometry.row;
      const room = node.clientHeight - geometry.head;
      if (top < node.scrollTop) node.scrollTop = top;
      if (top + geometry.row > node.scrollTop + room) node.scrollTop = top + geometry.row - room;
    }
    layout();
  }

  return {
    node,
    reveal,
    update(next) {
      scene = next;
      const focused = node.contains(document.activeElement) && document.activeElement.matches(".cell");
      layout();
      if (focused) node.querySelector(".cell[tabindex='0']")?.focus({ preventScroll: true });
    },
    focus: () => (node.querySelector(".cell[tabindex='0']") ?? node).focus({ preventScroll: true }),
    /** The rows in sight from top to bottom, for the picture of the view. */
    shown: () =>
      [...groups.values()].filter(({ node: at }) => at.isConnected).sort((a, b) => a.number - b.number),
    geometry: () => geometry,
  };
}

function forget(existing, key, node) {
  node.remove();
  existing.delete(key);
}

function sameSeries(group, scene) {
  return group.keys === scene.series.map((series) => series.key).join("\n");
}

function addHead(parent, epoch, act) {
  const head = element("div", { class: "epoch", role: "columnheader" });
  const text = epoch.toLocaleString("en", { useGrouping: false });
  const go = () => act.set({ epoch });
  head.append(element("button", { type: "button", tabindex: -1, text, title: `Go to epoch ${text}`, on: { click: go } }));
  parent.append(head);
  return head;
}

function makeGroup(scene, act) {
  const thumbnail = element("canvas", { class: "thumbnail", "aria-hidden": "true" });
  const name = element("div", { class: "class-name" });
  const place = element("div", { class: "quiet" });
  const about = element("div", { class: "about" }, thumbnail, element("div", { class: "naming" }, name, place));
  const lines = scene.series.map((series) => makeLine(series, scene.series.length > 1, act));
  const body = element("div", { class: "lines", role: "presentation" }, ...lines.map((line) => line.node));
  const node = element("div", { class: "group", role: "rowgroup" }, about, body);
  return { node, thumbnail, name, place, lines, keys: scene.series.map((series) => series.key).join("\n") };
}

function makeLine(series, several, act) {
  const title = element("div", { class: "series-name", text: series.name, title: series.name });
  const sign = element("span", { class: "sign", "aria-hidden": "true" });
  const said = element("span", { class: "said" });
  const details = element("div", { class: "quiet" });
  const verdictNode = element("div", { class: "judged" }, sign, said);
  const parts = several ? [title, verdictNode] : [verdictNode, details];
  const head = element("div", { class: "line-head", role: "rowheader", "data-series": series.number % 7 }, ...parts);
  const canvas = element("canvas", { "aria-hidden": "true" });
  const trouble = element("button", { type: "button", class: "trouble", hidden: true, on: { click: act.retry } });
  const node = element("div", { class: "line", role: "row" }, head, canvas, trouble);
  return { node, head, sign, said, details, canvas, trouble, cells: [], painted: null };
}

function updateGroup(group, context) {
  const { scene, geometry, row, number, act } = context;
  group.number = number;
  group.row = row;
  group.node.style.transform = `translateY(${geometry.head + number * geometry.row}px)`;
  group.node.style.height = `${geometry.row}px`;
  setAttribute(group.node, "data-current", scene.cursor?.row.key === row.key);
  setText(group.name, row.className);
  setAttribute(group.name, "title", row.className);
  setText(group.place, `image ${row.id}`);
  paintThumbnail(group.thumbnail, act.image(row.members.find(Boolean)));
  group.lines.forEach((line, index) => updateLine(line, row.members[index], index, context));
}

function paintThumbnail(canvas, image) {
  const side = Math.round(56 * window.devicePixelRatio);
  const painted = image ? `${image.src} ${side}` : "";
  if (canvas.dataset.painted === painted) return;
  canvas.dataset.painted = painted;
  canvas.width = canvas.height = side;
  if (image) paintHeat(contextOf(canvas), { x: 0, y: 0, side }, image, null, null);
}

function updateLine(line, member, index, context) {
  const { scene, geometry, number, row, along, act } = context;
  const look = member?.at(scene.epoch) ?? null;
  line.node.style.height = `${geometry.line}px`;
  setAttribute(line.node, "aria-rowindex", number * scene.series.length + index + 2);
  setAttribute(line.head, "aria-label", `${row.className}, image ${row.id}, ${scene.series[index].name}`);
  setAttribute(line.head, "data-verdict", look ? verdict(look) : null);
  setText(line.sign, look ? mark(look) : "");
  setText(line.said, look ? `${look.predictedName} ${percent(look.confidence)}` : "not logged");
  setAttribute(line.said, "title", look ? `${verdict(look)}: ${look.predictedName}` : null);
  setText(line.details, look && look.drift !== null ? `drift ${look.drift.toFixed(2)}` : "");
  const shown = scene.epochs.slice(along.first, along.end);
  setText(line.trouble, (member && act.trouble(member, shown)) ?? "");
  line.trouble.hidden = line.trouble.textContent === "";
  updateCells(line, member, index, context);
  paintLine(line, member, context);
}

function updateCells(line, member, index, { scene, geometry, row, along, act }) {
  const series = scene.series[index];
  const wanted = along.end - along.first;
  while (line.cells.length > wanted) line.cells.pop().remove();
  while (line.cells.length < wanted) line.cells.push(addCell(line));
  const onLine = scene.cursor?.row.key === row.key && scene.cursor.series.key === series.key;
  line.cells.forEach((cell, i) => {
    const epoch = scene.epochs[along.first + i];
    const look = member?.at(epoch) ?? null;
    const current = onLine && epoch === scene.epoch;
    cell.style.transform = `translateX(${geometry.side + (along.first + i) * geometry.column}px)`;
    cell.style.width = cell.style.height = `${geometry.cell}px`;
    setAttribute(cell, "aria-colindex", along.first + i + 2);
    setAttribute(cell, "aria-label", sentence(row, series, epoch, look, scene.series.length > 1));
    setAttribute(cell, "aria-selected", String(current));
    setAttribute(cell, "tabindex", current ? 0 : -1);
    setAttribute(cell, "title", sentence(row, series, epoch, look, scene.series.length > 1));
    setAttribute(cell, "data-absent", look === null);
    setAttribute(cell, "data-epoch", epoch);
    cell.onclick = () => look && act.set({ epoch, row: row.key, series: series.key, page: "large" });
  });
}

function addCell(line) {
  const cell = element("div", { class: "cell", role: "gridcell" });
  line.node.append(cell);
  return cell;
}

/** Paint the cells in sight of a line, if anything that shows has changed. */
function paintLine(line, member, { scene, geometry, along, act }) {
  const { state, epochs } = scene;
  const scale = window.devicePixelRatio;
  const [cell, column] = [Math.round(geometry.cell * scale), geometry.column * scale];
  const image = member ? act.image(member) : null;
  const shown = epochs.slice(along.first, along.end);
  const look = [state.colours, state.opacity, state.threshold, state.side, state.show];
  const painted = JSON.stringify([member?.series.key, member?.id, shown, cell, look, image?.src, act.mapsVersion(member, shown)]);
  line.canvas.style.left = `${geometry.side + along.first * geometry.column}px`;
  if (line.painted === painted) return;
  line.painted = painted;
  const width = Math.max(1, Math.round(shown.length * column));
  [line.canvas.width, line.canvas.height] = [width, cell];
  line.canvas.style.width = `${width / scale}px`;
  line.canvas.style.height = `${cell / scale}px`;
  const context = contextOf(line.canvas);
  shown.forEach((epoch, i) => {
    const one = member?.at(epoch);
    const both = member && act.maps(member, epoch);
    const square = { x: Math.round(i * column), y: 0, side: cell };
    if (one && !both) paintWaiting(context, square);
    if (!one || !both) return;
    paintHeat(context, square, image, (state.side === "true" && both.true) || both.predicted, scene.paint);
    paintBadges(context, square, one, scale);
  });
}

/** A pale square where a heatmap is still on its way. */
function paintWaiting(context, { x, y, side }) {
  context.fillStyle = "rgba(128, 128, 128, 0.12)";
  context.fillRect(x, y, side, side);
}

/** Signs in the corners: a cross where the prediction is wrong, a triangle where the heatmap is not to be trusted. */
function paintBadges(context, { x, y, side }, look, scale) {
  const size = Math.max(11, Math.min(16, side / scale / 4)) * scale;
  context.lineWidth = 1.6 * scale;
  context.lineCap = context.lineJoin = "round";
  if (look.right === false) {
    context.fillStyle = "#b3261e";
    context.fillRect(x + side - size, y, size, size);
    cross(context, x + side - size / 2, y + size / 2, size * 0.22);
  }
  if (look.flag) {
    context.fillStyle = "#ffd54f";
    triangle(context, x + size * 0.65, y + size * 0.62, size * 0.5);
  }
}

function cross(context, x, y, reach) {
  context.strokeStyle = "#ffffff";
  context.beginPath();
  context.moveTo(x - reach, y - reach);
  context.lineTo(x + reach, y + reach);
  context.moveTo(x + reach, y - reach);
  context.lineTo(x - reach, y + reach);
  context.stroke();
}

function triangle(context, x, y, reach) {
  context.strokeStyle = "#1b1b1b";
  context.beginPath();
  context.moveTo(x, y - reach);
  context.lineTo(x + reach, y + reach * 0.8);
  context.lineTo(x - reach, y + reach * 0.8);
  context.closePath();
  context.fill();
  context.stroke();
}
