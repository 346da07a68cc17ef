/** Toolbar that selects runs, methods and images, with export and help. */

import { createCheckboxMenu } from "./checkbox_menu.js";
import { element, iconButton, segmentedButtons, setText } from "./dom.js";
import { createExportMenu } from "./export_menu.js";
import { createImageFilters } from "./image_filters.js";
import { methodName } from "./series.js";
import { LIST_PAGES, listPageOf } from "./view_state.js";

export function createToolbar(actions) {
  const runs = createCheckboxMenu("Runs", (selected) => actions.setState({ runs: selected }), (run) => run);
  const methods = createCheckboxMenu("Methods", (selected) => actions.setState({ methods: selected }), methodName);
  const imageFilters = createImageFilters(actions);
  const pages = segmentedButtons("Page", Object.entries(LIST_PAGES), actions.openPage);
  pages.node.classList.add("page-tabs");
  const help = iconButton("?", "Help (?)", actions.openHelp, { class: "round" });
  const node = element(
    "div",
    { class: "toolbar", role: "toolbar", "aria-label": "Runs, methods and images" },
    pages.node,
    runs.node,
    methods.node,
    imageFilters.node,
    element("span", { class: "field toolbar-end" }, createExportMenu(actions), help),
  );
  return {
    node,
    update(viewModel) {
      pages.update(listPageOf(viewModel.state));
      const number = viewModel.warnings.length;
      setText(pages.node.lastElementChild, number === 0 ? "Warnings" : `Warnings (${number})`);
      runs.update(viewModel.choices.runs, viewModel.runs);
      methods.update(viewModel.choices.methods, viewModel.methods);
      imageFilters.update(viewModel);
    },
  };
}
