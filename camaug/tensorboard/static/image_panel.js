/** A large image with a caption. Panels of a group share a crosshair. */

import { contextOf, fitInSquare } from "./canvas.js";
import { element, setAttribute, setText } from "./dom.js";

/**
 * Create a panel for each name.
 *
 * @param {string[]} names
 * @param {function(({x: number, y: number}|null)): void} onPointer  called with the pointer's position as fractions of
 *   the image's width and height, or with null outside the image
 * @returns {Object<string, object>}  panels by name
 */
export function createPanelGroup(names, onPointer) {
  const panels = {};
  const movePointer = (position) => {
    for (const panel of Object.values(panels)) panel.showCrosshair(position);
    onPointer(position);
  };
  for (const name of names) panels[name] = createImagePanel(movePointer);
  return panels;
}

/** Return the panels that are on the screen. */
export function visiblePanels(panels) {
  return Object.values(panels).filter(({ node }) => node.offsetParent !== null);
}

function createImagePanel(onPointer) {
  const canvas = element("canvas", { role: "img" });
  const crosshair = element("div", { class: "crosshair", hidden: true, "aria-hidden": "true" });
  const frame = element("div", { class: "frame" }, canvas, crosshair);
  const title = element("span", { class: "title" });
  const note = element("span", { class: "secondary" });
  const caption = element("figcaption", {}, title, note);
  const node = element("figure", { class: "image-panel" }, caption, frame);
  let imageBox = null; // of the image on the canvas, in CSS pixels; null before the first update
  let drawnKey = null;
  let select = null; // called when the panel is clicked, or its button is pressed by key

  node.addEventListener("click", () => select?.());
  canvas.addEventListener("keydown", (event) => {
    if (select === null || !["Enter", " "].includes(event.key)) return;
    event.preventDefault();
    select();
  });
  canvas.addEventListener("pointermove", (event) => {
    const bounds = canvas.getBoundingClientRect();
    const x = (event.clientX - bounds.left - imageBox.x) / imageBox.width;
    const y = (event.clientY - bounds.top - imageBox.y) / imageBox.height;
    onPointer(x >= 0 && x < 1 && y >= 0 && y < 1 ? { x, y } : null);
  });
  canvas.addEventListener("pointerleave", () => onPointer(null));

  return {
    node,
    frame,
    canvas,
    caption: () => [title.textContent, note.textContent],
    /**
     * Make the image a button that is pressed or not.
     *
     * @param {function(): void} onSelect
     * @param {boolean} isPressed
     */
    updateButton(onSelect, isPressed) {
      select = onSelect;
      canvas.tabIndex = 0;
      setAttribute(canvas, "role", "button");
      setAttribute(canvas, "aria-pressed", String(isPressed));
    },
    /** Set the caption, and call `draw(context, square)` if the key, the size or the image has changed. */
    update({ side, image, titleText, noteText, key, draw }) {
      setText(title, titleText);
      setText(note, noteText);
      setAttribute(caption, "title", `${titleText}, ${noteText}`);
      setAttribute(canvas, "aria-label", `${titleText} ${noteText}`);
      imageBox = fitInSquare(image, side);
      const scale = window.devicePixelRatio;
      const fullKey = JSON.stringify([key, side, scale, image?.src]);
      if (drawnKey === fullKey) return;
      drawnKey = fullKey;
      canvas.width = canvas.height = Math.round(side * scale);
      canvas.style.width = canvas.style.height = node.style.width = `${side}px`;
      draw(contextOf(canvas), { x: 0, y: 0, side: canvas.width });
    },
    /** Show the crosshair at a position, or hide it. */
    showCrosshair(position) {
      crosshair.hidden = position === null || imageBox === null;
      if (crosshair.hidden) return;
      crosshair.style.left = `${imageBox.x + position.x * imageBox.width}px`;
      crosshair.style.top = `${imageBox.y + position.y * imageBox.height}px`;
    },
  };
}
