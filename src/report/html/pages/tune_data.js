// What the page of searches shows, worked out from the tables of a run file. No charts, no
// document.

const tuneData = (() => {
  const {isNumber} = canopy;

  /// Trials with their parameters, the scores of their folds and when they were worked on.
  function trialsOf(run) {
    const times = new Map();
    for (const task of run.rows("tasks")) {
      const time = times.get(task.trial) ?? {began: Infinity, ended: -Infinity};
      time.began = Math.min(time.began, task.started);
      time.ended = Math.max(time.ended, task.finished);
      times.set(task.trial, time);
    }
    return run.rows("trials").map((row) => {
      const names = Object.keys(row);
      const splits = names.filter((name) => /^split\d+_test_score$/.test(name))
                         .sort((a, b) => a.localeCompare(b, "en", {numeric: true}))
                         .map((name) => row[name]);
      const known = splits.filter(isNumber);
      return {
        id: row.id,
        origin: row.origin,
        status: row.status,
        reason: row.stop_reason,
        splits,
        params: Object.fromEntries(names.filter((name) => name.startsWith("param_"))
                                       .map((name) => [name.slice("param_".length), row[name]])),
        score: isNumber(row.mean_test_score) ? row.mean_test_score : null,
        scoreSoFar: known.length > 0 ? canopy.mean(known) : null,
        deviation: row.std_test_score,
        fitTime: row.mean_fit_time,
        rank: row.rank_test_score,
        foldsDone: row.folds_done,
        resource: row.resource,
        began: times.get(row.id)?.began ?? null,
        ended: times.get(row.id)?.ended ?? null,
      };
    });
  }

  /// As the search picks it: the highest mean, the earliest of equals.
  function bestOf(run, trials) {
    const told = run.rows("best")[0];
    return trials.find((trial) => told && trial.id === told.trial) ?? null;
  }

  /// Points {at, score, trial} at which a new best was known; `by` is "trial" or "time".
  function bestSoFar(trials, by) {
    const at = (trial) => (by === "time" ? trial.ended : trial.id);
    const done = trials.filter((trial) => trial.score !== null && at(trial) !== null)
                     .sort((a, b) => at(a) - at(b));
    const points = [];
    for (const trial of done)
      if (points.length === 0 || trial.score > points[points.length - 1].score)
        points.push({at: at(trial), score: trial.score, trial: trial.id});
    if (points.length > 0)
      points.push({...points[points.length - 1], at: at(done[done.length - 1])});
    return points;
  }

  /// Names of the parameters that differ between trials.
  function searchedParameters(trials) {
    const names = trials.length > 0 ? Object.keys(trials[0].params) : [];
    const told = (name) =>
        trials.map((trial) => String(trial.params[name] ?? "")).filter((word) => word !== "");
    return names.filter((name) => new Set(told(name)).size > 1);
  }

  /// NaN for words and what is missing.
  const asNumber = (value) => (value === "" || value === null ? NaN : Number(value));

  /// About `count` round numbers from low to high.
  function roundTicks(low, high, count) {
    const raw = (high - low) / count;
    const power = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 5, 10].map((factor) => factor * power).find((each) => each >= raw);
    const ticks = [];
    for (let tick = Math.ceil(low / step) * step; tick <= high + step * 1e-9; tick += step)
      ticks.push(Number(tick.toPrecision(12)));
    return ticks;
  }

  function decadeTicks(low, high) {
    const ticks = [];
    for (let power = Math.ceil(Math.log10(low)); 10 ** power <= high * (1 + 1e-9); ++power)
      ticks.push(10 ** power);
    return ticks.length > 0 ? ticks : [low, high];
  }

  /// Where values of a parameter stand between 0 and 1: numbers by size (by their logarithm when
  /// they span decades), words such as None above them in equal steps. A missing value has no
  /// place.
  function axisOf(values) {
    const numbers =
        [...new Set(values.map(asNumber).filter(Number.isFinite))].sort((a, b) => a - b);
    const words = [...new Set(values.map(String))].filter(
        (word) => word !== "" && word !== "null" && !Number.isFinite(asNumber(word)));
    const [low, high] = [numbers[0], numbers[numbers.length - 1]];
    const isLog = numbers.length > 4 && low > 0 && high / low >= 50;
    const steps = words.length + (numbers.length > 0 ? (words.length > 0 ? 1 : 0) : -1);
    const room =
        numbers.length > 1 ? (words.length > 0 ? Math.max(0.5, 1 - 0.16 * words.length) : 1) : 0;
    const share = (value) => {
      if (numbers.length < 2) return 0;
      return isLog ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low);
    };
    const placeOfWord = (word) => {
      const index = words.indexOf(word) + (numbers.length > 0 ? 1 : 0);
      if (steps <= 0) return 0.5;
      return room + (1 - room) * (index / (numbers.length > 0 ? words.length : steps));
    };
    const place = (value) => {
      if (Number.isFinite(asNumber(value)))
        return numbers.length === 1 && words.length === 0 ? 0.5 : room * share(asNumber(value));
      return words.includes(String(value)) ? placeOfWord(String(value)) : null;
    };
    let shown = numbers;
    if (numbers.length > 6) shown = isLog ? decadeTicks(low, high) : roundTicks(low, high, 5);
    const ticks = [
      ...shown.map((value) => ({at: place(value), label: String(Number(value.toPrecision(3)))})),
      ...words.map((word) => ({at: placeOfWord(word), label: word}))
    ];
    return {place, ticks, isLog};
  }

  /// Importances alone and in pairs, the greatest first.
  function importancesOf(run) {
    return run.rows("importances")
        .map((row) => ({
               name: row.with ? `${row.parameter} × ${row.with}` : row.parameter,
               isPair: Boolean(row.with),
               share: row.share,
               deviation: row.std
             }))
        .filter((row) => isNumber(row.share))
        .sort((a, b) => b.share - a.share);
  }

  const sliceAxes = (run) => Object.keys(run.tables.slices ?? {})
                                 .filter(
                                     (name) => name !== "trial" && name !== "score" &&
                                         new Set(run.tables.slices[name]).size > 1);

  const isSame = (a, b) =>
      String(a) === String(b) || (a !== "" && b !== "" && Number(a) === Number(b));

  /// Of every trial with slices: the score along one axis, the other axes at the trial's own
  /// values.
  function sliceCurves(run, trials, axis) {
    const byTrial = new Map(trials.map((trial) => [trial.id, trial]));
    const others =
        Object.keys(run.tables.slices).filter((name) => !["trial", "score", axis].includes(name));
    const curves = new Map();
    for (const row of run.rows("slices")) {
      const own = byTrial.get(row.trial)?.params ?? {};
      const isOwn = (name) =>
          own[name] === undefined || own[name] === "" || isSame(own[name], row[name]);
      if (!others.every(isOwn)) continue;
      if (!curves.has(row.trial)) curves.set(row.trial, {trial: row.trial, points: []});
      curves.get(row.trial).points.push({value: row[axis], score: row.score});
    }
    const order = (value) => (Number.isFinite(asNumber(value)) ? asNumber(value) : Infinity);
    for (const curve of curves.values())
      curve.points.sort((a, b) => order(a.value) - order(b.value));
    return [...curves.values()].filter((curve) => curve.points.length > 1);
  }

  /// By trial: the scores on the rungs that it climbed, from the lowest on.
  function rungsOf(run, trials) {
    const climbs = new Map(trials.map((trial) => [trial.id, {trial, points: []}]));
    for (const row of run.rows("rungs"))
      climbs.get(row.trial)?.points.push({resource: row.resource, score: row.score});
    return [...climbs.values()].filter((climb) => climb.points.length > 0);
  }

  return {
    trialsOf,
    bestOf,
    bestSoFar,
    searchedParameters,
    axisOf,
    importancesOf,
    sliceAxes,
    sliceCurves,
    rungsOf
  };
})();
