/** One large picture with its caption, and a cross-hair that all pictures of a view share. */

import { element, setAttribute, setText } from "./dom.js";
import { contextOf, fit } from "./paint.js";

/**
 * @param {function(({x: number, y: number}|null)): void} onPoint  where the pointer is, as shares of the image's width
 *   and height; null outside
 */
export function createFigure(onPoint) {
  const canvas = element("canvas", { role: "img" });
  const cross = element("div", { class: "cross", hidden: true, "aria-hidden": "true" });
  const frame = element("div", { class: "frame" }, canvas, cross);
  const title = element("span", { class: "title" });
  const note = element("span", { class: "quiet" });
  const node = element("figure", { class: "picture" }, element("figcaption", {}, title, note), frame);
  let box = null; // of the image on the canvas, in CSS pixels
  let painted = null;

  canvas.addEventListener("pointermove", (event) => {
    const at = canvas.getBoundingClientRect();
    const x = (event.clientX - at.left - box.x) / box.width;
    const y = (event.clientY - at.top - box.y) / box.height;
    onPoint(x >= 0 && x < 1 && y >= 0 && y < 1 ? { x, y } : null);
  });
  canvas.addEventListener("pointerleave", () => onPoint(null));

  return {
    node,
    frame,
    canvas,
    caption: () => [title.textContent, note.textContent],
    /** Say what the picture is, and draw it by `draw(context, square)` where `key` says that it is another. */
    update({ side, image, name, said, key, draw }) {
      setText(title, name);
      setText(note, said);
      setAttribute(canvas, "aria-label", `${name} ${said}`);
      box = fit(image, side);
      const scale = window.devicePixelRatio;
      const all = JSON.stringify([key, side, scale, image?.src]);
      if (painted === all) return;
      painted = all;
      canvas.width = canvas.height = Math.round(side * scale);
      canvas.style.width = canvas.style.height = `${side}px`;
      node.style.width = `${side}px`;
      draw(contextOf(canvas), { x: 0, y: 0, side: canvas.width });
    },
    /** Show where the pointer is, over whichever picture it may be. */
    point(place) {
      cross.hidden = place === null || box === null; // a picture that was never shown has no box
      if (cross.hidden) return;
      cross.style.left = `${box.x + place.x * box.width}px`;
      cross.style.top = `${box.y + place.y * box.height}px`;
    },
  };
}
