/** What is said where there is nothing to show. */

import { element } from "./dom.js";

const PYTHON = `from camaug.callbacks import CamLogger

trainer = L.Trainer(callbacks=[CamLogger()])`;

/** A place for one notice; `update(null)` leaves it empty. */
export function createNotices(act) {
  const node = element("div", { class: "notice", role: "status", hidden: true });
  const makers = { loading, nothing, trouble, unmatched };
  let shown = null;
  return {
    node,
    update(notice) {
      const key = JSON.stringify(notice);
      if (key === shown) return;
      shown = key;
      node.hidden = notice === null;
      node.replaceChildren(...(notice === null ? [] : makers[notice.kind](notice, act)));
    },
  };
}

function loading() {
  return [element("p", { class: "quiet", text: "Loading …" })];
}

function nothing(_, act) {
  return [
    element("h2", { text: "No heatmaps here yet" }),
    element("p", { text: "None of the runs in this log directory was trained with camaug's CamLogger. Three lines log some:" }),
    element("pre", {}, element("code", { text: PYTHON })),
    element("p", { text: "or, from the command line, without a line of code:" }),
    element("pre", {}, element("code", { text: "camaug fit --config configs/finetune.yaml --data.root PATH" })),
    element("p", { class: "quiet", text: "This page looks again by itself; heatmaps appear after the first epoch." }),
    button("Look again", act.retry),
  ];
}

function trouble({ message }, act) {
  return [
    element("h2", { text: "This could not be read" }),
    element("p", { text: message }),
    button("Try again", act.retry),
  ];
}

function unmatched(_, act) {
  return [
    element("h2", { text: "No image matches" }),
    element("p", { text: "Nothing in this epoch is what the filters ask for." }),
    button("Show all", act.clearFilters),
  ];
}

function button(text, click) {
  return element("button", { type: "button", class: "primary", text, on: { click } });
}
