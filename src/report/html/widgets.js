"use strict";
// Widgets of the shell: figures in a line, switches, tables, and the sections that every run has.
//
//   canopy.table(element, {name: "trials",          // of the CSV file
//     columns: [{key: "score", title: "Score",
//                format: canopy.percent,            // optional: the text of a value
//                wrap: true,                        // optional: long texts, in several lines
//                node: (row) => canopy.el(..)}],    // optional: an element in its place
//     stack: true,                                  // narrow: each row a small card
//     rows: [{score: 0.5}, ..]})                    // a cell is text, a number or null
//   canopy.tableOf(element, run, "trials")          // a table of the run as it is

canopy.kpis = (element, figures) => {
  const {el} = canopy;
  element.append(
      el("div", {class: "kpis"},
         figures.map(
             ({label, value, about, tone}) =>
                 el("div", {class: "kpi " + (tone ?? "")}, el("div", {class: "label"}, label),
                    el("div", {class: "value"}, value === "" || value === null ? "–" : value),
                    about ? el("div", {class: "about"}, about) : null))));
};

canopy.switches = (element, switches, draw) => {
  const {el, state} = canopy;
  const place = element.closest("section.card")?.id ?? "";
  const area = el("div", {class: "switched"}), bar = el("div", {class: "switches"});
  const key = (one) => `${place}/${one.id}`;
  const redraw = () => {
    area.replaceChildren();
    draw(area, Object.fromEntries(switches.map((one) => [one.id, state.choices[key(one)]])));
  };
  for (const one of switches) {
    const values = one.options.map(([value]) => String(value));
    if (!values.includes(state.choices[key(one)])) state.choices[key(one)] = values[0];
    if (values.length < 2) continue;
    bar.append(
        el("label", {class: "switch"}, one.label,
           el("select", {
             id: `${place}-${one.id}`,
             onchange: (event) => {
               state.choices[key(one)] = event.target.value;
               redraw();
             }
           },
              one.options.map(
                  ([value, text]) =>
                      el("option", {value, selected: String(value) === state.choices[key(one)]},
                         text)))));
  }
  if (bar.children.length) element.append(bar);
  element.append(area);
  redraw();
};

canopy.oneRun = (element, runs, draw, switches = []) => {
  const choose = {id: "run", label: "Run", options: runs.map((run, i) => [i, run.name])};
  canopy.switches(
      element, [choose, ...switches],
      (area, chosen) => draw(area, runs[Number(chosen.run)], chosen));
};

canopy.oneOf = (element, runs, table, why, draw, switches = []) => {
  const shown = runs.filter((run) => run.has(table));
  if (!shown.length) return canopy.missing(element, why);
  canopy.oneRun(element, shown, draw, switches);
};

canopy.save = (name, type, text) => {
  const link =
      canopy.el("a", {href: URL.createObjectURL(new Blob([text], {type})), download: name});
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
};

canopy.csv = (columns, rows) => {
  // Quotes as RFC 4180 says; words that a spreadsheet would take for a formula are held back.
  const cell = (value) => {
    const text = value === null || value === undefined ? "" : String(value);
    const safe = typeof value === "string" && /^[=+\-@\t\r]/.test(text) ? "'" + text : text;
    return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  return [
    columns.map((column) => cell(column.key)),
    ...rows.map((row) => columns.map((column) => cell(row[column.key])))
  ].map((cells) => cells.join(",") + "\n")
      .join("");
};

// A long name may go on in the next line after each of its parts.
canopy.breakable = (name) => name.split(/(?<=_)/).flatMap((part) => [part, canopy.el("wbr")]);

canopy.table = (element, {name, columns, rows, stack = false, perPage = 25}) => {
  const {el, state} = canopy;
  const isNumeric = (column) => rows.some((row) => typeof row[column.key] === "number") &&
      rows.every((row) => typeof row[column.key] !== "string");
  for (const column of columns) column.numeric = isNumeric(column);
  const id = `${element.closest("section.card")?.id ?? ""}/${name}`;
  const chosen =
      state.choices["table " + id] ??= {sorted: null, falling: false, page: 0, words: ""};
  const show = (column, row) => {
    const value = row[column.key];
    return value === null || value === undefined ? "" :
        column.format                            ? column.format(value) :
                                                   canopy.number(value);
  };
  const buttons = columns.map(
      (column) =>
          el("button", {
            type: "button",
            onclick: () => {
              chosen.falling = chosen.sorted === column.key ? !chosen.falling : column.numeric;
              chosen.sorted = column.key;
              chosen.page = 0;
              fill();
            },
            id: `${id}/${column.key}`
          },
             column.title ?? column.key));
  const heads = columns.map(
      (column, i) => el("th", {scope: "col", class: column.numeric ? "number" : ""}, buttons[i]));
  const body = el("tbody"), count = el("span", {"aria-live": "polite"});
  const search = el("input", {
    type: "search",
    placeholder: "Filter",
    id: `${id}/filter`,
    value: chosen.words,
    "aria-label": `Filter the table ${name}`,
    oninput: (event) => {
      chosen.words = event.target.value;
      chosen.page = 0;
      fill();
    }
  });
  const turn = (by) => () => {
    chosen.page += by;
    fill();
  };
  const back =
      el("button", {type: "button", "aria-label": "Previous rows", onclick: turn(-1)}, "‹");
  const next = el("button", {type: "button", "aria-label": "Next rows", onclick: turn(1)}, "›");
  let found = rows;
  function fill() {
    const words = chosen.words.toLowerCase(), falling = chosen.falling,
          sorted = columns.find((column) => column.key === chosen.sorted);
    found = rows;
    if (words)
      found = rows.filter(
          (row) => columns.some((column) => show(column, row).toLowerCase().includes(words)));
    if (sorted) {
      const key = sorted.key, sign = falling ? -1 : 1,
            empty = (x) => x === null || x === undefined || x === "";
      found = [...found].sort(
          (a, b) => empty(a[key]) - empty(b[key]) ||
              sign *
                  (typeof a[key] === "number" && typeof b[key] === "number" ?
                       a[key] - b[key] :
                       String(a[key]).localeCompare(String(b[key]), "en", {numeric: true})));
    }
    const pages = Math.max(1, Math.ceil(found.length / perPage));
    const page = chosen.page = Math.min(Math.max(chosen.page, 0), pages - 1);
    heads.forEach((head, i) => {
      head.setAttribute(
          "aria-sort", columns[i] === sorted ? (falling ? "descending" : "ascending") : "none");
      buttons[i].replaceChildren(
          ...canopy.breakable(columns[i].title ?? columns[i].key),
          columns[i] === sorted ? (falling ? " ▾" : " ▴") : "");
    });
    const first = page * perPage;
    body.replaceChildren(
        ...found.slice(first, first + perPage).map((row) => el("tr", {}, columns.map((column) => {
                                                     const text = show(column, row);
                                                     return el(
                                                         "td", {
                                                           class: column.numeric ? "number" :
                                                               column.wrap       ? "wrap" :
                                                                                   "",
                                                           title: text.length > 30 ? text : null,
                                                           "data-title": column.title
                                                         },
                                                         column.node ? column.node(row) : text);
                                                   }))));
    const last = Math.min(first + perPage, found.length);
    count.textContent = found.length > perPage ?
        `${first + 1}–${last} of ${found.length} rows` :
        `${found.length} row${found.length === 1 ? "" : "s"}`;
    for (const button of [back, next]) button.hidden = found.length <= perPage;
    back.disabled = page === 0;
    next.disabled = page >= pages - 1;
  }
  fill();
  element.append(
      el("div", {class: "tools"}, rows.length > 5 ? search : null, count,
         el("span", {class: "pages"}, back, " ", next),
         el("button", {
           type: "button",
           onclick: () => canopy.save(name + ".csv", "text/csv", canopy.csv(columns, found))
         },
            "CSV")),
      el("div", {
        class: stack ? "scroll stack" : "scroll",
        tabindex: 0,
        role: "region",
        "aria-label": `Table ${name}`
      },
         el("table", {style: `--columns: ${columns.length}`}, el("thead", {}, el("tr", {}, heads)),
            body)));
};

canopy.tableOf = (element, run, table) => canopy.table(element, {
  name: table,
  columns: Object.keys(run.tables[table]).map((key) => ({key})),
  rows: run.rows(table)
});

canopy.aboutRun = ({attributes}) => {
  const {status, exit_code, started, wall_seconds, np, nodes, seed, version} = attributes;
  return `${status}${exit_code ? ` (exit status ${exit_code})` : ""}, started ${
             started || "at an unknown time"}, ` +
      `${canopy.seconds(wall_seconds)} on ${np} process${np === 1 ? "" : "es"}` +
      `${nodes > 1 ? ` of ${nodes} machines` : ""}, seed ${seed}, canopy ${version}`;
};

// First of all sections: which runs these are.
canopy.overview = (runs, about = canopy.aboutRun) => ({
  id: "runs",
  title: runs.length > 1 ? `${runs.length} runs` : "The run",
  wide: true,
  draw(element) {
    const {el} = canopy;
    for (const run of runs) {
      const swatch = runs.length > 1 ? el("span", {
        class: "swatch",
        style: `background: var(--c${run.index % 8})`,
        "aria-hidden": "true"
      }) :
                                       null;
      element.append(
          el("p", {class: "help"}, swatch, el("strong", {}, run.name), `: ${about(run)}`));
      for (const text of run.notes ?? []) canopy.note(element, text);
    }
  },
});

// Last of all sections: what a run was told, and its tables as they are.
canopy.details = (runs) => {
  const several = runs.length > 1,
        choose = {id: "run", label: "Run", options: runs.map((run, i) => [i, run.name])};
  const settings = (area) => {
    const keys = [...new Set(runs.flatMap((run) => Object.keys(run.settings)))].sort();
    const text = (value) => value === undefined ? "" :
        typeof value === "string"               ? value :
                                                  JSON.stringify(value);
    const rows = keys.map((setting) => Object.fromEntries([
      ["setting", setting], ...runs.map((run, i) => ["run" + i, text(run.settings[setting])])
    ]));
    const differing = rows.filter((row) => runs.some((_, i) => row["run" + i] !== row.run0));
    if (several)
      canopy.note(
          area,
          differing.length ? `Differing: ${differing.map((row) => row.setting).join(", ")}.` :
                             "All runs had the same settings.");
    canopy.table(area, {
      name: "settings",
      perPage: 100,
      rows: several ? [...differing, ...rows.filter((row) => !differing.includes(row))] : rows,
      columns: [
        {key: "setting", title: "Setting"},
        ...runs.map((run, i) => ({key: "run" + i, title: several ? run.name : "Value"}))
      ]
    });
  };
  const environment = (area) => canopy.table(area, {
    name: "environment",
    rows: [...new Set(runs.flatMap((run) => Object.keys(run.environment)))].map(
        (entry) => Object.fromEntries(
            [["entry", entry], ...runs.map((run, i) => ["run" + i, run.environment[entry]])])),
    columns: [
      {key: "entry", title: "Entry"},
      ...runs.map(
          (run, i) => ({key: "run" + i, title: several ? run.name : "Value", format: String}))
    ]
  });
  return [
    {
      id: "settings",
      title: "Settings",
      help: "The effective settings; given to the command again they repeat the run.",
      draw: settings,
      table: true
    },
    {
      id: "environment",
      title: "Environment",
      help: "Where the run took place, and what program it was.",
      draw: environment,
      table: true
    },
    {
      id: "tables",
      title: "All tables",
      wide: true,
      table: true,
      help: "What the run file holds, table by table.",
      draw: (element) => canopy.switches(
          element, [choose],
          (area, {run}) => {
            const chosen = runs[Number(run)], names = Object.keys(chosen.tables);
            if (!names.length) return canopy.missing(area, "The run left no tables.");
            canopy.switches(
                area, [{id: "table", label: "Table", options: names.map((name) => [name, name])}],
                (inner, {table}) => canopy.tableOf(inner, chosen, table));
          })
    },
  ];
};
