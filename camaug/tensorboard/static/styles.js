/** Style sheet, light and dark. The colours of the series are safe for colour-blind readers. */

export const STYLES = `
.camaug {
  --background: #ffffff;
  --surface: #f6f7f8;
  --text: #202124;
  --secondary: #5f6368;
  --border: #dfe1e5;
  --accent: #0b62b8;
  --on-accent: #ffffff;
  --correct: #00795a;
  --wrong: #b3261e;
  --shadow: rgba(60, 64, 67, 0.18);
  --series-0: #0072b2; --series-1: #b35900; --series-2: #00795a; --series-3: #a8457f; --series-4: #2b8cbe; --series-5: #7a5195; --series-6: #595959;
  color-scheme: light;
}
.camaug[data-theme="dark"] {
  --background: #212121;
  --surface: #2c2c2e;
  --text: #ececec;
  --secondary: #a9adb3;
  --border: #434548;
  --accent: #7ab8f5;
  --on-accent: #10202f;
  --correct: #5fd0a8;
  --wrong: #ff8a80;
  --shadow: rgba(0, 0, 0, 0.5);
  --series-0: #6cb8ee; --series-1: #f2a65a; --series-2: #5fd0a8; --series-3: #e39ac2; --series-4: #9ad5f5; --series-5: #a284f0; --series-6: #c4c4c4;
  color-scheme: dark;
}
html, body { margin: 0; height: 100%; }
.camaug, .camaug * { box-sizing: border-box; }
.camaug [hidden] { display: none !important; }
.camaug {
  display: flex;
  flex-direction: column;
  height: 100vh;
  background: var(--background);
  color: var(--text);
  font: 13px/1.4 Roboto, "Segoe UI", system-ui, sans-serif;
  font-variant-numeric: tabular-nums;
}
.camaug h2 { margin: 0; font-size: 15px; font-weight: 500; }
.camaug p { margin: 0; }
.camaug :focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.camaug .secondary { color: var(--secondary); font-size: 12px; }
.camaug .spacer { flex: 1; }
.camaug .field-name { color: var(--secondary); }

/* controls */
.camaug button, .camaug select, .camaug summary, .camaug input[type="search"] {
  font: inherit;
  color: inherit;
  min-height: 28px;
  padding: 3px 10px;
  border: 1px solid var(--border);
  border-radius: 6px;
  background: var(--background);
}
.camaug button, .camaug summary, .camaug select { cursor: pointer; }
.camaug button:hover, .camaug summary:hover, .camaug select:hover { background: var(--surface); }
.camaug button.link { border-color: transparent; color: var(--accent); }
.camaug button.primary { background: var(--accent); border-color: var(--accent); color: var(--on-accent); }
.camaug button.round { width: 28px; padding: 0; border-radius: 50%; }
.camaug input[type="range"] { width: 76px; accent-color: var(--accent); margin: 0; }
.camaug input[type="checkbox"] { accent-color: var(--accent); margin: 0; }
.camaug select { max-width: 140px; text-overflow: ellipsis; }
.camaug .field { display: inline-flex; align-items: center; gap: 6px; white-space: nowrap; }
.camaug .fraction-slider { display: inline-flex; align-items: center; gap: 6px; }
.camaug .fraction-slider .number { min-width: 2.2em; }
.camaug .colour-ramp { display: inline-block; width: 56px; height: 10px; border-radius: 3px; }
.camaug .segmented { display: inline-flex; }
.camaug .segmented button { border-radius: 0; margin-left: -1px; }
.camaug .segmented button:first-child { border-radius: 6px 0 0 6px; margin-left: 0; }
.camaug .segmented button:last-child { border-radius: 0 6px 6px 0; }
.camaug .segmented button[aria-pressed="true"] {
  background: color-mix(in srgb, var(--accent) 14%, var(--background));
  border-color: var(--accent);
  color: var(--accent);
  box-shadow: inset 0 -2px var(--accent);
  z-index: 1;
}
.camaug .popup { position: relative; }
.camaug .popup summary { list-style: none; max-width: 260px; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.camaug .popup summary::-webkit-details-marker { display: none; }
.camaug .popup summary::after { content: " ▾"; color: var(--secondary); }
.camaug .popup-panel {
  position: absolute;
  z-index: 20;
  top: calc(100% + 4px);
  left: 0;
  display: flex;
  flex-direction: column;
  gap: 6px;
  min-width: 200px;
  max-width: 420px;
  max-height: 60vh;
  overflow: auto;
  padding: 12px;
  border: 1px solid var(--border);
  border-radius: 8px;
  background: var(--background);
  box-shadow: 0 4px 16px var(--shadow);
}
.camaug .popup-panel.right { left: auto; right: 0; width: 300px; }
.camaug .popup-panel label { display: flex; gap: 8px; align-items: center; overflow-wrap: anywhere; }
.camaug .popup-panel button { text-align: left; }
.camaug .popup-panel p { overflow-wrap: anywhere; white-space: normal; }
.camaug .popup-panel p:empty { display: none; }
.camaug .popup-panel input[readonly] { width: 100%; }
.camaug .export-preview { display: block; width: 100%; border: 1px solid var(--border); }
.camaug code { font: 12px/1.5 "Roboto Mono", ui-monospace, monospace; }

/* toolbars */
.camaug .toolbar, .camaug .controls { display: flex; flex-wrap: wrap; align-items: center; gap: 8px 12px; padding: 8px 16px 0; }
.camaug .controls { padding-bottom: 8px; }
.camaug .toolbar-end { margin-left: auto; }
.camaug .image-filters, .camaug .snapshot-slider, .camaug .display-options { display: flex; flex-wrap: wrap; align-items: center; gap: 8px 10px; }
.camaug:not([data-page="strip"]) .image-filters { display: none; }
.camaug .snapshot-slider { flex: 1; flex-wrap: nowrap; min-width: min-content; }
.camaug .snapshot-slider button { flex: none; padding: 0; width: 28px; font-size: 16px; line-height: 1; }
.camaug .snapshot-slider .snapshot-range { flex: 1; min-width: 80px; }
.camaug .snapshot-label { min-width: 5em; text-align: right; font-weight: 500; }
.camaug .snapshot-extent { min-width: 10em; }
.camaug .image-filters select { max-width: 138px; }
.camaug .image-count { color: var(--secondary); }
.camaug .banner { padding: 6px 16px; background: color-mix(in srgb, var(--wrong) 12%, var(--background)); }
.camaug main { flex: 1; display: flex; min-height: 0; border-top: 1px solid var(--border); }

/* notices */
.camaug .notice { flex: 1; align-self: center; display: flex; flex-direction: column; align-items: center; gap: 12px; padding: 24px; text-align: center; }
.camaug .notice pre {
  margin: 0;
  padding: 12px 16px;
  max-width: 100%;
  overflow: auto;
  border-radius: 8px;
  background: var(--surface);
  text-align: left;
}

/* film strip */
.camaug .strip { flex: 1; min-width: 0; overflow: auto; overscroll-behavior: contain; }
.camaug .strip:focus-visible { outline-offset: -2px; }
.camaug .strip-content { position: relative; }
.camaug .strip-header { position: sticky; top: 0; z-index: 5; height: var(--header-height); background: var(--background); border-bottom: 1px solid var(--border); }
.camaug .corner {
  position: sticky;
  left: 0;
  z-index: 2;
  width: var(--label-width);
  height: calc(var(--header-height) - 1px);
  padding: 7px 16px 0;
  background: var(--background);
  color: var(--secondary);
}
.camaug .column { position: absolute; top: 0; left: 0; text-align: center; }
.camaug .column button { min-height: 24px; margin-top: 3px; padding: 0 6px; border: 0; border-radius: 12px; color: var(--secondary); background: none; }
.camaug .column[aria-current] button { background: var(--accent); color: var(--on-accent); }
.camaug .column-epoch { margin-top: -2px; color: var(--secondary); font-size: 10px; line-height: 14px; white-space: nowrap; }
.camaug .current-column {
  position: absolute;
  top: 0;
  bottom: 0;
  left: 0;
  border-radius: 4px;
  background: color-mix(in srgb, var(--accent) 16%, transparent);
  pointer-events: none;
}
.camaug .image-label, .camaug .line-header { cursor: pointer; }
.camaug .image-row { position: absolute; z-index: 1; top: 0; left: 0; width: 100%; display: flex; padding-top: calc(8px + var(--name-height)); border-bottom: 1px solid color-mix(in srgb, var(--border) 50%, transparent); }
.camaug .image-label {
  position: sticky;
  left: 0;
  z-index: 3;
  flex: none;
  display: flex;
  gap: 10px;
  width: calc(var(--label-width) - 128px);
  padding-left: 16px;
  background: var(--background);
}
.camaug [data-current] .image-label { box-shadow: inset 3px 0 var(--accent); }
.camaug .thumbnail { flex: none; width: 56px; height: 56px; border-radius: 4px; background: var(--surface); }
.camaug .image-names { min-width: 0; padding-top: 2px; }
.camaug .class-name { display: block; max-width: 100%; min-height: 0; padding: 0; border: 0; border-radius: 2px; background: none; overflow: hidden; text-align: left; text-overflow: ellipsis; white-space: nowrap; font-weight: 500; }
.camaug .class-name:hover, .camaug .image-label:hover .class-name { background: none; text-decoration: underline; }
.camaug .series-lines { flex: 1; margin-left: calc(128px - var(--label-width)); }
.camaug .series-line { position: relative; z-index: 2; display: flex; }
.camaug .line-header {
  position: sticky;
  left: calc(var(--label-width) - 128px);
  z-index: 3;
  flex: none;
  width: 128px;
  height: 100%;
  margin-left: calc(var(--label-width) - 128px);
  padding: 2px 12px 0 8px;
  background: var(--background);
}
.camaug .prediction-line { display: flex; gap: 6px; overflow: hidden; white-space: nowrap; }
.camaug .prediction { overflow: hidden; text-overflow: ellipsis; }
.camaug .series-title { display: flex; gap: 4px; color: var(--secondary); font-size: 12px; white-space: nowrap; }
.camaug .shown-snapshot { flex: none; }
.camaug .series-name { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; color: var(--secondary); font-size: 12px; }
.camaug .symbol { font-weight: 700; }
.camaug .symbol:empty { display: none; }
.camaug [data-correctness="correct"] .symbol { color: var(--correct); }
.camaug [data-correctness="wrong"] .symbol { color: var(--wrong); }
.camaug .series-line canvas { position: absolute; top: 0; }
.camaug .cell { position: absolute; top: 0; left: 0; border-radius: 2px; cursor: pointer; }
.camaug .cell:hover { box-shadow: inset 0 0 0 2px var(--background), 0 0 0 2px var(--secondary); }
.camaug .cell[aria-selected="true"] { box-shadow: 0 0 0 2px var(--accent); }
.camaug .cell:focus-visible { outline: 3px solid var(--accent); outline-offset: 1px; }
.camaug .cell[data-not-logged] {
  cursor: default;
  background: repeating-linear-gradient(45deg, var(--surface) 0 4px, transparent 4px 8px);
}
.camaug .load-error { position: sticky; left: calc(var(--label-width) + 8px); z-index: 4; align-self: center; color: var(--wrong); }

/* metric charts */
.camaug .metrics { flex: none; width: 304px; padding: 16px; overflow: auto; border-left: 1px solid var(--border); }
.camaug .legend { margin: 8px 0 0; padding: 0; list-style: none; }
.camaug .legend li { display: flex; align-items: center; gap: 8px; overflow-wrap: anywhere; }
.camaug .legend svg { flex: none; }
.camaug .chart { margin: 14px 0 0; }
.camaug .chart figcaption { display: flex; justify-content: space-between; gap: 8px; margin-bottom: 4px; }
.camaug .values { display: flex; gap: 8px; font-weight: 500; }
.camaug .plot { position: relative; }
.camaug .plot svg { display: block; width: 100%; height: 84px; border-radius: 4px; background: var(--surface); cursor: pointer; touch-action: none; }
.camaug .bound { position: absolute; left: 2px; padding: 0 4px; border-radius: 3px; background: color-mix(in srgb, var(--surface) 80%, transparent); color: var(--secondary); font-size: 10px; pointer-events: none; }
.camaug .bound.high { top: 2px; }
.camaug .bound.low { bottom: 2px; }
.camaug .series-curve, .camaug .dot { fill: none; stroke-width: 1.8; vector-effect: non-scaling-stroke; }
.camaug .dot { stroke-width: 7; stroke-linecap: round; }
.camaug .current-position { stroke: var(--accent); stroke-width: 1; opacity: 0.55; vector-effect: non-scaling-stroke; }
${[0, 1, 2, 3, 4, 5, 6].map((i) => `.camaug [data-series="${i}"] { color: var(--series-${i}); stroke: var(--series-${i}); }`).join("\n")}
.camaug .line-header[data-series] { color: var(--text); stroke: none; }

/* details of an image */
.camaug .image-view { flex: 1; min-width: 0; display: flex; flex-direction: column; gap: 12px; padding: 12px 16px; overflow: auto; }
.camaug .heading { display: flex; align-items: center; gap: 8px; }
.camaug .heading h2 { margin: 0 8px; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.camaug .heading h2:focus { outline: none; }
.camaug .detail-view { flex: 1; min-height: 0; }
.camaug .panel-grid { display: grid; grid-template-columns: repeat(auto-fill, var(--panel-side)); gap: 16px; max-width: calc(3 * var(--panel-side) + 32px); margin-bottom: 12px; }
.camaug .panel-grid:not([data-has-true]) .details { grid-column: 1 / -1; display: flex; gap: 16px; }
.camaug .panel-grid:not([data-has-true]) .details > :first-child { flex: none; width: var(--panel-side); }
.camaug .stage { flex: 1; min-width: 0; min-height: 0; }
.camaug .side-by-side { display: flex; flex-wrap: wrap; gap: 16px; margin-bottom: 16px; }
.camaug .image-panel { margin: 0; }
.camaug .image-panel figcaption { display: flex; align-items: baseline; justify-content: space-between; gap: 8px; height: 26px; white-space: nowrap; overflow: hidden; }
.camaug .image-panel .title { min-width: 0; overflow: hidden; text-overflow: ellipsis; font-weight: 500; }
.camaug .image-panel figcaption .secondary { flex: none; max-width: 70%; overflow: hidden; text-overflow: ellipsis; }
.camaug .detail-view figcaption .title { flex: none; }
.camaug .detail-view figcaption .secondary { flex: 0 1 auto; min-width: 0; max-width: none; }
.camaug .frame { position: relative; overflow: hidden; border-radius: 6px; line-height: 0; background: var(--surface); }
.camaug .frame canvas { cursor: crosshair; }
.camaug .crosshair { position: absolute; width: 17px; height: 17px; margin: -8px 0 0 -8px; border: 2px solid #fff; border-radius: 50%; box-shadow: 0 0 0 1.5px #000, inset 0 0 0 1.5px #000; pointer-events: none; }
.camaug .readout { min-height: 20px; color: var(--secondary); }
.camaug .details { min-width: 0; }
.camaug .headline { display: flex; gap: 8px; margin: 2px 0 12px; font-size: 18px; line-height: 1.2; }
.camaug .class-panels { margin-bottom: 12px; }
.camaug .class-panels h3 { margin: 0 0 4px; font-size: 14px; font-weight: 500; }
.camaug .class-panel-row { display: flex; flex-wrap: wrap; gap: 12px 16px; }
.camaug .class-panel-row figcaption { flex-direction: column; justify-content: center; gap: 0; height: 40px; }
.camaug .class-panel-row figcaption .title, .camaug .class-panel-row figcaption .secondary { max-width: 100%; }
.camaug .class-panel-row .image-panel, .camaug .class-panel-row canvas { cursor: pointer; }
.camaug .class-panel-row canvas:focus-visible { outline-offset: -2px; }
.camaug .class-panel-row [aria-current] .frame { outline: 2px solid var(--accent); outline-offset: 1px; }
.camaug .label-list { display: grid; grid-template-columns: auto minmax(0, 1fr) auto auto; gap: 4px 8px; margin: 0 0 16px; padding: 0; list-style: none; }
.camaug .label-list li[data-role] { display: contents; }
.camaug .label-list li:not([data-role]) { grid-column: 1 / -1; }
.camaug .label-list .label { overflow-wrap: anywhere; }
.camaug .label-list [data-role="label"] .symbol { color: var(--correct); }
.camaug .label-list [data-role="missed label"] .symbol, .camaug .label-list [data-role="false positive"] .symbol { color: var(--wrong); }
.camaug .top-classes { margin: 0 0 16px; padding: 0; list-style: none; }
.camaug .top-classes li { display: grid; grid-template-columns: 1fr auto; gap: 2px 8px; margin-bottom: 8px; }
.camaug .top-classes .label { overflow-wrap: anywhere; }
.camaug .top-classes [data-true] .label { font-weight: 500; }
.camaug .track { grid-column: 1 / -1; height: 4px; border-radius: 2px; background: var(--surface); }
.camaug .bar { display: block; height: 100%; min-width: 2px; border-radius: 2px; background: var(--secondary); }
.camaug .top-classes [data-true] .bar { background: var(--correct); }
.camaug dl { display: grid; grid-template-columns: auto minmax(auto, 1fr); gap: 4px 16px; margin: 0; align-content: start; }
.camaug dt { color: var(--secondary); }
.camaug dd { margin: 0; overflow-wrap: anywhere; }

/* comparison */
.camaug .compare-view { flex: 1; display: flex; flex-direction: column; gap: 12px; min-height: 0; }
.camaug .compare-controls select { max-width: 220px; }
.camaug .compare-controls { display: flex; flex-wrap: wrap; align-items: center; gap: 8px 20px; }
.camaug .compare-choice { display: inline-flex; align-items: center; gap: 8px; }
.camaug .letter { width: 20px; height: 20px; border-radius: 50%; background: var(--text); color: var(--background); text-align: center; line-height: 20px; font-size: 12px; }
.camaug .difference-ramp { display: flex; align-items: center; justify-content: space-between; gap: 8px; margin-top: 6px; color: var(--secondary); font-size: 12px; }
.camaug .difference-ramp .colour-ramp { flex: 1; }
.camaug .swipe { position: relative; margin-bottom: 12px; cursor: ew-resize; touch-action: none; user-select: none; }
.camaug .swipe .image-panel { width: 100%; }
.camaug .swipe .image-panel:nth-child(2) { position: absolute; inset: 0; }
.camaug .swipe .image-panel:nth-child(2) figcaption { justify-content: flex-end; margin-left: 50%; }
.camaug .swipe .image-panel:nth-child(1) figcaption { justify-content: flex-start; margin-right: 50%; }
.camaug .swipe .image-panel:nth-child(2) .frame { background: none; }
.camaug .swipe .image-panel figcaption { padding: 0 4px; }
.camaug .swipe canvas { cursor: ew-resize; }
.camaug .handle { position: absolute; top: 26px; width: 2px; margin-left: -1px; background: #ffffff; box-shadow: 0 0 0 1px rgba(0, 0, 0, 0.6); }
.camaug .handle::after {
  content: "‹ ›";
  position: absolute;
  top: 50%;
  left: -15px;
  width: 32px;
  height: 32px;
  margin-top: -16px;
  border-radius: 50%;
  background: #ffffff;
  color: #202124;
  box-shadow: 0 1px 4px rgba(0, 0, 0, 0.5);
  text-align: center;
  line-height: 30px;
}

/* help */
.camaug .help { border: 1px solid var(--border); border-radius: 12px; padding: 24px; background: var(--background); color: var(--text); box-shadow: 0 8px 32px var(--shadow); }
.camaug .help::backdrop { background: rgba(0, 0, 0, 0.35); }
.camaug .help table { margin: 12px 0 20px; border-spacing: 0 6px; }
.camaug .help th { padding-right: 20px; text-align: left; font-weight: 400; white-space: nowrap; }
.camaug kbd { display: inline-block; min-width: 24px; margin-right: 4px; padding: 1px 6px; border: 1px solid var(--border); border-bottom-width: 2px; border-radius: 4px; text-align: center; font: inherit; }
.camaug .symbol-line { display: flex; align-items: center; gap: 10px; margin: 8px 0; }
.camaug .badge { width: 18px; height: 18px; border-radius: 3px; text-align: center; line-height: 18px; font-size: 12px; }
.camaug .badge.wrong { background: #b3261e; color: #ffffff; }
.camaug .badge.warning { background: #202124; color: #ffd54f; }
.camaug .help form { margin-top: 20px; text-align: right; }

@media (max-width: 900px) {
  .camaug main { flex-direction: column; overflow: auto; }
  .camaug .strip { flex: none; height: max(60vh, 320px); }
  .camaug .image-view { flex: none; overflow: visible; }
  .camaug .metrics { width: auto; border-left: 0; border-top: 1px solid var(--border); overflow: visible; }
  .camaug .charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(240px, 1fr)); gap: 0 16px; }
}
@media (max-width: 700px) {
  .camaug .toolbar, .camaug .controls { padding-left: 8px; padding-right: 8px; }
  .camaug .heading .spacer { display: none; }
  .camaug .toolbar { position: relative; }
  .camaug .popup { position: static; }
  .camaug .popup-panel, .camaug .popup-panel.right { top: 100%; left: 8px; right: 8px; width: auto; max-width: none; }
  .camaug .snapshot-slider { flex: 1 1 100%; flex-wrap: wrap; min-width: 0; }
  .camaug .snapshot-slider .snapshot-range { flex: 1 1 60%; }
  .camaug .snapshot-label { text-align: left; }
  .camaug .snapshot-extent { min-width: 0; }
  .camaug .heading, .camaug .compare-choice { flex-wrap: wrap; }
  .camaug .heading button { white-space: nowrap; }
  .camaug .heading h2 { order: -1; flex: 1 1 100%; margin: 0; white-space: normal; overflow-wrap: anywhere; }
  .camaug .compare-choice { width: 100%; }
  .camaug .compare-controls select { flex: 1 1 40%; min-width: 0; max-width: none; }
  .camaug .help { max-width: calc(100vw - 16px); padding: 16px; }
  .camaug .help th { padding-right: 12px; }
  .camaug .panel-grid:not([data-has-true]) .details { flex-direction: column; }
}
/* In a narrow film strip the class names are above the predictions. */
.camaug [data-narrow] .image-label { padding-left: 4px; }
.camaug [data-narrow] .image-names { position: absolute; top: calc(-1 * var(--name-height)); left: 4px; width: calc(var(--label-width) - 8px); z-index: 4; }
.camaug [data-narrow] .image-names .secondary { display: none; }
.camaug [data-narrow] .thumbnail { width: 36px; height: 36px; }
@media (prefers-reduced-motion: no-preference) {
  .camaug .current-column { transition: transform 90ms ease-out; }
}
`;
