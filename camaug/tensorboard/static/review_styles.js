/** Style sheet of the pages of mistakes and classes. */

export const REVIEW_STYLES = `
.camaug .page-tabs { margin-right: 4px; }
.camaug:is([data-page="mistakes"], [data-page="mistake"], [data-page="classes"], [data-page="warnings"]) .class-choice { display: none; }
.camaug .clear-filters { align-self: flex-start; }
.camaug .mistakes-view { flex: 1; min-width: 0; display: flex; flex-direction: column; gap: 10px; padding: 12px 16px; overflow: auto; }
.camaug .mistakes-view h2:focus, .camaug .mistake-view h2:focus { outline: none; }
.camaug .mistake-lists { display: flex; flex-wrap: wrap; gap: 6px; }
.camaug .mistake-lists button { display: inline-flex; gap: 8px; border-radius: 14px; }
.camaug .mistake-lists button[aria-pressed="true"] { background: color-mix(in srgb, var(--accent) 14%, var(--background)); border-color: var(--accent); color: var(--accent); }
.camaug .mistake-lists button:disabled { color: var(--secondary); cursor: default; }
.camaug .mistake-lists .number { font-weight: 500; }
.camaug .mistake-filters { display: flex; flex-wrap: wrap; align-items: center; gap: 8px 12px; }
.camaug .mistake-filters select { max-width: 260px; }
.camaug .mistake-cards { display: grid; grid-template-columns: repeat(auto-fill, 184px); gap: 12px; margin: 0; padding: 0; list-style: none; }
.camaug .mistake-card { display: flex; flex-direction: column; gap: 2px; width: 100%; padding: 7px; text-align: left; }
.camaug .mistake-card canvas { width: 168px; height: 168px; margin-bottom: 4px; border-radius: 4px; background: var(--surface); }
.camaug .mistake-card .truth { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; max-width: 100%; }
.camaug .mistake-view .details { display: flex; flex-wrap: wrap; gap: 16px 48px; align-items: start; }
.camaug .mistake-view .side-by-side { margin-bottom: 0; }
.camaug .mistake-view figcaption { flex-direction: column; align-items: flex-start; justify-content: center; gap: 0; height: 40px; }
.camaug .mistake-view figcaption .title, .camaug .mistake-view figcaption .secondary { max-width: 100%; }
.camaug .probabilities dd { white-space: nowrap; }
.camaug .mistake-view .headline { margin: 0; }
.camaug .classes-body { display: flex; flex-wrap: wrap; gap: 24px; align-items: flex-start; }
.camaug .confusion { max-width: 100%; overflow: auto; }
.camaug .matrix { border-collapse: collapse; }
.camaug .matrix th { font-weight: 400; text-align: left; color: var(--secondary); }
.camaug .matrix thead th:not(.corner-cell) { vertical-align: bottom; padding: 0 2px 4px; }
.camaug .matrix:not(.counts) thead th:not(.corner-cell) span { display: block; max-height: 110px; writing-mode: vertical-rl; transform: rotate(180deg); overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.camaug .matrix .corner-cell { vertical-align: bottom; padding-bottom: 6px; font-size: 12px; }
.camaug .matrix tbody th button { display: flex; align-items: center; gap: 8px; width: 168px; border-color: transparent; text-align: left; color: var(--text); }
.camaug .matrix tbody th button span { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.camaug .matrix td { padding: 1px; vertical-align: middle; }
.camaug .matrix td button { display: block; min-width: 42px; width: 100%; height: 42px; padding: 0 2px; border-radius: 4px; border-color: color-mix(in srgb, var(--border) 60%, transparent); text-align: center; }
.camaug .matrix:not(.counts) td button { background: color-mix(in srgb, var(--cell-colour) calc(100% * var(--share)), var(--background)); }
.camaug .matrix td { --cell-colour: #b35900; }
.camaug .matrix td[data-right] { --cell-colour: #0b62b8; }
.camaug .matrix button[aria-pressed="true"] { border-color: var(--text); box-shadow: inset 0 0 0 2px var(--background), 0 0 0 1px var(--text); }
.camaug .mean-map { flex: none; border-radius: 4px; background: var(--surface); }
.camaug .behind { flex: 1; min-width: min(320px, 100%); display: flex; flex-direction: column; gap: 10px; align-items: flex-start; }
.camaug .behind h3 { margin: 0; font-size: 14px; font-weight: 500; }
.camaug .behind .mistake-cards { width: 100%; }
.camaug .warning-list { display: flex; flex-direction: column; gap: 24px; max-width: 1200px; }
.camaug .warning { display: flex; flex-direction: column; gap: 8px; }
.camaug .warning p { max-width: 80ch; }
.camaug .warning-title { display: flex; align-items: center; gap: 10px; margin: 0; font-size: 14px; font-weight: 500; }
@media (max-width: 900px) {
  .camaug .mistakes-view { flex: none; overflow: visible; }
}
@media (max-width: 440px) {
  .camaug .mistake-cards { grid-template-columns: repeat(auto-fill, minmax(150px, 1fr)); }
  .camaug .mistake-card canvas { width: 100%; height: auto; aspect-ratio: 1; }
}
`;
