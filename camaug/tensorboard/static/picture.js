/** The view as a picture: what is on the screen, with the words that say what it is. */

const MARGIN = 24;
const TITLE = 52;
const FONT = "Roboto, 'Segoe UI', system-ui, sans-serif";

/**
 * Draw the film strip as far as it is in sight.
 *
 * @param {object} scene
 * @param {object} strip  as made by `createStrip`
 * @param {HTMLElement} page  whose colours are taken
 * @returns {HTMLCanvasElement}
 */
export function pictureOfStrip(scene, strip, page) {
  const geometry = strip.geometry();
  const groups = strip.shown();
  const first = groups[0];
  const canvas = first.lines[0].canvas;
  const width = geometry.side + canvas.clientWidth;
  const picture = begin(scene, page, width, geometry.head + groups.length * geometry.row);
  const { context, colours } = picture;
  const left = parseFloat(canvas.style.left);
  scene.epochs.forEach((epoch, i) => {
    const x = geometry.side + i * geometry.column;
    if (x < left || x >= left + canvas.clientWidth) return;
    write(context, String(epoch), x - left + geometry.side + geometry.cell / 2, 20, {
      colour: epoch === scene.epoch ? colours.accent : colours.quiet, align: "center", size: 12,
    });
  });
  groups.forEach((group, i) => {
    const top = geometry.head + i * geometry.row;
    if (group.thumbnail.width > 0) context.drawImage(group.thumbnail, 0, top, 56, 56);
    write(context, group.row.className, 66, top + 16, { colour: colours.text, size: 14, room: geometry.side - 160 });
    write(context, `image ${group.row.id}`, 66, top + 34, { colour: colours.quiet, size: 12 });
    group.lines.forEach((line, number) => {
      const y = top + number * geometry.line;
      const texts = [...line.head.children].map((child) => child.textContent).filter(Boolean);
      texts.forEach((text, place) =>
        write(context, text, geometry.side - 12, y + 16 + 18 * place, {
          colour: place === 0 ? colours.text : colours.quiet, size: 12, align: "right", room: 130,
        }),
      );
      context.drawImage(line.canvas, geometry.side, y, line.canvas.clientWidth, line.canvas.clientHeight);
    });
  });
  return picture.canvas;
}

/** Draw large pictures as they lie on the screen, each with its caption. */
export function pictureOfFigures(scene, figures, page) {
  const boxes = figures.map((figure) => figure.node.getBoundingClientRect());
  const [left, top] = [Math.min(...boxes.map((box) => box.left)), Math.min(...boxes.map((box) => box.top))];
  const [right, bottom] = [Math.max(...boxes.map((box) => box.right)), Math.max(...boxes.map((box) => box.bottom))];
  const picture = begin(scene, page, right - left, bottom - top);
  const { context, colours } = picture;
  figures.forEach((figure, i) => {
    const [x, y] = [boxes[i].left - left, boxes[i].top - top];
    const from = figure.from ?? 0; // what lies left of it is hidden by the divider
    const high = figure.canvas.getBoundingClientRect().top - boxes[i].top;
    const { clientWidth: wide, clientHeight: tall } = figure.canvas;
    const align = from > 0 ? "right" : "left";
    write(context, figure.caption().join("  "), from > 0 ? x + wide : x, y + 16, {
      colour: colours.text, size: 13, align, room: from > 0 || figures.some((one) => one.from) ? wide / 2 - 4 : wide,
    });
    const cut = Math.round(from * figure.canvas.width);
    const rest = figure.canvas.width - cut;
    if (rest === 0) return;
    context.drawImage(figure.canvas, cut, 0, rest, figure.canvas.height, x + from * wide, y + high, (1 - from) * wide, tall);
  });
  return picture.canvas;
}

/** Hand a canvas to the person as a file. */
export async function save(canvas, name) {
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  if (blob === null) throw new Error("the picture is too large for this browser: make the window smaller");
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

function begin({ series, state, epoch, cursor }, page, width, height) {
  const scale = window.devicePixelRatio;
  const canvas = document.createElement("canvas");
  canvas.width = Math.round((width + 2 * MARGIN) * scale);
  canvas.height = Math.round((height + TITLE + 2 * MARGIN) * scale);
  const context = canvas.getContext("2d");
  const style = getComputedStyle(page);
  const colour = (name) => style.getPropertyValue(name).trim();
  const names = { back: "--back", text: "--text", quiet: "--quiet", accent: "--accent" };
  const colours = Object.fromEntries(Object.entries(names).map(([key, name]) => [key, colour(name)]));
  context.fillStyle = colours.back;
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.scale(scale, scale);
  context.translate(MARGIN, MARGIN);
  const where = state.page === "strip" ? "" : ` · ${cursor.row.className}, image ${cursor.row.id}`;
  const runs = [...new Set(series.map((one) => one.run))].join(", ");
  const methods = [...new Set(series.map((one) => one.method))].join(", ");
  const room = width;
  write(context, `${runs} · ${methods}${where} · epoch ${epoch}`, 0, 14, { colour: colours.text, size: 15, room });
  const settings = `${state.side} class, ${state.colours}, opacity ${state.opacity}, threshold ${state.threshold}`;
  write(context, settings, 0, 34, { colour: colours.quiet, size: 12, room });
  context.translate(0, TITLE);
  return { canvas, context, colours };
}

function write(context, text, x, y, { colour, size, align = "left", room = undefined }) {
  context.font = `${size}px ${FONT}`;
  context.textAlign = align;
  context.fillStyle = colour;
  context.fillText(text, x, y, room);
}
