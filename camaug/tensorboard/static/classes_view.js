/** The page of classes: the confusion matrix of the validation images, and where the model looks for each class. */

import { contextOf, drawHeatmap } from "./canvas.js";
import { chooseClasses, classCounts, matrixRows } from "./confusion.js";
import { dropdown, element, labelled, setAttribute, setText } from "./dom.js";
import { createGridFocus } from "./grid_focus.js";
import { className, count, percent } from "./format.js";
import { explainedImages } from "./explained_images.js";
import { meanMap } from "./mean_map.js";
import { createMistakeCards } from "./mistake_cards.js";
import { mistakesSnapshotName } from "./snapshot_mistakes.js";

const LARGEST = 24; // classes in the matrix
const MAP_SIDE = 36; // CSS pixels
const LARGE_MAP_SIDE = 200;
const NUMBERS = [["images", "Images"], ["share", "Share of the class"]];

export function createClassesView(actions) {
  const query = element("input", {
    type: "search", placeholder: "Class name", "aria-label": "Class of the matrix", size: 12,
    on: { input: () => actions.setState({ mistakeQuery: query.value }) },
  });
  const numbers = dropdown(NUMBERS, (confusionNumbers) => actions.setState({ confusionNumbers }));
  const title = element("h2", { text: "Classes", tabindex: -1 });
  const summary = element("p", { class: "secondary", role: "status" });
  const filters = element("div", { class: "mistake-filters" }, query, labelled("Numbers", numbers));
  const table = element("div", { class: "confusion" });
  const gridFocus = createGridFocus(table);
  const behind = createBehind(actions);
  const body = element("div", { class: "classes-body" }, table, behind.node);
  const node = element("section", { class: "mistakes-view classes-view", "aria-label": "Classes" }, title, summary, filters, body);
  let drawnKey = null;

  return {
    node,
    update(viewModel) {
      const { mistakes, state } = viewModel;
      const record = mistakes?.record ?? null;
      const images = record === null ? [] : explainedImages(viewModel, actions);
      if (query.value !== state.mistakeQuery) query.value = state.mistakeQuery;
      numbers.value = state.confusionNumbers;
      setText(summary, summarise(viewModel, images));
      const key = JSON.stringify([mistakes?.key, state.mistakeQuery, state.matrixCell, state.confusionNumbers, state.colormap,
        window.devicePixelRatio, images.map((image) => [image.key, image.maps.length])]);
      if (key !== drawnKey) {
        drawnKey = key;
        gridFocus.redraw(state.matrixCell, () =>
          table.replaceChildren(...(record?.confusion ? [createTable(viewModel, record, images, actions)] : [])));
      }
      filters.hidden = !record?.confusion;
      numbers.parentElement.hidden = record?.has_several === true;
      behind.update(viewModel, record, images);
    },
    focus: (cardKey) => behind.focus(cardKey) || title.focus({ preventScroll: true }),
    visibleCards: () => behind.visibleCards(),
  };
}

function summarise({ mistakes, axis }, images) {
  if (!mistakes) return "This run has no confusion matrix logged: CamLogger(mistakes=16) logs it with each validation.";
  if (mistakes.error) return mistakes.error;
  if (!mistakes.record) return "Loading …";
  const { count: validated, confusion } = mistakes.record;
  const name = mistakesSnapshotName(axis, mistakes);
  if (confusion === null) return `${name}: no confusion matrix of more than 1,000 classes is logged.`;
  return `${name}: ${count(validated, "validation image")}; the mean heatmaps are of the ${count(images.length, "explained image")}`;
}

function createTable(viewModel, record, images, actions) {
  return record.has_several ? createCounts(viewModel, record, images, actions) : createMatrix(viewModel, record, images, actions);
}

/** Create the matrix of labels (rows) and predictions (columns). */
function createMatrix(viewModel, record, images, actions) {
  const { state, heatmapStyle } = viewModel;
  const classes = classNamesOf(viewModel);
  const query = state.mistakeQuery.trim().toLowerCase();
  const matches = (index) => className(classes, index).toLowerCase().includes(query);
  const { shown, total } = chooseClasses(record.confusion, LARGEST, matches);
  const columns = shown.map((index) =>
    element("th", { scope: "col", title: className(classes, index) }, element("span", { text: className(classes, index) })));
  const head = element("thead", {},
    element("tr", {}, element("th", { class: "corner-cell", text: "label ↓ prediction →" }), ...columns));
  const rows = matrixRows(record.confusion, shown).map(({ label, total: labelTotal, cells }) => {
    const name = className(classes, label);
    const ofLabel = images.filter((image) => image.labels.includes(label));
    const select = () => actions.setState({ matrixCell: `${label}>` });
    const header = element("th", { scope: "row" }, createHeaderButton(name, ofLabel, heatmapStyle, `${label}>`, state, select));
    return element("tr", {}, header, ...cells.map((cell) => createCell(cell, label, labelTotal, classes, state, actions)));
  });
  const note = shown.length < total
    ? element("p", { class: "secondary", text: `${shown.length} of ${total} classes, those with the most mistakes. Search for others by name.` })
    : null;
  return element("div", {}, element("table", { class: "matrix", role: "grid", "aria-label": "Confusion matrix" }, head, element("tbody", {}, ...rows)), note);
}

function createCell({ prediction, images, share }, label, labelTotal, classes, state, actions) {
  const pair = `${label}>${prediction}`;
  const isRight = label === prediction;
  const text = state.confusionNumbers === "share" ? percent(share) : String(images);
  const description =
    `${className(classes, label)} predicted as ${className(classes, prediction)}: ${images} of ${count(labelTotal, "image")}`;
  const button = element("button", {
    type: "button", text: images === 0 ? "" : text, title: description, "aria-label": description, "data-pair": pair,
    "aria-pressed": String(state.matrixCell === pair), on: { click: () => actions.setState({ matrixCell: pair }) },
  });
  const cell = element("td", { "data-right": isRight }, button);
  cell.style.setProperty("--share", share === 0 ? "0" : String(0.1 + 0.6 * share)); // stronger colours leave no text legible
  return cell;
}

/** Create the table of data with several labels an image: what is found, missed and wrongly found of each class. */
function createCounts(viewModel, record, images, actions) {
  const { state, heatmapStyle } = viewModel;
  const query = state.mistakeQuery.trim().toLowerCase();
  const all = classCounts(record.confusion, classNamesOf(viewModel)).filter(({ name }) => name.toLowerCase().includes(query));
  const head = element("thead", {}, element("tr", {},
    ...["class", "found", "missed", "false positives"].map((text) => element("th", { scope: "col", text }))));
  const rows = all.slice(0, 4 * LARGEST).map(({ index, name, found, missed, falsePositives }) => {
    const ofLabel = images.filter((image) => image.labels.includes(index));
    const select = () => actions.setState({ matrixCell: `${index}>` });
    const header = element("th", { scope: "row" }, createHeaderButton(name, ofLabel, heatmapStyle, `${index}>`, state, select));
    const cell = (number, kind, description) => {
      const pair = `${index}>${kind}`;
      const button = element("button", {
        type: "button", text: String(number), "aria-label": `${name} ${description}: ${count(number, "image")}`,
        "data-pair": pair, "aria-pressed": String(state.matrixCell === pair),
        on: { click: () => actions.setState({ matrixCell: pair }) },
      });
      return element("td", {}, button);
    };
    return element("tr", {}, header, cell(found, "found", "found"), cell(missed, "missed", "missed"),
      cell(falsePositives, "false", "predicted without being a label"));
  });
  return element("table", { class: "matrix counts", role: "grid", "aria-label": "Results of each class" }, head, element("tbody", {}, ...rows));
}

/** Create a class's name with the mean of its heatmaps. */
function createHeaderButton(name, images, heatmapStyle, pair, state, onClick) {
  const canvas = element("canvas", { class: "mean-map", "aria-hidden": "true" });
  drawMean(canvas, mapsOfLabels(images, pair), MAP_SIDE, heatmapStyle);
  const button = element("button", {
    type: "button", title: `${name}, ${count(images.length, "explained image")}`, "data-pair": pair,
    "aria-pressed": String(state.matrixCell === pair), on: { click: onClick },
  }, canvas, element("span", { text: name }));
  return button;
}

/** Create the images behind the selected cell or class, with the mean of their heatmaps. */
function createBehind(actions) {
  const title = element("h3");
  const canvas = element("canvas", { class: "mean-map", role: "img" });
  const note = element("p", { class: "secondary" });
  const open = element("button", { type: "button", text: "Show in Mistakes", on: { click: () => actions.showAsMistakes() } });
  const cards = createMistakeCards(actions, (image) => image.open());
  const node = element("section", { class: "behind", "aria-label": "Images behind the selection" }, title, canvas, note, open, cards.node);
  return {
    node,
    visibleCards: () => cards.visibleCards(),
    focus: (cardKey) => cards.focus(cardKey),
    update(viewModel, record, images) {
      const { state, heatmapStyle } = viewModel;
      node.hidden = !record?.confusion;
      if (record === null) return;
      const selection = describeSelection(viewModel, record);
      const selected = selection ? images.filter(selection.matches) : [];
      const maps = selection ? selected.map(selection.mapOf).filter(Boolean) : [];
      setText(title, selection?.name ?? "Select a class or a cell");
      canvas.hidden = maps.length === 0;
      setText(note, selection === null ? "Its images and the mean of their heatmaps are shown here." : describeImages(selected.length, maps.length));
      setAttribute(canvas, "aria-label", `Mean heatmap of ${count(maps.length, "image")}`);
      drawMean(canvas, maps, LARGE_MAP_SIDE, heatmapStyle);
      open.hidden = selected.length === 0 || !selection.isCell || record.has_several;
      cards.update(viewModel, selected.slice(0, 60));
    },
  };
}

function describeImages(number, maps) {
  if (number === 0) return "None of these images is among the explained ones. CamLogger(mistakes=) explains more.";
  return `Mean of ${count(maps, "heatmap")}, over ${count(number, "explained image")}`;
}

/** Return the selected cell or class: its name, which images it has, and which of their maps counts. */
function describeSelection(viewModel, record) {
  const { matrixCell } = viewModel.state;
  if (!/^\d+>/.test(matrixCell)) return null;
  const classes = classNamesOf(viewModel);
  const [label, other] = matrixCell.split(">");
  const index = Number(label);
  const name = className(classes, index);
  const mapOf = (image) => image.maps.find((one) => one.class === index)?.map;
  if (other === "") return { name, isCell: false, mapOf, matches: (image) => image.labels.includes(index) };
  if (record.has_several) {
    const isFound = (image) => image.predictedClasses.includes(index);
    const kinds = {
      found: [`${name}, found`, (image) => image.labels.includes(index) && isFound(image)],
      missed: [`${name}, missed`, (image) => image.labels.includes(index) && !isFound(image)],
      false: [`${name}, false positive`, (image) => !image.labels.includes(index) && isFound(image)],
    };
    const [kindName, matches] = kinds[other] ?? [name, () => false];
    return { name: kindName, isCell: true, mapOf, matches };
  }
  const prediction = Number(other);
  return {
    name: index === prediction ? `${name}, predicted correctly` : `${name} → ${className(classes, prediction)}`,
    isCell: true,
    mapOf: (image) => image.maps.find((one) => one.class === prediction)?.map,
    matches: (image) => image.labels[0] === index && image.predicted === prediction,
  };
}

function mapsOfLabels(images, pair) {
  const index = Number(pair.split(">")[0]);
  return images.map((image) => image.maps.find((one) => one.class === index)?.map).filter(Boolean);
}

function drawMean(canvas, maps, cssSide, heatmapStyle) {
  const side = Math.round(cssSide * window.devicePixelRatio);
  canvas.width = canvas.height = side;
  canvas.style.width = canvas.style.height = `${cssSide}px`;
  drawHeatmap(contextOf(canvas), { x: 0, y: 0, side }, null, meanMap(maps), { ...heatmapStyle, opacity: 1, threshold: 0 });
}

function classNamesOf({ mistakes, responses }) {
  return responses.get(mistakes.series.key)?.classes ?? null;
}
