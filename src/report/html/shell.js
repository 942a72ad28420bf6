"use strict";
// The shell of a report: what kinds of runs there are, how each is laid out, and what pages share.
//
// A page module, pages/KIND.js for the command KIND, registers what it shows:
//
//   canopy.page("tune", {
//     title: "Tuning",
//     about: (run) => "..",        // beside its name in the first section (default: how it ran)
//     bare: true,                  // one section and nothing else (default: a heading, contents,
//                                  // and the sections that every run has)
//     sections(runs) {             // the runs of this kind on the page, one or more
//       return [{
//         id: "best-so-far",       // unique in the page; [a-z0-9-]
//         title: "Best score so far",
//         help: "One sentence: what is shown, and how it is read.",
//         wide: true,              // takes the whole width (default: half)
//         draw(element) { ... },   // fills the element; may be called again (theme, new data)
//       }, ...];
//     },
//   });
//
// A run: {name, index, colour, attributes, settings, environment, tables, notes}. `settings` are
// flat ("space.depth": ..); `attributes` has command, status, started, finished, wall_seconds, np,
// nodes, seed, version, git, exit_code. Empty cells are null.
//   run.column("rounds", "loss")   the array of a column, or null when there is none
//   run.has("rounds", "loss")      whether there is such a table [column] with rows
//   run.rows("rounds")             the rows as objects, [] when there is no such table
//
// Helpers of all pages; each draws into `element`:
//   canopy.chart(element, spec)         lines, points, bars, boxes, Gantt charts: see charts.js
//   canopy.heatmap(element, spec)       see drawings.js
//   canopy.parallel(element, spec)      parallel coordinates: see drawings.js
//   canopy.table(element, spec)         sortable, filterable, CSV: see widgets.js
//   canopy.kpis(element, [{label, value, about, tone}])   the line of figures; tone: good or bad
//   canopy.switches(element, [{id, label, options: [[value, text], ..]}], draw)
//       draw(area, {id: value, ..}) is called now and at every change; choices outlive a redraw
//   canopy.missing(element, "text")     says why there is nothing and what would record it
//   canopy.note(element, "text")        a small line below
//   canopy.el(tag, attributes, ...children), canopy.svg(...)   elements; children may be text
//   canopy.number(x, digits = 4), percent(x), seconds(x), bytes(x), short(text, n)   text of values
//   canopy.sum(list), mean(list), last(list)   of what is not empty; a missing list is empty
//   canopy.median(list), canopy.quantile(list, q), canopy.histogram(list, bins) -> {low, high,
//   count} canopy.colour(i)                    colour of run or series i; run.colour is that of its
//   index canopy.css("--ink")                 a colour of the theme, for what is not in CSS
//   canopy.oneRun(element, runs, draw, switches = [])   draw(area, run, {..}) for one of the runs
//   canopy.oneOf(element, runs, "table", "why there is none", draw, switches = [])
//       draw(area, run, {..}) for one of the runs with that table, chosen by a switch
// Several runs are told apart by colour everywhere, and by name when there are several:
//   canopy.called(run, "text")          of a series: the run's name, or the text when it is alone
//   canopy.named(run, "text")           "NAME: text", or the text alone
//   canopy.sentence(runs, (run) => "text")   all of these as a summary

const canopy = (() => {
  const pages = new Map();
  let cards = [];
  const state = {runs: [], choices: {}, options: {}};

  // ---- elements ----
  function fill(node, attributes, children) {
    for (const [key, value] of Object.entries(attributes || {})) {
      if (value === null || value === undefined || value === false) continue;
      if (key.startsWith("on"))
        node.addEventListener(key.slice(2), value);
      else if (key === "style")
        node.style.cssText = value;
      else
        node.setAttribute(key, value === true ? "" : value);
    }
    for (const child of children.flat())
      if (child !== null && child !== undefined) node.append(child);
    return node;
  }
  const el = (tag, attributes, ...children) =>
      fill(document.createElement(tag), attributes, children);
  const svg = (tag, attributes, ...children) =>
      fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
  const note = (element, text) => element.append(el("p", {class: "note"}, text));
  const missing = (element, text) => element.append(el("p", {class: "missing"}, text));

  // ---- values ----
  const isNumber = (x) => typeof x === "number" && Number.isFinite(x);
  function number(x, digits = 4) {
    if (x === null || x === undefined) return "";
    if (typeof x !== "number") return String(x);
    if (Number.isInteger(x) && Math.abs(x) < 1e15)
      return x.toLocaleString("en").replaceAll(",", "\u202f");
    const size = Math.abs(x);
    if (size !== 0 && (size < 1e-4 || size >= 1e7)) return x.toExponential(Math.max(0, digits - 2));
    return String(Number(x.toPrecision(digits)));
  }
  const percent = (x, digits = 2) => isNumber(x) ? (100 * x).toFixed(digits) + " %" : "";
  function seconds(x) {
    if (!isNumber(x)) return "";
    const size = Math.abs(x);
    if (size === 0) return "0 s";
    if (size < 1e-3) return number(x * 1e6, 3) + " µs";
    if (size < 1) return number(x * 1e3, 3) + " ms";
    if (size < 120) return number(x, 3) + " s";
    if (size < 7200) return number(x / 60, 3) + " min";
    return number(x / 3600, 3) + " h";
  }
  function bytes(x) {
    if (!isNumber(x)) return "";
    for (const [unit, size] of [["GB", 1e9], ["MB", 1e6], ["kB", 1e3]])
      if (Math.abs(x) >= size) return number(x / size, 3) + " " + unit;
    return number(x, 3) + " B";
  }
  const short = (text, n = 12) =>
      String(text).length > n ? String(text).slice(0, n) + "…" : String(text);
  function quantile(list, q) {
    const sorted = list.filter(isNumber).sort((a, b) => a - b);
    if (!sorted.length) return null;
    const at = q * (sorted.length - 1), low = Math.floor(at), high = Math.ceil(at);
    return sorted[low] + (sorted[high] - sorted[low]) * (at - low);
  }
  const median = (list) => quantile(list, 0.5);
  const sum = (list) => (list ?? []).reduce((total, x) => total + (x ?? 0), 0);
  const mean = (list) => {
    const values = (list ?? []).filter(isNumber);
    return values.length ? sum(values) / values.length : null;
  };
  function last(list) {
    const values = (list ?? []).filter(isNumber);
    return values.length ? values[values.length - 1] : null;
  }
  function histogram(list, bins = 30) {
    const values = list.filter(isNumber);
    if (!values.length) return {low: [], high: [], count: []};
    const least = values.reduce((a, b) => Math.min(a, b)),
          most = values.reduce((a, b) => Math.max(a, b));
    const width = (most - least) / bins || 1;
    const count = new Array(most === least ? 1 : bins).fill(0);
    for (const value of values)
      ++count[Math.min(count.length - 1, Math.floor((value - least) / width))];
    return {
      low: count.map((_, i) => least + i * width),
      high: count.map((_, i) => least + (i + 1) * width),
      count
    };
  }
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const colour = (i) => css("--c" + (i % 8));

  // ---- runs ----
  // A column is an array, or {words, at} where the same words come again and again.
  const plain = (column) =>
      Array.isArray(column) ? column : column.at.map((i) => i === null ? null : column.words[i]);
  function makeRun(data, index) {
    const tables = {};
    for (const [name, columns] of Object.entries(data.tables))
      tables[name] =
          Object.fromEntries(Object.entries(columns).map(([key, column]) => [key, plain(column)]));
    const column = (table, name) => tables[table]?.[name] ?? null;
    return {
      ...data,
      index,
      tables,
      column,
      get colour() {
        return colour(index);
      },
      has: (table, name) => name ? (column(table, name) ?? []).length > 0 :
                                   (Object.values(tables[table] ?? {})[0] ?? []).length > 0,
      rows(table) {
        const entries = Object.entries(tables[table] ?? {});
        return (entries[0]?.[1] ?? [])
            .map((_, i) => Object.fromEntries(entries.map(([key, values]) => [key, values[i]])));
      },
    };
  }
  const isAlone = (run) =>
      state.runs.filter((one) => one.attributes.command === run.attributes.command).length === 1;
  const named = (run, text) => isAlone(run) ? text : `${run.name}: ${text}`;
  const called = (run, text) => isAlone(run) ? text : run.name;
  function sentence(runs, say) {
    const text = runs.map((run) => named(run, say(run))).join("; ") + ".";
    return runs.every(isAlone) ? text.charAt(0).toUpperCase() + text.slice(1) : text;
  }

  // ---- the page ----
  function card(kind, section) {
    const box =
        el("section", {
          class: "card" + (section.wide ? " wide" : "") + (section.table ? " table" : ""),
          id: `${kind}-${section.id}`,
          "data-section": section.id,
          "aria-labelledby": `${kind}-${section.id}-title`
        },
           el("h3", {id: `${kind}-${section.id}-title`}, section.title),
           section.help ? el("p", {class: "help"}, section.help) : null);
    const area = el("div", {class: "area"});
    box.append(area);
    return {
      box,
      draw() {
        area.replaceChildren();
        try {
          section.draw(area);
          box.dataset.drawn = "1";
        } catch (error) {
          box.dataset.drawn = "error";
          area.append(
              el("p", {class: "error"}, `This section could not be drawn: ${error.message}`));
          console.error(`section ${section.id}:`, error);
        }
      }
    };
  }

  function build() {
    const main = document.getElementById("content"), contents = document.getElementById("contents");
    main.replaceChildren();
    contents.replaceChildren();
    const kinds = [...new Set(state.runs.map((run) => run.attributes.command))];
    if (!kinds.length) main.append(el("p", {class: "missing"}, "There are no runs to show yet."));
    cards = [];
    for (const kind of kinds) {
      const runs = state.runs.filter((run) => run.attributes.command === kind);
      const page = pages.get(kind) ?? {title: kind, sections: () => []};
      const box =
          el("section", {class: "kind", id: `kind-${kind}`, "aria-label": page.title},
             page.bare ? null : el("h2", {}, page.title));
      main.append(box);
      const lead = (attributes, text) => page.bare || contents.append(el("a", attributes, text));
      lead({class: "kind", href: `#kind-${kind}`}, page.title);
      const own = page.sections(runs);
      for (const sections of page.bare ?
               [own] :
               [[canopy.overview(runs, page.about), ...own], canopy.details(runs)]) {
        const made = sections.map((section) => card(kind, section));
        widenLonely(made.map(({box}) => box));
        box.append(el("div", {class: "grid"}, made.map(({box}) => box)));
        for (const section of sections) lead({href: `#${kind}-${section.id}`}, section.title);
        cards.push(...made);
      }
    }
    draw();
  }

  // A card with nobody beside it takes the whole width.
  function widenLonely(boxes) {
    let beside = null;
    for (const box of [...boxes, null]) {
      const isWide = !box || box.classList.contains("wide");
      if (isWide && beside) beside.classList.add("wide");
      beside = isWide || beside ? null : box;
    }
  }

  function draw() {
    for (const made of cards)
      made.draw();  // when all are in place, so that charts know their width
    canopy.forgetCharts();
  }

  function show(data) {
    canopyReady = false;
    state.runs = data.runs.map(makeRun);
    build();
    window.canopyReady = true;
  }

  // ---- light and dark, paper ----
  const dark = matchMedia("(prefers-color-scheme: dark)");
  let chosen = null, printing = false;
  function theme() {
    const name = printing ? "light" : chosen ?? (dark.matches ? "dark" : "light");
    if (document.documentElement.dataset.theme !== name) {
      document.documentElement.dataset.theme = name;
      document.getElementById("theme").textContent = name === "dark" ? "Light" : "Dark";
      draw();  // colours of a canvas are painted
    }
  }
  function watchTheme() {
    try {
      chosen = localStorage.getItem("canopy-theme");
    } catch { /* a file may have no storage */
    }
    dark.addEventListener("change", theme);
    addEventListener("beforeprint", () => {
      printing = true;
      theme();
    });
    addEventListener("afterprint", () => {
      printing = false;
      theme();
    });
    document.getElementById("theme").addEventListener("click", () => {
      chosen = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
      try {
        localStorage.setItem("canopy-theme", chosen);
      } catch { /* as above */
      }
      theme();
    });
    theme();
  }

  // A browser takes what peeps out of a scrolled list for visible; who comes by keys sees nothing.
  function bringFocusedIntoView() {
    document.addEventListener("focusin", ({target}) => {
      if (target.closest("nav, thead"))
        target.scrollIntoView({block: "nearest", inline: "nearest"});
    });
  }

  function start() {
    const data = JSON.parse(document.getElementById("data").textContent);
    state.options = data.options ?? {};
    watchTheme();
    bringFocusedIntoView();
    show(data);
    canopy.goLive();
  }

  return {
    page: (kind, page) => pages.set(kind, page),
    start,
    show,
    state,
    el,
    svg,
    note,
    missing,
    isNumber,
    number,
    percent,
    seconds,
    bytes,
    short,
    quantile,
    median,
    histogram,
    css,
    colour,
    named,
    called,
    sentence,
    sum,
    mean,
    last,
  };
})();
var canopyReady = false;
