/**
 * What was logged, put together for the screen: series beside one another, images below one another.
 *
 * @typedef {object} Look  one image in one epoch
 * @property {number} predicted
 * @property {string} predictedName
 * @property {number|null} confidence
 * @property {number|null} trueConfidence
 * @property {number|null} drift       change of the heatmap since the look before
 * @property {number|null} mass        share of the heatmap on the object
 * @property {string} flag             why the heatmap is not to be trusted, or ""
 * @property {[number, number][]} top  classes with their probabilities
 * @property {boolean|null} right      null without a label
 *
 * @typedef {object} Member  one image in one series
 * @property {object} series
 * @property {number} id
 * @property {number[]} epochs
 * @property {function(number): Look|null} at
 *
 * @typedef {object} Row  one image in all chosen series
 * @property {string} key
 * @property {number} id
 * @property {number|null} label
 * @property {string} className
 * @property {(Member|null)[]} members  one for each series
 */

import { className } from "./words.js";

/** `prefix/method`: what is chosen beside the run. */
export function methodOf(series) {
  return `${series.prefix}/${series.method}`;
}

/** How a method is called: its prefix is said where it says more than that this is the training. */
export function methodName(key) {
  const [prefix, ...method] = key.split("/");
  const name = method.join("/");
  return prefix === "cam" || prefix === name ? name : `${name} (${prefix.replace(/^cam_/, "")})`;
}

/** All runs and methods that were logged. */
export function choices(all) {
  const distinct = (values) => [...new Set(values)];
  return { runs: distinct(all.map((series) => series.run)), methods: distinct(all.map(methodOf)) };
}

/** The chosen runs: the newest (the last by name) where nothing was chosen that is there. */
export function chosenRuns(all, state) {
  const { runs } = choices(all);
  const chosen = runs.filter((run) => state.runs?.includes(run));
  if (chosen.length > 0) return chosen;
  return [...runs].sort((a, b) => a.localeCompare(b, "en", { numeric: true })).slice(-1);
}

/** The chosen methods: all that were logged while training where nothing was chosen that is there. */
export function chosenMethods(all, state) {
  const runs = chosenRuns(all, state);
  const methods = choices(all.filter((series) => runs.includes(series.run))).methods;
  const chosen = methods.filter((method) => state.methods?.includes(method));
  if (chosen.length > 0) return chosen;
  const training = methods.filter((method) => !/_(validate|test)$/.test(method.split("/")[0]));
  return training.length > 0 ? training : methods;
}

/** The chosen series, named by what tells them apart. */
export function chosenSeries(all, state) {
  const [runs, methods] = [chosenRuns(all, state), chosenMethods(all, state)];
  const chosen = all.filter((series) => runs.includes(series.run) && methods.includes(methodOf(series)));
  return chosen.map((series, number) => {
    const names = [];
    if (runs.length > 1) names.push(series.run);
    if (methods.length > 1 || runs.length === 1) names.push(methodName(methodOf(series)));
    return { ...series, number, name: names.join(" · ") };
  });
}

/** Every epoch that any of the series has, in order. */
export function allEpochs(answers) {
  return [...new Set(answers.flatMap((answer) => answer.epochs))].sort((a, b) => a - b);
}

/** The epoch that the state is at: the newest where none was chosen, else the nearest that there is. */
export function currentEpoch(epochs, state) {
  if (epochs.length === 0) return null;
  if (state.epoch === null) return epochs[epochs.length - 1];
  return epochs.reduce((best, epoch) => (Math.abs(epoch - state.epoch) < Math.abs(best - state.epoch) ? epoch : best));
}

/**
 * The images of the chosen series; those that several have are one row.
 *
 * @param {object[]} series
 * @param {Map<string, object>} answers  to the question for looks, by the series' key
 * @returns {Row[]}
 */
export function makeRows(series, answers) {
  const rows = new Map();
  series.forEach((one, number) => {
    const answer = answers.get(one.key);
    answer?.probes.forEach((probe, index) => {
      const name = className(answer.classes, probe.label);
      const key = `${dataOf(one.prefix)}${probe.id}|${name}`;
      if (!rows.has(key)) {
        rows.set(key, { key, id: probe.id, label: probe.label, className: name, members: series.map(() => null) });
      }
      rows.get(key).members[number] = makeMember(one, answer, probe, index);
    });
  });
  return [...rows.values()];
}

/** Images of the test data are others than those of the same place in the validation data. */
function dataOf(prefix) {
  return prefix.endsWith("_test") ? "test|" : "";
}

function makeMember(series, answer, probe, index) {
  const places = new Map(answer.epochs.map((epoch, place) => [epoch, place]));
  const looks = new Map();
  const at = (epoch) => {
    if (!looks.has(epoch)) {
      looks.set(epoch, places.has(epoch) ? makeLook(answer, probe, index, places.get(epoch)) : null);
    }
    return looks.get(epoch);
  };
  return { series, id: probe.id, epochs: answer.epochs, at };
}

function makeLook({ looks, classes }, probe, index, place) {
  const predicted = looks.predicted[place][index];
  if (predicted === null || predicted === undefined) return null;
  return {
    predicted,
    predictedName: className(classes, predicted),
    confidence: looks.confidence[place][index],
    trueConfidence: looks.true_confidence[place][index],
    drift: looks.drift[place][index],
    mass: looks.object_energy[place][index],
    flag: looks.flag[place][index] ?? "",
    top: looks.top[place][index] ?? [],
    right: probe.label === null ? null : predicted === probe.label,
  };
}
