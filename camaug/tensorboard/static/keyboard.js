/** Keyboard shortcuts. */

import { closePopup } from "./popup.js";

/** Listen for the shortcuts, except where a control uses the key itself. */
export function listenToKeys(document, actions) {
  const handlers = {
    ArrowLeft: () => actions.movePosition(-1),
    ArrowRight: () => actions.movePosition(1),
    ArrowUp: () => actions.moveRow(-1),
    ArrowDown: () => actions.moveRow(1),
    Home: () => actions.movePosition(-Infinity),
    End: () => actions.movePosition(Infinity),
    Enter: () => actions.openPage("details"),
    c: () => actions.openPage("compare"),
    C: () => actions.openPage("compare"),
    l: ({ shiftKey }) => actions.moveClass(shiftKey ? -1 : 1),
    L: ({ shiftKey }) => actions.moveClass(shiftKey ? -1 : 1),
    Escape: () => closePopup(document) || actions.goBack(), // one at a time
    "?": () => actions.openHelp(),
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (document.querySelector("dialog[open]")) return; // which Escape closes, wherever the focus is
    if (!Object.hasOwn(handlers, event.key) || isUsedByControl(event.target, event.key)) return;
    if (handlers[event.key](event) !== false) event.preventDefault();
  });
}

/** Return true if a control uses the key itself. The slider of the snapshots leaves up and down to the images. */
function isUsedByControl(target, key) {
  if (!(target instanceof Element)) return false;
  if (key === "Escape") return target.matches("[type='search']") && target.value !== ""; // which it empties
  if (target.matches("select, textarea, [type='search']")) return true;
  if (target.id === "snapshot") return !["ArrowUp", "ArrowDown", "Enter", "c", "C", "l", "L", "?"].includes(key);
  if (target.matches("input")) return key !== "?";
  return key === "Enter" && target.matches("button, summary, a");
}
