"use strict";
// Federated runs: what came out, how it went, the trail of models.

{
  const {el, chart, percent, number, seconds, bytes, named, last, sum} = canopy;

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

  const clientCount = (run) => (run.column("clients", "client") ?? []).length;

  function figures(runs, element) {
    if (runs.length > 1) return compared(runs, element);
    const [run] = runs, accuracy = (run.column("rounds", "accuracy") ?? []).filter(canopy.isNumber);
    const real = run.column("rounds", "real_seconds") ?? [];
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
        value: number(clientCount(run)),
        about: `${number(sum(run.column("clients", "updates")))} updates, ` +
            `${number(sum(run.column("clients", "dropped")))} lost`,
      },
      {
        label: "Virtual time",
        value: seconds(last(run.column("rounds", "virtual_seconds"))),
        about: "on the devices",
      },
      {
        label: "Real time",
        value: seconds(sum(real)),
        about: `median round ${seconds(canopy.median(real))}`,
      },
      {
        label: "Moved by the devices",
        value: bytes(sum(run.column("rounds", "bytes_device"))),
        about: `${bytes(sum(run.column("rounds", "bytes_real")))} between ranks`,
      },
    ]);
  }

  function compared(runs, element) {
    canopy.table(element, {
      name: "comparison",
      columns: [
        {key: "run", title: "Run"},
        {key: "aggregator", title: "Aggregator"},
        {key: "accuracy", title: "Accuracy", format: percent},
        {key: "worst", title: "Worst tenth", format: percent},
        {key: "rounds", title: "Rounds"},
        {key: "clients", title: "Clients"},
        {key: "updates", title: "Updates"},
        {key: "virtual", title: "Virtual time", format: seconds},
        {key: "real", title: "Real time", format: seconds},
        {key: "device", title: "By devices", format: bytes},
        {key: "between", title: "Between ranks", format: bytes},
      ],
      rows: runs.map((run) => ({
                       run: run.name,
                       aggregator: run.settings.aggregator,
                       accuracy: last(run.column("rounds", "accuracy")),
                       worst: last(run.column("rounds", "client_accuracy_worst_decile")),
                       rounds: (run.column("rounds", "round") ?? []).length,
                       clients: clientCount(run),
                       updates: sum(run.column("clients", "updates")),
                       virtual: last(run.column("rounds", "virtual_seconds")),
                       real: sum(run.column("rounds", "real_seconds")),
                       device: sum(run.column("rounds", "bytes_device")),
                       between: sum(run.column("rounds", "bytes_real")),
                     })),
    });
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
        chart(area, {
          summary: canopy.sentence(
              shown,
              (run) => `at the end ${
                  (metric.format ?? number)(last(run.column("rounds", chosen.metric)))}`),
          height: 340,
          x: {label: scale.label, format: scale.format, whole: chosen.against === "round"},
          y: {label: metric.label, format: metric.format},
          series: shown.map((run) => ({
                              name: canopy.called(run, metric.text),
                              colour: run.colour,
                              type: "line",
                              x: scale.of(run),
                              y: run.column("rounds", chosen.metric),
                            })),
        });
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
                {key: "committed", title: "Committed"},
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
         ...canopy.federateMetrics(runs),
         ...canopy.federateClients(runs),
         ...canopy.federateNetwork(runs),
         trail(runs),
  ],
  });
}
