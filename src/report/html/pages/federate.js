"use strict";
// Federated runs, what the model learnt; what its clients and ranks did is in federate_system.js.

{
  const {el, chart, percent, number, seconds, bytes, named} = canopy;

  const last = (column) => {
    const values = (column ?? []).filter(canopy.isNumber);
    return values.length ? values[values.length - 1] : null;
  };
  const sum = (column) => (column ?? []).reduce((a, b) => a + (b ?? 0), 0);
  // What is told of a round counts up to its end.
  const running = (column) => {
    let total = 0;
    return (column ?? []).map((x) => (total += x ?? 0));
  };

  const scales = {
    round: {text: "rounds", label: "Round", of: (run) => run.column("rounds", "round")},
    bytes: {
      text: "bytes of the devices",
      label: "Moved by the devices",
      format: bytes,
      of: (run) => running(run.column("rounds", "bytes_device")),
    },
    virtual: {
      text: "virtual time",
      label: "Virtual time",
      format: seconds,
      of: (run) => run.column("rounds", "virtual_seconds"),
    },
    real: {
      text: "real time",
      label: "Real time",
      format: seconds,
      of: (run) => running(run.column("rounds", "real_seconds")),
    },
  };
  const metrics = {
    accuracy: {text: "accuracy on the test rows", label: "Accuracy", format: percent},
    loss: {text: "loss on the test rows", label: "Loss"},
    train_accuracy: {text: "accuracy while training", label: "Accuracy", format: percent},
    train_loss: {text: "loss while training", label: "Loss"},
  };
  const options = (table) => Object.entries(table).map(([key, {text}]) => [key, text]);

  function figures(runs, element) {
    for (const run of runs) {
      const updates = sum(run.column("clients", "updates"));
      const dropped = sum(run.column("clients", "dropped"));
      const accuracy = (run.column("rounds", "accuracy") ?? []).filter(canopy.isNumber);
      if (runs.length > 1)
        element.append(
            el("p", {class: "help"}, el("strong", {style: `color: ${run.colour}`}, run.name)));
      canopy.kpis(element, [
        {
          label: "Accuracy",
          value: percent(last(accuracy)),
          about: accuracy.length ? `best ${percent(Math.max(...accuracy))}` : "",
        },
        {
          label: "Worst tenth of clients",
          value: percent(last(run.column("rounds", "client_accuracy_worst_decile"))),
          about: "accuracy on their own rows",
        },
        {
          label: "Rounds",
          value: number((run.column("rounds", "round") ?? []).length),
          about: `${run.settings.aggregator}, ${run.settings.layout}`,
        },
        {
          label: "Clients",
          value: number((run.column("clients", "client") ?? []).length),
          about: `${number(updates)} updates, ${number(dropped)} lost`,
        },
        {
          label: "Virtual time",
          value: seconds(last(run.column("rounds", "virtual_seconds"))),
          about: "on the devices",
        },
        {
          label: "Real time",
          value: seconds(sum(run.column("rounds", "real_seconds"))),
          about:
              `median round ${seconds(canopy.median(run.column("rounds", "real_seconds") ?? []))}`,
        },
        {
          label: "Moved by the devices",
          value: bytes(sum(run.column("rounds", "bytes_device"))),
          about: `${bytes(sum(run.column("rounds", "bytes_real")))} between ranks`,
        },
      ]);
    }
  }

  const progress = (runs) => ({
    id: "progress",
    title: "Progress of the global model",
    help: "Choose what is measured and against what: rounds, traffic, virtual or real time.",
    wide: true,
    draw(element) {
      const switches = [
        {id: "metric", label: "Show", options: options(metrics)},
        {id: "against", label: "against", options: options(scales)},
      ];
      canopy.switches(element, switches, (area, chosen) => {
        const scale = scales[chosen.against], metric = metrics[chosen.metric];
        const shown = runs.filter((run) => run.has("rounds", chosen.metric));
        if (!shown.length) return canopy.missing(area, "No round was finished yet.");
        const ends = shown.map((run) => {
          const value = last(run.column("rounds", chosen.metric));
          return `${named(run, "")}${(metric.format ?? number)(value)}`;
        });
        chart(area, {
          summary: `At the end: ${ends.join("; ")}.`,
          height: 340,
          x: {label: scale.label, format: scale.format},
          y: {label: metric.label, format: metric.format},
          series: shown.map((run) => ({
                              name: named(run, metric.text),
                              colour: run.colour,
                              type: "line",
                              x: scale.of(run),
                              y: run.column("rounds", chosen.metric),
                            })),
        });
      });
    },
  });

  const distributions = {
    validation_accuracy: {
      text: "accuracy on the clients' own rows",
      table: "validations_by_round",
      column: "accuracy",
      label: "Accuracy",
      format: percent,
    },
    validation_loss: {
      text: "loss on the clients' own rows",
      table: "validations_by_round",
      column: "loss",
      label: "Loss",
    },
    training_loss: {
      text: "loss while training",
      table: "updates_by_round",
      column: "loss",
      label: "Loss",
    },
    norm: {text: "length of updates", table: "updates_by_round", column: "norm", label: "Length"},
    trip: {
      text: "virtual seconds of a trip",
      table: "updates_by_round",
      column: "trip_seconds",
      label: "Virtual time",
      format: seconds,
    },
  };

  // A box for each round of a summary made by the program.
  const boxes = (run, {table, column, text}) => ({
    name: named(run, text),
    colour: run.colour,
    type: "box",
    x: run.column(table, "round"),
    ...Object.fromEntries(["min", "q1", "median", "q3", "max", "mean"].map(
        (part) => [part, run.column(table, `${column}_${part}`)])),
  });

  const distribution = (runs) => ({
    id: "distribution",
    title: "Metric distribution over clients",
    help: "Boxes from the lower to the upper quartile with the median in them, whiskers to the " +
        "extremes; dashed: the mean over clients. Many rounds are drawn as bands.",
    wide: true,
    draw(element) {
      const known =
          Object.entries(distributions)
              .filter(([, one]) => runs.some((run) => run.has(one.table, `${one.column}_q1`)));
      if (!known.length)
        return canopy.missing(
            element, "No client was validated: --validation cohort or all records it.");
      const metric = {
        id: "metric",
        label: "Metric",
        options: known.map(([key, one]) => [key, one.text])
      };
      canopy.switches(element, [metric], (area, chosen) => {
        const one = distributions[chosen.metric];
        const shown = runs.filter((run) => run.has(one.table, `${one.column}_q1`));
        chart(area, {
          summary: shown
                       .map(
                           (run) => named(
                               run,
                               `in round ${last(run.column(one.table, "round"))} the median is ` +
                                   `${
                                       (one.format ?? number)(last(run.column(
                                           one.table, `${one.column}_median`)))}, the mean ` +
                                   `${
                                       (one.format ?? number)(
                                           last(run.column(one.table, `${one.column}_mean`)))}`))
                       .join("; ") +
              ".",
          height: 360,
          x: {label: "Round"},
          y: {label: one.label, format: one.format},
          series: shown.map((run) => boxes(run, one)),
        });
      });
    },
  });

  const fairness = (runs) => ({
    id: "fairness",
    title: "Who is served badly",
    help:
        "Accuracy of the global model on the clients' own rows: the mean, and the mean over the worst tenth of them.",
    draw(element) {
      const shown =
          runs.filter((run) => last(run.column("rounds", "client_accuracy_mean")) !== null);
      if (!shown.length)
        return canopy.missing(
            element, "No client was validated: --validation cohort or all records it.");
      const line = (run, column, text, dash) => ({
        name: named(run, text),
        colour: run.colour,
        type: "line",
        dash,
        x: run.column("rounds", "round"),
        y: run.column("rounds", column),
      });
      chart(element, {
        summary: shown
                     .map(
                         (run) => named(
                             run,
                             `the worst tenth ends at ${
                                 percent(last(
                                     run.column("rounds", "client_accuracy_worst_decile")))}, ` +
                                 `the mean at ${
                                     percent(last(run.column("rounds", "client_accuracy_mean")))}`))
                     .join("; ") +
            ".",
        x: {label: "Round"},
        y: {label: "Accuracy", format: percent},
        series: shown.flatMap(
            (run) =>
                [line(run, "client_accuracy_mean", "mean"),
                 line(run, "client_accuracy_worst_decile", "worst tenth", true)]),
      });
    },
  });

  const drift = (runs) => ({
    id: "drift",
    title: "Client drift",
    help:
        "How far the clients' models go from the model that they were given: the length of their " +
        "updates. It stays long when clients pull in different directions.",
    draw(element) {
      const shown = runs.filter((run) => run.has("updates_by_round", "norm_q1"));
      if (!shown.length) return canopy.missing(element, "No update was recorded.");
      chart(element, {
        summary: shown
                     .map((run) => {
                       const column =
                           run.column("updates_by_round", "norm_median").filter(canopy.isNumber);
                       return named(
                           run,
                           `the median goes from ${number(column[0], 3)} to ${
                               number(column[column.length - 1], 3)}`);
                     })
                     .join("; ") +
            ".",
        x: {label: "Round"},
        y: {label: "Length of updates"},
        series: shown.map((run) => boxes(run, {...distributions.norm, text: "updates"})),
      });
    },
  });

  const labels = (runs) => ({
    id: "labels",
    title: "Labels of the clients",
    help:
        "Which classes the rows of a client are of. Equal stripes: all clients have the same kind of data.",
    draw(element) {
      const shown = runs.filter((run) => run.has("client_labels"));
      if (!shown.length)
        return canopy.missing(element, "The run did not record the labels of its clients.");
      const switches = [
        {id: "run", label: "Run", options: shown.map((run, i) => [i, run.name])},
        {
          id: "in",
          label: "Show",
          options: [["share", "share of the client's rows"], ["rows", "rows"]]
        },
      ];
      canopy.switches(element, switches, (area, chosen) => {
        const run = shown[Number(chosen.run)], rows = run.rows("client_labels");
        const columns = Object.keys(rows[0]).filter((key) => key.startsWith("label_"));
        const share = chosen.in === "share";
        canopy.heatmap(area, {
          rows: rows.map((row) => row.client),
          columns: columns.map((key) => key.slice("label_".length)),
          values: rows.map((row) => columns.map((key) => share ? row[key] / row.rows : row[key])),
          rowTitle: "Client",
          columnTitle: "Label",
          format: share ? (x) => percent(x, 1) : number,
          min: 0,
          summary: `${rows.length} clients; their labels differ from those of all by ` +
              `${
                       number(
                           canopy.median(rows.map((row) => row.emd)),
                           3)} (median; 0: not at all, 2: wholly).`,
        });
      });
    },
  });

  const heterogeneity = (runs) => ({
    id: "heterogeneity",
    title: "Unlike data, unlike accuracy",
    help:
        "A point for each client: how far its labels are from those of all clients, and how well the " +
        "latest model does on its rows.",
    draw(element) {
      const shown = runs.filter((run) => run.has("validations") && run.has("client_labels"));
      if (!shown.length)
        return canopy.missing(
            element, "No client was validated: --validation cohort or all records it.");
      chart(element, {
        summary: "Clients to the right have labels that the others seldom have.",
        x: {label: "Distance of labels (0 to 2)"},
        y: {label: "Accuracy on own rows", format: percent},
        series: shown.map((run) => {
          const latest = new Map(run.rows("validations").map((row) => [row.client, row.accuracy]));
          const clients = run.rows("client_labels").filter((row) => latest.has(row.client));
          return {
            name: named(run, "clients"),
            colour: run.colour,
            type: "points",
            x: clients.map((row) => row.emd),
            y: clients.map((row) => latest.get(row.client)),
            text: clients.map(
                (row) => `client ${row.client}, ${number(row.rows)} rows: ${
                    percent(latest.get(row.client))}`),
          };
        }),
      });
    },
  });

  const trail = (runs) => ({
    id: "trail",
    title: "Model trail",
    help:
        "Every global model, from the seed model on; --from-model goes on from one whose weights were kept.",
    wide: true,
    table: true,
    draw(element) {
      const shown = runs.filter((run) => run.has("models"));
      if (!shown.length) return canopy.missing(element, "The run has no model yet.");
      canopy.switches(
          element, [{id: "run", label: "Run", options: shown.map((run, i) => [i, run.name])}],
          (area, chosen) => {
            const run = shown[Number(chosen.run)];
            const rounds = new Map(run.rows("rounds").map((row) => [row.model, row]));
            canopy.table(area, {
              name: "models",
              perPage: 12,
              columns: [
                {key: "round", title: "Round"},
                {key: "id", title: "Model", format: (id) => canopy.short(id)},
                {key: "parent", title: "Parent", format: (id) => canopy.short(id)},
                {key: "aggregator", title: "Aggregator"},
                {key: "accuracy", title: "Accuracy", format: percent},
                {key: "loss", title: "Loss"},
                {key: "clients", title: "Clients"},
                {key: "rows", title: "Rows"},
                {key: "cohort", title: "Cohort", format: (text) => canopy.short(text, 40)},
              ],
              rows: run.rows("models").map((row) => ({
                                             ...row,
                                             accuracy: rounds.get(row.id)?.accuracy,
                                             loss: rounds.get(row.id)?.loss
                                           })),
            });
          });
    },
  });

  canopy.page("federate", {
    title: "Federation",
    sections: (runs) =>
        [{id: "result", title: "Result", wide: true, draw: (element) => figures(runs, element)},
         progress(runs),
         distribution(runs),
         fairness(runs),
         drift(runs),
         labels(runs),
         heterogeneity(runs),
         ...canopy.federateSystem(runs, boxes),
         trail(runs),
  ],
  });
}
