/** One validation image: the heatmaps of its two most probable classes side by side, and their difference. */

import { blendPixels, drawImage, drawOverlay, fitInSquare } from "./canvas.js";
import { DIFFERENCE_STOPS, cssGradient } from "./colormaps.js";
import { element, iconButton, setAttribute, setText } from "./dom.js";
import { className, correctness, correctnessSymbol, createPercentFormat, decimal } from "./format.js";
import { differencePixels, valueAt } from "./heatmap.js";
import { createPanelGroup, visiblePanels } from "./image_panel.js";
import { MISTAKE_LISTS } from "./mistakes.js";
import { mistakesSnapshotName } from "./snapshot_mistakes.js";
import { LIST_PAGES, listPageOf } from "./view_state.js";

const GAP = 16;
const SIDES = [200, 400];

export function createMistakeView(actions) {
  const title = element("h2", { tabindex: -1 });
  const back = element("button", { type: "button", on: { click: actions.goBack } });
  const heading = element(
    "div",
    { class: "heading" },
    back,
    title,
    iconButton("↑", "Previous image", () => actions.moveRow(-1)),
    iconButton("↓", "Next image", () => actions.moveRow(1)),
  );
  const readout = element("div", { class: "readout" });
  const panels = createPanelGroup(["original", "first", "second", "difference", "truth"], updateReadout);
  const ramp = createRamp();
  panels.difference.node.append(ramp.node);
  const grid = element("div", { class: "side-by-side" }, ...Object.values(panels).map((panel) => panel.node));
  const details = element("div", { class: "details", role: "region", "aria-label": "Details" });
  const node = element("section", { class: "image-view mistake-view", "aria-label": "Image" }, heading, grid, readout, details);
  let mistake = null;
  let viewModel = null;
  new ResizeObserver(() => viewModel && draw()).observe(node);

  function draw() {
    if (mistake === null || node.clientWidth === 0) return;
    const { mistakes, state, heatmapStyle, responses } = viewModel;
    const image = actions.mistakeImage(mistakes, mistake);
    const [first, second, truth] = mistake.maps;
    const percentOf = createPercentFormat(mistake.topClasses.map(([, probability]) => probability));
    const probabilityOf = (index) => mistake.topClasses.find(([other]) => other === index)?.[1] ?? trueConfidence(mistake, index);
    const abreast = node.clientWidth > 900 ? 4 : 2;
    const width = Math.floor((node.clientWidth - 32 - (abreast - 1) * GAP) / abreast);
    const side = Math.min(SIDES[1], Math.max(Math.min(SIDES[0], width), width));
    const content = [mistakes.key, mistake.key, state.colormap, heatmapStyle.opacity, state.threshold];
    const update = (panel, titleText, noteText, drawLayers) =>
      panel.update({ side, image, titleText, noteText, key: [...content, titleText, noteText], draw: drawLayers });
    update(panels.original, "Original", mistake.name, (context, square) => drawImage(context, square, image));
    const drawMap = (panel, one, role) => {
      panel.node.hidden = !one;
      if (!one) return;
      update(panel, one.name, `${role}, ${percentOf(probabilityOf(one.class))}`, (context, square) =>
        drawOverlay(context, square, image, one.map, heatmapStyle));
    };
    const roleOf = (one, role) => (one && mistake.labels.includes(one.class) ? `${role}, a label` : role);
    drawMap(panels.first, first, roleOf(first, "predicted"));
    drawMap(panels.second, second, roleOf(second, "runner-up"));
    drawMap(panels.truth, truth, "the label");
    panels.difference.node.hidden = !second;
    if (second) {
      update(panels.difference, "Difference", "runner-up − predicted", (context, square) => {
        const { x, y, width: boxWidth, height } = fitInSquare(image, square.side);
        blendPixels(context, differencePixels(first.map, second.map, boxWidth, height), x, y);
      });
      ramp.node.style.width = `${side}px`;
    }
    const response = responses.get(mistakes.series.key);
    details.replaceChildren(...describe(mistake, mistakes, viewModel.axis, response?.classes ?? null, percentOf));
    updateReadout(null);
  }

  /** Show the values under the pointer. */
  function updateReadout(position) {
    if (mistake === null) return;
    if (position === null) return setText(readout, "Hover over an image to read its values");
    const values = mistake.maps.map(({ name, map }) => `${name} ${decimal(valueAt(map, position.x, position.y))}`);
    setText(readout, values.join(", "));
  }

  return {
    node,
    update(newViewModel) {
      viewModel = newViewModel;
      mistake = viewModel.currentMistake;
      node.dataset.empty = mistake === null;
      setText(back, `‹ ${LIST_PAGES[listPageOf(viewModel.state)]}`);
      setText(title, mistake === null ? missingText(viewModel) : `${mistake.labelNames.join(", ")} → ${mistake.predictedName}`);
      setAttribute(title, "title", title.textContent);
      for (const part of [grid, readout, details]) part.hidden = mistake === null;
      draw();
    },
    focus: () => title.focus({ preventScroll: true }),
    visiblePanels: () => visiblePanels(panels),
  };
}

/** Say why no image is shown. Each snapshot has mistakes of its own. */
function missingText({ mistakes, axis, state }) {
  if (!mistakes) return "This run has no mistakes logged: CamLogger(mistakes=16) logs them with each validation.";
  if (mistakes.error) return mistakes.error;
  if (!mistakes.record) return "Loading …";
  return `${state.mistake ?? "no image"}: not among the explained images of ${mistakesSnapshotName(axis, mistakes)}`;
}

function trueConfidence({ labels, trueConfidences }, index) {
  return trueConfidences[labels.indexOf(index)] ?? null;
}

function describe(mistake, mistakes, axis, classes, percentOf) {
  const headline = element(
    "p",
    { class: "headline", "data-correctness": correctness(mistake) },
    element("span", { class: "symbol", text: correctnessSymbol(mistake), "aria-hidden": "true" }),
    element("span", { text: correctness(mistake) }),
  );
  const top = mistake.topClasses.map(([index, probability]) => {
    const label = mistake.labels.includes(index) ? `${className(classes, index)} (label)` : className(classes, index);
    return [label, percentOf(probability)];
  });
  const reasons = Object.entries(MISTAKE_LISTS).filter(([key, { matches }]) => key !== "all" && matches(mistake));
  const pairs = [
    ["Chosen as", reasons.map(([, { name }]) => name.toLowerCase()).join(", ") || "one of the remaining images"],
    ["Similarity of the two heatmaps", decimal(mistake.similarity)],
    ...describeObject(mistake),
    ["Snapshot", mistakesSnapshotName(axis, mistakes)],
    ["Method", mistakes.record.settings],
    ["Layer", mistakes.record.layer || "–"],
  ];
  return [headline, createList(top, "probabilities"), createList(pairs)];
}

function createList(pairs, styleName = null) {
  return element("dl", { class: styleName }, ...pairs.flatMap(([name, value]) => [element("dt", { text: name }), element("dd", { text: value })]));
}

function createRamp() {
  const colours = element("span", { class: "colour-ramp", style: `background: ${cssGradient(DIFFERENCE_STOPS)}` });
  const [low, high] = ["predicted", "runner-up"].map((text) => element("span", { text }));
  return { node: element("div", { class: "difference-ramp", "aria-hidden": "true" }, low, colours, high) };
}

function describeObject({ objectEnergy, objectArea }) {
  if (objectEnergy === null) return [];
  return [["Energy inside the object", `${percentOf(objectEnergy)}, on ${percentOf(objectArea)} of the area`]];
}
