/**
 * Details of one image in one snapshot: original, heatmaps of the predicted and the true class, and prediction. An image
 * with several labels has the heatmap of the chosen class, and below it a panel for each heatmap.
 */

import { drawHeatmap, drawImage, drawOverlay } from "./canvas.js";
import { element, setAttribute, setText } from "./dom.js";
import { className, createPercentFormat, decimal } from "./format.js";
import { valueAt } from "./heatmap.js";
import { listClassesOfImage, shownClass, shownMap } from "./heatmap_class.js";
import { createPanelGroup, visiblePanels } from "./image_panel.js";
import { labelVerdict } from "./label_verdicts.js";
import { createPredictionDetails } from "./prediction_details.js";

const MAIN_PANELS = ["original", "heatmap", "overlay", "trueHeatmap", "trueOverlay"];
const GAP = 16;
const CAPTION_HEIGHT = 26;
const READOUT_HEIGHT = 24;
const DETAILS_HEIGHT = 190; // below a single line of panels
const MIN_SIDE = 200;
const MIN_SIDE_OF_THREE = 140;
const MAX_SIDE = 448;
const CLASS_SIDE = 160; // of the panels of each class
const CLASS_PANELS = Array.from({ length: 10 }, (_, i) => `class${i}`); // the predicted class, 8 labels, a false positive

export function createDetailView(actions) {
  const readout = element("div", { class: "readout" });
  const panels = createPanelGroup([...MAIN_PANELS, ...CLASS_PANELS], updateReadout);
  const details = createPredictionDetails();
  const { original, heatmap, overlay, trueHeatmap, trueOverlay } = panels;
  const firstLine = [original, heatmap, overlay].map((panel) => panel.node);
  const grid = element("div", { class: "panel-grid" }, ...firstLine, details.node, trueHeatmap.node, trueOverlay.node);
  const classPanels = CLASS_PANELS.map((name) => panels[name]);
  const ofEachClass = element(
    "section",
    { class: "class-panels", "aria-label": "Heatmaps of each class" },
    element("h3", { text: "Heatmaps of each class" }),
    element("div", { class: "class-panel-row" }, ...classPanels.map((panel) => panel.node)),
  );
  const node = element("div", { class: "detail-view" }, grid, ofEachClass, readout);
  let viewModel = null;
  new ResizeObserver(() => viewModel && draw()).observe(node);

  function currentMaps() {
    const { history, snapshot } = viewModel.cursor;
    return snapshot && actions.maps(history, snapshot);
  }

  /** Return the map of the first label, or null if that is the predicted class. */
  function trueMapOf(maps, prediction) {
    if (prediction === null || prediction.isMultiLabel) return null;
    const map = maps?.byClass.get(viewModel.cursor.history.labels[0]) ?? null;
    return map === maps?.predicted ? null : map;
  }

  /** Return the chosen class where several labels leave a choice, otherwise the predicted class. */
  function mainClass(prediction) {
    return prediction?.isMultiLabel ? viewModel.state.heatmapClass : "predicted";
  }

  function nameOf(label) {
    return className(viewModel.responses.get(viewModel.cursor.history.series.key)?.classes, label);
  }

  const currentImage = () => actions.image(viewModel.cursor.history);

  function draw() {
    const { cursor } = viewModel;
    if (cursor === null || node.clientWidth === 0) return;
    const prediction = cursor.history.predictionOf(cursor.snapshot);
    const maps = currentMaps();
    const trueMap = trueMapOf(maps, prediction);
    const hasTrueMap = trueMap !== null;
    const labelMaps = prediction?.isMultiLabel ? [...(maps?.byClass ?? [])] : [];
    const side = panelSide(node, hasTrueMap, labelMaps.length > 0);
    for (const panel of [trueHeatmap, trueOverlay]) panel.node.hidden = !hasTrueMap;
    grid.style.setProperty("--panel-side", `${side}px`);
    setAttribute(grid, "data-has-true", hasTrueMap);
    drawOriginal(side);
    const percentOf = createPercentFormat(prediction ? listProbabilities(prediction) : []);
    const mainMap = shownMap(maps, mainClass(prediction), cursor.history, prediction);
    drawMap(side, [heatmap, overlay], mainMap, ...mainNotes(prediction, percentOf));
    drawClassPanels(labelMaps, prediction, percentOf);
    if (hasTrueMap) {
      const [name] = cursor.row.classNames;
      const role = cursor.row.labels.length > 1 ? "the first label" : "the true class";
      const trueNotes = [`of ${name}, ${role}`, `${name} ${percentOf(prediction.trueConfidences[0])}`];
      drawMap(side, [trueHeatmap, trueOverlay], trueMap, ...trueNotes);
    }
    details.update(viewModel, prediction, maps, percentOf);
    updateReadout(null);
  }

  /** Return the captions of the heatmap and the overlay. */
  function mainNotes(prediction, percentOf) {
    if (!prediction) return ["not logged", ""];
    const { labels } = viewModel.cursor.history;
    const label = shownClass(mainClass(prediction), labels, prediction);
    if (label === null) return ["none of this class", ""];
    const name = nameOf(label);
    const { probability } = labelVerdict(label, labels, prediction);
    return [`of ${name}`, `${name} ${percentOf(probability)}`];
  }

  /** Draw the heatmap of each class over the image. */
  function drawClassPanels(labelMaps, prediction, percentOf) {
    const { cursor, state, heatmapStyle } = viewModel;
    ofEachClass.hidden = labelMaps.length === 0;
    const image = currentImage();
    const { history, snapshot } = cursor;
    const choices = listClassesOfImage(history.labels, prediction);
    const shown = prediction && shownClass(state.heatmapClass, history.labels, prediction);
    classPanels.forEach((panel, i) => {
      panel.node.hidden = i >= labelMaps.length;
      if (panel.node.hidden) return;
      const [label, map] = labelMaps[i];
      const { symbol, role, probability } = labelVerdict(label, history.labels, prediction);
      setAttribute(panel.node, "aria-current", label === shown ? "true" : null);
      const choice = choices.find((one) => shownClass(one, history.labels, prediction) === label);
      panel.updateButton(() => choice && actions.setState({ heatmapClass: choice }), label === shown);
      const key = [history.series.key, history.id, snapshot.step, label, state.colormap, state.opacity, state.threshold];
      panel.update({
        side: CLASS_SIDE,
        image,
        titleText: `${symbol} ${nameOf(label)}`,
        noteText: `${percentOf(probability)} ${role}`,
        key,
        draw: (context, square) => drawOverlay(context, square, image, map, { ...heatmapStyle, opacity: state.opacity }),
      });
    });
  }

  function drawOriginal(side) {
    const image = currentImage();
    const noteText = image ? `${image.naturalWidth} × ${image.naturalHeight}` : "";
    const drawPanel = (context, square) => drawImage(context, square, image);
    original.update({ side, image, titleText: "Original", noteText, key: "original", draw: drawPanel });
  }

  /** Draw a map alone and over the image. */
  function drawMap(side, [mapPanel, overlayPanel], map, mapNote, overlayNote) {
    const { state, heatmapStyle, cursor } = viewModel;
    const { history, snapshot } = cursor;
    const image = currentImage();
    const version = snapshot && actions.mapsVersion(history, [snapshot]);
    const content = [history.series.key, history.id, snapshot?.step, version, map !== null, state.heatmapClass];
    const key = [...content, state.colormap, state.opacity, state.threshold];
    const updatePanel = (panel, titleText, noteText, drawLayers, opacity) => {
      const draw = (context, square) => drawLayers(context, square, image, map, { ...heatmapStyle, opacity });
      panel.update({ side, image, titleText, noteText, key, draw });
    };
    updatePanel(mapPanel, "Heatmap", mapNote, drawHeatmap, 1);
    updatePanel(overlayPanel, "Overlay", overlayNote, drawOverlay, state.opacity);
  }

  /** Show the values under the pointer. */
  function updateReadout(position) {
    const [maps, image] = [currentMaps(), currentImage()];
    if (position === null || !maps || !image) {
      setText(readout, maps ? "Hover over an image to read its values" : "");
      return;
    }
    const [x, y] = [Math.floor(position.x * image.naturalWidth), Math.floor(position.y * image.naturalHeight)];
    const { history, snapshot } = viewModel.cursor;
    const prediction = history.predictionOf(snapshot);
    const valueOf = (map) => decimal(valueAt(map, position.x, position.y));
    const values = prediction?.isMultiLabel
      ? [...maps.byClass].map(([label, map]) => `${nameOf(label)} ${valueOf(map)}`)
      : [`predicted class ${valueOf(maps.predicted)}`];
    const trueMap = trueMapOf(maps, prediction);
    if (trueMap) values.push(`true class ${valueOf(trueMap)}`);
    setText(readout, `x ${x}, y ${y}: ${values.join(", ")}`);
  }

  return {
    node,
    update(newViewModel) {
      viewModel = newViewModel;
      draw();
    },
    visiblePanels: () => visiblePanels(panels),
  };
}

function listProbabilities({ confidence, trueConfidences, topClasses, falsePositives }) {
  return [confidence, ...trueConfidences, ...[...topClasses, ...falsePositives].map(([, probability]) => probability)];
}

/** Return the side of the panels: three abreast if there is room, and all of them in view without scrolling. */
function panelSide(node, hasTrueMap, hasClassPanels) {
  const abreast = node.clientWidth > 3 * MIN_SIDE_OF_THREE + 2 * GAP ? 3 : 2;
  const widthLimit = Math.floor((node.clientWidth - (abreast - 1) * GAP) / abreast);
  const height = node.clientHeight - READOUT_HEIGHT;
  const below = DETAILS_HEIGHT + (hasClassPanels ? CLASS_SIDE + 2 * CAPTION_HEIGHT + GAP : 0);
  const heightLimit = (hasTrueMap ? height / 2 : height - below) - CAPTION_HEIGHT - GAP;
  return Math.min(widthLimit, Math.max(MIN_SIDE, Math.min(MAX_SIDE, Math.floor(heightLimit))));
}
