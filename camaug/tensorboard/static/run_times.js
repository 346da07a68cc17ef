/** Wall-clock times of snapshots, since the first snapshot of their run. */

const SMALLEST_GAP = 0.001; // seconds; clocks may stand still or go back

/**
 * Return the time of every step of every run, in seconds since the run's first snapshot. Several methods explain the
 * same weights one after another: they share the time of the first.
 *
 * @param {{run: string, steps: number[], wall_times: number[]}[]} records  of series; `wall_times` in seconds since 1970
 * @returns {Map<string, Map<number, number>>}  by run and step, strictly ascending with the steps
 */
export function timesOfRuns(records) {
  const earliest = new Map();
  for (const { run, steps, wall_times: times } of records) {
    if (!earliest.has(run)) earliest.set(run, new Map());
    const timesOfRun = earliest.get(run);
    steps.forEach((step, i) => timesOfRun.set(step, Math.min(timesOfRun.get(step) ?? Infinity, times[i])));
  }
  return new Map([...earliest].map(([run, timesOfRun]) => [run, sinceFirst(timesOfRun)]));
}

function sinceFirst(timesOfRun) {
  const entries = [...timesOfRun].sort(([a], [b]) => a - b);
  const [[, start]] = entries.length > 0 ? entries : [[0, 0]];
  let previous = -SMALLEST_GAP;
  return new Map(
    entries.map(([step, time]) => {
      const milliseconds = Math.round((time - start) * 1000);
      previous = Math.max(milliseconds / 1000, Math.round((previous + SMALLEST_GAP) * 1000) / 1000);
      return [step, previous];
    }),
  );
}

/**
 * Return a function that formats seconds as `h:mm:ss`, with as many decimals as it takes for different times to read
 * differently.
 *
 * @param {number[]} times  seconds that are read together, at whole milliseconds
 * @returns {function(number): string}
 */
export function clockTime(times) {
  const decimals = [0, 1, 2].find((digits) => new Set(times.map((time) => format(time, digits))).size === times.length);
  return (time) => format(time, decimals ?? 3);
}

function format(seconds, decimals) {
  const unit = 10 ** decimals;
  const rounded = Math.round(seconds * unit); // before it is split, so that 59.96 s are 1:00.0
  const [minutes, rest] = [Math.floor(rounded / (60 * unit)), (rounded % (60 * unit)) / unit];
  const twoDigits = (number) => String(number).padStart(2, "0");
  const secondsText = rest.toFixed(decimals).padStart(decimals === 0 ? 2 : 3 + decimals, "0");
  return `${Math.floor(minutes / 60)}:${twoDigits(minutes % 60)}:${secondsText}`;
}
