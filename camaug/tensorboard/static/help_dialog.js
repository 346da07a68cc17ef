/** Dialog that lists the keyboard shortcuts and the symbols of the film strip. */

import { element } from "./dom.js";

const SHORTCUTS = [
  ["← →", "previous snapshot, next snapshot"],
  ["Home End", "first snapshot, last snapshot"],
  ["↑ ↓", "previous image, next image"],
  ["Enter", "details of the image"],
  ["C", "compare"],
  ["L", "next class of the image, with Shift the previous one"],
  ["Esc", "close a menu or this help, or back to the page before"],
  ["?", "this help"],
];

export function createHelpDialog() {
  const node = element(
    "dialog",
    { class: "help", "aria-label": "Keyboard shortcuts" },
    element("h2", { text: "Keyboard shortcuts" }),
    element("table", {}, element("tbody", {}, ...SHORTCUTS.map(createShortcutRow))),
    element("h2", { text: "Symbols" }),
    createSymbolLine("wrong", "✗", "wrong prediction"),
    createSymbolLine("warning", "▲", "warning: the heatmap may be untrustworthy; its details say why"),
    element("form", { method: "dialog" }, element("button", { type: "submit", text: "Close", autofocus: true })),
  );
  return { node, open: () => node.showModal() };
}

function createShortcutRow([keys, description]) {
  const keyNodes = keys.split(" ").map((key) => element("kbd", { text: key }));
  return element("tr", {}, element("th", { scope: "row" }, ...keyNodes), element("td", { text: description }));
}

function createSymbolLine(name, symbol, description) {
  const badge = element("span", { class: `badge ${name}`, text: symbol });
  return element("p", { class: "symbol-line" }, badge, element("span", { text: description }));
}
