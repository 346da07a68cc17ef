/** Entry point: TensorBoard loads this module in an iframe and calls `render`. */

import { startApp } from "./app.js";
import { openDataSource } from "./data_source.js";
import { connectHostPage } from "./host_page.js";

/** Render the tab into the document. */
export function render() {
  document.title = "camaug";
  document.documentElement.lang = "en";
  startApp(document.body, openDataSource(document), connectHostPage(window));
}
