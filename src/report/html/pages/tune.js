// The page of searches (canopy tune).

{
  const {number, percent, seconds, isNumber} = canopy;
  const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
  const score = (value) => number(value, 4);
  const statuses = [["complete", 0], ["pruned", 4], ["failed", 6], ["stopped", 5], ["running", 7]];

  /// Runs with their trials, read once for all sections.
  const searchesOf = (runs) => runs.map((run) => {
    const trials = tuneData.trialsOf(run);
    return {
      run,
      trials,
      best: tuneData.bestOf(run, trials),
      scoring: run.settings.scoring ?? "score"
    };
  });
  const scoringOf = (searches) => [...new Set(searches.map((search) => search.scoring))].join(", ");
  const ofOne = (element, searches, draw) => canopy.oneRun(
      element, searches.map((search) => search.run),
      (area, run) => draw(area, searches.find((search) => search.run === run)));
  const trialName = (trial) => trial.id === 0 ? "0 (default)" : String(trial.id);

  // ---- the verdict ----

  function whyNoVerdict(run) {
    const said = run.rows("events").findLast((event) => event.kind === "verdict");
    if (said) return said.text;
    if (run.settings.simulate)
      return "A simulated search has no verdict; its tables are at the end.";
    if (String(run.settings.verdict_repeats) === "0")
      return "No verdict was asked for: --verdict-repeats is 0.";
    return "The search has not come to its verdict.";
  }

  function drawVerdict(element, {run, trials, best, scoring}) {
    const [verdict] = run.rows("verdict"), [first] = trials;
    if (verdict) {
      const at = verdict.text.indexOf(":");
      const head = verdict.text.slice(0, at),
            rest = verdict.text.slice(at + 1).trim().replace(
                /\. [a-z]/g, (text) => text.toUpperCase());
      element.append(canopy.el(
          "p", {class: "verdict"}, canopy.el("strong", {}, `${capital(head)}. `), capital(rest)));
    } else {
      canopy.missing(element, capital(whyNoVerdict(run)));
    }
    const figures = [];
    if (best)
      figures.push({
        label: `best ${scoring} in the search`,
        value: score(best.score),
        about: `trial ${trialName(best)}`
      });
    if (first && first.score !== null)
      figures.push({label: "the default's", value: score(first.score), about: "trial 0"});
    if (verdict && isNumber(verdict.gain))
      figures.push({
        label: "gain on fresh folds",
        tone: verdict.gain_low > 0 ? "good" :
            verdict.gain_high < 0  ? "bad" :
                                     "",
        value: (verdict.gain > 0 ? "+" : "") + score(verdict.gain),
        about: `95 % interval ${score(verdict.gain_low)} to ${score(verdict.gain_high)}`
      });
    if (verdict && isNumber(verdict.held_out_best))
      figures.push({
        label: `accuracy on the ${verdict.held_out}`,
        value: percent(verdict.held_out_best),
        about: `${number(verdict.held_out_rows)} rows` +
            (best?.id === 0 ? "" : `, default ${percent(verdict.held_out_default)}`)
      });
    const climbed = new Set(run.column("rungs", "trial"));
    const tried = trials.filter(({id, foldsDone}) => foldsDone > 0 || climbed.has(id)).length;
    figures.push({
      label: "trials",
      value: number(trials.length),
      about: tried < trials.length ? `${number(tried)} with results` : null
    });
    canopy.kpis(element, figures);
  }

  const verdict = (searches) => ({
    id: "verdict",
    title: "Verdict",
    wide: true,
    draw(element) {
      for (const search of searches) {
        if (searches.length > 1) element.append(canopy.el("h4", {}, search.run.name));
        drawVerdict(element, search);
      }
    },
  });

  const judged = (searches) =>
      searches.filter(({run}) => isNumber(run.column("verdict", "gain")?.[0]));
  const gain = (searches) => ({
    id: "gain",
    lacks: judged(searches).length ?
        null :
        "it is measured when a trial beats the default in the search, unless --verdict-repeats is 0.",
    title: "Gain over the default",
    help:
        "On folds that the search has not seen: the mean and its 95 % interval. An interval that holds 0 may be chance.",
    draw(element) {
      const those = judged(searches);
      const of = (name) => those.map(({run}) => run.column("verdict", name)[0]);
      const names = those.map(({run}) => run.name);
      canopy.chart(element, {
        height: 110 + 40 * those.length,
        x: {label: `gain in ${scoringOf(those)}`, least: 0, most: 0},
        y: {type: "category", categories: names},
        series: [
          {
            name: "95 % interval",
            type: "span",
            y: names,
            low: of("gain_low"),
            high: of("gain_high"),
            colours: those.map(({run}) => run.colour),
            text: those.map(
                (_, i) => `${score(of("gain_low")[i])} to ${score(of("gain_high")[i])}, p = ${
                    number(of("p")[i], 2)}`)
          },
          {name: "mean", type: "points", x: of("gain"), y: names, colour: "--ink"},
        ],
      });
    },
  });

  const won = (searches) => searches.filter(({best}) => best);
  const noneComplete = "no trial was completed.";
  const winner = (searches) => ({
    id: "winner",
    lacks: won(searches).length ? null : noneComplete,
    title: "The best configuration",
    help: "Beside the default's; parameters that neither names are the model's.",
    table: true,
    draw(element) {
      ofOne(element, won(searches), (area, {run, trials, best}) => {
        const told = (trial, name) =>
            trial?.params[name] === "" ? null : trial?.params[name] ?? null;
        const rows =
            Object.keys(best.params)
                .map(
                    (name) =>
                        ({parameter: name, initial: told(trials[0], name), best: told(best, name)}))
                .filter((row) => row.initial !== null || row.best !== null);
        if (best.id === 0) canopy.note(area, "It is the default.");
        canopy.table(area, {
          name: `best-${run.name}`,
          rows,
          columns: [
            {key: "parameter", title: "Parameter"}, {key: "initial", title: "Default"},
            ...best.id === 0 ? [] : [{key: "best", title: `Trial ${best.id}`}]
          ]
        });
      });
    },
  });

  // ---- how it went ----

  const progress = (searches) => ({
    id: "best-so-far",
    lacks: won(searches).length ? null : noneComplete,
    title: "Best score so far",
    wide: true,
    help: "The line is the best mean score known, points are the trials that were completed.",
    draw(element) {
      canopy.switches(
          element, [{id: "by", label: "Over", options: [["time", "time"], ["trial", "trials"]]}],
          (area, {by}) => {
            const at = (trial) => by === "time" ? trial.ended : trial.id;
            const series =
                searches
                    .flatMap(({run, trials}) => {
                      const line = tuneData.bestSoFar(trials, by),
                            done = trials.filter(
                                (trial) => trial.score !== null && at(trial) !== null);
                      return [
                        {
                          name: canopy.named(run, "best so far"),
                          colour: run.colour,
                          type: "line",
                          stepped: true,
                          dots: false,
                          x: line.map((point) => point.at),
                          y: line.map((point) => point.score),
                          text: line.map((point) => `${score(point.score)} (trial ${point.trial})`)
                        },
                        {
                          name: canopy.named(run, "trials"),
                          colour: run.colour,
                          type: "points",
                          x: done.map(at),
                          y: done.map((trial) => trial.score),
                          text: done.map(
                              (trial) => `trial ${trialName(trial)}: ${score(trial.score)}`)
                        },
                      ];
                    })
                    .filter((one) => one.x.length > 0);
            canopy.chart(area, {
              height: 320,
              series,
              y: {label: scoringOf(searches), format: score},
              x: by === "time" ? {label: "time in the search (s)", least: 0} :
                                 {label: "trial", least: 0, whole: true}
            });
          });
    },
  });

  const differing = (searches) => searches.filter(
      ({trials}) => trials.some((trial) => trial.scoreSoFar !== null) &&
          tuneData.searchedParameters(trials).length > 0);
  const coordinates = (searches) => ({
    id: "coordinates",
    lacks: differing(searches).length ? null : "there are no trials that differ and have a score.",
    title: "Parameters and scores",
    wide: true,
    help:
        "A line is a trial, strong when its score is high; where strong lines meet, a value does well. Stopped trials count with the folds they did.",
    draw(element) {
      ofOne(element, differing(searches), (area, {trials, scoring}) => {
        const shown = trials.filter((trial) => trial.scoreSoFar !== null),
              names = tuneData.searchedParameters(trials);
        const axes = names.map((name) => {
          const values = shown.map((trial) => trial.params[name]),
                {place, ticks, isLog} = tuneData.axisOf(values);
          return {title: name, values, at: values.map(place), ticks, log: isLog};
        });
        canopy.parallel(area, {
          axes,
          score: shown.map((trial) => trial.score ?? trial.scoreSoFar),
          scoreTitle: scoring,
          names: shown.map((trial) => `trial ${trialName(trial)}`)
        });
      });
    },
  });

  const weighed = (searches) => searches.filter(({run}) => run.has("importances"));
  const importances = (searches) => ({
    id: "importances",
    lacks: weighed(searches).length ? null :
                                      "a search that ends, of parameters that vary, records it.",
    title: "Importance of parameters",
    help:
        "Share of the scores' variance that a parameter explains, alone or with another (functional ANOVA over the trials; Hutter 2014); thin: plus and minus one standard deviation over its trees.",
    draw(element) {
      ofOne(element, weighed(searches), (area, {run}) => {
        const most = 12, all = tuneData.importancesOf(run), shown = all.slice(0, most),
              names = shown.map((row) => row.name);
        canopy.chart(area, {
          height: 100 + 30 * shown.length,
          x: {label: "share of the variance", least: 0, format: (share) => percent(share, 0)},
          y: {type: "category", categories: names},
          series: [
            {
              type: "span",
              colour: "--ink",
              thin: true,
              y: names,
              low: shown.map((row) => Math.max(0, row.share - row.deviation)),
              high: shown.map((row) => row.share + row.deviation),
              text: shown.map((row) => `± ${percent(row.deviation, 1)}`)
            },
            {
              name: "share",
              type: "span",
              y: names,
              low: shown.map(() => 0),
              high: shown.map((row) => row.share),
              colours: shown.map((row) => row.isPair ? "--c7" : "--c0"),
              text: shown.map((row) => `${percent(row.share, 1)} ± ${percent(row.deviation, 1)}`)
            },
          ],
        });
        if (all.length > most)
          canopy.note(area, `The ${most} greatest of ${all.length}; pairs are the other colour.`);
      });
    },
  });

  canopy.tune = {score, statuses, scoringOf, ofOne, trialName, won, noneComplete};
  canopy.page("tune", {
    title: "Search",
    sections(runs) {
      const searches = searchesOf(runs);
      const {folds, slices, race, timeline, use, table} = canopy.tune.more;
      return parts.assemble([
        ...[verdict, gain, winner, progress, coordinates, importances, folds, slices, race,
            timeline, use]
            .map((section) => section(searches)),
        parts.confusion(runs), table(searches), parts.events(runs)
      ]);
    },
  });
}
