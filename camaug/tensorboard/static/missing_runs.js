/** Runs that were on the screen, or that a link names, and that are no longer in the log directory. */

/**
 * Create a function that returns the missing runs. They are named until the person selects runs that exist, so that the
 * page does not change to another run without a word.
 *
 * @returns {function({state: ViewState, runs: string[], choices: {runs: string[]}}): string[]}
 */
export function createMissingRuns() {
  let shown = [];
  return ({ state, runs, choices }) => {
    if (choices.runs.length === 0) return []; // not loaded yet, or no run at all, which has a notice of its own
    const missing = (state.runs ?? shown).filter((run) => !choices.runs.includes(run));
    if (missing.length === 0) shown = runs;
    return missing;
  };
}
