"use strict";
// Federated runs, what became of the model: how good it is for whom.

{
  const {chart, percent, number, seconds, last, sentence} = canopy;

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
    name: canopy.called(run, text),
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
        const one = distributions[chosen.metric], format = one.format ?? number;
        const shown = runs.filter((run) => run.has(one.table, `${one.column}_q1`));
        chart(area, {
          summary: sentence(
              shown,
              (run) => {
                const now = (name) => format(last(run.column(one.table, `${one.column}_${name}`)));
                const round = last(run.column(one.table, "round"));
                return `in round ${round} the median is ${now("median")}, the mean ${now("mean")}`;
              }),
          height: 360,
          x: {label: "Round", whole: true},
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
        name: dash && runs.length > 1 ? `${run.name} (${text})` : canopy.called(run, text),
        colour: run.colour,
        type: "line",
        dash,
        x: run.column("rounds", "round"),
        y: run.column("rounds", column),
      });
      chart(element, {
        summary: sentence(
            shown,
            (run) => {
              const end = (column) => percent(last(run.column("rounds", column)));
              return `the worst tenth ends at ${end("client_accuracy_worst_decile")}, ` +
                  `the mean at ${end("client_accuracy_mean")}`;
            }),
        x: {label: "Round", whole: true},
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
        summary: sentence(
            shown,
            (run) => {
              const medians = run.column("updates_by_round", "norm_median").filter(canopy.isNumber);
              return `the median goes from ${number(medians[0], 3)} to ${number(last(medians), 3)}`;
            }),
        x: {label: "Round", whole: true},
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
      const show = {
        id: "in",
        label: "Show",
        options: [["share", "share of the client's rows"], ["rows", "rows"]]
      };
      const why =
          "The run did not record the labels of its clients: runs of up to 10,000 clients do.";
      canopy.oneOf(element, runs, "client_labels", why, (area, run, chosen) => {
        const rows = run.rows("client_labels");
        const columns = Object.keys(rows[0]).filter((key) => key.startsWith("label_"));
        const share = chosen.in === "share";
        const far = number(canopy.median(rows.map((row) => row.emd)), 3);
        canopy.heatmap(area, {
          rows: rows.map((row) => row.client),
          columns: columns.map((key) => key.slice("label_".length)),
          values: rows.map((row) => columns.map((key) => share ? row[key] / row.rows : row[key])),
          rowTitle: "Client",
          columnTitle: "Label",
          format: share ? (x) => percent(x, 1) : number,
          min: 0,
          summary: `${rows.length} clients. Their labels differ from those of all by ` +
              `${far} (median; 0: not at all, 2: wholly).`,
        });
      }, [show]);
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
        x: {label: "Distance of labels (0 to 2)", min: 0},
        y: {label: "Accuracy on own rows", format: percent},
        series: shown.map((run) => {
          const latest = new Map(run.rows("validations").map((row) => [row.client, row.accuracy]));
          const clients = run.rows("client_labels").filter((row) => latest.has(row.client));
          return {
            name: canopy.called(run, "clients"),
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

  canopy.federateMetrics = (runs) =>
      [distribution(runs), fairness(runs), drift(runs), labels(runs), heterogeneity(runs)];
}
