/** Selection of runs and methods. A series is one method in one run. */

/** Return the method's key within a run: `prefix/method`. */
function methodKey(series) {
  return `${series.prefix}/${series.method}`;
}

/** Return a method's display name. The prefix is added in parentheses unless it is the training default. */
export function methodName(key) {
  const [prefix, ...method] = key.split("/");
  const name = method.join("/");
  return prefix === "cam" || prefix === name ? name : `${name} (${prefix.replace(/^cam_/, "")})`;
}

/** List the runs and method keys of all series. */
export function listChoices(allSeries) {
  const unique = (values) => [...new Set(values)];
  return { runs: unique(allSeries.map(({ run }) => run)), methods: unique(allSeries.map(methodKey)) };
}

/** Return the selected runs, or the newest (the last by name) if no selected run exists. */
export function selectedRuns(allSeries, state) {
  const { runs } = listChoices(allSeries);
  const selected = runs.filter((run) => state.runs?.includes(run));
  if (selected.length > 0) return selected;
  return [...runs].sort((a, b) => a.localeCompare(b, "en", { numeric: true })).slice(-1);
}

/** Return the selected methods, or all that were logged during training if no selected method exists. */
export function selectedMethods(allSeries, state) {
  const runs = selectedRuns(allSeries, state);
  const { methods } = listChoices(allSeries.filter(({ run }) => runs.includes(run)));
  const selected = methods.filter((method) => state.methods?.includes(method));
  if (selected.length > 0) return selected;
  const training = methods.filter((method) => !/_(validate|test)$/.test(method.split("/")[0]));
  return training.length > 0 ? training : methods;
}

/** Return the selected series, each with its number and the shortest name that distinguishes it from the others. */
export function selectedSeries(allSeries, state) {
  const [runs, methods] = [selectedRuns(allSeries, state), selectedMethods(allSeries, state)];
  const selected = allSeries.filter((series) => runs.includes(series.run) && methods.includes(methodKey(series)));
  return selected.map((series, number) => {
    const names = [];
    if (runs.length > 1) names.push(series.run);
    if (methods.length > 1 || runs.length === 1) names.push(methodName(methodKey(series)));
    return { ...series, number, name: names.join(" · ") };
  });
}
