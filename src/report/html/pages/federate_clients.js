"use strict";
// Federated runs, what the clients did and how long it took them.

{
  const {chart, number, percent, seconds, mean, sum, sentence, called} = canopy;

  // What can become of an update, in the order in which charts tell of it.
  const fates = {
    full: ["taken", "--c2"],
    partial: ["taken in part", "--c0"],
    carried: ["taken in a later round", "--c4"],
    surplus: ["beyond the number wanted", "--c7"],
    late: ["too late", "--c1"],
    dropped_out: ["dropped out", "--c6"],
    unavailable: ["not available", "--c3"],
    rejected: ["rejected", "--c5"],
  };
  const fateText = (fate) => fates[fate]?.[0] ?? fate;
  const fateColour = (fate) => canopy.css(fates[fate]?.[1] ?? "--quiet");

  // Means of so many neighbours that few enough are left to be seen.
  function thinned(values, step) {
    const starts = values.map((_, i) => i).filter((i) => i % step === 0);
    return starts.map((i) => mean(values.slice(i, i + step)));
  }

  const participation = (runs) => ({
    id: "participation",
    title: "Participation",
    help: "What became of the updates of each round.",
    draw(element) {
      canopy.oneOf(element, runs, "updates_by_round", "No update was recorded.", (area, run) => {
        const table = run.tables.updates_by_round, step = Math.ceil(table.round.length / 150);
        const met = Object.keys(fates).filter((fate) => table[`fate_${fate}`]);
        const count = (fate) => sum(table[`fate_${fate}`]), all = sum(met.map(count)) || 1;
        const told = met.map(
            (fate) =>
                `${number(count(fate))} ${fateText(fate)} (${percent(count(fate) / all, 1)})`);
        chart(area, {
          summary: `Updates: ${told.join(", ")}.`,
          stacked: true,
          x: {label: step > 1 ? `Round (means of ${step})` : "Round", whole: true},
          y: {label: "Updates", whole: step === 1},
          series: met.map((fate) => ({
                            type: "bar",
                            name: fateText(fate),
                            touching: table.round.length > 60,
                            colour: fateColour(fate),
                            x: table.round.filter((_, i) => i % step === 0),
                            y: thinned(table[`fate_${fate}`], step),
                          })),
        });
      });
    },
  });

  const shares = (runs) => ({
    id: "shares",
    title: "Updates by client",
    help: "How often the updates of a client counted, and how often they did not come in time.",
    draw(element) {
      canopy.oneOf(
          element, runs, "clients", "The run has no table of its clients.", (area, run) => {
            const rows = run.rows("clients").sort((a, b) => b.updates - a.updates);
            const never = rows.filter((row) => !row.updates).length;
            const bars = (key, name, colour) => ({
              type: "bar",
              touching: rows.length > 60,
              name,
              colour: canopy.css(colour),
              x: rows.map((_, i) => i + 1),
              y: rows.map((row) => row[key]),
              text: rows.map((row) => `client ${row.client}: ${row[key]}`),
            });
            chart(area, {
              summary: `Median ${number(canopy.median(rows.map((row) => row.updates)))} updates; ` +
                  `${number(never)} of ${number(rows.length)} clients had none.`,
              stacked: true,
              x: {label: "Clients, busiest first", whole: true},
              y: {label: "Updates", whole: true},
              series: [bars("updates", "counted", "--c2"), bars("dropped", "did not come", "--c6")],
            });
          });
    },
  });

  const parts = {
    download_seconds: ["download", "--c0"],
    train_seconds: ["training", "--c2"],
    upload_seconds: ["upload", "--c1"],
  };
  const whole = (row) => sum(Object.keys(parts).map((key) => row[key]));

  function timesOfEach(area, run) {
    const rows = run.rows("clients").sort((a, b) => whole(b) - whole(a));
    const means = Object.entries(parts).map(
        ([key, [name]]) => `${name} ${seconds(mean(run.column("clients", key)))}`);
    chart(area, {
      summary: `Means: ${means.join(", ")}.`,
      stacked: true,
      x: {label: "Clients, slowest first", whole: true},
      y: {label: "Virtual time of an update", format: seconds},
      series: Object.entries(parts).map(
          ([key, [name, colour]]) => ({
            type: "bar",
            name,
            colour: canopy.css(colour),
            touching: rows.length > 60,
            x: rows.map((_, i) => i + 1),
            y: rows.map((row) => row[key]),
            text: rows.map((row) => `client ${row.client}: ${seconds(row[key])}`),
          })),
    });
  }

  function meanTimes(area, runs) {
    chart(area, {
      summary: sentence(
          runs,
          (run) => `an update takes ${seconds(mean(run.rows("clients").map(whole)))} in the mean`),
      stacked: true,
      x: {type: "category", categories: runs.map((run) => run.name)},
      y: {label: "Virtual time of an update", format: seconds},
      series: Object.entries(parts).map(([key, [name, colour]]) => ({
                                          type: "bar",
                                          name,
                                          colour: canopy.css(colour),
                                          x: runs.map((run) => run.name),
                                          y: runs.map((run) => mean(run.column("clients", key))),
                                        })),
    });
  }

  const clientTime = (runs) => ({
    id: "client-time",
    title: "Client time",
    help:
        "What an update takes the clients' devices in virtual time: fetching the model, training, sending.",
    draw(element) {
      const shown = runs.filter((run) => run.has("clients", "train_seconds"));
      if (!shown.length)
        return canopy.missing(
            element,
            "Runs of this version record what an update takes the devices; this one is older.");
      if (shown.length === 1) return timesOfEach(element, shown[0]);
      const choices =
          [["all", "means of all runs"], ...shown.map((run, i) => [i, `clients of ${run.name}`])];
      canopy.switches(
          element, [{id: "of", label: "Show", options: choices}],
          (area, {of}) =>
              of === "all" ? meanTimes(area, shown) : timesOfEach(area, shown[Number(of)]));
    },
  });

  const times = {
    real_seconds: ["real time of training", "Real time of training an update"],
    trip_seconds: ["virtual time of a trip", "Virtual time from model to update"],
  };
  const bins = (run, column) =>
      run.rows("updates_histogram").filter((row) => row.column === column);

  // Neighbours together, so that few values do not fall apart into single ones.
  function joined(rows) {
    const enough = 2 * Math.sqrt(sum(rows.map((row) => row.count)));
    const step = [8, 5, 4, 2].find((size) => rows.length / size >= enough) ?? 1;
    return rows.filter((_, i) => i % step === 0).map((row, i) => {
      const these = rows.slice(i * step, (i + 1) * step);
      return {
        low: row.low,
        high: these[these.length - 1].high,
        count: sum(these.map((one) => one.count))
      };
    });
  }

  // Outlines, so that runs can be laid over one another; they come from 0 and back to it.
  function outline(run, column) {
    const rows = joined(bins(run, column)), first = rows[0], end = rows[rows.length - 1];
    const told = (row) => `${row.count} from ${seconds(row.low)} to ${seconds(row.high)}`;
    return {
      type: "line",
      stepped: true,
      fill: true,
      dots: false,
      name: called(run, "updates"),
      colour: run.colour,
      x: [first.low, ...rows.map((row) => row.low), end.high],
      y: [0, ...rows.map((row) => row.count), 0],
      text: [told(first), ...rows.map(told), told(end)],
    };
  }

  const trainingTimes = (runs) => ({
    id: "training-times",
    title: "Histogram of training times",
    help:
        "How many updates took how long. A long tail to the right: a few slow clients, for whom a round waits.",
    draw(element) {
      const choices = Object.entries(times).map(([key, [text]]) => [key, text]);
      canopy.switches(element, [{id: "time", label: "Show", options: choices}], (area, {time}) => {
        const shown = runs.filter((run) => bins(run, time).length);
        if (!shown.length) return canopy.missing(area, "No update was recorded.");
        const middle = (rows) => sum(rows.map((row) => row.count * (row.low + row.high) / 2)) /
            sum(rows.map((row) => row.count));
        chart(area, {
          summary: sentence(
              shown,
              (run) => `${number(sum(bins(run, time).map((row) => row.count)))} updates, ` +
                  `${seconds(middle(bins(run, time)))} in the mean`),
          x: {label: times[time][1], format: seconds},
          y: {label: "Updates", whole: true},
          series: shown.map((run) => outline(run, time)),
        });
      });
    },
  });

  // Updates of each staleness, from a histogram of whole numbers.
  function byStaleness(run) {
    const rows = bins(run, "staleness"), most = Math.round(rows[rows.length - 1].high);
    const counts = new Array(most + 1).fill(0);
    for (const row of rows) counts[Math.min(most, Math.ceil(row.low - 1e-9))] += row.count;
    return counts;
  }

  const staleness = (runs) => ({
    id: "staleness",
    title: "Staleness",
    help: "How many versions the global model was ahead of the one that an update set out from.",
    draw(element) {
      const shown = runs.filter((run) => bins(run, "staleness").length > 1);
      if (!shown.length)
        return canopy.missing(
            element,
            "Every update set out from the latest model. --aggregator fedasync or " +
                "fedbuff, and --late carry, take older ones.");
      chart(element, {
        summary: sentence(
            shown,
            (run) => {
              const counts = byStaleness(run);
              return `${
                  percent(
                      counts[0] / sum(counts),
                      1)} of the updates were fresh, the stalest ${counts.length - 1} versions old`;
            }),
        x: {label: "Versions", whole: true},
        y: {label: "Updates", whole: true},
        series: shown.map((run) => ({
                            type: "bar",
                            name: called(run, "updates"),
                            colour: run.colour,
                            x: byStaleness(run).map((_, i) => i),
                            y: byStaleness(run),
                          })),
      });
    },
  });

  // An update that is carried over is late in one round and taken in another: one trip.
  function trips(run) {
    const key = (row) => `${row.client} ${row.virtual_begin}`, rows = run.rows("updates");
    const carried = new Set(rows.filter((row) => row.fate === "carried").map(key));
    return rows.filter(
        (row) =>
            row.virtual_end > row.virtual_begin && !(row.fate === "late" && carried.has(key(row))));
  }

  function drawTrips(area, run, rounds) {
    const all = trips(run), newest = all.reduce((most, row) => Math.max(most, row.round), 0);
    const rows = all.filter((row) => row.round > newest - rounds);
    const clients = [...new Set(rows.map((row) => row.client))].sort((a, b) => a - b).map(String);
    const met = Object.keys(fates).filter((fate) => rows.some((row) => row.fate === fate));
    chart(area, {
      summary: `${number(rows.length)} trips of ${clients.length} clients in rounds ${
          rows[0]?.round ?? 0} to ${newest}.`,
      height: Math.min(1100, 130 + 16 * clients.length),
      x: {
        label: "Virtual time",
        format: seconds,
        min: rows.reduce((least, row) => Math.min(least, row.virtual_begin), newest ? Infinity : 0)
      },
      y: {label: "Client", type: "category", categories: clients},
      series: met.map((fate) => {
        const these = rows.filter((row) => row.fate === fate);
        return {
          type: "span",
          name: fateText(fate),
          colour: fateColour(fate),
          y: these.map((row) => String(row.client)),
          low: these.map((row) => row.virtual_begin),
          high: these.map((row) => row.virtual_end),
          text: these.map(
              (row) => `round ${row.round}, ${seconds(row.virtual_end - row.virtual_begin)}, ${
                  number(row.rows)} rows`),
        };
      }),
    });
  }

  const gantt = (runs) => ({
    id: "gantt",
    title: "Trips in virtual time",
    wide: true,
    help:
        "Each bar is a client's trip from fetching the model to sending its update; colours tell what became of it.",
    draw(element) {
      const spans =
          [[5, "the last 5 rounds"], [20, "the last 20 rounds"], [1e9, "all rounds on the page"]];
      canopy.oneOf(
          element, runs, "updates", "No update was recorded.",
          (area, run, {last}) => drawTrips(area, run, Number(last)),
          [{id: "last", label: "Show", options: spans}]);
    },
  });

  canopy.federateClients = (runs) =>
      [participation(runs), shares(runs), clientTime(runs), trainingTimes(runs), gantt(runs),
       staleness(runs)];
}
