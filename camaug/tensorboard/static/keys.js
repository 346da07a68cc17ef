/** The keys, and the page that tells them. */

import { element } from "./dom.js";

const TOLD = [
  ["← →", "epoch before, epoch after"],
  ["Home End", "first epoch, newest epoch"],
  ["↑ ↓", "image above, image below"],
  ["Enter", "large view"],
  ["C", "compare"],
  ["Esc", "back to the film strip"],
  ["?", "these keys"],
];

/** Listen for keys wherever no control needs them itself. */
export function listenToKeys(document, act) {
  const actions = {
    ArrowLeft: () => act.moveEpoch(-1),
    ArrowRight: () => act.moveEpoch(1),
    ArrowUp: () => act.moveRow(-1),
    ArrowDown: () => act.moveRow(1),
    Home: () => act.moveEpoch(-Infinity),
    End: () => act.moveEpoch(Infinity),
    Enter: () => act.open("large"),
    c: () => act.open("compare"),
    C: () => act.open("compare"),
    Escape: () => act.open("strip"),
    "?": () => act.help(),
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (!Object.hasOwn(actions, event.key) || isNeeded(event.target, event.key)) return;
    event.preventDefault();
    actions[event.key]();
  });
}

/** Whether a control makes use of a key itself. The epoch's slider leaves up and down to the images. */
function isNeeded(target, key) {
  if (!(target instanceof Element)) return false;
  if (target.closest("dialog")) return true;
  if (key === "Escape") return false;
  if (target.matches("select, textarea, [type='search']")) return true;
  if (target.id === "epoch") return !["ArrowUp", "ArrowDown", "Enter", "c", "C", "?"].includes(key);
  if (target.matches("input")) return key !== "?";
  return key === "Enter" && target.matches("button, summary, a");
}

/** The page that tells the keys and the signs. */
export function createHelp() {
  const rows = TOLD.map(([keys, does]) =>
    element(
      "tr",
      {},
      element("th", { scope: "row" }, ...keys.split(" ").map((key) => element("kbd", { text: key }))),
      element("td", { text: does }),
    ),
  );
  const close = element("button", { type: "submit", text: "Close", autofocus: true });
  const sign = (name, text, says) =>
    element("p", { class: "sign-told" }, element("span", { class: `badge ${name}`, text }), element("span", { text: says }));
  const node = element(
    "dialog",
    { class: "help", "aria-label": "Keys" },
    element("h2", { text: "Keys" }),
    element("table", {}, element("tbody", {}, ...rows)),
    element("h2", { text: "Signs" }),
    sign("wrong", "✗", "the prediction is wrong"),
    sign("flagged", "▲", "the heatmap is not to be trusted; the large view says why"),
    element("form", { method: "dialog" }, close),
  );
  return { node, open: () => node.showModal() };
}
