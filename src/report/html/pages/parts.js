// What pages of several kinds of runs share.

const parts = (() => {
  const several = (runs, what) => runs.filter((run) => run.has(what));

  /// Rows are the true classes, columns what was predicted, cells the share of the row.
  function drawConfusion(element, run) {
    const rows = run.rows("confusion");
    const names = rows.map((row) => String(row.class));
    const counts = rows.map((row) => names.map((name) => row[`predicted_${name}`]));
    const shares = counts.map((row) => {
      const all = row.reduce((sum, count) => sum + count, 0);
      return row.map((count) => all > 0 ? count / all : null);
    });
    canopy.heatmap(element, {
      rows: names,
      columns: names,
      values: shares,
      min: 0,
      max: 1,
      rowTitle: "true",
      columnTitle: "predicted class",
      format: (share) => canopy.percent(share, 0),
      cells: true,
    });
    run.rows("evaluation")
        .forEach(
            (row, i) => canopy.note(
                element,
                `${i === 0 ? "These are" : "Beside them,"} ${canopy.number(row.rows)} rows (${
                    row.rows_from}): accuracy ` +
                    canopy.percent(row.accuracy) +
                    (row.scoring === "accuracy" ?
                         "." :
                         `, ${row.scoring} ${canopy.number(row.score)}.`)));
  }

  /// The sections that have what they need, halves of the page in pairs; of the others one line
  /// each at the end, which says what would record it.
  function assemble(sections) {
    let half = null;
    const shown = sections.filter((section) => !section.lacks),
          absent = sections.filter((section) => section.lacks);
    if (absent.length)
      shown.push({
        id: "absent",
        title: "Not recorded",
        wide: true,
        draw: (element) => element.append(canopy.el(
            "ul", {class: "absent"},
            absent.map(
                ({title, lacks}) =>
                    canopy.el("li", {}, canopy.el("strong", {}, `${title}: `), lacks)))),
      });
    for (const section of [...shown, {wide: true}]) {
      if (section.wide && half) half.wide = true;
      half = section.wide || half ? null : section;
    }
    return shown;
  }

  const confusion = (runs) => ({
    id: "confusion",
    lacks: several(runs, "confusion").length ? null : "runs that are complete record it.",
    title: "Confusion of classes",
    help:
        "Of the rows of each true class, the share that was predicted as each class; a perfect model has all on the diagonal.",
    draw: (element) => canopy.oneRun(element, several(runs, "confusion"), drawConfusion),
  });

  const events = (runs) => ({
    id: "events",
    title: "Events",
    help:
        "What happened beside the plan: lost ranks and what was run again, signals, resumed sessions, advice. Times count from the start of each session.",
    wide: true,
    table: true,
    draw(element) {
      const rows =
          runs.flatMap((run) => run.rows("events").map((row) => ({run: run.name, ...row})));
      if (!rows.length) return canopy.missing(element, "Nothing happened beside the plan.");
      const columns = [
        {key: "time", title: "Time", format: canopy.seconds}, {key: "rank", title: "Rank"},
        {key: "kind", title: "Kind"}, {key: "text", title: "What", wrap: true}
      ];
      canopy.table(element, {
        name: "events",
        rows,
        columns: runs.length > 1 ? [{key: "run", title: "Run"}, ...columns] : columns
      });
    },
  });

  return {several, assemble, confusion, events};
})();
