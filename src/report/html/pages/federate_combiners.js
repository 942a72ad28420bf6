"use strict";
// Federated runs, where the real time of combiners goes.

{
  const {chart, number, percent, seconds, bytes, mean, sum, sentence} = canopy;

  const parts = {
    wait_seconds: ["waiting for updates", "--rule"],
    load_seconds: ["loading updates", "--c1"],
    aggregate_seconds: ["adding updates up", "--c2"],
  };
  const work = ["load_seconds", "aggregate_seconds"];
  const whole = (row) => sum(Object.keys(parts).map((key) => row[key]));

  // Without combiners the reducer does their part.
  const nameOf = (combiner) => combiner ? `combiner ${combiner}` : "reducer";

  const share = (x) => x > 0 && x < 0.0005 ? "under 0.1 %" : percent(x, 1);
  function shares(rows) {
    const all = sum(rows.map(whole)) || 1;
    return Object.entries(parts)
        .map(([key, [name]]) => {
          const these = rows.map((row) => row[key]);
          return `${name} ${seconds(mean(these))} (${share(sum(these) / all)})`;
        })
        .join(", ");
  }

  // Bars at the places that rows belong to, of the means of these rows.
  function bars(rows, placeOf, keys) {
    const groups = new Map();
    for (const row of rows) {
      const place = placeOf(row);
      if (!groups.has(place)) groups.set(place, []);
      groups.get(place).push(row);
    }
    const places = [...groups.keys()].sort((a, b) => a - b);
    return keys.map((key) => ({
                      type: "bar",
                      name: parts[key][0],
                      colour: parts[key][1],
                      touching: places.length > 60,
                      x: places,
                      y: places.map((place) => mean(groups.get(place).map((row) => row[key]))),
                    }));
  }

  const named = (series, nameOfPlace) => series.map((one) => ({...one, x: one.x.map(nameOfPlace)}));

  function draw(area, rows, x, series) {
    const total = (key) => sum(rows.map((row) => row[key]));
    const sent = total("bytes") ? ` in ${bytes(total("bytes"))} from other processes` : "";
    chart(area, {
      summary: `Of a round, in the mean: ${shares(rows)}. ${number(total("updates"))} updates came${
          sent}.`,
      stacked: true,
      x,
      y: {label: "Real time of a round", format: seconds},
      series,
    });
  }

  function drawRounds(area, rows, keys) {
    const step = Math.ceil(new Set(rows.map((row) => row.round)).size / 150);
    draw(
        area, rows, {label: step > 1 ? `Round (means of ${step})` : "Round", whole: true},
        bars(rows, (row) => row.round - (row.round - 1) % step, keys));
  }

  function drawCombiners(area, rows, keys) {
    const series = named(bars(rows, (row) => row.combiner, keys), nameOf);
    draw(area, rows, {type: "category", categories: series[0].x}, series);
  }

  const kinds = {
    id: "parts",
    label: "Show",
    options: [["all", "wait, load and aggregate"], ["work", "load and aggregate"]]
  };
  const keysOf = (chosen) => chosen === "work" ? work : Object.keys(parts);

  function drawRun(area, run) {
    const rows = run.rows("combiner_rounds");
    const all = [...new Set(rows.map((row) => row.combiner))].sort((a, b) => a - b);
    const each = all.map((combiner) => [combiner, `rounds of ${nameOf(combiner)}`]);
    const means = [
      ["rounds", `rounds, means of ${all.length} combiners`],
      ["combiners", "combiners, means of their rounds"]
    ];
    const places = {id: "of", label: "Bars", options: all.length > 1 ? [...means, ...each] : each};
    canopy.switches(area, [places, kinds], (inner, chosen) => {
      const keys = keysOf(chosen.parts);
      if (chosen.of === "combiners") return drawCombiners(inner, rows, keys);
      const these = rows.filter((row) => String(row.combiner) === chosen.of);
      drawRounds(inner, chosen.of === "rounds" ? rows : these, keys);
    });
  }

  function drawRuns(area, runs) {
    const rows =
        runs.flatMap((run, i) => run.rows("combiner_rounds").map((row) => ({...row, run: i})));
    canopy.switches(area, [kinds], (inner, chosen) => {
      const series = named(bars(rows, (row) => row.run, keysOf(chosen.parts)), (i) => runs[i].name);
      chart(inner, {
        summary: sentence(runs, (run) => shares(run.rows("combiner_rounds"))),
        stacked: true,
        x: {type: "category", categories: series[0].x},
        y: {label: "Real time of a round", format: seconds},
        series,
      });
    });
  }

  canopy.combinerTime = (runs) => ({
    id: "combiner-time",
    title: "Combiner time (wait / load / aggregate)",
    wide: true,
    help:
        "Of the real time of a round, from when clients had training to do until their updates were added " +
        "up: what a combiner waited for updates, received and unpacked them, and added them up.",
    draw(element) {
      const shown = runs.filter((run) => run.has("combiner_rounds"));
      if (!shown.length)
        return canopy.missing(
            element,
            "Runs of this version record where the time of combiners goes; this one is older.");
      if (shown.length === 1) return drawRun(element, shown[0]);
      const choices =
          [["all", "means of all runs"], ...shown.map((run, i) => [i, `combiners of ${run.name}`])];
      canopy.switches(
          element, [{id: "run", label: "Run", options: choices}],
          (area, {run}) =>
              run === "all" ? drawRuns(area, shown) : drawRun(area, shown[Number(run)]));
    },
  });

  // The longest that a combiner took for each of these rounds.
  canopy.longestCombiner = (run, rounds) => {
    const longest = new Map();
    for (const row of run.rows("combiner_rounds"))
      longest.set(row.round, Math.max(longest.get(row.round) ?? 0, whole(row)));
    return rounds.map((round) => longest.get(round) ?? null);
  };
}
