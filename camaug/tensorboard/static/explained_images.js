/** All explained images of a snapshot: the probe images and the mistakes, each once, in one form. */

/**
 * List the explained images of the mistakes' series at the mistakes' snapshot.
 *
 * @param {ViewModel} viewModel
 * @param {object} actions
 * @returns {object[]}  as `Mistake`, with `image`, `open()` and `predictedClasses`, the classes above 50 %
 */
export function explainedImages(viewModel, actions) {
  const { mistakes } = viewModel;
  const found = mistakes.images.map((mistake) => ({
    ...mistake,
    image: actions.mistakeImage(mistakes, mistake),
    predictedClasses: probableClasses(mistake.topClasses),
    open: () => actions.setState({ page: "mistake", mistake: mistake.key }),
  }));
  const known = new Set(found.map(({ id }) => id).filter((id) => id !== null));
  const probes = viewModel.allRows.flatMap((row) => {
    const history = row.histories.find((one) => one?.series.key === mistakes.series.key);
    const snapshot = history?.snapshots.find(({ step }) => step === mistakes.step);
    const prediction = snapshot && history.predictionOf(snapshot);
    if (!prediction || known.has(row.id)) return [];
    return [probeImage(row, history, snapshot, prediction, actions)];
  });
  return [...found, ...probes];
}

/** Return a probe image in the form of a mistake. */
export function probeImage(row, history, snapshot, prediction, actions) {
  const loaded = actions.maps(history, snapshot);
  const maps = [];
  if (loaded) {
    for (const [index, map] of loaded.byClass) maps.push({ class: index, map });
  }
  return {
    key: `probe ${row.key}`,
    id: row.id,
    name: `image ${row.id}`,
    labels: row.labels,
    labelNames: row.classNames,
    predicted: prediction.predicted,
    predictedName: prediction.predictedName,
    confidence: prediction.confidence,
    isCorrect: prediction.isCorrect,
    maps,
    image: actions.image(history),
    predictedClasses: probableClasses(prediction.topClasses),
    open: () => actions.setState({ page: "details", row: row.key, series: history.series.key }),
  };
}

function probableClasses(topClasses) {
  return topClasses.filter(([, probability]) => probability >= 0.5).map(([index]) => index);
}
