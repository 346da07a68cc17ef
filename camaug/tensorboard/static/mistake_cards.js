/** Cards of validation images: the image with its heatmap, the label and the prediction. */

import { contextOf, drawOverlay } from "./canvas.js";
import { element, setAttribute, setText } from "./dom.js";
import { correctness, correctnessSymbol, percent } from "./format.js";
import { describeMistake } from "./mistakes.js";

const SIDE = 168; // CSS pixels

/** Create a list of cards; `onOpen(mistake)` is called when one is chosen. */
export function createMistakeCards(actions, onOpen) {
  const node = element("ul", { class: "mistake-cards" });
  const cards = new Map(); // by key
  return {
    node,
    /** Return the cards on the screen, in their order. */
    visibleCards: () => [...cards.values()].filter((card) => card.node.offsetParent !== null),
    /** Focus the card of a key. Return false if there is none. */
    focus(key) {
      cards.get(key)?.focus();
      return cards.has(key);
    },
    /** Show mistakes in this order. */
    update(viewModel, mistakes) {
      const wanted = new Set(mistakes.map(({ key }) => key));
      for (const [key, card] of cards) if (!wanted.has(key)) removeCard(cards, key, card);
      mistakes.forEach((mistake, i) => {
        if (!cards.has(mistake.key)) cards.set(mistake.key, createCard(onOpen));
        const card = cards.get(mistake.key);
        if (node.children[i] !== card.node) node.insertBefore(card.node, node.children[i] ?? null);
        const isProbe = Object.hasOwn(mistake, "image"); // null until it is loaded
        card.update(viewModel, mistake, isProbe ? mistake.image : actions.mistakeImage(viewModel.mistakes, mistake));
      });
    },
  };
}

function removeCard(cards, key, { node }) {
  node.remove();
  cards.delete(key);
}

function createCard(onOpen) {
  const canvas = element("canvas", { "aria-hidden": "true" });
  const symbol = element("span", { class: "symbol", "aria-hidden": "true" });
  const prediction = element("span", { class: "prediction" });
  const truth = element("div", { class: "secondary truth" });
  const text = element("div", { class: "prediction-line" }, symbol, prediction);
  const button = element("button", { type: "button", class: "mistake-card" }, canvas, text, truth);
  const node = element("li", {}, button);
  let drawnKey = null;
  return {
    node,
    canvas,
    focus: () => button.focus(),
    texts: () => [`${symbol.textContent} ${prediction.textContent}`, truth.textContent],
    update(viewModel, mistake, image) {
      const { state, heatmapStyle, mistakes, position } = viewModel;
      const confidence = percent(mistake.confidence);
      setAttribute(button, "aria-label", `${mistake.name}: ${describeMistake(mistake, confidence)}`);
      setAttribute(button, "title", `${mistake.name}: ${describeMistake(mistake, confidence)}`);
      setAttribute(button, "data-correctness", correctness(mistake));
      setAttribute(button, "data-key", mistake.key);
      setText(symbol, correctnessSymbol(mistake));
      setText(prediction, `${mistake.predictedName} ${confidence}`);
      setText(truth, mistake.isCorrect === false ? `is ${mistake.labelNames.join(", ")}` : mistake.name);
      button.onclick = () => onOpen(mistake);
      const side = Math.round(SIDE * window.devicePixelRatio);
      const style = [state.colormap, heatmapStyle.opacity, state.threshold];
      const key = JSON.stringify([mistakes?.key, position, mistake.key, mistake.maps.length, image?.src, side, style]);
      if (drawnKey === key) return;
      drawnKey = key;
      canvas.width = canvas.height = side;
      drawOverlay(contextOf(canvas), { x: 0, y: 0, side }, image, mistake.maps[0]?.map, heatmapStyle);
    },
  };
}
