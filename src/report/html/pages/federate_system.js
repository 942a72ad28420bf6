"use strict";
// Federated runs, what clients, combiners and ranks did, and where the time went.

{
  const {el, svg, chart, number, seconds, bytes, named} = canopy;
  const fates = {
    full: ["taken", "--c2"],
    partial: ["taken in part", "--c0"],
    carried: ["carried to a later round", "--c4"],
    surplus: ["beyond the number wanted", "--c7"],
    late: ["too late", "--c1"],
    dropped_out: ["dropped out", "--c6"],
    unavailable: ["not available", "--c3"],
    rejected: ["rejected", "--c5"],
  };
  const fateText = (fate) => fates[fate]?.[0] ?? fate;
  const fateColour = (fate) => canopy.css(fates[fate]?.[1] ?? "--quiet");
  const withTable = (runs, table) => runs.filter((run) => run.has(table));
  const runSwitch = (runs) =>
      ({id: "run", label: "Run", options: runs.map((run, i) => [i, run.name])});
  const mean = (list) => list.reduce((a, b) => a + (b ?? 0), 0) / Math.max(1, list.length);

  // One run at a time, chosen by a switch.
  function oneOf(element, runs, table, why, draw, more = []) {
    const shown = withTable(runs, table);
    if (!shown.length) return canopy.missing(element, why);
    canopy.switches(
        element, [runSwitch(shown), ...more],
        (area, chosen) => draw(area, shown[Number(chosen.run)], chosen));
  }

  const participation = (runs) => ({
    id: "participation",
    title: "Participation",
    help: "What became of the updates of each round.",
    draw(element) {
      oneOf(element, runs, "updates_by_round", "No update was recorded.", (area, run) => {
        const table = run.tables.updates_by_round;
        const columns = Object.keys(table).filter((key) => key.startsWith("fate_"));
        const count = (key) => table[key].reduce((a, b) => a + b, 0),
              all = columns.reduce((a, key) => a + count(key), 0);
        const rounds = table.round,
              coarse = rounds.length > 150 ? Math.ceil(rounds.length / 100) : 1;
        const binned = (values) =>
            values.map((_, i) => i % coarse ? null : mean(values.slice(i, i + coarse)))
                .filter((x) => x !== null);
        chart(area, {
          summary: columns
                       .map(
                           (key) => `${fateText(key.slice(5))} ${number(count(key))} (${
                               canopy.percent(count(key) / all, 1)})`)
                       .join(", ") +
              ".",
          stacked: true,
          x: {label: coarse > 1 ? `Round (mean of ${coarse})` : "Round"},
          y: {label: "Updates", whole: true},
          series: columns.map((key) => ({
                                type: "bar",
                                name: fateText(key.slice(5)),
                                colour: fateColour(key.slice(5)),
                                x: rounds.filter((_, i) => i % coarse === 0),
                                y: binned(table[key])
                              })),
        });
      });
    },
  });

  const shares = (runs) => ({
    id: "shares",
    title: "Updates by client",
    help:
        "How often the updates of a client counted and how often they were lost; clients in the order of the first.",
    draw(element) {
      oneOf(element, runs, "clients", "The run has no table of its clients.", (area, run) => {
        const rows = run.rows("clients").sort((a, b) => b.updates - a.updates);
        const never = rows.filter((row) => !row.updates).length;
        const place = rows.map((_, i) => i + 1),
              who = (of) => rows.map((row) => `client ${row.client}: ${row[of]}`);
        chart(area, {
          summary: `Median ${number(canopy.median(rows.map((row) => row.updates)))} updates; ${
              number(never)} of ${number(rows.length)} clients had no part.`,
          stacked: true,
          x: {label: "Clients, busiest first"},
          y: {label: "Updates", whole: true},
          series: [
            {
              type: "bar",
              touching: rows.length > 60,
              name: "counted",
              colour: canopy.css("--c2"),
              x: place,
              y: rows.map((row) => row.updates),
              text: who("updates")
            },
            {
              type: "bar",
              touching: rows.length > 60,
              name: "lost",
              colour: canopy.css("--c6"),
              x: place,
              y: rows.map((row) => row.dropped),
              text: who("dropped")
            }
          ],
        });
      });
    },
  });

  const clientTime = (runs) => ({
    id: "client-time",
    title: "Client time",
    help:
        "What one update takes the clients' devices, in virtual time: fetching the model, training, sending the update.",
    draw(element) {
      const parts = [
        ["download_seconds", "download", "--c0"], ["train_seconds", "train", "--c2"],
        ["upload_seconds", "upload", "--c1"]
      ];
      const shown = runs.filter((run) => run.has("clients", "train_seconds"));
      if (!shown.length)
        return canopy.missing(
            element,
            "The run was made by a version that did not record the trips of devices; a new run does.");
      canopy.switches(
          element,
          [
            {
              id: "of",
              label: "Show",
              options: [["mean", "mean over clients"], ["each", "each client"]]
            },
            runSwitch(shown)
          ],
          (area, chosen) => {
            const each = chosen.of === "each", run = shown[Number(chosen.run)];
            const rows = run.rows("clients").sort((a, b) => total(b) - total(a));
            const places = each ? rows.map((_, i) => i + 1) : shown.map((one) => one.name);
            chart(area, {
              summary:
                  shown
                      .map(
                          (one) => named(
                              one,
                              parts
                                  .map(
                                      ([key, text]) =>
                                          `${text} ${seconds(mean(one.column("clients", key)))}`)
                                  .join(", ")))
                      .join("; ") +
                  " (means).",
              stacked: true,
              x: each ? {label: "Clients, slowest first"} : {type: "category", categories: places},
              y: {label: "Virtual time of an update", format: seconds},
              series: parts.map(
                  ([key, text, colour]) => ({
                    type: "bar",
                    name: text,
                    colour: canopy.css(colour),
                    x: places,
                    touching: each && rows.length > 60,
                    y: each ? rows.map((row) => row[key]) :
                              shown.map((one) => mean(one.column("clients", key))),
                    text: each ? rows.map((row) => `client ${row.client}: ${seconds(row[key])}`) :
                                 undefined,
                  })),
            });
          });
    },
  });
  const total = (row) => row.download_seconds + row.train_seconds + row.upload_seconds;

  const rankTime = (runs) => ({
    id: "rank-time",
    title: "Reducer, combiners and client ranks",
    help:
        "Share of the real time that each rank computed for clients, was in communication, and waited.",
    draw(element) {
      oneOf(element, runs, "ranks", "The run has no table of its ranks.", (area, run) => {
        const rows = run.rows("ranks");
        const all = rows.map((row) => row.busy_seconds + row.comm_seconds + row.idle_seconds);
        if (!all.some((x) => x > 0))
          return canopy.missing(
              area,
              "The ranks have not told yet how they spent their time: they do when a run ends.");
        const parts = [
          ["busy_seconds", "computing", "--c2"], ["comm_seconds", "communicating", "--c1"],
          ["idle_seconds", "waiting", "--rule"]
        ];
        const places = rows.map((row) => `${row.rank}: ${row.role}`);
        chart(area, {
          summary: rows.map(
                           (row, i) => `rank ${row.rank} (${row.role}) computed ${
                               canopy.percent(row.busy_seconds / (all[i] || 1), 0)}`)
                       .slice(0, 8)
                       .join(", ") +
              ".",
          stacked: true,
          x: {type: "category", categories: places, label: "Rank"},
          y: {label: "Share of the time", format: canopy.percent, min: 0, max: 1},
          series: parts.map(([key, text, colour]) => ({
                              type: "bar",
                              name: text,
                              colour: canopy.css(colour),
                              x: places,
                              y: rows.map((row, i) => all[i] ? row[key] / all[i] : null),
                              text: rows.map((row) => seconds(row[key]))
                            })),
        });
        canopy.note(
            area,
            `Sent between ranks: ${
                bytes(rows.reduce(
                    (a, row) => a + row.bytes_sent,
                    0))}. Combiners' waiting, adding and loading are not told apart: no run records that yet.`);
      });
    },
  });

  const times = {
    real_seconds: ["real time of training", "Real time of training an update"],
    trip_seconds: ["virtual time of a trip", "Virtual time from model to update"],
  };
  const bars = (run, column) =>
      run.rows("updates_histogram").filter((row) => row.column === column);

  const trainingTimes = (runs) => ({
    id: "training-times",
    title: "Histogram of training times",
    help:
        "How many updates took how long. A long tail on the right: few slow clients, for whom a round waits.",
    draw(element) {
      const shown = withTable(runs, "updates_histogram");
      if (!shown.length) return canopy.missing(element, "No update was recorded.");
      canopy.switches(
          element, [{
            id: "time",
            label: "Show",
            options: Object.entries(times).map(([key, [text]]) => [key, text])
          }],
          (area, {time}) => {
            chart(area, {
              summary:
                  shown
                      .map((run) => {
                        const rows = bars(run, time), n = rows.reduce((a, row) => a + row.count, 0);
                        const middle =
                            rows.reduce((a, row) => a + row.count * (row.low + row.high) / 2, 0) /
                            Math.max(1, n);
                        return named(
                            run, `${number(n)} updates, ${seconds(middle)} each in the mean`);
                      })
                      .join("; ") +
                  ".",
              x: {label: times[time][1], format: seconds, grid: false},
              y: {label: "Updates", whole: true},
              series: shown.map((run) => {
                const rows = bars(run, time);
                return {
                  type: "bar",
                  touching: true,
                  name: named(run, "updates"),
                  colour: run.colour,
                  x: rows.map((row) => (row.low + row.high) / 2),
                  y: rows.map((row) => row.count),
                  text: rows.map(
                      (row) => `${row.count} between ${seconds(row.low)} and ${seconds(row.high)}`)
                };
              }),
            });
          });
    },
  });

  const roundTimes = (runs, boxes) => ({
    id: "round-times",
    title: "Time of rounds",
    help: "How long the rounds took here, and on the devices in virtual time.",
    draw(element) {
      const shown = withTable(runs, "rounds");
      if (!shown.length) return canopy.missing(element, "No round was finished yet.");
      canopy.switches(
          element, [{
            id: "time",
            label: "Show",
            options: [["real_seconds", "real time"], ["virtual_seconds", "virtual time"]]
          }],
          (area, {time}) => {
            const lengths = (run) => time === "real_seconds" ?
                run.column("rounds", time) :
                run.column("rounds", time).map((x, i, all) => i ? x - all[i - 1] : x);
            chart(area, {
              summary:
                  shown
                      .map(
                          (run) => named(
                              run,
                              `a round takes ${seconds(canopy.median(lengths(run)))} (median)`))
                      .join("; ") +
                  ".",
              x: {label: "Round"},
              y: {label: time === "real_seconds" ? "Real time" : "Virtual time", format: seconds},
              series: shown.map((run) => ({
                                  type: "line",
                                  name: named(run, "round"),
                                  colour: run.colour,
                                  x: run.column("rounds", "round"),
                                  y: lengths(run)
                                })),
            });
          });
    },
  });

  const staleness = (runs) => ({
    id: "staleness",
    title: "Staleness",
    help: "How many versions the global model was ahead of the one that an update set out from.",
    draw(element) {
      const shown = runs.filter((run) => bars(run, "staleness").length > 1);
      if (!shown.length)
        return canopy.missing(
            element,
            "Every update set out from the latest model: --aggregator fedasync or fedbuff, or --late carry, takes older ones.");
      const counts = (run) => {
        const rows = bars(run, "staleness"), most = Math.round(rows[rows.length - 1].high),
              count = new Array(most + 1).fill(0);
        for (const row of rows)
          if (row.count) count[Math.min(most, Math.ceil(row.low - 1e-9))] += row.count;
        return count;
      };
      chart(element, {
        summary: shown
                     .map(
                         (run) => named(
                             run,
                             `${
                                 canopy.percent(
                                     counts(run)[0] / counts(run).reduce((a, b) => a + b, 0),
                                     1)} of the updates were fresh, the stalest ${
                                 counts(run).length - 1} versions old`))
                     .join("; ") +
            ".",
        x: {label: "Versions", whole: true},
        y: {label: "Updates", whole: true},
        series: shown.map((run) => ({
                            type: "bar",
                            name: named(run, "updates"),
                            colour: run.colour,
                            x: counts(run).map((_, i) => i),
                            y: counts(run)
                          })),
      });
    },
  });

  const gantt = (runs) => ({
    id: "gantt",
    title: "Trips in virtual time",
    wide: true,
    help:
        "Each bar is a client's trip from fetching the model to sending its update, coloured by what became of it.",
    draw(element) {
      const spans = {
        id: "last",
        label: "Show",
        options: [
          ["5", "the last 5 rounds"], ["20", "the last 20 rounds"],
          ["1000000", "all rounds on the page"]
        ]
      };
      oneOf(element, runs, "updates", "No update was recorded.", (area, run, {last}) => {
        const all = run.rows("updates"), newest = all.reduce((a, row) => Math.max(a, row.round), 0);
        const rows =
            all.filter((row) => row.round > newest - Number(last) && row.virtual_end !== null);
        const clients =
            [...new Set(rows.map((row) => row.client))].sort((a, b) => a - b).map(String);
        const kinds = Object.keys(fates).filter((fate) => rows.some((row) => row.fate === fate));
        chart(area, {
          summary: `${number(rows.length)} trips of ${clients.length} clients in rounds ${
              rows[0]?.round ?? 0} to ${newest}.`,
          height: Math.min(900, 130 + 15 * clients.length),
          x: {
            label: "Virtual time",
            format: seconds,
            least: rows.reduce((a, row) => Math.min(a, row.virtual_begin), Infinity)
          },
          y: {label: "Client", type: "category", categories: clients},
          series: kinds.map((fate) => {
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
                      number(row.rows)} rows`)
            };
          }),
        });
      }, [spans]);
    },
  });

  // Reducer on top, combiners below it, under each its clients in lines.
  function network(run) {
    const clients = run.rows("clients"),
          newest = Math.max(0, ...clients.map((row) => row.last_round));
    const combiners = run.has("combiners") ?
        run.rows("combiners") :
        [{combiner: 0, rank: 0, host: "", clients: clients.length}];
    const isFlat = !run.has("combiners"), width = 900, room = width / combiners.length,
          perLine = Math.max(1, Math.floor((room - 24) / 18));
    const lines = Math.max(...combiners.map(
        (one) =>
            Math.ceil(clients.filter((row) => row.combiner === one.combiner).length / perLine)));
    const top = isFlat ? 70 : 150,
          drawing = svg("svg", {
            viewBox: `0 0 ${width} ${top + 20 * lines + 14}`,
            role: "img",
            "aria-label": `A reducer${isFlat ? "" : `, ${combiners.length} combiners`} and ${
                clients.length} clients`
          });
    const line = (x0, y0, x1, y1) => svg(
        "line", {x1: x0, y1: y0, x2: x1, y2: y1, style: "stroke: var(--rule); stroke-width: 1.5"});
    const node = (x, y, text, about, colour) => svg(
        "g", {},
        svg("rect",
            {x: x - 62, y: y - 15, width: 124, height: 30, rx: 6, style: `fill: var(${colour})`}),
        svg("text",
            {x, y: y + 4, "text-anchor": "middle", "font-weight": 600, style: "fill: var(--paper)"},
            text),
        svg("title", {}, about));
    const host = (rank) => run.rows("ranks").find((row) => row.rank === rank)?.host ?? "";
    combiners.forEach((one, i) => {
      const x = (i + 0.5) * room, own = clients.filter((row) => row.combiner === one.combiner);
      if (!isFlat) drawing.append(line(width / 2, 30, x, 100));
      own.forEach((row, j) => {
        const inLine = Math.min(perLine, own.length - Math.floor(j / perLine) * perLine);
        const at = [x + (j % perLine - (inLine - 1) / 2) * 18, top + 20 * Math.floor(j / perLine)];
        if (j < perLine) drawing.append(line(x, isFlat ? 30 : 100, at[0], at[1]));
        const state = !row.last_round ? ["no part yet", "--quiet"] :
            row.dropped > row.updates ? ["mostly lost", "--c6"] :
            row.last_round === newest ? ["in the latest round", "--c2"] :
                                        [`last in round ${row.last_round}`, "--c0"];
        drawing.append(
            svg("circle", {cx: at[0], cy: at[1], r: 7, style: `fill: var(${state[1]})`},
                svg("title", {},
                    `client ${row.client}: ${state[0]}, ${number(row.rows)} rows, ${
                        row.updates} updates, ${row.dropped} lost`)));
      });
      if (!isFlat)
        drawing.append(node(
            x, 100, `combiner ${one.combiner}`,
            `rank ${one.rank} on ${one.host}, ${one.clients} clients, ${one.updates} updates`,
            "--c0"));
    });
    drawing.append(node(width / 2, 22, "reducer", `rank 0 on ${host(0)}`, "--accent"));
    return drawing;
  }

  const networkGraph = (runs) => ({
    id: "network",
    title: "Network",
    wide: true,
    help: "The reducer, its combiners and their clients. Point at one to see more.",
    draw(element) {
      oneOf(element, runs, "clients", "The run has no table of its clients.", (area, run) => {
        if (run.rows("clients").length > 2000)
          return canopy.missing(
              area,
              "There are more than 2,000 clients, too many for a drawing: see the table of clients.");
        const key = [
          ["in the latest round", "--c2"], ["earlier", "--c0"], ["mostly lost", "--c6"],
          ["no part yet", "--quiet"]
        ];
        area.append(
            el("figure", {}, network(run),
               el("div", {class: "legend"},
                  key.map(
                      ([text, colour]) =>
                          el("span", {}, el("span", {
                               class: "swatch",
                               style: `background: var(${colour}); border-radius: 50%`
                             }),
                             text)))));
      });
    },
  });

  const tableOf = (runs, id, title, table, why, columns, wide) => ({
    id,
    title,
    table: true,
    wide,
    draw: (element) => oneOf(element, runs, table, why, (area, run) => canopy.table(area, {
      name: table,
      perPage: 12,
      rows: run.rows(table),
      columns: columns.filter(({key}) => run.column(table, key))
                   .map((column) => ({title: column.key.replaceAll("_", " "), ...column})),
    })),
  });

  canopy.federateSystem = (runs, boxes) =>
      [participation(runs),
       shares(runs),
       clientTime(runs),
       rankTime(runs),
       trainingTimes(runs),
       roundTimes(runs),
       staleness(runs),
       gantt(runs),
       networkGraph(runs),
       tableOf(
           runs, "clients", "Clients", "clients", "The run has no table of its clients.",
           [
             {key: "client"}, {key: "rows"}, {key: "combiner"}, {key: "updates"},
             {key: "dropped", title: "lost"}, {key: "last_round"},
             {key: "train_seconds", title: "training", format: seconds},
             {key: "virtual_seconds", title: "virtual time", format: seconds},
             {key: "real_seconds", title: "real time", format: seconds}
           ]),
       tableOf(
           runs, "combiners", "Combiners", "combiners",
           "The layout is flat: clients send to the reducer. --layout fedn or tree has combiners.",
           [
             {key: "combiner"}, {key: "rank"}, {key: "host"}, {key: "client_ranks"},
             {key: "clients"}, {key: "updates"}
           ]),
       tableOf(
           runs, "events", "Events", "events", "Nothing out of the ordinary happened.",
           [{key: "time", format: seconds}, {key: "rank"}, {key: "kind"}, {key: "text"}]),
       tableOf(
           runs, "sessions", "Sessions", "sessions", "The run has no sessions.",
           [
             {key: "session"}, {key: "started"}, {key: "np", title: "processes"},
             {key: "nodes", title: "machines"}, {key: "from_round"}, {key: "rounds"},
             {key: "seconds", title: "time", format: seconds}, {key: "status"}
           ]),
  ];
}
