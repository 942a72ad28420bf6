"use strict";
// Drawings that Chart.js has not, as SVG: it follows the theme by itself and prints sharp.
//
//   canopy.heatmap(element, {
//     rows: ["client 0", ..], columns: ["3", ..], values: [[..], ..],   // null: empty
//     rowTitle: "Client", columnTitle: "Label", format: canopy.percent, min: 0, max: 1, summary,
//     cells: true})   // writes the values into the cells
//   canopy.parallel(element, {
//     axes: [{title, values: [..], log: true, categories: [..]}, ..],   // one value per line;
//         // instead of categories also at: [..], where each stands between 0 and 1, and
//         // ticks: [{at, label}, ..]
//     score: [..], scoreTitle: "Accuracy", names: ["trial 3", ..], summary})   // high: drawn
//     strong

{
  const {el, svg, isNumber, number} = canopy;

  function figure(element, drawing, summary, more) {
    element.append(
        el("figure", {}, drawing, more ?? null, summary ? el("figcaption", {}, summary) : null));
  }
  const range = (values) => values.reduce(
      ([low, high], x) => isNumber(x) ? [Math.min(low, x), Math.max(high, x)] : [low, high],
      [Infinity, -Infinity]);

  function heatmap(element, {
    rows,
    columns,
    values,
    rowTitle = "",
    columnTitle = "",
    format = number,
    min,
    max,
    summary,
    cells = false
  }) {
    const [low, high] = range(values.flat()), from = min ?? low, to = max ?? high;
    const longest = Math.max(...rows.map((name) => String(name).length));
    const left = Math.max(12 + 7 * Math.min(14, longest), 8 + 6.5 * rowTitle.length), top = 34;
    const width = Math.min(900, Math.max(340, element.clientWidth || 900)),
          cell = (width - left) / columns.length,
          tall = Math.max(6, Math.min(26, 560 / rows.length));
    const everyRow = Math.ceil(12 / tall),
          everyColumn =
              Math.ceil(Math.max(...columns.map((name) => String(name).length)) * 7 / cell);
    const share = (x) => to > from ? Math.min(1, Math.max(0, (x - from) / (to - from))) : 0.5;
    const drawing =
        svg("svg", {
          viewBox: `0 0 ${width} ${top + tall * rows.length + 4}`,
          role: "img",
          "aria-label": summary ?? `${rowTitle} by ${columnTitle}`
        },
            svg("text", {x: left, y: 12}, columnTitle), svg("text", {x: 2, y: top - 6}, rowTitle),
            columns.map(
                (name, j) => j % everyColumn ?
                    null :
                    svg("text", {x: left + (j + 0.5) * cell, y: top - 6, "text-anchor": "middle"},
                        String(name))),
            rows.map(
                (name, i) => i % everyRow ?
                    null :
                    svg("text", {x: left - 6, y: top + (i + 0.5) * tall + 4, "text-anchor": "end"},
                        canopy.short(name, 14))));
    values.forEach((line, i) => line.forEach((value, j) => {
      if (!isNumber(value)) return;
      drawing.append(
          svg("rect", {
            x: left + j * cell,
            y: top + i * tall,
            width: cell - (cell > 6 ? 1 : 0),
            height: tall - (tall > 8 ? 1 : 0),
            style: `fill: rgba(var(--heat), ${(0.04 + 0.96 * share(value)).toFixed(3)})`
          },
              svg("title", {},
                  `${rowTitle} ${rows[i]}, ${columnTitle} ${columns[j]}: ${format(value)}`)));
      if (cells)
        drawing.append(
            svg("text", {
              x: left + (j + 0.5) * cell,
              y: top + (i + 0.5) * tall + 4,
              "text-anchor": "middle",
              style: `pointer-events: none; fill: var(${share(value) > 0.55 ? "--card" : "--ink"})`
            },
                format(value)));
    }));
    figure(
        element, drawing, summary,
        el("div", {class: "legend"}, format(from), el("span", {
             class: "scale",
             style: "background: linear-gradient(90deg, rgba(var(--heat), .04), rgb(var(--heat)))"
           }),
           format(to)));
  }

  function parallel(element, {axes, score, scoreTitle = "Score", names, summary}) {
    const all = [...axes, ...(score ? [{title: scoreTitle, values: score}] : [])];
    const width = Math.max(560, 130 * all.length, Math.min(1000, element.clientWidth)),
          height = 340, top = 44, bottom = height - 30, side = 60;
    const at = (i) => side + i * (width - 2 * side) / Math.max(1, all.length - 1);
    for (const axis of all) {
      axis.kinds = axis.at ? null :
                             axis.categories ??
              (axis.values.some((x) => typeof x === "string") ?
                   [...new Set(axis.values.map(String))].sort() :
                   null);
      const numbers = axis.values.map((x) => axis.log && x > 0 ? Math.log10(x) : x),
            [low, high] = range(numbers);
      axis.place = axis.at ? (_, i) => axis.at[i] :
          axis.kinds       ? (_, i) => axis.kinds.indexOf(String(axis.values[i])) /
              Math.max(1, axis.kinds.length - 1) :
                       (_, i) => isNumber(numbers[i]) ?
                       (high > low ? (numbers[i] - low) / (high - low) : 0.5) :
                       null;
      axis.ends = axis.kinds || axis.at ? null : range(axis.values);
    }
    const last = all[all.length - 1], order = last.values.map((_, i) => i);
    if (score)
      order.sort((a, b) => (score[a] ?? -Infinity) - (score[b] ?? -Infinity));  // the best on top
    const drawing = svg("svg", {
      viewBox: `0 0 ${width} ${height}`,
      role: "img",
      "aria-label": summary ?? "Parallel coordinates"
    });
    order.forEach((i, rank) => {
      const points =
          all.map((axis, k) => [at(k), axis.place(null, i)]).filter(([, y]) => y !== null);
      const strength = score ?
          0.08 + 0.92 * (rank / Math.max(1, order.length - 1)) ** Math.max(4, order.length / 12) :
          0.5;
      const path =
          points
              .map(
                  ([x, y], k) =>
                      `${k ? "L" : "M"}${x.toFixed(1)} ${(bottom - y * (bottom - top)).toFixed(1)}`)
              .join("");
      const line =
          svg("path", {
            d: path,
            fill: "none",
            "stroke-width": strength > 0.6 ? 2 : 1.2,
            style: `stroke: rgba(var(--heat), ${strength.toFixed(3)})`
          },
              svg("title", {},
                  `${names?.[i] ?? i}: ` +
                      all.map((axis) => `${axis.title} ${number(axis.values[i])}`).join(", ")));
      line.addEventListener("pointerenter", () => {
        line.style.strokeWidth = 4;
      });
      line.addEventListener("pointerleave", () => {
        line.style.strokeWidth = "";
      });
      drawing.append(line);
    });
    all.forEach((axis, k) => {
      const x = at(k),
            anchor = k === all.length - 1 ? "end" :
          k                               ? "middle" :
                                            "start",
            shift = k === all.length - 1 ? side - 4 :
          k                              ? 0 :
                                           4 - side;
      drawing.append(
          svg("line", {x1: x, x2: x, y1: top, y2: bottom, style: "stroke: var(--quiet)"}),
          svg("text", {x: x + shift, y: 14, "text-anchor": anchor, "font-weight": 600},
              canopy.short(axis.title, 18), axis.log ? " (log)" : ""));
      for (const {at: y, label} of axis.ticks ?? [])
        drawing.append(
            svg("line", {
              x1: x - 3,
              x2: x + 3,
              y1: bottom - y * (bottom - top),
              y2: bottom - y * (bottom - top),
              style: "stroke: var(--quiet)"
            }),
            svg("text", {x: x + 6, y: bottom - y * (bottom - top) + 4, class: "halo"},
                canopy.short(label, 12)));
      if (axis.kinds)
        axis.kinds.forEach(
            (name, i) => drawing.append(svg(
                "text",
                {x: x + 5, y: bottom - i / Math.max(1, axis.kinds.length - 1) * (bottom - top) + 4},
                canopy.short(name, 12))));
      else if (isNumber(axis.ends?.[0]))
        drawing.append(
            svg("text", {x: x + shift, y: bottom + 18, "text-anchor": anchor},
                number(axis.ends[0])),
            svg("text", {x: x + shift, y: top - 8, "text-anchor": anchor}, number(axis.ends[1])));
    });
    const scroll =
        el("div", {
          style: "overflow-x: auto",
          tabindex: 0,
          role: "region",
          "aria-label": "Parallel coordinates"
        },
           drawing);
    drawing.style.minWidth = `${Math.min(width, 120 * all.length)}px`;
    figure(element, scroll, summary);
  }

  // Letters would shrink with the drawing when the window, or a phone that is turned, gets narrow.
  let drawings = [];
  const fitted = (draw) => (element, spec) => {
    const place = el("div");
    element.append(place);
    const drawing = {
      place,
      draw() {
        drawing.width = place.clientWidth;
        place.replaceChildren();
        draw(place, spec);
      }
    };
    drawing.draw();
    drawings = drawings.filter((other) => other.place.isConnected);
    drawings.push(drawing);
  };
  addEventListener("resize", () => drawings.forEach((drawing) => {
    const now = drawing.place.clientWidth;
    if (now > 0 && Math.abs(now - drawing.width) > 0.2 * drawing.width) drawing.draw();
  }));

  canopy.heatmap = fitted(heatmap);
  canopy.parallel = fitted(parallel);
}
