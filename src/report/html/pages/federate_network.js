"use strict";
// Federated runs, ranks, reducer and combiners, and the tables of a run.

{
  const {el, svg, chart, number, percent, seconds, bytes, sum} = canopy;

  const uses = {
    busy_seconds: ["computing", "--c2"],
    comm_seconds: ["communicating", "--c1"],
    idle_seconds: ["waiting", "--rule"],
  };

  function drawRanks(area, run) {
    const rows = run.rows("ranks");
    const all = rows.map((row) => sum(Object.keys(uses).map((key) => row[key])));
    if (!sum(all))
      return canopy.missing(
          area, "Ranks tell how they spent their time when a run ends; this one has not.");
    const places = rows.map((row) => `${row.rank}: ${row.role}`);
    const busy = (row, i) => percent(row.busy_seconds / (all[i] || 1), 0);
    const told = rows.map((row, i) => `rank ${row.rank} (${row.role}) ${busy(row, i)}`);
    chart(area, {
      summary: `Computing: ${told.slice(0, 8).join(", ")}${told.length > 8 ? ", …" : "."}`,
      stacked: true,
      x: {type: "category", categories: places, label: "Rank"},
      y: {label: "Share of the time", format: percent, min: 0, max: 1},
      series: Object.entries(uses).map(([key, [name, colour]]) => ({
                                         type: "bar",
                                         name,
                                         colour: canopy.css(colour),
                                         x: places,
                                         y: rows.map((row, i) => all[i] ? row[key] / all[i] : null),
                                         text: rows.map((row) => seconds(row[key])),
                                       })),
    });
    canopy.note(area, `Sent between ranks: ${bytes(sum(run.column("ranks", "bytes_sent")))}.`);
  }

  const rankTime = (runs) => ({
    id: "rank-time",
    title: "Time of ranks",
    help:
        "Reducer, combiners and client ranks: share of the real time in which they computed for clients, " +
        "communicated and waited.",
    draw: (element) =>
        canopy.oneOf(element, runs, "ranks", "The run has no table of its ranks.", drawRanks),
  });

  const lengths = {
    real_seconds: ["real time", "Real time", (run) => run.column("rounds", "real_seconds")],
    virtual_seconds: [
      "virtual time", "Virtual time",
      (run) => run.column("rounds", "virtual_seconds").map((x, i, all) => i ? x - all[i - 1] : x)
    ],
  };

  const timeLine = (run, y) => ({
    type: "line",
    name: canopy.called(run, "round"),
    colour: run.colour,
    x: run.column("rounds", "round"),
    y,
  });

  // What of a round passes between dealing out and the sum; the rest is the reducer's, and testing.
  const combinerLine = (run) => ({
    ...timeLine(run, canopy.longestCombiner(run, run.column("rounds", "round") ?? [])),
    name: `${canopy.called(run, "round")} (longest combiner)`,
    dash: true,
  });

  const roundTimes = (runs) => ({
    id: "round-times",
    title: "Time of rounds",
    help:
        "How long the rounds took here and the longest combiner in them, and on the devices in virtual time.",
    draw(element) {
      const shown = runs.filter((run) => run.has("rounds"));
      if (!shown.length) return canopy.missing(element, "No round was finished yet.");
      const choices = Object.entries(lengths).map(([key, [text]]) => [key, text]);
      canopy.switches(element, [{id: "time", label: "Show", options: choices}], (area, {time}) => {
        const [, label, of] = lengths[time];
        chart(area, {
          summary: canopy.sentence(
              shown, (run) => `the median round takes ${seconds(canopy.median(of(run)))}`),
          x: {label: "Round", whole: true},
          y: {label, format: seconds},
          series: shown.flatMap(
              (run) => time === "real_seconds" && run.has("combiner_rounds") ?
                  [timeLine(run, of(run)), combinerLine(run)] :
                  [timeLine(run, of(run))]),
        });
      });
    },
  });

  const states = {
    latest: ["in the latest round", "--c2"],
    earlier: ["earlier", "--c0"],
    lost: ["more lost than counted", "--c6"],
    none: ["no part yet", "--quiet"],
  };
  function stateOf(client, newest) {
    if (!client.last_round) return "none";
    if (client.dropped > client.updates) return "lost";
    return client.last_round === newest ? "latest" : "earlier";
  }

  const line = (x0, y0, x1, y1) => svg(
      "line", {x1: x0, y1: y0, x2: x1, y2: y1, style: "stroke: var(--rule); stroke-width: 1.5"});
  const box = (x, y, width, text, about, colour) => svg(
      "g", {},
      svg("rect",
          {x: x - width / 2, y: y - 15, width, height: 30, rx: 6, style: `fill: var(${colour})`}),
      svg("text",
          {x, y: y + 4, "text-anchor": "middle", "font-weight": 600, style: "fill: var(--paper)"},
          text),
      svg("title", {}, about));

  // Clients in lines below `from`, the place of their combiner.
  function drawClients(drawing, clients, from, top, room, newest) {
    const perLine = Math.max(1, Math.floor((room - 10) / 18));
    clients.forEach((client, j) => {
      const inLine = Math.min(perLine, clients.length - Math.floor(j / perLine) * perLine);
      const x = from.x + (j % perLine - (inLine - 1) / 2) * 18,
            y = top + 20 * Math.floor(j / perLine);
      const state = states[stateOf(client, newest)];
      if (j < perLine) drawing.prepend(line(from.x, from.y, x, y));
      drawing.append(
          svg("circle", {cx: x, cy: y, r: 7, style: `fill: var(${state[1]})`},
              svg("title", {},
                  `client ${client.client}: ${state[0]}, ${number(client.rows)} rows, ` +
                      `${client.updates} updates, ${client.dropped} lost`)));
    });
    return top + 20 * Math.ceil(clients.length / perLine);
  }

  // The reducer on top, combiners below it, under each its clients.
  function network(run, width) {
    const clients = run.rows("clients"),
          newest = Math.max(0, ...clients.map((row) => row.last_round));
    const combiners = run.rows("combiners"), host = run.column("ranks", "host")?.[0] ?? "";
    const drawing = svg("svg", {
      role: "img",
      "aria-label": `A reducer, ${combiners.length || "no"} ` +
          `combiner${combiners.length === 1 ? "" : "s"} and ${clients.length} clients`
    });
    const reducer = {x: width / 2, y: 20}, room = width / Math.max(1, combiners.length);
    let bottom = 70;
    if (!combiners.length) bottom = drawClients(drawing, clients, reducer, 80, width, newest);
    combiners.forEach((one, i) => {
      const place = {x: (i + 0.5) * room, y: 95},
            own = clients.filter((row) => row.combiner === one.combiner);
      bottom = Math.max(bottom, drawClients(drawing, own, place, 145, room, newest));
      drawing.prepend(line(reducer.x, reducer.y, place.x, place.y));
      drawing.append(
          box(place.x, place.y, Math.min(120, room - 6),
              room > 100 ? `combiner ${one.combiner}` : one.combiner,
              `combiner ${one.combiner}: rank ${one.rank} on ${one.host}, ${one.clients} clients, ${
                  one.updates} updates`,
              "--c0"));
    });
    drawing.append(box(reducer.x, reducer.y, 120, "reducer", `rank 0 on ${host}`, "--accent"));
    drawing.setAttribute("viewBox", `0 0 ${width} ${bottom}`);
    return drawing;
  }

  const most = 2000;
  const networkGraph = (runs) => ({
    id: "network",
    title: "Network",
    wide: true,
    help: "The reducer, its combiners and their clients; point at one to see more.",
    draw: (element) => canopy.oneOf(
        element, runs, "clients", "The run has no table of its clients.",
        (area, run) => {
          if (run.rows("clients").length > most)
            return canopy.missing(
                area, `There are more than ${number(most)} clients: see the table of clients.`);
          const legend = Object.values(states).map(
              ([text, colour]) => el(
                  "span", {},
                  el("span", {class: "swatch round", style: `background: var(${colour})`}), text));
          area.append(
              el("figure", {}, network(run, Math.max(300, area.clientWidth)),
                 el("div", {class: "legend"}, legend)));
        }),
  });

  // A table of the run with some of its columns, in words.
  const tableOf = (runs, table, why, columns, more = {}) => ({
    id: table,
    title: table[0].toUpperCase() + table.slice(1),
    table: true,
    ...more,
    draw: (element) => canopy.oneOf(element, runs, table, why, (area, run) => canopy.table(area, {
      name: table,
      perPage: 12,
      rows: run.rows(table),
      columns: Object.entries(columns)
                   .filter(([key]) => run.column(table, key))
                   .map(([key, [title, format]]) => ({key, title, format})),
    })),
  });

  const clientsTable = (runs) => tableOf(
      runs, "clients", "The run has no table of its clients.", {
        client: ["Client"],
        rows: ["Rows"],
        combiner: ["Combiner"],
        updates: ["Updates"],
        dropped: ["Did not come"],
        last_round: ["Last round"],
        download_seconds: ["Download", seconds],
        train_seconds: ["Training", seconds],
        upload_seconds: ["Upload", seconds],
        virtual_seconds: ["Virtual time", seconds],
        real_seconds: ["Real time", seconds],
      },
      {wide: true});
  const combinersTable = (runs) => tableOf(
      runs, "combiners",
      "The layout is flat: clients send to the reducer. --layout fedn or tree has combiners.", {
        combiner: ["Combiner"],
        rank: ["Rank"],
        host: ["Host"],
        client_ranks: ["Ranks of clients"],
        clients: ["Clients"],
        updates: ["Updates"],
      });
  const eventsTable = (runs) => tableOf(
      runs, "events", "Nothing out of the ordinary happened.",
      {time: ["Time", seconds], rank: ["Rank"], kind: ["Kind"], text: ["Event"]});
  const sessionsTable = (runs) => tableOf(
      runs, "sessions", "The run has no sessions.", {
        session: ["Session"],
        started: ["Started"],
        np: ["Processes"],
        nodes: ["Machines"],
        from_round: ["From round"],
        rounds: ["Rounds"],
        seconds: ["Time", seconds],
        status: ["Status"],
      },
      {wide: true});

  canopy.federateNetwork = (runs) =>
      [canopy.combinerTime(runs),
       rankTime(runs),
       roundTimes(runs),
       networkGraph(runs),
       clientsTable(runs),
       combinersTable(runs),
       eventsTable(runs),
       sessionsTable(runs),
  ];
}
