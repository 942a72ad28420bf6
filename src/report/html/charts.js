"use strict";
// Charts with axes, drawn by Chart.js.
//
//   canopy.chart(element, {
//     summary: "what one sees, in a sentence",   // read out, and shown below
//     height: 300,                               // pixels
//     x: {label, format, min, max,
//         type: "linear" | "log" | "category", categories: [..],
//         whole: true},                          // ticks at whole numbers only
//     y: {..the same..}, y2: {..},               // y2: axis on the right
//     stacked: true,                             // bars of one place on one another
//     series: [{
//       name,
//       colour,                                  // "--c3" of the theme, run.colour, or by place
//       type: "line" | "points" | "bar" | "box" | "span",
//       x: [..], y: [..],                        // null: a gap. Of category axes: their text
//       text: ["shown when pointed at", ..],     // instead of the values
//       axis: "y2",
//       colours: [..],                           // one each, of bars, points and spans
//       dash, stepped, dots, fill, faint,        // of lines; true
//       touching,                                // of bars; true: without gaps
//       min, q1, median, q3, max, mean: [..],    // of boxes, in place of y; mean may be left out
//       low: [..], high: [..],                   // of spans: from and to on x, y is its category
//       thin,                                    // of spans; true
//     }, ..],
//   })
// Boxes of all series become bands when they are too many to be told apart. A Gantt chart is spans
// over a category y axis. Arrow keys move through the points of a chart that has the focus.

canopy.charts = [];

{
  const {el, css, isNumber} = canopy;
  const {datasets, whiskers} = canopy.chartSeries;
  Chart.defaults.font.family = 'system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif';

  // Long names often differ at their end.
  const middled = (text, n) =>
      text.length <= n ? text : text.slice(0, Math.max(4, n - 10)) + "…" + text.slice(-9);

  function axis(spec, isX, grid) {
    const type = {log: "logarithmic", category: "category"}[spec.type] ?? "linear";
    return {
      type,
      min: spec.min,
      max: spec.max,
      suggestedMin: spec.least,
      suggestedMax: spec.most,
      ...(spec.zero === false ? {beginAtZero: false} : {}),
      labels: spec.categories,
      offset: type === "category" || spec.offset,
      reverse: spec.reverse,
      stacked: spec.stacked,
      title: {display: Boolean(spec.label), text: spec.label, font: {size: 12}},
      grid: {color: grid, drawOnChartArea: spec.grid !== false, tickLength: 4},
      ticks: {
        maxRotation: isX && type !== "category" ? 0 : 60,
        autoSkip: true,
        autoSkipPadding: isX ? 12 : 0,
        maxTicksLimit: spec.ticks,
        precision: spec.whole ? 0 : undefined,
        ...(type === "category" ?
                {
                  callback(value) {
                    const lines = String(this.getLabelForValue(value)).split(/ (?=× )/);
                    return lines.map(
                        (line) => middled(line, isX ? 28 : Math.min(28, this.chart.width / 16)));
                  }
                } :
                {
                  callback: (value, i, all) => type === "logarithmic" && all.length > 8 &&
                          !/^[125]/.test(Number(value).toExponential()) ?
                      "" :
                      tickText(spec.format ?? canopy.number, value, all)
                }),
      },
    };
  }

  // One unit for all ticks of an axis, that of the largest.
  const units = new Map([
    [canopy.seconds, [["h", 3600, 4], ["s", 1, 1], ["ms", 1e-3, 1], ["µs", 1e-6, 1]]],
    [canopy.bytes, [["GB", 1e9, 1], ["MB", 1e6, 1], ["kB", 1e3, 1], ["B", 1, 0]]],
  ]);
  function tickText(format, value, ticks) {
    const most = Math.max(...ticks.map((tick) => Math.abs(tick.value)));
    const known = units.get(format);
    if (!known) return trimmed(format(value));
    const [unit, size] =
        known.find(([, one, times]) => most >= one * times) ?? known[known.length - 1];
    return `${canopy.number(value / size, 4)} ${unit}`;
  }

  // 60.00 % of an axis is 60 %.
  const trimmed = (text) => String(text).replace(/\.0+(?=\D|$)/, "");

  function speak(text) {
    document.getElementById("spoken").textContent = text;
  }

  function pointed(spec) {
    const across = spec.series.some((series) => series.type === "span");
    return {
      title: (items) => {
        const item = items[0];
        if (!item) return "";
        if (across) return item.label;
        const value = item.raw.x;
        return (spec.x.label ? spec.x.label + " " : "") +
            (typeof value === "number" ? (spec.x.format ?? canopy.number)(value) : value);
      },
      label: (item) => {
        const set = item.dataset, format = spec[set.yAxisID ?? "y"]?.format ?? canopy.number;
        const text = set.text?.[item.dataIndex] ??
            (across ? `${canopy.number(item.raw.x[0])} – ${canopy.number(item.raw.x[1])}` :
                 Array.isArray(item.raw.y) ? item.raw.y.map((y) => format(y)).join(" – ") :
                                             format(item.raw.y));
        return set.label ? `${set.label}: ${text}` : text;
      },
    };
  }

  // What the arrow keys step through: places with a point of each series, or, where series have
  // their points at places of their own, one point after the other.
  function stops(chart) {
    const shown =
        chart.data.datasets.map((set, datasetIndex) => ({set, datasetIndex}))
            .filter(({set, datasetIndex}) => !set.part && chart.isDatasetVisible(datasetIndex));
    const longest =
        shown.reduce((most, {set}) => set.data.length > most.length ? set.data : most, []);
    if (shown.every(({set}) => set.data.every((point, i) => point.x === longest[i].x)))
      return longest.map(
          (_, index) => shown.filter(({set}) => index < set.data.length)
                            .map(({datasetIndex}) => ({datasetIndex, index})));
    const place = ({datasetIndex, index}) => chart.getDatasetMeta(datasetIndex).data[index].x;
    return shown
        .flatMap(({set, datasetIndex}) => set.data.map((_, index) => ({datasetIndex, index})))
        .sort((a, b) => place(a) - place(b))
        .map((point) => [point]);
  }

  function keys(chart) {
    let at = -1;
    chart.canvas.addEventListener("keydown", (event) => {
      if (!["ArrowLeft", "ArrowRight", "Escape"].includes(event.key)) return;
      event.preventDefault();
      const all = stops(chart), step = event.key === "ArrowRight" ? 1 : -1;
      at = event.key === "Escape" ? -1 : Math.min(all.length - 1, Math.max(0, at + step));
      const active = all[at] ?? [];
      chart.setActiveElements(active);
      chart.tooltip.setActiveElements(active, {x: 0, y: 0});
      chart.update("none");
      if (active.length)
        speak([...chart.tooltip.title, ...chart.tooltip.body.flatMap((part) => part.lines)].join(
            ", "));
    });
    chart.canvas.setAttribute("aria-description", "Arrow keys move through the points.");
  }

  // The numbers behind a chart, for who would rather read them.
  function numbers(spec) {
    const names = ["x", "y", "min", "q1", "median", "q3", "max", "mean", "low", "high"];
    const titles = {x: spec.x.label || "x", y: spec.y.label || "y", low: "from", high: "to"};
    const rows = spec.series.flatMap(
        (series) =>
            (series.x ?? series.low).map((_, i) => ({
                                           series: series.name ?? "",
                                           ...Object.fromEntries(
                                               names.filter((name) => Array.isArray(series[name]))
                                                   .map((name) => [name, series[name][i]])),
                                           text: series.text?.[i]
                                         })));
    const used = ["series", ...names, "text"].filter(
        (name) => rows.some((row) => row[name] !== undefined && row[name] !== ""));
    return {name: "chart", columns: used.map((key) => ({key, title: titles[key] ?? key})), rows};
  }

  // Lines stand for lines, dots for points and squares for areas, in the order of the series.
  function symbols(chart) {
    const items = Chart.defaults.plugins.legend.labels.generateLabels(chart);
    for (const item of items) {
      const set = chart.data.datasets[item.datasetIndex];
      const isLine = set.type === "line", mark = set.type === "scatter" ? "circle" : "rect";
      Object.assign(
          item, {pointStyle: isLine ? "line" : mark, lineWidth: isLine ? 2 : 0},
          {lineDash: set.borderDash ?? [], strokeStyle: set.borderColor});
    }
    return items;
  }

  const legend = (sets, ink) => ({
    display: sets.filter((set) => set.label && !set.part).length > 1,
    position: "bottom",
    align: "start",
    labels: {
      color: ink,
      usePointStyle: true,
      pointStyleWidth: 18,
      boxHeight: 8,
      generateLabels: symbols,
      filter: (item) => item.text && !sets[item.datasetIndex].part,
      sort: (a, b) => a.datasetIndex - b.datasetIndex,
    },
  });

  function axes(spec, across, hasBars) {
    const rule = css("--rule"), stacked = spec.stacked || undefined;
    const boxes = spec.series.filter((series) => series.type === "box");
    const reach = boxes.flatMap((series) => [...series.min, ...series.max]).filter(isNumber);
    const y = {...spec.y, stacked};
    if (reach.length) [y.least, y.most] = [Math.min(...reach), Math.max(...reach)];
    if (boxes.length && boxes.length === spec.series.length) y.zero = false;  // boxes are no bars
    // An axis of shares has no place above 100 %.
    const top = [...reach, ...spec.series.flatMap((series) => series.y ?? [])].filter(isNumber);
    const most = top.reduce((a, b) => Math.max(a, b), 0);
    if (y.format === canopy.percent && !stacked && most > 0.97 && most <= 1) y.max ??= 1;
    const x = {...spec.x, stacked, offset: spec.x.offset ?? (hasBars && !across)};
    const places = spec.series.flatMap((series) => series.x ?? []).filter(isNumber);
    if (x.whole && places.length) x.min ??= places.reduce((a, b) => Math.min(a, b));
    const all = {x: axis(x, true, rule), y: axis(y, false, rule)};
    if (spec.y2) all.y2 = {...axis({...spec.y2, grid: false}, false, rule), position: "right"};
    for (const scale of Object.values(all)) scale.ticks.color = scale.title.color = css("--quiet");
    return all;
  }

  function make(entry) {
    const {canvas, spec} = entry, ink = css("--ink"), paper = css("--paper");
    const sets = datasets(spec.series, canvas.parentElement.clientWidth);
    const hasType = (type) => sets.some((set) => set.type === type);
    const across = spec.series.some((series) => series.type === "span");
    const isLoose = across || hasType("scatter");
    entry.chart = new Chart(canvas, {
      data: {datasets: sets},
      plugins: [whiskers],
      options: {
        animation: false,
        responsive: true,
        maintainAspectRatio: false,
        indexAxis: across ? "y" : "x",
        spanGaps: false,
        interaction:
            {mode: isLoose ? "nearest" : "index", intersect: across, axis: isLoose ? "xy" : "x"},
        scales: axes(spec, across, hasType("bar")),
        plugins: {
          legend: legend(sets, ink),
          tooltip: {
            callbacks: pointed(spec),
            filter: (item) => !item.dataset.part,
            backgroundColor: ink,
            titleColor: paper,
            bodyColor: paper
          },
        },
      },
    });
    entry.chart.draw();  // now: Chart.js waits for a frame, which a printer does not
    keys(entry.chart);
  }

  canopy.chart = (element, spec) => {
    spec.x ??= {};
    spec.y ??= {};
    const canvas = el("canvas", {
      role: "img",
      tabindex: 0,
      "aria-label": spec.summary ?? `${spec.y.label ?? "values"} by ${spec.x.label ?? "place"}`
    });
    const more =
        el("details", {
          ontoggle() {
            if (more.open && more.children.length === 1) canopy.table(more, numbers(spec));
          }
        },
           el("summary", {}, "Numbers"));
    element.append(el(
        "figure", {}, el("div", {class: "plot", style: `height: ${spec.height ?? 300}px`}, canvas),
        spec.summary ? el("figcaption", {}, spec.summary) : null, more));
    const entry = {canvas, spec};
    make(entry);
    canopy.charts.push(entry);
  };

  canopy.forgetCharts = () => {
    canopy.charts =
        canopy.charts.filter(({canvas, chart}) => canvas.isConnected || chart.destroy());
  };
}
