/** Details of one image in one snapshot: original, heatmaps of the predicted and the true class, and prediction. */

import { drawHeatmap, drawImage, drawOverlay } from "./canvas.js";
import { element, setAttribute, setText } from "./dom.js";
import { createPercentFormat, decimal } from "./format.js";
import { valueAt } from "./heatmap.js";
import { createPanelGroup, visiblePanels } from "./image_panel.js";
import { createPredictionDetails } from "./prediction_details.js";

const GAP = 16;
const CAPTION_HEIGHT = 26;
const READOUT_HEIGHT = 24;
const DETAILS_HEIGHT = 190; // below a single line of panels
const MIN_SIDE = 200;
const MIN_SIDE_OF_THREE = 140;
const MAX_SIDE = 448;

export function createDetailView(actions) {
  const readout = element("div", { class: "readout" });
  const panels = createPanelGroup(["original", "heatmap", "overlay", "trueHeatmap", "trueOverlay"], updateReadout);
  const details = createPredictionDetails();
  const { original, heatmap, overlay, trueHeatmap, trueOverlay } = panels;
  const firstLine = [original, heatmap, overlay].map((panel) => panel.node);
  const grid = element("div", { class: "panel-grid" }, ...firstLine, details.node, trueHeatmap.node, trueOverlay.node);
  const node = element("div", { class: "detail-view" }, grid, readout);
  let viewModel = null;
  new ResizeObserver(() => viewModel && draw()).observe(node);

  function currentMaps() {
    const { history, snapshot } = viewModel.cursor;
    return snapshot && actions.maps(history, snapshot);
  }

  /** Return the map of the first label, or null if that is the predicted class. */
  function trueMapOf(maps) {
    const map = maps?.byClass.get(viewModel.cursor.history.labels[0]) ?? null;
    return map === maps?.predicted ? null : map;
  }

  const currentImage = () => actions.image(viewModel.cursor.history);

  function draw() {
    const { cursor } = viewModel;
    if (cursor === null || node.clientWidth === 0) return;
    const prediction = cursor.history.predictionOf(cursor.snapshot);
    const maps = currentMaps();
    const trueMap = trueMapOf(maps);
    const hasTrueMap = trueMap !== null;
    const side = panelSide(node, hasTrueMap);
    for (const panel of [trueHeatmap, trueOverlay]) panel.node.hidden = !hasTrueMap;
    grid.style.setProperty("--panel-side", `${side}px`);
    setAttribute(grid, "data-has-true", hasTrueMap);
    drawOriginal(side);
    const percentOf = createPercentFormat(prediction ? listProbabilities(prediction) : []);
    const { predictedName, confidence } = prediction ?? {};
    const notes = prediction ? [`of ${predictedName}`, `${predictedName} ${percentOf(confidence)}`] : ["not logged", ""];
    drawMap(side, [heatmap, overlay], maps?.predicted ?? null, ...notes);
    if (hasTrueMap) {
      const [name] = cursor.row.classNames;
      const role = cursor.row.labels.length > 1 ? "the first label" : "the true class";
      const trueNotes = [`of ${name}, ${role}`, `${name} ${percentOf(prediction.trueConfidences[0])}`];
      drawMap(side, [trueHeatmap, trueOverlay], trueMap, ...trueNotes);
    }
    details.update(viewModel, prediction, maps, percentOf);
    updateReadout(null);
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
    const content = [history.series.key, history.id, snapshot?.step, version, map !== null];
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
    const values = [`predicted class ${decimal(valueAt(maps.predicted, position.x, position.y))}`];
    const trueMap = trueMapOf(maps);
    if (trueMap) values.push(`true class ${decimal(valueAt(trueMap, position.x, position.y))}`);
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

function listProbabilities({ confidence, trueConfidences, topClasses }) {
  return [confidence, ...trueConfidences, ...topClasses.map(([, probability]) => probability)];
}

/** Return the side of the panels: three abreast if there is room, and all of them in view without scrolling. */
function panelSide(node, hasTrueMap) {
  const abreast = node.clientWidth > 3 * MIN_SIDE_OF_THREE + 2 * GAP ? 3 : 2;
  const widthLimit = Math.floor((node.clientWidth - (abreast - 1) * GAP) / abreast);
  const height = node.clientHeight - READOUT_HEIGHT;
  const heightLimit = (hasTrueMap ? height / 2 : height - DETAILS_HEIGHT) - CAPTION_HEIGHT - GAP;
  return Math.min(widthLimit, Math.max(MIN_SIDE, Math.min(MAX_SIDE, Math.floor(heightLimit))));
}
