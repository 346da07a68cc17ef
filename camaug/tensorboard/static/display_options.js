/** Controls of the heatmap's appearance: class, overlay, colour map, opacity and threshold. */

import { COLORMAPS, cssGradient } from "./colormaps.js";
import { dropdown, element, labelled, segmentedButtons, setText } from "./dom.js";

export function createDisplayOptions(actions) {
  const classes = [["predicted", "Predicted"], ["true", "True"]];
  const selectClass = (heatmapClass) => actions.setState({ heatmapClass });
  const heatmapClass = segmentedButtons("Heatmap of the class", classes, selectClass);
  const modes = [["overlay", "Overlay"], ["heatmap", "Heatmap"]];
  const display = segmentedButtons("Display", modes, (value) => actions.setState({ display: value }));
  const names = Object.keys(COLORMAPS).map((name) => [name, name]);
  const colormap = dropdown(names, (value) => actions.setState({ colormap: value }), { "aria-label": "Colour map" });
  const colourRamp = element("span", { class: "colour-ramp", "aria-hidden": "true" });
  const opacity = createFractionSlider("Opacity", (value) => actions.setState({ opacity: value }));
  const threshold = createFractionSlider("Threshold", (value) => actions.setState({ threshold: value }));
  const node = element(
    "div",
    { class: "display-options", role: "toolbar", "aria-label": "Heatmap display" },
    element("span", { class: "field" }, element("span", { class: "field-name", text: "Class" }), heatmapClass.node),
    display.node,
    element("span", { class: "field" }, colormap, colourRamp),
    opacity.node,
    threshold.node,
  );
  return {
    node,
    update({ state }) {
      heatmapClass.update(state.heatmapClass);
      display.update(state.display);
      colormap.value = state.colormap;
      colourRamp.style.background = cssGradient(COLORMAPS[state.colormap]);
      opacity.update(state.opacity);
      threshold.update(state.threshold);
    },
  };
}

/** Create a slider from 0 to 1 that shows its value. */
function createFractionSlider(name, onChange) {
  const range = element("input", { type: "range", min: 0, max: 1, step: 0.01 });
  const output = element("output", { class: "number" });
  range.addEventListener("input", () => onChange(Number(range.value)));
  return {
    node: labelled(name, element("span", { class: "fraction-slider" }, range, output)),
    update(value) {
      range.value = value;
      setText(output, value.toFixed(2));
    },
  };
}
