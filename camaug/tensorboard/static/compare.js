/**
 * Two heatmaps of one image: of two epochs, two runs or two methods. B is where the cursor and the slider are; A is what
 * it is compared with.
 */

import { DIFFERENCE, gradient } from "./colormaps.js";
import { choice, element, segmented, setAttribute, setOptions, setText } from "./dom.js";
import { createFigure } from "./figure.js";
import { difference, fit, lay, paintHeat, valueAt } from "./paint.js";
import { figure, mark, percent } from "./words.js";

const GAP = 16;
const SAME = "same";

export function createCompare(act) {
  const seriesA = choice([], (otherSeries) => act.set({ otherSeries }), { "aria-label": "A: run and method" });
  const epochA = choice([], (value) => act.set({ otherEpoch: value === SAME ? SAME : Number(value) }), {
    "aria-label": "A: epoch",
  });
  const seriesB = choice([], (series) => act.set({ series }), { "aria-label": "B: run and method" });
  const epochB = choice([], (value) => act.setEpoch(Number(value)), { "aria-label": "B: epoch" });
  const modes = segmented("How to compare", [["side", "Side by side"], ["swipe", "Swipe"]], (mode) => act.set({ mode }));
  const letter = (text) => element("b", { class: "letter", text });
  const choices = element(
    "div",
    { class: "choices" },
    element("span", { class: "pair" }, letter("A"), seriesA, epochA),
    element("span", { class: "pair" }, letter("B"), seriesB, epochB),
    modes.node,
  );
  const readout = element("div", { class: "readout" });
  const figures = new Map();
  const onPoint = (place) => {
    for (const one of figures.values()) one.point(place);
    say(place);
  };
  for (const name of ["a", "b", "difference", "under", "over"]) figures.set(name, createFigure(onPoint));
  const of = (name) => figures.get(name).node;
  const scale = element(
    "div",
    { class: "scale", "aria-hidden": "true" },
    element("span", { text: "A higher" }),
    element("span", { class: "ramp", style: `background: ${gradient(DIFFERENCE)}` }),
    element("span", { text: "B higher" }),
  );
  of("difference").append(scale);
  const side = element("div", { class: "pictures" }, of("a"), of("b"), of("difference"));
  const handle = element("div", {
    class: "handle", role: "slider", tabindex: 0, "aria-label": "Divider between A and B",
    "aria-valuemin": 0, "aria-valuemax": 100, "aria-orientation": "horizontal",
  });
  const swipe = element("div", { class: "swipe" }, of("under"), of("over"), handle);
  const stage = element("div", { class: "stage" }, side, swipe, readout);
  const node = element("div", { class: "compare" }, choices, stage);
  let scene = null;
  let pair = null;
  new ResizeObserver(() => scene && show()).observe(stage);
  makeDraggable(swipe, handle, () => scene.state.divider, (divider) => act.set({ divider }));

  function show() {
    const { cursor, state, epoch } = scene;
    if (cursor === null || stage.clientWidth === 0) return;
    modes.update(state.mode);
    updateChoices();
    pair = { a: lookAt(scene.other.member, scene.other.epoch), b: lookAt(cursor.member, epoch) };
    const swiping = state.mode === "swipe";
    side.hidden = swiping;
    swipe.hidden = !swiping;
    if (swiping) showSwipe();
    else showSideBySide();
    say(null);
  }

  /** What is compared: its heatmap of the class that the state asks for, and how it is called. */
  function lookAt(member, epoch) {
    const look = member?.at(epoch) ?? null;
    const both = (member && act.maps(member, epoch)) ?? null;
    const map = both && ((scene.state.side === "true" && both.true) || both.predicted);
    const said = look ? `${mark(look)} ${look.predictedName} ${percent(look.confidence)}` : "not logged";
    const key = [member?.series.key, member?.id, epoch, member && act.mapsVersion(member, [epoch]), scene.state.side, map !== null];
    const name = `${scene.series.length > 1 && member ? `${member.series.name}, ` : ""}epoch ${epoch}`;
    return { map, name, said, key, image: member && act.image(member) };
  }

  function showSideBySide() {
    const abreast = stage.clientWidth > 620 ? 3 : 2;
    const wide = Math.floor((stage.clientWidth - (abreast - 1) * GAP) / abreast);
    const size = Math.max(120, Math.min(wide, 448, stage.clientHeight - 100));
    showOne("a", pair.a, `A: ${pair.a.name}`, size);
    showOne("b", pair.b, `B: ${pair.b.name}`, size);
    const { a, b } = pair;
    figures.get("difference").update({
      side: size, image: b.image, name: "Difference", said: a.map && b.map ? "B − A" : "one of them was not logged",
      key: [a.key, b.key],
      draw: (context, square) => {
        if (!a.map || !b.map) return;
        const box = fit(b.image, square.side);
        lay(context, difference(a.map, b.map, box.width, box.height), box.x, box.y);
      },
    });
    scale.style.width = `${size}px`;
  }

  function showSwipe() {
    const size = Math.max(160, Math.min(stage.clientWidth, 640, stage.clientHeight - 72));
    showOne("under", pair.a, `A: ${pair.a.name}`, size);
    showOne("over", pair.b, `B: ${pair.b.name}`, size);
    const { divider } = scene.state;
    swipe.style.width = `${size}px`;
    figures.get("over").frame.style.clipPath = `inset(0 0 0 ${divider * 100}%)`;
    handle.style.left = `${divider * size}px`;
    handle.style.height = `${size}px`;
    setAttribute(handle, "aria-valuenow", Math.round(divider * 100));
    setAttribute(handle, "aria-valuetext", `A on the left ${Math.round(divider * 100)} %, B on the right`);
  }

  function showOne(name, one, title, size) {
    const { state, paint } = scene;
    const key = [one.key, state.colours, paint.opacity, state.threshold];
    const draw = (context, square) => paintHeat(context, square, one.image, one.map, paint);
    figures.get(name).update({ side: size, image: one.image, name: title, said: one.said, key, draw });
  }

  function updateChoices() {
    const { cursor, other, epoch } = scene;
    const names = scene.series.filter((_, i) => cursor.row.members[i]).map((series) => [series.key, series.name]);
    for (const select of [seriesA, seriesB]) {
      setOptions(select, names);
      select.hidden = names.length < 2;
    }
    seriesA.value = other.member.series.key;
    seriesB.value = cursor.series.key;
    const numbers = (member) => member.epochs.map((one) => [String(one), `epoch ${one}`]);
    setOptions(epochA, [[SAME, "the same epoch"], ...numbers(other.member)]);
    setOptions(epochB, numbers(cursor.member));
    epochA.value = other.same ? SAME : String(other.epoch);
    epochB.value = String(epoch);
  }

  function say(place) {
    if (!pair) return;
    const { a, b } = pair;
    if (place === null || !a.map || !b.map) {
      setText(readout, a.map && b.map ? "Point at a picture to read its values" : "");
      return;
    }
    const [first, second] = [valueAt(a.map, place.x, place.y), valueAt(b.map, place.x, place.y)];
    const sign = second >= first ? "+" : "−";
    const change = `${sign}${figure(Math.abs(second - first))}`;
    setText(readout, `A ${figure(first)}, B ${figure(second)}, difference ${change}`);
  }

  return {
    node,
    update(next) {
      scene = next;
      show();
    },
    figures: () =>
      [...figures.values()]
        .filter((one) => one.node.offsetParent !== null)
        .map((one) => ({ ...one, from: one === figures.get("over") ? scene.state.divider : 0 })),
  };
}

/** With what the cursor's heatmap is compared: another epoch of the same series, or the same epoch of another. */
export function comparedWith({ row, series, member }, epoch, state) {
  const found = row.members.find((one) => one?.series.key === state.otherSeries);
  const other = found ?? member;
  const isOther = other.series.key !== series.key;
  const same = state.otherEpoch === SAME || (state.otherEpoch === null && isOther);
  if (same) return { member: other, epoch, same };
  const wanted = state.otherEpoch ?? other.epochs[0];
  const nearest = (best, one) => (Math.abs(one - wanted) < Math.abs(best - wanted) ? one : best);
  return { member: other, epoch: other.epochs.reduce(nearest, other.epochs[0]), same };
}

/** Move the divider by dragging anywhere on the picture, or by the arrow keys. */
function makeDraggable(swipe, handle, read, write) {
  const clamp = (value) => Math.min(1, Math.max(0, value));
  const follow = (event) => {
    const box = swipe.getBoundingClientRect();
    write(clamp((event.clientX - box.left) / box.width));
  };
  swipe.addEventListener("pointerdown", (event) => {
    swipe.setPointerCapture(event.pointerId);
    handle.focus({ preventScroll: true });
    follow(event);
    event.preventDefault();
  });
  swipe.addEventListener("pointermove", (event) => swipe.hasPointerCapture(event.pointerId) && follow(event));
  const steps = { ArrowLeft: -0.02, ArrowRight: 0.02, PageDown: -0.1, PageUp: 0.1, Home: -1, End: 1 };
  handle.addEventListener("keydown", (event) => {
    if (!Object.hasOwn(steps, event.key)) return;
    write(clamp(Math.round((read() + steps[event.key]) * 100) / 100));
    event.preventDefault();
    event.stopPropagation();
  });
}
