// What the page of scaling studies shows, worked out from /scaling and /fit.

const scalingData = (() => {
  const phaseColumns = (run) =>
      Object.keys(run.tables.scaling ?? {})
          .filter(
              (name) => name.endsWith("_seconds") && name !== "wall_seconds" &&
                  name !== "throttled_seconds");

  /// By size, ascending: {size, rows}.
  function bySize(run) {
    const groups = new Map();
    for (const row of run.rows("scaling")) {
      if (!groups.has(row.size)) groups.set(row.size, {size: row.size, rows: []});
      groups.get(row.size).rows.push(row);
    }
    return [...groups.values()].sort((a, b) => a.size - b.size);
  }

  const medians = (run, column) => bySize(run).map(
      ({size, rows}) => ({size, value: canopy.median(rows.map((row) => row[column]))}));

  const isWeak = (run) => run.settings.growth === "weak";

  /// As canopy/report/scaling.hpp: the smallest size counts as ideal up to itself.
  function baseSeconds(run) {
    const [first] = medians(run, "wall_seconds");
    return first ? first.value * (isWeak(run) ? 1 : first.size) : null;
  }

  const lawNames = {
    amdahl: "Amdahl's law",
    usl: "universal scalability law",
    gustafson: "Gustafson's law"
  };

  /// Fitted laws: {name, text, seconds(size)}. Of weak scaling the fit tells seconds of one size's
  /// work.
  function lawsOf(run) {
    return run.rows("fit").map((fit) => {
      const speedUp = (p) => fit.law === "gustafson" ?
          p - fit.serial * (p - 1) :
          p / (1 + fit.serial * (p - 1) + fit.coherence * p * (p - 1));
      const strong = (p) => fit.one_seconds / speedUp(p);
      const figures = fit.law === "usl" ? `contention ${canopy.number(fit.serial, 3)}, coherence ${
                                              canopy.number(fit.coherence, 3)}` :
                                          `serial share ${canopy.number(fit.serial, 3)}`;
      const name = lawNames[fit.law] ?? fit.law;
      return {
        law: fit.law,
        name,
        text: `${name}: ${figures}, off by ${
            canopy.percent(fit.relative_error, 1)} (root mean square)`,
        seconds: (p) => isWeak(run) ? strong(p) * p : strong(p)
      };
    });
  }

  /// What is drawn over the size: of a run, of its laws, and were it ideal.
  const measures = {
    wall_seconds:
        {law: (law, base, p) => law.seconds(p), ideal: (base, p, weak) => weak ? base : base / p},
    speed_up: {
      law: (law, base, p, weak) => base / law.seconds(p) * (weak ? p : 1),
      ideal: (base, p) => p
    },
    efficiency:
        {law: (law, base, p, weak) => base / law.seconds(p) / (weak ? 1 : p), ideal: () => 1},
  };

  /// Sizes between the smallest and the largest, for smooth curves.
  function fineSizes(run) {
    const sizes = bySize(run).map(({size}) => size),
          [low, high] = [sizes[0], sizes[sizes.length - 1]];
    const steps = low === high ? 0 : 40;
    return Array.from({length: steps + 1}, (_, i) => low + (high - low) * (steps ? i / steps : 0));
  }

  function curve(run, measure, law) {
    const base = baseSeconds(run), weak = isWeak(run);
    return fineSizes(run).map((size) => ({
                                size,
                                value: law ? measures[measure].law(law, base, size, weak) :
                                             measures[measure].ideal(base, size, weak)
                              }));
  }

  /// Median seconds of the phases by size, those that matter first: {sizes, phases: [{name,
  /// seconds}]}.
  function phasesOf(run) {
    const groups = bySize(run);
    const phases = phaseColumns(run).map(
        (column) => ({
          name: column.slice(0, -"_seconds".length),
          seconds: groups.map(({rows}) => canopy.median(rows.map((row) => row[column])) ?? 0)
        }));
    const all = groups.map(({rows}) => canopy.median(rows.map((row) => row.wall_seconds)));
    const minor = (phase) => phase.seconds.every((seconds, i) => seconds < 0.02 * all[i]);
    const shown = phases.filter((phase) => !minor(phase));
    const told = (i) => shown.reduce((sum, phase) => sum + phase.seconds[i], 0);
    shown.push({name: "other", seconds: all.map((seconds, i) => Math.max(0, seconds - told(i)))});
    return {sizes: groups.map(({size}) => size), phases: shown};
  }

  /// Mean shares of all ranks' time by size.
  function sharesOf(run) {
    const groups = bySize(run);
    const mean = (rows, column) =>
        rows.reduce((sum, row) => sum + (row[column] ?? 0), 0) / rows.length;
    return {
      sizes: groups.map(({size}) => size),
      shares: ["busy", "comm", "idle"].map(
          (name) => ({name, values: groups.map(({rows}) => mean(rows, name))}))
    };
  }

  /// How many things runs found that should have found the same: all of one size, by strong scaling
  /// all of them. Null when there are no two such runs.
  function resultsOf(run) {
    const groups = isWeak(run) ? bySize(run) : [{rows: run.rows("scaling")}];
    const compared = groups.filter(({rows}) => rows.length > 1);
    if (!compared.length) return null;
    return Math.max(...compared.map(({rows}) => new Set(rows.map((row) => row.result)).size));
  }

  /// In words: what the largest size gained, and whether all runs found what they should.
  function inWords(run) {
    const speed = medians(run, "speed_up"), last = speed[speed.length - 1];
    const unit = {
      nodes: "machines",
      np: "processes",
      workers: "processes that compute"
    }[run.settings.by] ??
        "ranks";
    return {
      unit,
      last,
      results: resultsOf(run),
      efficiency: medians(run, "efficiency").slice(-1)[0]?.value ?? null,
      runs: run.rows("scaling").length
    };
  }

  return {bySize, medians, isWeak, lawsOf, curve, phasesOf, sharesOf, inWords};
})();
