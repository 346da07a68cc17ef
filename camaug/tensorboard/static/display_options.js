/** Controls of the heatmap's appearance: class, overlay, colour map, opacity and threshold. */

import { COLORMAPS, cssGradient } from "./colormaps.js";
import { dropdown, element, labelled, segmentedButtons, setOptions, setText } from "./dom.js";
import { heatmapClassName } from "./heatmap_class.js";

export function createDisplayOptions(actions) {
  const heatmapClass = createClassChoice((value) => actions.setState({ heatmapClass: value }));
  const modes = [["overlay", "Overlay"], ["heatmap", "Heatmap"]];
  const display = segmentedButtons("Display", modes, (value) => actions.setState({ display: value }));
  const names = Object.keys(COLORMAPS).map((name) => [name, name]);
  const colormap = dropdown(names, (value) => actions.setState({ colormap: value }), { "aria-label": "Colour map" });
  const colourRamp = element("span", { class: "colour-ramp", "aria-hidden": "true" });
  const opacity = createFractionSlider("Opacity", (value) => actions.setState({ opacity: value }));
  const threshold = createFractionSlider("Threshold", (value) => actions.setState({ threshold: value }));
  const classField = element("span", { class: "field class-choice" }, element("span", { class: "field-name", text: "Class" }), ...heatmapClass.nodes);
  const node = element(
    "div",
    { class: "display-options", role: "toolbar", "aria-label": "Heatmap display" },
    classField,
    display.node,
    element("span", { class: "field" }, colormap, colourRamp),
    opacity.node,
    threshold.node,
  );
  return {
    node,
    update({ state, heatmapClasses }) {
      heatmapClass.update(state.heatmapClass, heatmapClasses);
      display.update(state.display);
      colormap.value = state.colormap;
      colourRamp.style.background = cssGradient(COLORMAPS[state.colormap]);
      opacity.update(state.opacity);
      threshold.update(state.threshold);
    },
  };
}

/** Create the choice of the class: two buttons, or a list where images have several labels. */
function createClassChoice(onChange) {
  const label = "Heatmap of the class";
  const buttons = segmentedButtons(label, [["predicted", "Predicted"], ["true", "True"]], onChange);
  const list = dropdown([], onChange, { "aria-label": label, title: "Next class: L, previous class: Shift + L" });
  return {
    nodes: [buttons.node, list],
    update(value, classes) {
      // A link may choose a class that no image of this run has.
      const isListed = classes.some(([one]) => one === value);
      const all = isListed ? classes : [...classes, [value, heatmapClassName(value, true)]];
      buttons.node.hidden = all.length > 2;
      list.hidden = !buttons.node.hidden;
      buttons.update(value);
      setOptions(list, all);
      list.value = value;
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
