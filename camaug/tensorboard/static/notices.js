/** Notices shown instead of images: loading, no data, an error, no match. */

import { element } from "./dom.js";

const CALLBACK_EXAMPLE = `from camaug.callbacks import CamLogger

trainer = L.Trainer(callbacks=[CamLogger()])`;
const COMMAND_EXAMPLE = "camaug fit --config configs/finetune.yaml --data.root PATH";

/** Create the area of the notices; `update(null)` hides it. */
export function createNotices(actions) {
  const node = element("div", { class: "notice", role: "status", hidden: true });
  const creators = { loading: createLoading, noData: createNoData, error: createError, noMatch: createNoMatch };
  let shownKey = null;
  return {
    node,
    update(notice) {
      const key = JSON.stringify(notice);
      if (key === shownKey) return;
      shownKey = key;
      node.hidden = notice === null;
      node.replaceChildren(...(notice === null ? [] : creators[notice.kind](actions, notice)));
    },
  };
}

function createLoading() {
  return [element("p", { class: "secondary", text: "Loading …" })];
}

function createNoData(actions) {
  return [
    element("h2", { text: "No heatmaps yet" }),
    element("p", { text: "No run in this log directory has heatmaps. Add the callback to your Trainer:" }),
    element("pre", {}, element("code", { text: CALLBACK_EXAMPLE })),
    element("p", { text: "or train from the command line:" }),
    element("pre", {}, element("code", { text: COMMAND_EXAMPLE })),
    element("p", { class: "secondary", text: "Heatmaps appear here after the first snapshot, without a reload." }),
    createButton("Refresh", actions.retry),
  ];
}

function createError(actions, { message }) {
  return [
    element("h2", { text: "The data could not be loaded" }),
    element("p", { text: message }),
    createButton("Retry", actions.retry),
  ];
}

function createNoMatch(actions) {
  return [
    element("h2", { text: "No matching images" }),
    element("p", { text: "No image matches the filters in this snapshot." }),
    createButton("Clear filters", actions.clearFilters),
  ];
}

function createButton(text, onClick) {
  return element("button", { type: "button", class: "primary", text, on: { click: onClick } });
}
