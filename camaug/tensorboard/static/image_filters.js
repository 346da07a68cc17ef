/** Controls that filter and sort the images. */

import { dropdown, element, labelled, setAttribute, setOptions, setText } from "./dom.js";
import { PREDICTION_FILTERS, SORT_KEYS } from "./filters.js";
import { count } from "./format.js";
import { isFiltered } from "./view_state.js";

export function createImageFilters(actions) {
  const query = element("input", {
    type: "search", placeholder: "Class name", "aria-label": "Search by class name", size: 9,
    on: { input: () => actions.setState({ query: query.value }) },
  });
  const classes = dropdown([], (className) => actions.setState({ className }), { "aria-label": "Class" });
  const selectPredictions = (predictionFilter) => actions.setState({ predictionFilter });
  const predictions = dropdown(namesOf(PREDICTION_FILTERS), selectPredictions, {
    "aria-label": "Prediction",
    title: "Became wrong: wrong in this snapshot, correct in an earlier one",
  });
  const onlyWarnings = element("input", {
    type: "checkbox", on: { change: () => actions.setState({ onlyWarnings: onlyWarnings.checked }) },
  });
  const warningsLabel = element(
    "label",
    { class: "field", title: "Only heatmaps that may be untrustworthy" },
    onlyWarnings,
    element("span", { text: "Warnings" }),
  );
  const sort = dropdown(namesOf(SORT_KEYS), (value) => actions.setState({ sort: value }));
  const direction = createDirectionButton(actions);
  const imageCount = element("output", { class: "image-count", "aria-live": "polite" });
  const clear = element("button", {
    type: "button", class: "link", text: "Clear filters", on: { click: actions.clearFilters },
  });
  const sortControls = [labelled("Sort by", sort), direction.node];
  const controls = [query, classes, predictions, warningsLabel, ...sortControls, imageCount, clear];
  return {
    node: element("div", { class: "image-filters", role: "search" }, ...controls),
    update({ state, rows, allRows, classNames }) {
      if (query.value !== state.query) query.value = state.query;
      updateClasses(classes, classNames, state.className);
      predictions.value = state.predictionFilter;
      onlyWarnings.checked = state.onlyWarnings;
      sort.value = state.sort;
      direction.update(state.descending);
      const total = count(allRows.length, "image");
      setText(imageCount, rows.length === allRows.length ? total : `${rows.length} of ${total}`);
      clear.hidden = !isFiltered(state);
    },
  };
}

function namesOf(entries) {
  return Object.entries(entries).map(([key, { name }]) => [key, name]);
}

/** Offer the existing classes, and the selected class even if a link names one that does not exist. */
function updateClasses(select, classNames, selected) {
  const isListed = selected === "" || classNames.includes(selected);
  const names = isListed ? classNames : [...classNames, selected];
  setOptions(select, [["", "All classes"], ...names.map((name) => [name, name])]);
  select.value = selected;
}

function createDirectionButton(actions) {
  let isDescending = false;
  const node = element("button", {
    type: "button", on: { click: () => actions.setState({ descending: !isDescending }) },
  });
  return {
    node,
    update(descending) {
      isDescending = descending;
      const label = descending ? "Descending; sort ascending" : "Ascending; sort descending";
      setText(node, descending ? "↓" : "↑");
      setAttribute(node, "aria-label", label);
      setAttribute(node, "title", label);
    },
  };
}
