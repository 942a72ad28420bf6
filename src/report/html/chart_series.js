"use strict";
// What Chart.js is given for the series of canopy.chart(), see charts.js.

canopy.chartSeries = (() => {
  const {isNumber, number} = canopy;
  const boxRoom = 16;  // pixels of a box; with less they cannot be told apart
  const faded = (colour, share) => colour.startsWith("#") ?
      colour + Math.round(255 * share).toString(16).padStart(2, "0") :
      colour;
  // "--c3" is the theme's colour of that name.
  const shade = (colour) => colour?.startsWith("--") ? canopy.css(colour) : colour;
  const points = (series, y) => series.x.map((x, i) => ({x, y: y[i]}));

  function boxText(series) {
    const at = (name, i) => number(series[name][i]);
    return series.x.map(
        (_, i) => `${at("min", i)} to ${at("max", i)}, quartiles ${at("q1", i)}, ${
            at("median", i)}, ${at("q3", i)}`);
  }

  // Extremes and quartiles as areas, the median as a line.
  function bands(series, base) {
    const line = (name, more) => ({
      ...base,
      type: "line",
      pointRadius: 0,
      borderWidth: 0,
      data: points(series, series[name]),
      ...more
    });
    const part = {part: true, hoverRadius: 0, pointHitRadius: 0, order: 4};
    return [
      line("median", {borderWidth: 2}),
      line("max", {...part, fill: "+3", backgroundColor: faded(base.borderColor, 0.12)}),
      line("q3", {...part, fill: "+1", backgroundColor: faded(base.borderColor, 0.25)}),
      line("q1", part),
      line("min", part),
    ];
  }

  function boxes(series, base, asBands) {
    const told = {...base, text: series.text ?? boxText(series)};
    const made = asBands ? bands(series, told) : [{
      ...told,
      type: "bar",
      data: series.x.map((x, i) => ({x, y: [series.q1[i], series.q3[i]]})),
      box: series,
      borderWidth: 1,
      borderSkipped: false,
      backgroundColor: faded(base.borderColor, 0.3),
      maxBarThickness: 26,
      order: 2,
    }];
    if (series.mean)
      made.push({
        ...base,
        type: "line",
        label: `${series.name} (mean)`,
        text: undefined,
        data: points(series, series.mean),
        borderDash: [5, 3],
        borderWidth: 1.5,
        pointRadius: asBands ? 0 : 2.5,
        pointBackgroundColor: base.borderColor,
        order: 1,
      });
    return made;
  }

  const spans = (series, base) => ({
    ...base,
    type: "bar",
    data: series.y.map((y, i) => ({y, x: [series.low[i], series.high[i]]})),
    grouped: false,
    minBarLength: 1,
    barPercentage: 0.85,
    categoryPercentage: 0.9,
    borderWidth: 0,
    maxBarThickness: series.thin ? 5 : 30,
    order: 3,
  });

  const bars = (series, base) => ({
    ...base,
    type: "bar",
    data: points(series, series.y),
    barPercentage: series.touching ? 1 : 0.9,
    categoryPercentage: series.touching ? 1 : 0.8,
    maxBarThickness: series.touching ? undefined : 90,
    order: 3,
  });

  function lines(series, base) {
    const colour = base.borderColor,
          fill = series.fill ? {fill: "origin", backgroundColor: faded(colour, 0.2)} : {};
    return {
      ...base,
      type: "line",
      data: points(series, series.y),
      stepped: series.stepped ? "before" : false,
      borderWidth: series.faint ? 1 : 2,
      borderDash: series.dash ? [6, 4] : undefined,
      borderColor: series.faint ? faded(colour, 0.45) : colour,
      pointRadius: (series.dots ?? series.x.length <= 30) ? 2.5 : 0,
      pointHoverRadius: 5,
      order: 1,
      ...fill,
    };
  }

  const scatter = (series, base) => ({
    ...base,
    type: "scatter",
    data: points(series, series.y),
    borderColor: base.backgroundColor,
    backgroundColor: base.backgroundColor,
    pointRadius: 3.5,
    pointHoverRadius: 5,
    order: 1,
  });

  function datasetsOf(series, place, asBands) {
    const colour = shade(series.colour) ?? canopy.colour(place);
    const colours = series.colours?.map(shade);
    const base = {
      label: series.name,
      borderColor: colour,
      backgroundColor: colours ?? colour,
      yAxisID: series.axis ?? "y",
      text: series.text,
      stack: series.stack
    };
    if (series.type === "box") return boxes(series, base, asBands);
    return [
      {span: spans, bar: bars, points: scatter}[series.type]?.(series, base) ?? lines(series, base)
    ];
  }

  function datasets(allSeries, width) {
    const count =
        allSeries.filter((series) => series.type === "box").map((series) => series.x.length);
    const asBands = boxRoom * canopy.sum(count) > width;
    return allSeries.flatMap((series, i) => datasetsOf(series, i, asBands));
  }

  // Whiskers and medians over the floating bars that Chart.js draws from q1 to q3.
  const whiskers = {
    id: "whiskers",
    afterDatasetsDraw(chart) {
      const pen = chart.ctx;
      const line = (x0, y0, x1, y1, width) => {
        pen.lineWidth = width;
        pen.beginPath();
        pen.moveTo(x0, y0);
        pen.lineTo(x1, y1);
        pen.stroke();
      };
      pen.save();
      chart.data.datasets.forEach((set, i) => {
        if (!set.box || !chart.isDatasetVisible(i)) return;
        pen.strokeStyle = set.borderColor;
        chart.getDatasetMeta(i).data.forEach((bar, j) => {
          if (!isNumber(set.box.q1[j])) return;
          const half = bar.width / 2,
                at = (name) => chart.scales[set.yAxisID].getPixelForValue(set.box[name][j]);
          line(bar.x, at("min"), bar.x, at("q1"), 1);
          line(bar.x, at("q3"), bar.x, at("max"), 1);
          for (const end of ["min", "max"])
            line(bar.x - half / 2, at(end), bar.x + half / 2, at(end), 1);
          line(bar.x - half, at("median"), bar.x + half, at("median"), 2.5);
        });
      });
      pen.restore();
    },
  };

  return {datasets, whiskers};
})();
