/** Divider between two overlaid images, moved by dragging anywhere on them or by the keyboard. */

import { element, setAttribute } from "./dom.js";

const KEY_STEPS = { ArrowLeft: -0.02, ArrowRight: 0.02, PageDown: -0.1, PageUp: 0.1, Home: -1, End: 1 };

/**
 * Create the divider.
 *
 * @param {function(number): void} onMove  called with the new position, from 0 (left) to 1
 * @param {...HTMLElement} images
 */
export function createSwipeDivider(onMove, ...images) {
  const handle = element("div", {
    class: "handle", role: "slider", tabindex: 0, "aria-label": "Divider between A and B",
    "aria-valuemin": 0, "aria-valuemax": 100, "aria-orientation": "horizontal",
  });
  const node = element("div", { class: "swipe" }, ...images, handle);
  let position = 0;
  const moveTo = (value) => {
    position = Math.min(1, Math.max(0, value)); // at once: the next key may come before the next drawing
    onMove(position);
  };
  const followPointer = (event) => {
    const box = node.getBoundingClientRect();
    moveTo((event.clientX - box.left) / box.width);
  };
  node.addEventListener("pointerdown", (event) => {
    node.setPointerCapture(event.pointerId);
    handle.focus({ preventScroll: true });
    followPointer(event);
    event.preventDefault();
  });
  node.addEventListener("pointermove", (event) => node.hasPointerCapture(event.pointerId) && followPointer(event));
  handle.addEventListener("keydown", (event) => {
    if (!Object.hasOwn(KEY_STEPS, event.key)) return;
    moveTo(Math.round((position + KEY_STEPS[event.key]) * 100) / 100);
    event.preventDefault();
    event.stopPropagation();
  });
  return {
    node,
    update(newPosition, side) {
      position = newPosition;
      const share = Math.round(position * 100);
      node.style.width = `${side}px`;
      handle.style.left = `${position * side}px`;
      handle.style.height = `${side}px`;
      setAttribute(handle, "aria-valuenow", share);
      setAttribute(handle, "aria-valuetext", `A ${share} %, B ${100 - share} %`);
    },
  };
}
