/** The prediction of one image in words: correctness, most probable classes, metrics and settings. */

import { element } from "./dom.js";
import { className, correctness, correctnessSymbol, decimal, percent } from "./format.js";
import { listLabelVerdicts } from "./label_verdicts.js";
import { snapshotName } from "./snapshot_axis.js";

export function createPredictionDetails() {
  const node = element("div", { class: "details", "aria-label": "Details", role: "region" });
  return {
    node,
    /** `percentOf` formats the probabilities, which are read together. */
    update({ cursor, responses, axis }, prediction, maps, percentOf) {
      if (!prediction) {
        node.replaceChildren(createHeadline("–", "not logged in this snapshot", null));
        return;
      }
      const { row, history, snapshot } = cursor;
      const response = responses.get(history.series.key);
      const verdict = correctness(prediction);
      const headline = createHeadline(correctnessSymbol(prediction), verdict, verdict);
      const labels = prediction.isMultiLabel && createLabelList(prediction, row, response.classes, percentOf);
      const topClasses = createTopClasses(prediction, row, response.classes, percentOf);
      const summary = element("div", {}, headline, labels || null, topClasses);
      const pairs = [
        ...listMetrics(prediction, row, percentOf),
        ["Snapshot", snapshotName(axis, snapshot)],
        ...listSettings(response, maps, history),
      ];
      node.replaceChildren(summary, createDefinitionList(pairs));
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
function listMetrics(prediction, row, percentOf) {
  const { predictedName, confidence, trueConfidences, drift, objectEnergy, warning } = prediction;
  const known = (value) => (value === null ? "" : ` ${percentOf(value)}`);
  const labels = row.classNames.map((name, i) => `${name}${known(trueConfidences[i] ?? null)}`);
  const driftOf = prediction.isMultiLabel ? "first label" : "true class";
  return [
    ["Predicted", `${predictedName} ${percentOf(confidence)}`],
    ["True", prediction.isMultiLabel ? "" : labels.join(", ")],
    ["Drift", drift === null ? "" : `${decimal(drift)} since the previous snapshot (${driftOf})`],
    ["Object energy", objectEnergy === null ? "" : `${percent(objectEnergy)} of the heatmap inside the object`],
    ["Warning", warning],
  ];
}

function listSettings(response, maps, history) {
  return [
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

/** Create the list of the labels and the false positives of an image with several labels, with what is right and wrong. */
function createLabelList(prediction, row, classes, percentOf) {
  const verdicts = listLabelVerdicts(row.labels, prediction);
  if (verdicts.length === 0) return null;
  const items = verdicts.map(({ label, probability, symbol, role }) =>
    element(
      "li",
      { "data-role": role },
      element("span", { class: "symbol", text: symbol, "aria-hidden": "true" }),
      element("span", { class: "label", text: className(classes, label) }),
      element("span", { class: "number", text: percentOf(probability) }),
      element("span", { class: "secondary", text: role }),
    ),
  );
  const unlisted = prediction.falsePositiveCount - prediction.falsePositives.length;
  const more = element("li", { class: "secondary", text: `and ${unlisted} more false positives` });
  return element("ul", { class: "label-list", "aria-label": "Labels and false positives" }, ...items, unlisted ? more : null);
}

/** Create the list of the most probable classes, with bars. */
function createTopClasses(prediction, row, classes, percentOf) {
  const trueMark = prediction.isMultiLabel ? " (label)" : " (true)";
  const items = prediction.topClasses.map(([label, probability]) => {
    const isTrue = row.labels.includes(label);
    const bar = element("span", { class: "bar" });
    bar.style.width = `${probability * 100}%`;
    return element(
      "li",
      { "data-true": isTrue },
      element("span", { class: "label", text: className(classes, label) + (isTrue ? trueMark : "") }),
      element("span", { class: "number", text: percentOf(probability) }),
      element("span", { class: "track", "aria-hidden": "true" }, bar),
    );
  });
  return element("ol", { class: "top-classes", "aria-label": "Most probable classes" }, ...items);
}
