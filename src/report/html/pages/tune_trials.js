// Sections of the page of searches: what trials did, and when ranks worked on them.

{
  const {number, percent, seconds, isNumber} = canopy;
  const {score, statuses, scoringOf, ofOne, trialName, won, noneComplete} = canopy.tune;

  // ---- slices ----

  function drawSlices(element, {run, trials, best, scoring}, axis) {
    const most = 30,
          byScore = (a, b) => (trials[b.trial]?.score ?? 0) - (trials[a.trial]?.score ?? 0);
    const curves = tuneData.sliceCurves(run, trials, axis).sort(byScore);
    if (!curves.length) return canopy.missing(element, "No trial has slices along this parameter.");
    const shown = curves.slice(0, most),
          top = shown.find((curve) => curve.trial === best?.id) ?? shown[0];
    const values = top.points.map((point) => point.value),
          hasWords = values.some((value) => !isNumber(value) && isNaN(Number(value)));
    const x = (curve) =>
        curve.points.map((point) => hasWords ? String(point.value) : Number(point.value));
    const line = (curve, more) => ({
      type: "line",
      x: x(curve),
      y: curve.points.map((point) => point.score),
      text: curve.points.map((point) => `trial ${curve.trial}, ${score(point.score)}`),
      ...more
    });
    canopy.chart(element, {
      x: {label: axis, ...(hasWords ? {type: "category", categories: x(top)} : {})},
      y: {label: scoring, format: score},
      series: [
        line(top, {name: `trial ${top.trial}, the best with slices`, colour: "--c1", dots: true}),
        ...shown.filter((curve) => curve !== top).map((curve, i) => line(curve, {
                                                        name: i === 0 ? "other trials" : "",
                                                        colour: "--c0",
                                                        faint: true,
                                                        dots: false
                                                      }))
      ],
    });
    if (curves.length > most) canopy.note(element, `The ${most} best of ${curves.length} trials.`);
  }

  const sliced = (searches) =>
      searches.filter(({run}) => run.has("slices") && tuneData.sliceAxes(run).length > 0);
  const slices = (searches) => ({
    id: "slices",
    lacks: sliced(searches).length ? null : "canopy tune --slices true records them, for forests.",
    title: "Slices: the score along one parameter",
    wide: true,
    help:
        "One fit of a trial's folds scored every smaller forest within it. A line is a trial; its other parameters stay as they were found best.",
    draw(element) {
      ofOne(
          element, sliced(searches),
          (area, search) => canopy.switches(
              area, [{
                id: "axis",
                label: "Along",
                options: tuneData.sliceAxes(search.run).map((name) => [name, name])
              }],
              (inner, {axis}) => drawSlices(inner, search, axis)));
    },
  });

  // ---- how far trials went ----

  function drawRungs(element, {run, trials, best, scoring}) {
    const climbs = tuneData.rungsOf(run, trials), named = new Set();
    const order = (climb) => climb.trial === best ? 0 : climb.trial.status === "complete" ? 1 : 2;
    canopy.chart(element, {
      x: {
        label: /forest|trees/.test(run.settings.model) ? "trees" : "epochs",
        type: "category",
        categories: [...new Set(run.column("rungs", "resource"))].sort((a, b) => a - b).map(String)
      },
      y: {label: scoring, format: score},
      series: climbs.sort((a, b) => order(a) - order(b)).map(({trial, points}) => {
        const name = trial === best ? `trial ${trialName(trial)}, the best` : trial.status,
              isNew = !named.has(name);
        named.add(name);
        return {
          type: "line",
          name: isNew ? name : "",
          colour: trial === best ? "--c1" : `--c${statuses.find(([s]) => s === trial.status)[1]}`,
          faint: trial !== best,
          dots: true,
          x: points.map((point) => String(point.resource)),
          y: points.map((point) => point.score),
          text: points.map((point) => `trial ${trial.id}, ${score(point.score)}`)
        };
      }),
    });
  }

  function drawFolds(element, {trials}) {
    const categories = trials.map((trial) => String(trial.id));
    const text = (trial) => `trial ${trialName(trial)}, ${trial.status}, ${trial.foldsDone} folds` +
        (trial.scoreSoFar === null ? "" : `, ${score(trial.scoreSoFar)}`) +
        (trial.reason ? `; ${canopy.short(trial.reason, 70)}` : "");
    canopy.chart(element, {
      stacked: true,
      x: {label: "trial", type: "category", categories},
      y: {label: "folds done", whole: true, least: 0, most: trials[0]?.splits.length},
      series: statuses
                  .map(([status, colour]) => {
                    const those = trials.filter((trial) => trial.status === status);
                    return {
                      name: status,
                      colour: `--c${colour}`,
                      type: "bar",
                      x: those.map((trial) => String(trial.id)),
                      y: those.map((trial) => trial.foldsDone),
                      text: those.map(text)
                    };
                  })
                  .filter((one) => one.x.length > 0),
    });
    const none = trials.filter((trial) => trial.foldsDone === 0);
    if (none.length)
      canopy.note(
          element,
          `No fold was finished of ${
              none.slice(0, 20).map((trial) => `trial ${trial.id} (${trial.status})`).join(", ")}` +
              (none.length > 20 ? ` and ${none.length - 20} more.` : "."));
  }

  /// Searches whose trials went differently far.
  const parted = (searches) => searches.filter(
      ({run, trials}) => run.has("rungs") || trials.some((trial) => trial.status !== "complete"));
  const begun = (searches) => searches.filter(({trials}) => trials.length > 0);
  const noTrial = "no trial has begun.";
  const race = (searches) => ({
    id: "race",
    lacks: parted(searches).length ?
        null :
        "all trials went through all folds; --race or --scheduler stops some.",
    title: "How far trials went",
    wide: true,
    help:
        "With a scheduler, the score on every rung that a trial climbed; else the folds that it did before it was complete, pruned or failed.",
    draw(element) {
      ofOne(
          element, parted(searches),
          (area, search) =>
              search.run.has("rungs") ? drawRungs(area, search) : drawFolds(area, search));
    },
  });

  const folds = (searches) => ({
    id: "folds",
    lacks: won(searches).length ? null : noneComplete,
    title: "Scores of the folds",
    help:
        "Of the best trials and the default. Folds that are hard for all of them say little about the trials.",
    draw(element) {
      ofOne(element, won(searches), (area, {trials, scoring}) => {
        const ranked = trials.filter((trial) => trial.score !== null)
                           .sort((a, b) => a.rank - b.rank || a.id - b.id);
        const shown = ranked.slice(0, 10);
        if (ranked.length && !shown.some((trial) => trial.id === 0))
          shown.push(...ranked.filter((trial) => trial.id === 0));
        const categories = shown.map((trial) => trial.id === 0 ? "default" : String(trial.id));
        const count = shown[0].splits.length, byFold = count <= 7;
        const points = (fold, name, colour) => ({
          name,
          type: "points",
          colour,
          x: categories,
          y: shown.map((trial) => trial.splits[fold])
        });
        canopy.chart(area, {
          x: {label: "trial, the best first", type: "category", categories},
          y: {label: scoring, format: score},
          series: [
            ...shown[0].splits.map(
                (_, fold) => byFold ? points(fold, `fold ${fold + 1}`, `--c${fold}`) :
                                      points(fold, fold ? "" : "folds", "--c0")),
            {
              name: "mean",
              type: "line",
              colour: "--ink",
              dash: true,
              x: categories,
              y: shown.map((trial) => trial.score)
            }
          ],
        });
      });
    },
  });

  // ---- ranks ----

  // None of them is that of a status.
  const causeColours = {
    first: "--c2",
    decision: "--c1",
    way: "--c3",
    tail: "--quiet",
    open: "--rule",
    lost: "--ink"
  };

  function drawTimeline(element, {run, trials}) {
    const {ranks, end} = tuneTime.timelineOf(run);
    const status = new Map(trials.map((trial) => [trial.id, trial.status])),
          name = ({rank, host}) => `rank ${rank}` + (host ? `, ${host}` : "");
    const spans = (title, colour, pick, text) => {
      const all = ranks.flatMap((rank) => pick(rank).map((span) => ({...span, place: name(rank)})));
      return {
        name: title,
        type: "span",
        colour,
        y: all.map((span) => span.place),
        low: all.map((span) => span.begin),
        high: all.map((span) => span.end),
        text: all.map(
            (span) =>
                `${text(span)}, ${seconds(span.end - span.begin)} from ${number(span.begin)} s`)
      };
    };
    const ofFold = (task) => ({...task, begin: task.started, end: task.finished});
    canopy.chart(element, {
      height: 170 + 34 * ranks.length,
      x: {label: "time in the search (s)", min: 0, max: end},
      y: {type: "category", categories: ranks.map(name)},
      series: [
        ...statuses.map(
            ([each, colour]) => spans(
                `folds of trials: ${each}`, `--c${colour}`,
                (rank) => rank.tasks.filter((task) => status.get(task.trial) === each).map(ofFold),
                (task) => `trial ${task.trial}, fold ${task.fold + 1}${
                    task.resource ? `, to ${task.resource}` : ""}`)),
        ...Object.entries(tuneTime.causes)
            .map(
                ([cause, text]) => spans(
                    `idle: ${text}`, causeColours[cause],
                    (rank) => rank.gaps.filter((gap) => gap.cause === cause), () => text)),
      ].filter((one) => one.y.length > 0),
    });
  }

  const busy = (searches) => searches.filter(({run}) => tuneTime.timelineOf(run).end > 0);
  const noFold = "no fold was finished.";
  const timeline = (searches) => ({
    id: "timeline",
    lacks: busy(searches).length ? null : noFold,
    title: "Ranks over time",
    wide: true,
    help:
        "When each rank worked on which fold, and why it was idle between, as far as the times tell at which folds were decided on, begun and finished. Rank 0 coordinates.",
    draw: (element) => ofOne(element, busy(searches), drawTimeline),
  });

  const use = (searches) => ({
    id: "use",
    lacks: busy(searches).length ? null : noFold,
    title: "Use of the ranks",
    help: "Shares of the search: in folds, and idle by cause.",
    draw(element) {
      ofOne(element, busy(searches), (area, {run}) => {
        const {end, ...timeline} = tuneTime.timelineOf(run), uses = tuneTime.useOf(timeline);
        const categories = uses.map((row) => String(row.rank)),
              share = (name) => uses.map((row) => row[name] / end);
        const bar = (name, title, colour) =>
            ({name: title, type: "bar", colour, x: categories, y: share(name)});
        const causes = Object.entries(tuneTime.causes)
                           .filter(([cause]) => uses.some((row) => row[cause] > 0.001 * end));
        canopy.chart(area, {
          stacked: true,
          x: {label: "rank", type: "category", categories},
          y: {label: "share of the search", min: 0, max: 1, format: (value) => percent(value, 0)},
          series: [
            bar("folds", "in folds", "--c0"),
            ...causes.map(([cause, text]) => bar(cause, `idle: ${text}`, causeColours[cause]))
          ],
        });
        const mean = canopy.mean(share("folds"));
        canopy.note(
            area,
            `${percent(mean, 1)} of the time of ${uses.length} rank${
                uses.length === 1 ? "" : "s"} went into folds.`);
      });
    },
  });

  // ---- the table ----

  const table = (searches) => ({
    id: "trials",
    lacks: begun(searches).length ? null : noTrial,
    title: "Trials",
    wide: true,
    table: true,
    help: "A click on a heading sorts, words filter, CSV saves what is shown.",
    draw(element) {
      const names =
          [...new Set(searches.flatMap(({trials}) => Object.keys(trials[0]?.params ?? {})))];
      const rows = searches.flatMap(
          ({run, trials}) => trials.map(
              (trial) => ({
                run: run.name,
                trial: trial.id,
                origin: trial.origin,
                status: trial.status,
                score: trial.score,
                deviation: trial.score === null ? null : trial.deviation,
                rank: trial.rank || null,
                folds: trial.foldsDone,
                resource: trial.resource || null,
                fit: trial.fitTime,
                reason: trial.reason,
                ...Object.fromEntries(names.map(
                    (name) =>
                        [`param_${name}`, trial.params[name] === "" ? null : trial.params[name]]))
              })));
      const column = (key, title, format) => ({key, title, format});
      const columns = [
        column("trial", "Trial"), column("origin", "Origin"), column("status", "Status"),
        column("rank", "Rank"), column("score", scoringOf(searches), score),
        column("deviation", "± std", score), column("folds", "Folds"),
        column("resource", "Resource"), ...names.map((name) => column(`param_${name}`, name)),
        column("fit", "Fit of a fold", seconds), {...column("reason", "Why it ended"), wrap: true}
      ];
      canopy.table(element, {
        name: "trials",
        rows,
        columns: (searches.length > 1 ? [column("run", "Run"), ...columns] : columns)
                     .filter(({key}) => rows.some((row) => row[key] !== null && row[key] !== ""))
      });
    },
  });

  canopy.tune.more = {slices, race, folds, timeline, use, table};
}
