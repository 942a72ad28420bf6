// Sections of the page of trained models that are of some kinds of runs only.

{
  const {number, percent, seconds, bytes} = canopy;

  // ---- pipelines and traces ----

  const doings = [
    ["forward", "--c0"], ["backward", "--c2"], ["weights' gradient", "--c4"], ["update", "--c5"],
    ["wait for sums", "--c1"], ["wait for a message", "--quiet"]
  ];
  // What a rank spends behind its passes: with nobody to wait for it is the update alone.
  const shownAs = {"wait for sums": "sums and update"};

  function drawTrace(element, run) {
    const rows = run.rows("trace"),
          ranks = [...new Set(rows.map((row) => row.rank))].sort((a, b) => a - b);
    const role = new Map(run.rows("layout").map(
        (row) =>
            [row.rank,
             row.stage > 0 || /pipeline|hybrid/.test(row.strategy) ?
                 `rank ${row.rank}, stage ${row.stage}` :
                 `rank ${row.rank}`]));
    const name = (rank) => role.get(rank) ?? `rank ${rank}`;
    canopy.chart(element, {
      height: 150 + 34 * ranks.length,
      x: {label: "time (ms)", min: 0},
      y: {type: "category", categories: ranks.map(name)},
      series: doings
                  .map(([doing, colour]) => {
                    const those = rows.filter((row) => row.doing === doing);
                    return {
                      name: shownAs[doing] ?? doing,
                      colour,
                      type: "span",
                      y: those.map((row) => name(row.rank)),
                      low: those.map((row) => 1e3 * row.begin),
                      high: those.map((row) => 1e3 * row.end),
                      text: those.map(
                          (row) => `${doing === "wait for sums" ? "update" : "shard"} ${
                              row.number}: ${seconds(row.end - row.begin)}`)
                    };
                  })
                  .filter((one) => one.y.length > 0),
    });
  }

  const trace = (runs) => ({
    id: "trace",
    lacks: parts.several(runs, "trace").length ? null :
                                                 "canopy train --trace FILE.json records it.",
    title: "Two updates, rank by rank",
    wide: true,
    help:
        "What each rank did in the last two updates, by one clock. Grey is waiting: of a pipeline, its bubble.",
    draw(element) {
      canopy.oneRun(element, parts.several(runs, "trace"), drawTrace);
    },
  });

  function drawPipeline(element, run) {
    const rows = run.rows("pipeline"), [first] = rows;
    canopy.kpis(element, [
      {label: "bubble, measured", value: percent(first.bubble, 1), about: "of the stages' time"},
      {
        label: "simulated",
        value: percent(first.bubble_simulated, 1),
        about: "with these times, without delays"
      },
      {
        label: "textbook",
        value: percent(first.bubble_textbook, 1),
        about: `(S−1)/(M+S−1), S = ${rows.length}, M = ${first.micro_batches}`
      },
    ]);
    const categories = rows.map((row) => `stage ${row.stage}`);
    const bar = (name, column, colour) => ({
      name,
      colour,
      type: "bar",
      x: categories,
      y: rows.map((row) => 1e3 * row[column]),
      text: rows.map((row) => seconds(row[column]))
    });
    canopy.chart(element, {
      stacked: true,
      height: 260,
      x: {type: "category", categories},
      y: {label: "ms per micro-batch", least: 0},
      series: [
        bar("forward", "forward_seconds", "--c0"), bar("backward", "backward_seconds", "--c2"),
        bar("weights' gradient", "weights_seconds", "--c4")
      ],
    });
    canopy.note(
        element,
        `Order ${first.schedule}. Idle: ${
            rows.map((row) => `stage ${row.stage} ${percent(row.idle_share, 0)}`).join(", ")}.`);
  }

  const pipeline = (runs) => ({
    id: "pipeline",
    lacks: parts.several(runs, "pipeline").length ?
        null :
        "canopy train --parallel pipeline or hybrid records it.",
    title: "Pipeline",
    help:
        "What a micro-batch takes in each stage; the slowest stage sets the pace, the others wait for it.",
    draw(element) {
      canopy.oneRun(element, parts.several(runs, "pipeline"), drawPipeline);
    },
  });

  const buckets = (runs) => ({
    id: "buckets",
    lacks: parts.several(runs, "buckets").length ?
        null :
        "complete runs with several replicas (--parallel data or hybrid) record it.",
    title: "Sums of gradients",
    help:
        "Gradients are summed over replicas in buckets, the last layers first, while others are worked out: the fastest sum of each.",
    draw(element) {
      const those = parts.several(runs, "buckets");
      const categories = [
        ...new Set(those.flatMap((run) => run.column("buckets", "bucket")))
      ].sort((a, b) => a - b).map(String);
      canopy.chart(element, {
        x: {label: "bucket", type: "category", categories},
        y: {label: "MB/s", least: 0},
        series: those.map((run) => ({
                            name: canopy.called(run, "speed"),
                            colour: run.colour,
                            type: "bar",
                            x: run.column("buckets", "bucket").map(String),
                            y: run.column("buckets", "megabytes_per_second"),
                            text: run.rows("buckets").map(
                                (row) => `${number(row.megabytes_per_second)} MB/s, ${
                                    bytes(row.bytes)} in ${seconds(row.seconds)}`)
                          })),
      });
    },
  });

  // ---- parameter servers ----

  const counted = (id, title, help, table, value, weight, label) => (runs) => ({
    id,
    title,
    lacks: parts.several(runs, table).length ?
        null :
        "canopy train --parallel ps with a --staleness above 0 records it.",
    help,
    draw(element) {
      const those = parts.several(runs, table);
      const sums = those.map((run) => trainData.histogramOf(run, table, value, weight));
      const most = Math.max(...sums.flatMap(({values}) => values)),
            categories = Array.from({length: most + 1}, (_, i) => String(i));
      canopy.chart(element, {
        x: {label, type: "category", categories},
        y: {label: `share of all ${weight}`, least: 0, format: (share) => percent(share, 0)},
        series: those.map((run, i) => {
          const {values, counts} = sums[i], all = counts.reduce((sum, one) => sum + one, 0);
          return {
            name: canopy.called(run, weight),
            colour: run.colour,
            type: "bar",
            x: values.map(String),
            y: counts.map((one) => one / all),
            text: counts.map((one) => `${percent(one / all, 1)}, ${number(one)} ${weight}`)
          };
        }),
      });
    },
  });
  const staleness = counted(
      "staleness", "Staleness of gradients",
      "How many updates the weights were older than the network that a gradient was added to.",
      "staleness", "staleness", "pushes", "updates behind");
  const leads = counted(
      "leads", "Lead of workers",
      "How many updates a worker was ahead of the slowest when it began one; --staleness bounds it.",
      "leads", "lead", "updates", "updates ahead");

  // ---- forests ----

  const growth = (runs) => ({
    id: "growth",
    title: "Trees grown",
    wide: true,
    help:
        "Of forests that are not complete, in the session that began last; dashed: as many as there will be.",
    draw(element) {
      const those = parts.several(runs, "growth");
      const all = (run) => Number(run.settings.n_estimators);
      canopy.chart(element, {
        x: {label: "time in the run (s)", least: 0},
        y: {label: "trees", least: 0, whole: true},
        series: those.flatMap((run) => {
          const times = run.column("growth", "seconds");
          return [
            {
              name: canopy.called(run, "trees"),
              type: "line",
              colour: run.colour,
              x: times,
              y: run.column("growth", "trees")
            },
            {
              name: canopy.named(run, "in all"),
              type: "line",
              colour: run.colour,
              dash: true,
              dots: false,
              x: [0, canopy.last(times)],
              y: [all(run), all(run)]
            }
          ];
        }),
      });
    },
  });

  const outOfBag = (runs) => ({
    id: "oob",
    lacks: parts.several(runs, "oob_curve").length ? null :
                                                     "canopy train --oob-score true records it.",
    title: "Out-of-bag score",
    help:
        "Accuracy on the rows learnt from, each judged by the trees whose bootstrap left it out; where the line is level, more trees do not help.",
    draw(element) {
      const those = parts.several(runs, "oob_curve");
      canopy.chart(element, {
        x: {label: "trees", least: 0, whole: true},
        y: {label: "accuracy", format: (share) => percent(share, 1)},
        series:
            those.map((run) => ({
                        name: canopy.called(run, "out-of-bag"),
                        type: "line",
                        colour: run.colour,
                        x: run.column("oob_curve", "trees"),
                        y: run.column("oob_curve", "score"),
                        text: run.rows("oob_curve")
                                  .map(
                                      (row) => `${percent(row.score)}, ${
                                          trainData.count(row.rows_with_vote, "row")} with a vote`)
                      })),
      });
      canopy.note(element, canopy.sentence(those, trainData.votesInWords));
    },
  });

  // Each feature a bar from 0 and, where there is one, a line of a standard deviation either way.
  const most = 20;
  function drawFeatures(area, run, rows, axis, value, text) {
    const shown = rows.sort((a, b) => b[value] - a[value]).slice(0, most);
    const names = shown.map((row) => row.feature);
    const spans = (name, low, high, more) => ({
      name,
      type: "span",
      y: names,
      low: shown.map(low),
      high: shown.map(high),
      text: shown.map(text),
      ...more
    });
    const bar = spans(
        value, (row) => Math.min(0, row[value]), (row) => Math.max(0, row[value]),
        {colour: run.colour});
    const deviations = spans(
        "± std", (row) => row[value] - row.std, (row) => row[value] + row.std,
        {colour: "--quiet", thin: true});
    canopy.chart(area, {
      height: 80 + 20 * shown.length,
      x: {least: 0, ...axis},
      y: {type: "category", categories: names},
      series: shown.some((row) => row.std !== undefined) ? [deviations, bar] : [bar],
    });
  }

  const importances = (runs) => ({
    id: "importances",
    lacks: runs.some((run) => run.has("importances", "feature")) ?
        null :
        "forests that are complete record it.",
    title: "Importance of features",
    help: "Share of the impurity that splits on a feature took away, mean over the trees.",
    draw(element) {
      const those = runs.filter((run) => run.has("importances", "feature"));
      canopy.oneRun(element, those, (area, run) => {
        const all = run.rows("importances").sort((a, b) => b.importance - a.importance);
        drawFeatures(
            area, run, all, {label: "share", format: (share) => percent(share, 0)}, "importance",
            (row) => percent(row.importance, 2));
        if (all.length > most)
          canopy.note(
              area,
              `The ${most} greatest of ${all.length}; the others have ` +
                  `${
                      percent(
                          canopy.sum(all.slice(most).map((row) => row.importance)), 1)} together.`);
      });
    },
  });

  const permutation = (runs) => ({
    id: "permutation",
    lacks: parts.several(runs, "permutation_importances").length ?
        null :
        "canopy train --permutation-repeats 5 records it.",
    title: "Permutation importance of features",
    help:
        "What the score loses when the values of a feature change rows, mean and standard deviation over the repeats.",
    draw(element) {
      canopy.oneRun(element, parts.several(runs, "permutation_importances"), (area, run) => {
        const all = run.rows("permutation_importances"), {scoring} = run.settings;
        drawFeatures(
            area, run, all, {label: `loss of ${scoring}`}, "mean",
            (row) => `${number(row.mean)} ± ${number(row.std)}`);
        canopy.note(
            area,
            trainData.permutedRows(run) +
                (all.length > most ? ` The ${most} greatest of ${all.length}.` : ""));
      });
    },
  });

  canopy.train.more =
      {pipeline, trace, staleness, leads, buckets, growth, outOfBag, importances, permutation};
}
