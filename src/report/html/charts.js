"use strict";
// Charts with axes, drawn by Chart.js.
//
//   canopy.chart(element, {
//     summary: "what one sees, in a sentence",     // read out, and shown below
//     height: 300,                                 // pixels
//     x: {label: "Round", type: "linear" | "log" | "category", categories: [..], min, max, format},
//     y: {..the same..}, y2: {..},                 // y2: axis on the right
//     stacked: true,                               // bars of one place on one another
//     series: [{
//       name, colour,                              // colour, or its name in the theme, "--c3";
//       default by place in the list; run.colour type: "line" | "points" | "bar" | "box" | "span", x: [..], y: [..], // null: a
//       gap. Category axes take the categories' text axis: "y2", dash: true, stepped: true, dots:
//       true, fill: true, faint: true, thin: true (span), text: ["shown when pointed at", ..],       // instead of the
//       values min, q1, median, q3, max, mean: [..],      // of type box, instead of y; mean may be
//       left out low: [..], high: [..],                     // of type span: from and to on x; y:
//       its category colours: [..],                             // one each, of bars, points and
//       spans
//     }, ..],
//   })
// Boxes become bands when there are too many to be told apart. A Gantt chart is spans over a
// category y axis. Arrow keys move through the points of a chart that has the focus.

canopy.charts = [];

{
  const {el, css, isNumber} = canopy;
  const faded = (colour, share) => colour.startsWith("#") ?
      colour + Math.round(255 * share).toString(16).padStart(2, "0") :
      colour;
  // "--c3" is the theme's colour of that name, also when the theme changes.
  const shade = (colour) => colour?.startsWith("--") ? css(colour) : colour;
  const boxLimit = 40;
  Chart.defaults.font.family = 'system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif';

  // Whiskers, medians and means over the floating bars that Chart.js draws from q1 to q3.
  const whiskers = {
    id: "whiskers",
    afterDatasetsDraw(chart) {
      const pen = chart.ctx;
      chart.data.datasets.forEach((set, i) => {
        if (!set.box || !chart.isDatasetVisible(i)) return;
        const scale = chart.scales[set.yAxisID ?? "y"];
        pen.save();
        pen.strokeStyle = set.borderColor;
        chart.getDatasetMeta(i).data.forEach((bar, j) => {
          const half = bar.width / 2, at = (name) => scale.getPixelForValue(set.box[name][j]);
          if (!isNumber(set.box.q1[j])) return;
          const line = (x0, y0, x1, y1, width) => {
            pen.lineWidth = width;
            pen.beginPath();
            pen.moveTo(x0, y0);
            pen.lineTo(x1, y1);
            pen.stroke();
          };
          line(bar.x, at("min"), bar.x, at("q1"), 1);
          line(bar.x, at("q3"), bar.x, at("max"), 1);
          for (const end of ["min", "max"])
            line(bar.x - half / 2, at(end), bar.x + half / 2, at(end), 1);
          line(bar.x - half, at("median"), bar.x + half, at("median"), 2.5);
        });
        pen.restore();
      });
    },
  };

  function axis(spec, isX, grid) {
    const type = {log: "logarithmic", category: "category"}[spec.type] ?? "linear";
    return {
      type,
      min: spec.min,
      max: spec.max,
      suggestedMin: spec.least,
      suggestedMax: spec.most,
      labels: spec.categories,
      offset: type === "category" || spec.offset,
      reverse: spec.reverse,
      stacked: spec.stacked,
      title: {display: Boolean(spec.label), text: spec.label, font: {size: 12}},
      grid: {color: grid, drawOnChartArea: spec.grid !== false, tickLength: 4},
      ticks: {
        maxRotation: isX && type !== "category" ? 0 : 60,
        autoSkip: true,
        autoSkipPadding: isX ? 12 : 4,
        maxTicksLimit: spec.ticks,
        precision: spec.whole ? 0 : undefined,
        ...(type === "category" ?
                {
                  callback(value) {
                    const lines = String(this.getLabelForValue(value)).split(/ (?=× )/);
                    return lines.map((line) => canopy.short(line, 28));
                  }
                } :
                {
                  callback: (value, i, all) => type === "logarithmic" && all.length > 8 &&
                          !/^[125]/.test(Number(value).toExponential()) ?
                      "" :
                      trimmed((spec.format ?? canopy.number)(value))
                }),
      },
    };
  }

  // 60.00 % of an axis is 60 %.
  const trimmed = (text) => text.replace(/\.0+(?=\D|$)/, "");
  const pair = (x, y) => ({x, y});
  function bands(series, base) {
    const line = (name, more) => ({
      ...base,
      type: "line",
      pointRadius: 0,
      borderWidth: 0,
      data: series.x.map((x, i) => pair(x, series[name][i])),
      ...more
    });
    const hidden = {part: true, hoverRadius: 0, pointHitRadius: 0};
    return [
      line("max", {...hidden, fill: "+3", backgroundColor: faded(base.borderColor, 0.12)}),
      line("q3", {...hidden, fill: "+1", backgroundColor: faded(base.borderColor, 0.25)}),
      line("q1", hidden),
      line("min", hidden),
      line("median", {borderWidth: 2, text: series.text}),
    ];
  }

  function datasets(spec, series, place) {
    const colour = shade(series.colour) ?? canopy.colour(place);
    const colours = series.colours?.map(shade);
    const base = {
      label: series.name,
      borderColor: colour,
      backgroundColor: colours ?? faded(colour, 0.75),
      yAxisID: series.axis ?? "y",
      text: series.text,
      stack: series.stack
    };
    if (series.type === "box") {
      const text = series.x.map(
          (_, i) => `min ${canopy.number(series.min[i])}, quartiles ${
              canopy.number(series.q1[i])} | ${canopy.number(series.median[i])} | ${
              canopy.number(series.q3[i])}, max ${canopy.number(series.max[i])}`);
      const boxed = {...series, text: series.text ?? text};
      const made = series.x.length > boxLimit ? bands(boxed, base) : [{
        ...base,
        type: "bar",
        text: boxed.text,
        data: series.x.map((x, i) => pair(x, [series.q1[i], series.q3[i]])),
        box: series,
        borderWidth: 1,
        borderSkipped: false,
        backgroundColor: faded(colour, 0.3),
        maxBarThickness: 26,
        order: 2
      }];
      if (series.mean)
        made.push({
          ...base,
          type: "line",
          label: `${series.name} (mean)`,
          text: undefined,
          data: series.x.map((x, i) => pair(x, series.mean[i])),
          borderDash: [5, 3],
          borderWidth: 1.5,
          pointRadius: series.x.length > boxLimit ? 0 : 2.5,
          pointBackgroundColor: colour,
          order: 1
        });
      return made;
    }
    if (series.type === "span")
      return [{
        ...base,
        type: "bar",
        data: series.y.map((y, i) => ({y, x: [series.low[i], series.high[i]]})),
        grouped: false,
        minBarLength: 1,
        barPercentage: 0.85,
        categoryPercentage: 0.9,
        borderWidth: 0,
        order: 3,
        maxBarThickness: series.thin ? 5 : 30
      }];
    if (series.type === "bar")
      return [{
        ...base,
        type: "bar",
        data: series.x.map((x, i) => pair(x, series.y[i])),
        barPercentage: series.touching ? 1 : 0.9,
        categoryPercentage: series.touching ? 1 : 0.8,
        order: 3
      }];
    const points = series.type === "points";
    return [{
      ...base,
      type: points ? "scatter" : "line",
      data: series.x.map((x, i) => pair(x, series.y[i])),
      stepped: series.stepped ? "before" : false,
      borderWidth: series.faint ? 1 : 2,
      borderDash: series.dash ? [6, 4] : undefined,
      tension: 0,
      borderColor: series.faint    ? faded(colour, 0.45) :
          points && colours ? colours :
                              colour,
      fill: series.fill ? "origin" : false,
      backgroundColor: series.fill ? faded(colour, 0.2) : colours ?? faded(colour, 0.75),
      pointRadius: points                      ? 3.5 :
          series.dots ?? series.x.length <= 30 ? 2.5 :
                                                 0,
      pointHoverRadius: 5,
      order: 1
    }];
  }

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
                 Array.isArray(item.raw.y) ? item.raw.y.map(format).join(" – ") :
                                             format(item.raw.y));
        return set.label ? `${set.label}: ${text}` : text;
      },
    };
  }

  function keys(chart, spec) {
    let at = -1;
    chart.canvas.addEventListener("keydown", (event) => {
      if (!["ArrowLeft", "ArrowRight", "Escape"].includes(event.key)) return;
      event.preventDefault();
      const shown = chart.data.datasets.map((set, i) => ({set, i}))
                        .filter(({set, i}) => !set.part && chart.isDatasetVisible(i));
      const count = Math.max(0, ...shown.map(({set}) => set.data.length));
      at = event.key === "Escape" ?
          -1 :
          Math.min(count - 1, Math.max(0, at + (event.key === "ArrowRight" ? 1 : -1)));
      const active = at < 0 ? [] :
                              shown.filter(({set}) => at < set.data.length)
                                  .map(({i}) => ({datasetIndex: i, index: at}));
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

  function make(entry) {
    const {canvas, spec} = entry, ink = css("--ink"), quiet = css("--quiet"), rule = css("--rule");
    const sets = spec.series.flatMap((series, i) => datasets(spec, series, i));
    const across = spec.series.some((series) => series.type === "span");
    const boxes = spec.series.filter((series) => series.type === "box");
    const reach = boxes.flatMap((series) => [...series.min, ...series.max]).filter(isNumber);
    const y = {...spec.y, stacked: spec.stacked || undefined};
    if (reach.length) [y.least, y.most] = [Math.min(...reach), Math.max(...reach)];
    const x = {
      ...spec.x,
      stacked: spec.stacked || undefined,
      offset: spec.x.offset ?? sets.some((set) => set.type === "bar" && !across)
    };
    entry.chart = new Chart(canvas, {
      data: {datasets: sets},
      plugins: [whiskers],
      options: {
        animation: false,
        responsive: true,
        maintainAspectRatio: false,
        indexAxis: across ? "y" : "x",
        color: ink,
        spanGaps: false,
        interaction: {
          mode: across                                               ? "nearest" :
              spec.series.some((series) => series.type === "points") ? "nearest" :
                                                                       "index",
          intersect: across,
          axis: across ? "xy" : "x"
        },
        scales: {
          x: axis(x, true, rule),
          y: axis(y, false, rule),
          ...(spec.y2 ? {y2: {...axis({...spec.y2, grid: false}, false, rule), position: "right"}} :
                        {})
        },
        plugins: {
          legend: {
            display: sets.filter((set) => set.label && !set.part).length > 1,
            position: "bottom",
            align: "start",
            labels: {
              color: ink,
              boxWidth: 12,
              boxHeight: 8,
              filter: (item, data) => item.text && !data.datasets[item.datasetIndex].part
            }
          },
          tooltip: {
            callbacks: pointed(spec),
            filter: (item) => !item.dataset.part,
            backgroundColor: ink,
            titleColor: css("--paper"),
            bodyColor: css("--paper")
          },
        },
      },
    });
    for (const scale of Object.values(entry.chart.options.scales))
      scale.ticks.color = scale.title.color = quiet;
    entry.chart.update("none");
    keys(entry.chart, spec);
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
