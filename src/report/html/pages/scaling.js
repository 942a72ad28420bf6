// The page of scaling studies (canopy scaling collect).

{
  const {number, percent, seconds} = canopy;
  const sizeLabel = (runs) => {
    const units = new Set(runs.map((run) => scalingData.inWords(run).unit));
    return units.size === 1 ? [...units][0] : "size";
  };
  const sizesOf =
      (runs) => [...new Set(runs.flatMap((run) => run.column("scaling", "size") ?? []))].sort(
          (a, b) => a - b);

  const outcome = (runs) => ({
    id: "outcome",
    title: "What more ranks bring",
    wide: true,
    draw(element) {
      for (const run of runs) {
        const {unit, last, results, efficiency, runs: count} = scalingData.inWords(run),
                                                      weak = scalingData.isWeak(run);
        if (runs.length > 1) element.append(canopy.el("h4", {}, run.name));
        if (!last) {
          canopy.missing(element, "The study holds no runs.");
          continue;
        }
        const sizes = sizesOf([run]), times = scalingData.medians(run, "wall_seconds");
        canopy.kpis(element, [
          {
            label: `${weak ? "scaled " : ""}speed-up with ${number(last.size)} ${unit}`,
            value: `${number(last.value, 3)} ×`,
            about: `efficiency ${percent(efficiency, 0)}`
          },
          {
            label: "time, median",
            value: `${seconds(times[0].value)} → ${seconds(times[times.length - 1].value)}`,
            about: `with ${number(sizes[0])} and with ${number(last.size)}${
                weak ? `, for ${number(last.size / sizes[0], 3)} times the work` : ""}`
          },
          {
            label: "runs",
            value: number(count),
            about: `of canopy ${run.column("scaling", "command")[0]}, ${
                weak ? "weak" : "strong"} scaling`
          },
          results === null ?
              {label: "results", value: "not compared", about: "no two runs of the same work"} :
              {
                label: "results",
                value: results === 1 ? "the same" : `${results} different`,
                tone: results === 1 ? "good" : "bad",
                about: `bits of what the runs${weak ? " of each size" : ""} found`
              },
        ]);
        for (const law of scalingData.lawsOf(run)) canopy.note(element, law.text + ".");
        if (!run.has("fit")) canopy.note(element, "No law is fitted to less than two sizes.");
      }
    },
  });

  const measured = (id, title, column, label, help, format) => (runs) => ({
    id,
    title,
    help,
    draw(element) {
      const several = runs.length > 1;
      const series = runs.flatMap((run) => {
        const rows = run.rows("scaling"), medians = scalingData.medians(run, column),
              colour = run.colour;
        const curve = (law) => scalingData.curve(run, column, law);
        const line = (name, points, more) => ({
          name: canopy.named(run, name),
          type: "line",
          dots: false,
          x: points.map(({size}) => size),
          y: points.map(({value}) => value),
          ...more
        });
        return [
          {
            name: several ? "" : "runs",
            type: "points",
            colour,
            x: rows.map((row) => row.size),
            y: rows.map((row) => row[column]),
            text: rows.map((row) => `${format(row[column])}, run ${row.repeat + 1}`)
          },
          line("median", medians, {colour, dots: true}),
          ...scalingData.lawsOf(run).map((law, i) => line(law.name, curve(law), {
                                           ...(several ? {name: ""} : {}),
                                           colour: several ? colour : ["--c1", "--c4", "--c5"][i],
                                           faint: several,
                                           dash: i > 0
                                         })),
          line("ideal", curve(null), {
            ...(several ? {name: run === runs[0] ? "ideal" : ""} : {}),
            colour: several ? colour : "--quiet",
            dash: true,
            faint: several
          }),
        ];
      });
      canopy.chart(element, {
        series,
        height: 340,
        x: {label: sizeLabel(runs), whole: true},
        y: {label, least: 0, format}
      });
    },
  });
  const time = measured(
      "time", "Time", "wall_seconds", "seconds",
      "Of every run, with the median of each size, the fitted laws, and what ideal scaling would take.",
      seconds);
  const speedUp = measured(
      "speed-up", "Speed-up", "speed_up", "speed-up",
      "How many times faster than the smallest size, which counts as ideal; of weak scaling the scaled one, how many times the work in the same time.",
      (value) => number(value, 3));
  const efficiency = measured(
      "efficiency", "Efficiency", "efficiency", "efficiency",
      "Speed-up over size: the share of the machines that is put to use.",
      (value) => percent(value, 0));

  const phases = (runs) => ({
    id: "phases",
    title: "Phases by size",
    help:
        "Median seconds of each phase, as the slowest rank saw it. What does not shrink, or by weak scaling grows, bounds the speed-up.",
    draw(element) {
      canopy.oneRun(element, runs, (area, run) => {
        const {sizes, phases} = scalingData.phasesOf(run), categories = sizes.map(String);
        canopy.chart(area, {
          stacked: true,
          height: 340,
          x: {label: sizeLabel([run]), type: "category", categories},
          y: {label: "seconds", least: 0},
          series: phases.map(({name, seconds: values}, i) => ({
                               name,
                               type: "bar",
                               colour: name === "other" ? "--quiet" : `--c${i % 8}`,
                               x: categories,
                               y: values,
                               text: values.map((value) => seconds(value))
                             })),
        });
      });
    },
  });

  const names = {
    busy: ["computing", "--c0"],
    comm: ["messages", "--c1"],
    idle: ["idle", "--quiet"]
  };
  const shares = (runs) => ({
    id: "shares",
    title: "What the ranks did",
    help:
        "Mean shares of the time of all ranks: computing, exchanging messages, idle (a coordinator too).",
    draw(element) {
      canopy.oneRun(element, runs, (area, run) => {
        const {sizes, shares: all} = scalingData.sharesOf(run), categories = sizes.map(String);
        canopy.chart(area, {
          stacked: true,
          x: {label: sizeLabel([run]), type: "category", categories},
          y: {
            label: "share of the ranks' time",
            min: 0,
            max: 1,
            format: (share) => percent(share, 0)
          },
          series: all.map(({name, values}) => ({
                            name: names[name][0],
                            colour: names[name][1],
                            type: "bar",
                            x: categories,
                            y: values
                          })),
        });
      });
    },
  });

  const overhead = (runs) => ({
    id: "serial",
    lacks: sizesOf(runs).some((size) => size > 1) ? null : "it takes sizes above 1.",
    title: "Serial share",
    help:
        "Of Karp and Flatt, from each run's speed-up: level when a serial part bounds it, rising when the cost of going parallel grows.",
    draw(element) {
      canopy.chart(element, {
        x: {label: sizeLabel(runs), whole: true},
        y: {label: "serial share", least: 0, format: (share) => percent(share, 0)},
        series: runs.map((run) => {
          const points = scalingData.medians(run, "karp_flatt").filter(({value}) => value !== null);
          return {
            name: canopy.called(run, "serial share"),
            type: "line",
            dots: true,
            colour: run.colour,
            x: points.map(({size}) => size),
            y: points.map(({value}) => value)
          };
        }),
      });
    },
  });

  const table = (runs) => ({
    id: "runs-table",
    title: "Runs of the study",
    wide: true,
    table: true,
    draw(element) {
      const rows = runs.flatMap(
          (run) => run.rows("scaling").map(
              (row) => ({...row, study: run.name, run: row.run.split("/").pop()})));
      const columns = [
        {key: "study", title: "Study"}, {key: "run", title: "Run"}, {key: "size", title: "Size"},
        {key: "repeat", title: "Repeat"}, {key: "np", title: "Processes"},
        {key: "nodes", title: "Machines"}, {key: "wall_seconds", title: "Time", format: seconds},
        {key: "speed_up", title: "Speed-up"},
        {key: "efficiency", title: "Efficiency", format: percent},
        {key: "karp_flatt", title: "Serial share", format: percent}, {key: "load", title: "Load"},
        {key: "throttled_seconds", title: "Held back", format: seconds},
        {key: "result", title: "Result"}
      ];
      canopy.table(element, {
        name: "scaling",
        rows,
        columns: columns.filter(({key}) => key !== "study" || runs.length > 1)
      });
    },
  });

  canopy.page("scaling", {
    title: "Scaling",
    about: ({attributes: {started, version}}) =>
        `gathered ${started || "at an unknown time"} by canopy ${version}`,
    sections: (runs) =>
        parts.assemble([outcome, time, speedUp, efficiency, phases, shares, overhead, table].map(
            (section) => section(runs))),
  });
}
