/** Comparison of two heatmaps of one image. B is the cursor's heatmap; A is of another snapshot, run or method. */

import { blendPixels, drawOverlay, fitInSquare } from "./canvas.js";
import { DIFFERENCE_STOPS, cssGradient } from "./colormaps.js";
import { createCompareControls } from "./compare_controls.js";
import { element, setText } from "./dom.js";
import { className, correctnessSymbol, createPercentFormat, decimal } from "./format.js";
import { differencePixels, valueAt } from "./heatmap.js";
import { heatmapClassName, shownClass, shownMap } from "./heatmap_class.js";
import { createPanelGroup, visiblePanels } from "./image_panel.js";
import { positionName } from "./snapshot_axis.js";
import { createSwipeDivider } from "./swipe_divider.js";

const GAP = 16;
const THREE_ABREAST_WIDTH = 620;
const NARROW_HEIGHT_SHARE = 0.6;
const SIDE_LIMITS = { sideBySide: [200, 448], swipe: [320, 640] };
const CAPTION_HEIGHTS = { sideBySide: 100, swipe: 72 }; // captions, colour ramp and readout

export function createCompareView(actions) {
  const controls = createCompareControls(actions);
  const readout = element("div", { class: "readout" });
  const panels = createPanelGroup(["a", "b", "difference", "swipeA", "swipeB"], updateReadout);
  const colourRamp = createDifferenceRamp();
  panels.difference.node.append(colourRamp);
  const sideBySide = element("div", { class: "side-by-side" }, panels.a.node, panels.b.node, panels.difference.node);
  const setDivider = (divider) => actions.setState({ divider });
  const swipe = createSwipeDivider(setDivider, panels.swipeA.node, panels.swipeB.node);
  const stage = element("div", { class: "stage" }, sideBySide, swipe.node, readout);
  const node = element("div", { class: "compare-view" }, controls.node, stage);
  let viewModel = null;
  let a = null;
  let b = null;
  new ResizeObserver(() => viewModel && draw()).observe(stage);

  function draw() {
    const { cursor, comparison, state } = viewModel;
    if (cursor === null || stage.clientWidth === 0) return;
    controls.update(viewModel);
    const predictions = [comparison, cursor].map(({ history, snapshot }) => history.predictionOf(snapshot));
    const percentOf = createPercentFormat(predictions.map((prediction) => prediction?.confidence ?? null));
    a = describeHeatmap(comparison, percentOf);
    b = describeHeatmap(cursor, percentOf);
    const isSwipe = state.compareMode === "swipe";
    sideBySide.hidden = isSwipe;
    swipe.node.hidden = !isSwipe;
    if (isSwipe) drawSwipe();
    else drawSideBySide();
    updateReadout(null);
  }

  /** Return a heatmap with its image, caption and cache key. */
  function describeHeatmap({ history, snapshot }, percentOf) {
    const { axis, position, series, state } = viewModel;
    const name = positionName(axis, snapshot?.position ?? position);
    const { heatmapClass } = state;
    const prediction = history.predictionOf(snapshot);
    const maps = snapshot && actions.maps(history, snapshot);
    const map = shownMap(maps, heatmapClass, history, prediction);
    const { predictedName, confidence } = prediction ?? {};
    const version = snapshot && actions.mapsVersion(history, [snapshot]);
    return {
      map,
      image: actions.image(history),
      title: series.length > 1 ? `${name}, ${history.series.name}` : name,
      note: prediction
        ? `${correctnessSymbol(prediction)} ${predictedName} ${percentOf(confidence)}${describeShown(history, prediction)}`
        : "not logged",
      key: [history.series.key, history.id, snapshot?.step, version, heatmapClass, map !== null],
    };
  }

  /** Return which class the heatmap is of, unless it is the predicted one: ` · heatmap of bee`. */
  function describeShown(history, prediction) {
    const { state, responses } = viewModel;
    const label = shownClass(state.heatmapClass, history.labels, prediction);
    if (label === prediction.predicted) return "";
    if (label === null) return ` · no ${heatmapClassName(state.heatmapClass, true).toLowerCase()}`;
    return ` · heatmap of ${className(responses.get(history.series.key)?.classes, label)}`;
  }

  function drawSideBySide() {
    const abreast = stage.clientWidth > THREE_ABREAST_WIDTH ? 3 : 2;
    const side = panelSide(Math.floor((stage.clientWidth - (abreast - 1) * GAP) / abreast));
    drawHeatmapPanel(panels.a, a, `A: ${a.title}`, side);
    drawHeatmapPanel(panels.b, b, `B: ${b.title}`, side);
    const areLogged = a.map && b.map;
    panels.difference.update({
      side,
      image: b.image,
      titleText: "Difference",
      noteText: areLogged ? "B − A" : "A or B has no heatmap",
      key: [a.key, b.key],
      draw: (context, square) => {
        if (!areLogged) return;
        const { x, y, width, height } = fitInSquare(b.image, square.side);
        blendPixels(context, differencePixels(a.map, b.map, width, height), x, y);
      },
    });
    colourRamp.style.width = `${side}px`;
  }

  function drawSwipe() {
    const { divider } = viewModel.state;
    const side = panelSide(stage.clientWidth);
    drawHeatmapPanel(panels.swipeA, a, `A: ${a.title}`, side);
    drawHeatmapPanel(panels.swipeB, b, `B: ${b.title}`, side);
    panels.swipeB.frame.style.clipPath = `inset(0 0 0 ${divider * 100}%)`;
    swipe.update(divider, side);
  }

  function panelSide(availableWidth) {
    const { compareMode } = viewModel.state;
    const [smallest, largest] = SIDE_LIMITS[compareMode];
    // On a narrow page, which scrolls, the stage is as high as its content.
    const isScrolling = window.matchMedia("(max-width: 900px)").matches;
    const availableHeight = isScrolling ? NARROW_HEIGHT_SHARE * window.innerHeight : stage.clientHeight;
    const heightLimit = Math.floor(availableHeight) - CAPTION_HEIGHTS[compareMode];
    return Math.min(availableWidth, Math.max(smallest, Math.min(largest, heightLimit)));
  }

  function drawHeatmapPanel(panel, { image, map, note, key }, titleText, side) {
    const { state, heatmapStyle } = viewModel;
    const fullKey = [key, state.colormap, heatmapStyle.opacity, state.threshold];
    const drawPanel = (context, square) => drawOverlay(context, square, image, map, heatmapStyle);
    panel.update({ side, image, titleText, noteText: note, key: fullKey, draw: drawPanel });
  }

  /** Show the values of A and B under the pointer. */
  function updateReadout(position) {
    if (position === null || !a.map || !b.map) {
      setText(readout, a.map && b.map ? "Hover over an image to read its values" : "");
      return;
    }
    const [valueA, valueB] = [a, b].map(({ map }) => valueAt(map, position.x, position.y));
    const sign = valueB >= valueA ? "+" : "−";
    const difference = `${sign}${decimal(Math.abs(valueB - valueA))}`;
    setText(readout, `A ${decimal(valueA)}, B ${decimal(valueB)}, difference ${difference}`);
  }

  return {
    node,
    update(newViewModel) {
      viewModel = newViewModel;
      draw();
    },
    /** Return the panels on the screen; `hiddenShare` is the share of B that lies left of the divider. */
    visiblePanels: () =>
      visiblePanels(panels).map((panel) =>
        panel === panels.swipeB ? { ...panel, hiddenShare: viewModel.state.divider } : panel,
      ),
  };
}

function createDifferenceRamp() {
  return element(
    "div",
    { class: "difference-ramp", "aria-hidden": "true" },
    element("span", { text: "A higher" }),
    element("span", { class: "colour-ramp", style: `background: ${cssGradient(DIFFERENCE_STOPS)}` }),
    element("span", { text: "B higher" }),
  );
}
