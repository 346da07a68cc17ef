/** One image in one epoch, large: the original, the heatmaps of the predicted and the true class, and the facts. */

import { element, setAttribute, setText } from "./dom.js";
import { createFigure } from "./figure.js";
import { paintHeat, valueAt } from "./paint.js";
import { className, figure, mark, percent, verdict } from "./words.js";

const GAP = 16;
const CAPTION = 26;
const FACTS = 190; // pixels that the facts need below a single line of pictures
const SMALLEST = 140;
const LARGEST = 448;

export function createLarge(act) {
  const readout = element("div", { class: "readout" });
  const figures = new Map();
  const onPoint = (place) => {
    for (const one of figures.values()) one.point(place);
    say(place);
  };
  for (const name of ["original", "map", "overlay", "trueMap", "trueOverlay"]) figures.set(name, createFigure(onPoint));
  const facts = element("div", { class: "facts", "aria-label": "Facts", role: "region" });
  const [original, map, overlay, trueMap, trueOverlay] = [...figures.values()].map((figure) => figure.node);
  const board = element("div", { class: "board" }, original, map, overlay, facts, trueMap, trueOverlay);
  const node = element("div", { class: "look" }, board, readout);
  let scene = null;
  let maps = null;
  new ResizeObserver(() => scene && show()).observe(node);

  function show() {
    const { cursor, epoch, state, paint } = scene;
    const look = cursor?.member?.at(epoch) ?? null;
    if (cursor === null || node.clientWidth === 0) return;
    const image = act.image(cursor.member);
    maps = act.maps(cursor.member, epoch);
    const both = maps?.true != null;
    trueMap.hidden = trueOverlay.hidden = !both;
    const side = sideOf(node, both);
    board.style.setProperty("--picture", `${side}px`);
    setAttribute(board, "data-both", both);
    const key = [cursor.member.series.key, cursor.member.id, epoch, act.mapsVersion(cursor.member, [epoch]), maps !== null];
    const heatKey = [...key, state.colours, state.opacity, state.threshold];
    const draw = (map, opacity, over) => (context, square) =>
      paintHeat(context, square, over, map, { ...paint, opacity });
    const add = (name, said, note, map, opacity, over) =>
      figures.get(name).update({ side, image, name: said, said: note, key: heatKey, draw: draw(map, opacity, over) });
    const [told, confidence] = look ? [look.predictedName, percent(look.confidence)] : ["", ""];
    figures.get("original").update({
      side, image, name: "Original", said: sizeOf(image), key: "original", draw: draw(null, 1, image),
    });
    add("map", "Map", told ? `of ${told}` : "not logged", maps?.predicted ?? null, 1, null);
    add("overlay", "Overlay", told ? `${told} ${confidence}` : "", maps?.predicted ?? null, state.opacity, image);
    if (both) {
      const truly = `${cursor.row.className} ${percent(look.trueConfidence)}`;
      add("trueMap", "Map", `of ${cursor.row.className}, the true class`, maps.true, 1, null);
      add("trueOverlay", "Overlay", truly, maps.true, state.opacity, image);
    }
    describe(facts, scene, look, maps);
    say(null);
  }

  /** The value under the pointer. */
  function say(place) {
    const image = scene?.cursor && act.image(scene.cursor.member);
    if (place === null || !maps || !image) {
      setText(readout, maps ? "Point at a picture to read its values" : "");
      return;
    }
    const pixel = (portion, size) => Math.floor(portion * size);
    const [x, y] = [pixel(place.x, image.naturalWidth), pixel(place.y, image.naturalHeight)];
    const values = [`predicted class ${figure(valueAt(maps.predicted, place.x, place.y))}`];
    if (maps.true) values.push(`true class ${figure(valueAt(maps.true, place.x, place.y))}`);
    setText(readout, `x ${x}, y ${y}: ${values.join(", ")}`);
  }

  return {
    node,
    update(next) {
      scene = next;
      show();
    },
    figures: () => [...figures.values()].filter((one) => one.node.offsetParent !== null),
  };
}

/** How large pictures can be: three beside one another where there is room, and in sight from top to bottom. */
function sideOf(node, both) {
  const abreast = node.clientWidth > 3 * SMALLEST + 2 * GAP ? 3 : 2;
  const wide = Math.floor((node.clientWidth - (abreast - 1) * GAP) / abreast);
  const high = both ? (node.clientHeight - 24) / 2 - CAPTION - GAP : node.clientHeight - 24 - FACTS - CAPTION - GAP;
  return Math.min(wide, Math.max(SMALLEST + 60, Math.min(LARGEST, Math.floor(high))));
}

function sizeOf(image) {
  return image ? `${image.naturalWidth} × ${image.naturalHeight}` : "";
}

function describe(facts, { cursor, answers }, look, maps) {
  const { row, member } = cursor;
  const answer = answers.get(member.series.key);
  const judged = element(
    "p",
    { class: "judgement", "data-verdict": look ? verdict(look) : null },
    element("span", { class: "sign", text: look ? mark(look) : "–", "aria-hidden": "true" }),
    element("span", { text: look ? verdict(look) : "not logged in this epoch" }),
  );
  if (!look) {
    facts.replaceChildren(judged);
    return;
  }
  const list = element("dl", {});
  const fact = (name, value) => value && list.append(element("dt", { text: name }), element("dd", { text: value }));
  fact("Predicted", `${look.predictedName} ${percent(look.confidence)}`);
  fact("True", row.label === null ? "no label" : trueClass(row, look));
  fact("Drift", look.drift === null ? "" : `${figure(look.drift)} since the look before, of the true class`);
  fact("In the box", look.mass === null ? "" : `${percent(look.mass)} of the heat`);
  fact("Trust", look.flag ? `not to be trusted: ${look.flag}` : "");
  fact("Method", answer.settings || answer.method);
  fact("Layer", answer.layer);
  fact("Map", maps ? `${maps.predicted.width} × ${maps.predicted.height} values` : "");
  fact("Run", member.series.run);
  facts.replaceChildren(element("div", {}, judged, topClasses(look, row, answer.classes)), list);
}

function trueClass(row, look) {
  return look.trueConfidence === null ? row.className : `${row.className} ${percent(look.trueConfidence)}`;
}

/** The likeliest classes as bars. */
function topClasses(look, row, classes) {
  const line = ([label, probability]) => {
    const bar = element("span", { class: "bar" });
    bar.style.width = `${probability * 100}%`;
    return element(
      "li",
      { "data-true": label === row.label },
      element("span", { class: "label", text: className(classes, label) + (label === row.label ? " (true)" : "") }),
      element("span", { class: "number", text: percent(probability) }),
      element("span", { class: "track", "aria-hidden": "true" }, bar),
    );
  };
  return element("ol", { class: "top", "aria-label": "Likeliest classes" }, ...look.top.map(line));
}
