/** Focus inside a table of buttons, which is one stop of the tabulator: the arrow keys move from button to button. */

const STEPS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0], Home: [0, -Infinity], End: [0, Infinity] };

/**
 * Watch the keys in a node with at most one table, whose buttons have names in `data-pair`.
 *
 * @param {HTMLElement} node
 * @returns {{redraw: function(string, function(): void): void}}
 */
export function createGridFocus(node) {
  const buttons = () => [...node.querySelectorAll("[data-pair]")];
  const setStop = (stop) => buttons().forEach((button) => (button.tabIndex = button === stop ? 0 : -1));

  node.addEventListener("focusin", (event) => event.target.matches("[data-pair]") && setStop(event.target));
  node.addEventListener("keydown", (event) => {
    const isOther = event.ctrlKey || event.metaKey || event.altKey || !Object.hasOwn(STEPS, event.key);
    if (isOther || !event.target.matches("[data-pair]")) return;
    event.preventDefault();
    const rows = [...node.querySelectorAll("tbody tr")].map((row) => [...row.querySelectorAll("[data-pair]")]);
    const row = rows.findIndex((one) => one.includes(event.target));
    const [down, right] = STEPS[event.key];
    const nextRow = rows[clamp(row + down, rows.length)];
    nextRow[clamp(rows[row].indexOf(event.target) + right, nextRow.length)].focus();
  });

  return {
    /** Draw the table anew. The focus stays on the button of the same name; the tabulator stops there or at the selected one. */
    redraw(selected, draw) {
      const focused = node.contains(document.activeElement) ? document.activeElement.dataset.pair : null;
      const stop = focused ?? buttons().find((button) => button.tabIndex === 0)?.dataset.pair;
      draw();
      const find = (pair) => buttons().find((button) => button.dataset.pair === pair);
      setStop(find(selected) ?? find(stop) ?? buttons()[0]);
      if (focused !== null) find(focused)?.focus();
    },
  };
}

function clamp(index, length) {
  return Math.min(Math.max(index, 0), length - 1);
}
