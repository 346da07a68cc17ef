/** The prediction of one image in words: correctness, most probable classes, metrics and settings. */

import { element } from "./dom.js";
import { className, correctness, correctnessSymbol, decimal, percent } from "./format.js";

export function createPredictionDetails() {
  const node = element("div", { class: "details", "aria-label": "Details", role: "region" });
  return {
    node,
    update({ cursor, responses }, prediction, maps) {
      if (!prediction) {
        node.replaceChildren(createHeadline("–", "not logged in this epoch", null));
        return;
      }
      const { row, history } = cursor;
      const response = responses.get(history.series.key);
      const verdict = correctness(prediction);
      const headline = createHeadline(correctnessSymbol(prediction), verdict, verdict);
      const summary = element("div", {}, headline, createTopClasses(prediction, row, response.classes));
      node.replaceChildren(summary, createDefinitionList(listDetails(prediction, row, history, response, maps)));
    },
  };
}

function createHeadline(symbol, text, verdict) {
  return element(
    "p",
    { class: "headline", "data-correctness": verdict },
    element("span", { class: "symbol", text: symbol, "aria-hidden": "true" }),
    element("span", { text }),
  );
}

/** List pairs of name and value; a value may be empty. */
function listDetails(prediction, row, history, response, maps) {
  const { predictedName, confidence, trueConfidence, drift, objectEnergy, warning } = prediction;
  return [
    ["Predicted", `${predictedName} ${percent(confidence)}`],
    ["True", trueConfidence === null ? row.className : `${row.className} ${percent(trueConfidence)}`],
    ["Drift", drift === null ? "" : `${decimal(drift)} since the previous epoch (true class)`],
    ["Object energy", objectEnergy === null ? "" : `${percent(objectEnergy)} of the heatmap inside the object`],
    ["Warning", warning],
    ["Method", response.settings || response.method],
    ["Layer", response.layer],
    ["Heatmap", maps ? `${maps.predicted.width} × ${maps.predicted.height} values` : ""],
    ["Run", history.series.run],
  ];
}

function createDefinitionList(pairs) {
  const nodes = pairs
    .filter(([, value]) => value)
    .flatMap(([name, value]) => [element("dt", { text: name }), element("dd", { text: value })]);
  return element("dl", {}, ...nodes);
}

/** Create the list of the most probable classes, with bars. */
function createTopClasses(prediction, row, classes) {
  const items = prediction.topClasses.map(([label, probability]) => {
    const isTrue = label === row.label;
    const bar = element("span", { class: "bar" });
    bar.style.width = `${probability * 100}%`;
    return element(
      "li",
      { "data-true": isTrue },
      element("span", { class: "label", text: className(classes, label) + (isTrue ? " (true)" : "") }),
      element("span", { class: "number", text: percent(probability) }),
      element("span", { class: "track", "aria-hidden": "true" }, bar),
    );
  });
  return element("ol", { class: "top-classes", "aria-label": "Most probable classes" }, ...items);
}
