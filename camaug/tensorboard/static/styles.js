/** How it looks: calm, light or dark. Colours of lines are told apart by every kind of colour vision. */

export const STYLES = `
.camaug {
  --back: #ffffff;
  --raised: #f6f7f8;
  --text: #202124;
  --quiet: #5f6368;
  --line: #dfe1e5;
  --accent: #0b62b8;
  --on-accent: #ffffff;
  --right: #00795a;
  --wrong: #b3261e;
  --shade: rgba(60, 64, 67, 0.18);
  --s0: #0072b2; --s1: #b35900; --s2: #00795a; --s3: #a8457f; --s4: #2b8cbe; --s5: #7a5195; --s6: #595959;
  color-scheme: light;
}
.camaug[data-theme="dark"] {
  --back: #212121;
  --raised: #2c2c2e;
  --text: #ececec;
  --quiet: #a9adb3;
  --line: #434548;
  --accent: #7ab8f5;
  --on-accent: #10202f;
  --right: #5fd0a8;
  --wrong: #ff8a80;
  --shade: rgba(0, 0, 0, 0.5);
  --s0: #6cb8ee; --s1: #f2a65a; --s2: #5fd0a8; --s3: #e39ac2; --s4: #9ad5f5; --s5: #c3a5dd; --s6: #c4c4c4;
  color-scheme: dark;
}
html, body { margin: 0; height: 100%; }
.camaug, .camaug * { box-sizing: border-box; }
.camaug [hidden] { display: none !important; }
.camaug {
  display: flex;
  flex-direction: column;
  height: 100vh;
  background: var(--back);
  color: var(--text);
  font: 13px/1.4 Roboto, "Segoe UI", system-ui, sans-serif;
  font-variant-numeric: tabular-nums;
}
.camaug h2 { margin: 0; font-size: 15px; font-weight: 500; }
.camaug p { margin: 0; }
.camaug :focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.camaug .quiet { color: var(--quiet); font-size: 12px; }
.camaug .space { flex: 1; }
.camaug .name { color: var(--quiet); }

/* controls */
.camaug button, .camaug select, .camaug summary, .camaug input[type="search"] {
  font: inherit;
  color: inherit;
  min-height: 28px;
  padding: 3px 10px;
  border: 1px solid var(--line);
  border-radius: 6px;
  background: var(--back);
}
.camaug button, .camaug summary, .camaug select { cursor: pointer; }
.camaug button:hover, .camaug summary:hover, .camaug select:hover { background: var(--raised); }
.camaug button.link { border-color: transparent; color: var(--accent); }
.camaug button.primary { background: var(--accent); border-color: var(--accent); color: var(--on-accent); }
.camaug button.round { width: 28px; padding: 0; border-radius: 50%; }
.camaug input[type="range"] { width: 76px; accent-color: var(--accent); margin: 0; }
.camaug input[type="checkbox"] { accent-color: var(--accent); margin: 0; }
.camaug select { max-width: 140px; text-overflow: ellipsis; }
.camaug .field { display: inline-flex; align-items: center; gap: 6px; white-space: nowrap; }
.camaug .pull { display: inline-flex; align-items: center; gap: 6px; }
.camaug .pull .number { min-width: 2.2em; }
.camaug .ramp { display: inline-block; width: 56px; height: 10px; border-radius: 3px; }
.camaug .segmented { display: inline-flex; }
.camaug .segmented button { border-radius: 0; margin-left: -1px; }
.camaug .segmented button:first-child { border-radius: 6px 0 0 6px; margin-left: 0; }
.camaug .segmented button:last-child { border-radius: 0 6px 6px 0; }
.camaug .segmented button[aria-pressed="true"] {
  background: color-mix(in srgb, var(--accent) 14%, var(--back));
  border-color: var(--accent);
  color: var(--accent);
  z-index: 1;
}
.camaug .menu { position: relative; }
.camaug .menu summary { list-style: none; max-width: 260px; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.camaug .menu summary::-webkit-details-marker { display: none; }
.camaug .menu summary::after { content: " ▾"; color: var(--quiet); }
.camaug .sheet {
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
  border: 1px solid var(--line);
  border-radius: 8px;
  background: var(--back);
  box-shadow: 0 4px 16px var(--shade);
}
.camaug .sheet.right { left: auto; right: 0; width: 300px; }
.camaug .sheet label { display: flex; gap: 8px; align-items: center; overflow-wrap: anywhere; }
.camaug .sheet button { text-align: left; }
.camaug .sheet p { overflow-wrap: anywhere; }
.camaug .sheet p:empty { display: none; }
.camaug code { font: 12px/1.5 "Roboto Mono", ui-monospace, monospace; }

/* bars */
.camaug .toolbar, .camaug .time { display: flex; flex-wrap: wrap; align-items: center; gap: 8px 12px; padding: 8px 16px 0; }
.camaug .time { padding-bottom: 8px; }
.camaug .finder, .camaug .slider, .camaug .looks { display: flex; flex-wrap: wrap; align-items: center; gap: 8px 10px; }
.camaug[data-page="large"] .finder, .camaug[data-page="compare"] .finder { display: none; }
.camaug .slider { flex: 1; flex-wrap: nowrap; min-width: min(460px, 100%); }
.camaug .slider button { padding: 0; width: 28px; font-size: 16px; line-height: 1; }
.camaug .slider .epoch-slider { flex: 1; min-width: 80px; }
.camaug .epoch-said { min-width: 5em; text-align: right; font-weight: 500; }
.camaug .of { min-width: 10em; }
.camaug .found { color: var(--quiet); }
.camaug .banner { padding: 6px 16px; background: color-mix(in srgb, var(--wrong) 12%, var(--back)); }
.camaug main { flex: 1; display: flex; min-height: 0; border-top: 1px solid var(--line); }

/* notices */
.camaug .notice { flex: 1; align-self: center; display: flex; flex-direction: column; align-items: center; gap: 12px; padding: 24px; text-align: center; }
.camaug .notice pre {
  margin: 0;
  padding: 12px 16px;
  max-width: 100%;
  overflow: auto;
  border-radius: 8px;
  background: var(--raised);
  text-align: left;
}

/* film strip */
.camaug .strip { flex: 1; min-width: 0; overflow: auto; overscroll-behavior: contain; }
.camaug .strip:focus-visible { outline-offset: -2px; }
.camaug .sizer { position: relative; }
.camaug .epochs { position: sticky; top: 0; z-index: 5; height: var(--head); background: var(--back); border-bottom: 1px solid var(--line); }
.camaug .corner {
  position: sticky;
  left: 0;
  z-index: 2;
  width: var(--side);
  height: calc(var(--head) - 1px);
  padding: 7px 16px 0;
  background: var(--back);
  color: var(--quiet);
}
.camaug .epoch { position: absolute; top: 0; left: 0; text-align: center; }
.camaug .epoch button { min-height: 24px; margin-top: 3px; padding: 0 6px; border: 0; border-radius: 12px; color: var(--quiet); background: none; }
.camaug .epoch[aria-current] button { background: var(--accent); color: var(--on-accent); }
.camaug .current-column {
  position: absolute;
  top: 0;
  bottom: 0;
  left: 0;
  border-radius: 4px;
  background: color-mix(in srgb, var(--accent) 16%, transparent);
  pointer-events: none;
}
.camaug .group { position: absolute; z-index: 1; top: 0; left: 0; width: 100%; display: flex; padding-top: 8px; border-bottom: 1px solid color-mix(in srgb, var(--line) 50%, transparent); }
.camaug .about {
  position: sticky;
  left: 0;
  z-index: 3;
  flex: none;
  display: flex;
  gap: 10px;
  width: calc(var(--side) - 128px);
  padding-left: 16px;
  background: var(--back);
}
.camaug [data-current] .about { box-shadow: inset 3px 0 var(--accent); }
.camaug .thumbnail { flex: none; width: 56px; height: 56px; border-radius: 4px; background: var(--raised); }
.camaug .naming { min-width: 0; padding-top: 2px; }
.camaug .class-name { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; font-weight: 500; }
.camaug .lines { flex: 1; margin-left: calc(128px - var(--side)); }
.camaug .line { position: relative; z-index: 2; display: flex; }
.camaug .line-head {
  position: sticky;
  left: calc(var(--side) - 128px);
  z-index: 3;
  flex: none;
  width: 128px;
  height: 100%;
  margin-left: calc(var(--side) - 128px);
  padding: 2px 12px 0 8px;
  background: var(--back);
}
.camaug .judged { display: flex; gap: 6px; overflow: hidden; white-space: nowrap; }
.camaug .said { overflow: hidden; text-overflow: ellipsis; }
.camaug .series-name { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; color: var(--quiet); font-size: 12px; }
.camaug .sign { font-weight: 700; }
.camaug [data-verdict="right"] .sign { color: var(--right); }
.camaug [data-verdict="wrong"] .sign { color: var(--wrong); }
.camaug .line canvas { position: absolute; top: 0; }
.camaug .cell { position: absolute; top: 0; left: 0; border-radius: 2px; cursor: pointer; }
.camaug .cell:hover { box-shadow: inset 0 0 0 2px var(--back), 0 0 0 2px var(--quiet); }
.camaug .cell[aria-selected="true"] { box-shadow: 0 0 0 2px var(--accent); }
.camaug .cell:focus-visible { outline: 3px solid var(--accent); outline-offset: 1px; }
.camaug .cell[data-absent] {
  cursor: default;
  background: repeating-linear-gradient(45deg, var(--raised) 0 4px, transparent 4px 8px);
}
.camaug .trouble { position: sticky; left: calc(var(--side) + 8px); z-index: 4; align-self: center; color: var(--wrong); }

/* curves */
.camaug .curves { flex: none; width: 304px; padding: 16px; overflow: auto; border-left: 1px solid var(--line); }
.camaug .legend { margin: 8px 0 0; padding: 0; list-style: none; }
.camaug .legend li { display: flex; align-items: center; gap: 8px; overflow-wrap: anywhere; }
.camaug .legend svg { flex: none; }
.camaug .chart { margin: 14px 0 0; }
.camaug .chart figcaption { display: flex; justify-content: space-between; gap: 8px; margin-bottom: 4px; }
.camaug .values { display: flex; gap: 8px; font-weight: 500; }
.camaug .plot { position: relative; }
.camaug .plot svg { display: block; width: 100%; height: 84px; border-radius: 4px; background: var(--raised); cursor: pointer; touch-action: none; }
.camaug .bound { position: absolute; left: 6px; color: var(--quiet); font-size: 10px; pointer-events: none; }
.camaug .bound.high { top: 2px; }
.camaug .bound.low { bottom: 2px; }
.camaug .line-of, .camaug .dot { fill: none; stroke-width: 1.8; vector-effect: non-scaling-stroke; }
.camaug .dot { stroke-width: 7; stroke-linecap: round; }
.camaug .now { stroke: var(--accent); stroke-width: 1; opacity: 0.55; vector-effect: non-scaling-stroke; }
${[0, 1, 2, 3, 4, 5, 6].map((i) => `.camaug [data-series="${i}"] { color: var(--s${i}); stroke: var(--s${i}); }`).join("\n")}
.camaug .line-head[data-series] { color: var(--text); stroke: none; }

/* one image */
.camaug .one { flex: 1; min-width: 0; display: flex; flex-direction: column; gap: 12px; padding: 12px 16px; overflow: auto; }
.camaug .heading { display: flex; align-items: center; gap: 8px; }
.camaug .heading h2 { margin: 0 8px; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.camaug .heading h2:focus { outline: none; }
.camaug .look { flex: 1; min-height: 0; }
.camaug .board { display: grid; grid-template-columns: repeat(auto-fill, var(--picture)); gap: 16px; max-width: calc(3 * var(--picture) + 32px); margin-bottom: 12px; }
.camaug .board:not([data-both]) .facts { grid-column: 1 / -1; display: flex; gap: 16px; }
.camaug .board:not([data-both]) .facts > :first-child { flex: none; width: var(--picture); }
.camaug .stage { flex: 1; min-width: 0; min-height: 0; }
.camaug .pictures { display: flex; flex-wrap: wrap; gap: 16px; margin-bottom: 16px; }
.camaug .picture { margin: 0; }
.camaug .picture figcaption { display: flex; align-items: baseline; justify-content: space-between; gap: 8px; height: 26px; white-space: nowrap; overflow: hidden; }
.camaug .picture .title { font-weight: 500; }
.camaug .picture figcaption .quiet { overflow: hidden; text-overflow: ellipsis; }
.camaug .frame { position: relative; overflow: hidden; border-radius: 6px; line-height: 0; background: var(--raised); }
.camaug .frame canvas { cursor: crosshair; }
.camaug .cross { position: absolute; width: 17px; height: 17px; margin: -8px 0 0 -8px; border: 2px solid #fff; border-radius: 50%; box-shadow: 0 0 0 1.5px #000, inset 0 0 0 1.5px #000; pointer-events: none; }
.camaug .readout { min-height: 20px; color: var(--quiet); }
.camaug .facts { min-width: 0; }
.camaug .judgement { display: flex; gap: 8px; margin: 2px 0 12px; font-size: 18px; line-height: 1.2; }
.camaug .top { margin: 0 0 16px; padding: 0; list-style: none; }
.camaug .top li { display: grid; grid-template-columns: 1fr auto; gap: 2px 8px; margin-bottom: 8px; }
.camaug .top .label { overflow-wrap: anywhere; }
.camaug .top [data-true] .label { font-weight: 500; }
.camaug .track { grid-column: 1 / -1; height: 4px; border-radius: 2px; background: var(--raised); }
.camaug .bar { display: block; height: 100%; min-width: 2px; border-radius: 2px; background: var(--quiet); }
.camaug .top [data-true] .bar { background: var(--right); }
.camaug dl { display: grid; grid-template-columns: auto 1fr; gap: 4px 16px; margin: 0; align-content: start; }
.camaug dt { color: var(--quiet); }
.camaug dd { margin: 0; overflow-wrap: anywhere; }

/* compare */
.camaug .compare { flex: 1; display: flex; flex-direction: column; gap: 12px; min-height: 0; }
.camaug .choices { display: flex; flex-wrap: wrap; align-items: center; gap: 8px 20px; }
.camaug .pair { display: inline-flex; align-items: center; gap: 8px; }
.camaug .letter { width: 20px; height: 20px; border-radius: 50%; background: var(--text); color: var(--back); text-align: center; line-height: 20px; font-size: 12px; }
.camaug .scale { display: flex; align-items: center; justify-content: space-between; gap: 8px; margin-top: 6px; color: var(--quiet); font-size: 12px; }
.camaug .scale .ramp { flex: 1; }
.camaug .swipe { position: relative; margin-bottom: 12px; cursor: ew-resize; touch-action: none; user-select: none; }
.camaug .swipe .picture { width: 100%; }
.camaug .swipe .picture:nth-child(2) { position: absolute; inset: 0; }
.camaug .swipe .picture:nth-child(2) figcaption { justify-content: flex-end; margin-left: 50%; }
.camaug .swipe .picture:nth-child(1) figcaption { justify-content: flex-start; margin-right: 50%; }
.camaug .swipe .picture:nth-child(2) .frame { background: none; }
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
.camaug .help { border: 1px solid var(--line); border-radius: 12px; padding: 24px; background: var(--back); color: var(--text); box-shadow: 0 8px 32px var(--shade); }
.camaug .help::backdrop { background: rgba(0, 0, 0, 0.35); }
.camaug .help table { margin: 12px 0 20px; border-spacing: 0 6px; }
.camaug .help th { padding-right: 20px; text-align: left; font-weight: 400; white-space: nowrap; }
.camaug kbd { display: inline-block; min-width: 24px; margin-right: 4px; padding: 1px 6px; border: 1px solid var(--line); border-bottom-width: 2px; border-radius: 4px; text-align: center; font: inherit; }
.camaug .sign-told { display: flex; align-items: center; gap: 10px; margin: 8px 0; }
.camaug .badge { width: 18px; height: 18px; border-radius: 3px; text-align: center; line-height: 18px; font-size: 12px; }
.camaug .badge.wrong { background: #b3261e; color: #ffffff; }
.camaug .badge.flagged { background: #202124; color: #ffd54f; }
.camaug .help form { margin-top: 20px; text-align: right; }

@media (max-width: 900px) {
  .camaug main { flex-direction: column; overflow: auto; }
  .camaug .strip { flex: none; height: max(60vh, 320px); }
  .camaug .one { flex: none; overflow: visible; }
  .camaug .curves { width: auto; border-left: 0; border-top: 1px solid var(--line); overflow: visible; }
  .camaug .charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(240px, 1fr)); gap: 0 16px; }
}
@media (max-width: 700px) {
  .camaug .board:not([data-both]) .facts { flex-direction: column; }
}
/* Where the strip itself is narrow, whatever the window is, the names stand above what is said of the lines. */
.camaug [data-narrow] .about { padding-left: 4px; }
.camaug [data-narrow] .naming { position: absolute; left: 44px; width: 120px; z-index: 4; }
.camaug [data-narrow] .naming .quiet { display: none; }
.camaug [data-narrow] .thumbnail { width: 36px; height: 36px; }
.camaug [data-narrow] .line-head { padding-top: 22px; }
@media (prefers-reduced-motion: no-preference) {
  .camaug .current-column { transition: transform 90ms ease-out; }
}
`;
