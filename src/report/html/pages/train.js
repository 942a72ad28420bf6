// The page of trained models (canopy train).

{
  const {number, percent, seconds, bytes, isNumber} = canopy;
  const count = (number, thing) => trainData.count(number, thing);
  const networks = (runs) => runs.filter((run) => run.has("epochs"));
  const lacksEpochs = (runs) =>
      networks(runs).length ? null : "networks record it after their first epoch.";
  const ranksOf = (run) => run.column("ranks", "rank").map(String);

  // ---- what it came to ----

  function figuresOf(run) {
    const [model] = run.rows("model"), epochs = trainData.epochsOf(run),
          last = epochs[epochs.length - 1];
    const figures = run.rows("evaluation").map((row) => ({
                                                 label: `accuracy, ${row.rows_from}`,
                                                 value: percent(row.accuracy),
                                                 about: `${count(row.rows, "row")}` +
                                                     (row.scoring === "accuracy" ?
                                                          "" :
                                                          `, ${row.scoring} ${number(row.score)}`)
                                               }));
    if (!figures.length && last)
      figures.push({
        label: "accuracy while learning",
        value: percent(last.accuracy),
        about: "no rows were kept out"
      });
    if (last)
      figures.push(
          {label: "last loss", value: number(last.loss, 3), about: count(epochs.length, "epoch")}, {
            label: "samples per second",
            value: number(Math.round(Math.max(...epochs.map((row) => row.samples_per_second)))),
            about: "in the fastest epoch"
          });
    if (model)
      figures.push({
        label: "parameters",
        value: number(model.parameters),
        about: isNumber(model.trees) ?
            `${count(model.trees, "tree")}, ${count(model.nodes, "node")}` :
            count(model.layers, "layer")
      });
    const grown = canopy.last(run.column("growth", "trees"));
    if (grown !== null && !model)
      figures.push({
        label: "trees grown",
        value: number(grown),
        about: `of ${number(Number(run.settings.n_estimators))}`
      });
    const fit = run.rows("phases").find((phase) => phase.name === "fit");
    if (fit)
      figures.push({
        label: "time of the fit",
        value: seconds(fit.end - fit.begin),
        about: `of ${seconds(run.attributes.wall_seconds)} in all`
      });
    return figures;
  }

  const outcome = (runs) => ({
    id: "outcome",
    title: "Model and layout",
    wide: true,
    draw(element) {
      for (const run of runs) {
        if (runs.length > 1) element.append(canopy.el("h4", {}, run.name));
        element.append(canopy.el(
            "p", {class: "layout"}, canopy.el("strong", {}, `${run.settings.model ?? "model"}: `),
            trainData.inWords(run).join(" ")));
        canopy.kpis(element, figuresOf(run));
        const advice = run.rows("events").findLast((row) => row.kind === "advice");
        if (advice) canopy.note(element, `Advice: ${advice.text}.`);
      }
    },
  });

  // ---- over the epochs ----

  const overs = {
    epoch: {label: "epoch", whole: true},
    samples: {label: "samples seen", format: canopy.number},
    seconds: {label: "time in updates (s)", least: 0}
  };

  /// Learning rows as a line, rows set aside dashed.
  const curves = (id, title, learnt, aside, format) => (runs) => ({
    id,
    lacks: lacksEpochs(runs),
    title,
    help:
        "Full lines: the rows learnt from, as they were seen while the weights changed; dashed: rows set aside, after each epoch.",
    draw(element) {
      const those = networks(runs);
      canopy.switches(
          element, [{
            id: "over",
            label: "Over",
            options: [["epoch", "epochs"], ["samples", "samples"], ["seconds", "time"]]
          }],
          (area, {over}) => {
            const series = those.flatMap((run) => {
              const rows = trainData.epochsOf(run), x = rows.map((row) => row[over]),
                    y = (name) => rows.map((row) => row[name]);
              const line = (name, column, more) => ({
                name: canopy.named(run, name),
                type: "line",
                colour: run.colour,
                x,
                y: y(column),
                ...more
              });
              const has = rows.some((row) => isNumber(row[aside]));
              return [
                line("learnt from", learnt, {}),
                ...has ? [line("set aside", aside, {dash: true})] : []
              ];
            });
            const placed = series.filter(({x}) => x.every(isNumber));
            if (!placed.length)
              return canopy.missing(
                  area, "A run that is complete tells how many rows it learnt from.");
            canopy.chart(area, {series: placed, x: overs[over], y: {label: learnt, format}});
          });
    },
  });

  const speed = (runs) => ({
    id: "speed",
    lacks: lacksEpochs(runs),
    title: "Samples per second",
    help: "Of each epoch, over all ranks together.",
    draw(element) {
      const those = networks(runs);
      canopy.chart(element, {
        x: {label: "epoch", whole: true},
        y: {label: "samples per second", least: 0},
        series: those.map((run) => ({
                            name: canopy.called(run, "samples per second"),
                            type: "line",
                            colour: run.colour,
                            x: run.column("epochs", "epoch"),
                            y: run.column("epochs", "samples_per_second")
                          })),
      });
    },
  });

  // ---- where the time went ----

  const shares = [
    ["computing", "computing", "--c0"], ["messages", "waiting for messages", "--c1"],
    ["idle", "idle", "--quiet"]
  ];

  const stacks = (area, categories, label, rows) => canopy.chart(area, {
    stacked: true,
    x: {label, type: "category", categories},
    y: {label: "seconds", least: 0},
    series: shares.map(([key, name, colour]) => ({
                         name,
                         colour,
                         type: "bar",
                         x: categories,
                         y: rows.map((row) => row[key]),
                         text: rows.map(
                             (row) => `${seconds(row[key])}, ${
                                 percent(row[key] / (row.computing + row.messages + row.idle), 1)}`)
                       })),
  });

  const use = (runs) => ({
    id: "use",
    lacks: parts.several(runs, "ranks").length ? null : "a run that ends records it.",
    title: "Time of the ranks",
    help:
        "Computing, waiting for messages while there was nothing to compute (exposed communication), and the rest of the fit.",
    draw(element) {
      canopy.oneRun(element, parts.several(runs, "ranks"), (area, run) => {
        if (!run.has("epochs")) return stacks(area, ranksOf(run), "rank", trainData.useOf(run));
        canopy.switches(
            area, [{id: "by", label: "By", options: [["rank", "rank"], ["epoch", "epoch"]]}],
            (inner, {by}) => {
              if (by === "rank") return stacks(inner, ranksOf(run), "rank", trainData.useOf(run));
              stacks(
                  inner, run.column("epochs", "epoch").map(String), "epoch, mean over the ranks",
                  run.rows("epochs").map((row) => ({
                                           computing: row.compute_seconds,
                                           messages: row.exposed_comm_seconds,
                                           idle: row.idle_seconds
                                         })));
            });
      });
    },
  });

  const layout = (runs) => ({
    id: "layout",
    lacks: parts.several(runs, "ranks").length ? null : "a run that ends records them.",
    title: "Ranks",
    wide: true,
    table: true,
    help: "What each rank had and did.",
    draw(element) {
      const rows = runs.flatMap((run) => run.rows("ranks").map((row) => {
        const place = run.rows("layout").find((other) => other.rank === row.rank) ?? {};
        const {first_layer: first, last_layer: last} = place;
        const layers = last > first ? `${first}–${last}` :
            isNumber(last) && last === first ? String(first) :
                                               null;
        return {...row, run: run.name, ...place, layers};
      }));
      const columns = [
        {key: "run", title: "Run"}, {key: "rank", title: "Rank"}, {key: "host", title: "Machine"},
        {key: "role", title: "Role"}, {key: "replica", title: "Replica"},
        {key: "stage", title: "Stage"}, {key: "layers", title: "Layers"},
        {key: "parameters", title: "Parameters"}, {key: "shards", title: "Shards"},
        {key: "tasks", title: "Pieces of work"}, {key: "bytes_sent", title: "Sent", format: bytes},
        {key: "bytes_received", title: "Received", format: bytes},
        {key: "max_rss", title: "Memory", format: bytes}
      ];
      // Networks do not count what they receive.
      const used = (key) => rows.some(
          (row) => (row[key] ?? null) !== null && (key !== "bytes_received" || row[key] > 0));
      canopy.table(element, {
        name: "ranks",
        rows,
        columns: columns.filter(({key}) => used(key) && (key !== "run" || runs.length > 1))
      });
    },
  });

  canopy.train = {networks, ranksOf};
  canopy.page("train", {
    title: "Training",
    sections(runs) {
      const {pipeline, trace, staleness, leads, buckets, growth} = canopy.train.more;
      const {outOfBag, importances, permutation} = canopy.train.more;
      const loss = curves("loss", "Loss", "loss", "val_loss", number);
      const accuracy =
          curves("accuracy", "Accuracy", "accuracy", "val_accuracy", (share) => percent(share, 1));
      const ofNetworks = runs.every(trainData.isForest) ? [] : [loss, accuracy, speed];
      const ofParallel = ofNetworks.length ? [trace, pipeline, buckets, staleness, leads] : [];
      const ofForests = runs.some(trainData.isForest) ? [outOfBag, importances, permutation] : [];
      const ofGrowing = runs.some((run) => run.has("growth")) ? [growth] : [];
      return parts.assemble([
        ...[outcome, ...ofNetworks, ...ofGrowing, use, ...ofParallel, ...ofForests].map(
            (section) => section(runs)),
        parts.confusion(runs), layout(runs), parts.events(runs)
      ]);
    },
  });
}
