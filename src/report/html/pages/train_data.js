// What the page of trained models shows, worked out from the tables of a run file.

const trainData = (() => {
  const count = (number, thing) => `${canopy.number(number)} ${thing}${number === 1 ? "" : "s"}`;
  const distinct = (values) => [...new Set(values)];
  const isForest = (run) => /^(forest|extra_trees)$/.test(run.settings.model);

  /// Epochs with the samples and seconds of training up to their end, without what is done between
  /// epochs. The rows are known of complete runs; samples are null without them.
  function epochsOf(run) {
    const rows = run.column("model", "rows")?.[0] ?? null;
    let seconds = 0;
    return run.rows("epochs").map((row) => {
      seconds += rows === null ? row.compute_seconds + row.exposed_comm_seconds + row.idle_seconds :
                                 rows / row.samples_per_second;
      return {...row, samples: rows === null ? null : rows * row.epoch, seconds};
    });
  }

  const layerNames = (first, last) => last < first ? "no layers" :
      first === last                               ? `layer ${first}` :
                                                     `layers ${first} to ${last}`;

  function stagesInWords(run, rows) {
    const names = run.rows("pipeline");
    return rows.map((row) => {
      const layers = names[row.stage]?.layers;
      return `Stage ${row.stage} has ${layerNames(row.first_layer, row.last_layer)}` +
          (layers ? ` (${layers})` : "") + `, ${count(row.parameters, "parameter")}.`;
    });
  }

  function networkInWords(run) {
    const rows = run.rows("layout"), [first] = rows;
    const machines = distinct(rows.map((row) => row.host)).length;
    const where = `${count(rows.length, "rank")} on ${count(machines, "machine")}`;
    const shards = rows.reduce(
        (sum, row) => row.stage === 0 && row.role !== "server" ? sum + row.shards : sum, 0);
    const batch = run.settings.batch_size ?
        `the ${count(Number(run.settings.batch_size), "row")} of an update` :
        "an update";
    const sums =
        first.sums && first.sums !== "none" ? [`Gradients are summed by ${first.sums}.`] : [];
    const stages = distinct(rows.map((row) => row.stage)).length;
    const replicas = distinct(rows.map((row) => row.replica)).length;
    const schedule = run.column("pipeline", "schedule")?.[0];
    switch (first.strategy) {
      case "pipeline":
      case "hybrid":
        return [
          `${where}: ${
              replicas === 1 ? "one pipeline" : `${replicas} pipelines side by side, each`} of ` +
              `${count(stages, "stage")}. ${batch[0].toUpperCase() + batch.slice(1)} are cut into ${
                  count(shards, "micro-batch").replace(/hs$/, "hes")}` +
              `${schedule ? `, which run through the stages in the order of ${schedule}` : ""}.`,
          ...stagesInWords(run, rows.filter((row) => row.replica === rows[0].replica)), ...sums
        ];
      case "ps": {
        const servers = rows.filter((row) => row.role === "server"),
              workers = rows.length - servers.length;
        const late = String(run.settings.staleness ?? "");
        const pace = late === "0" ? "wait for each other after every update" :
            late === "inf"        ? "go on as they please" :
                                    `may be ${count(Number(late), "update")} ahead of the slowest`;
        return [
          `${where}: ${count(workers, "worker")} with the whole network (${
              count(first.parameters, "parameter")}) and ` +
          `${count(servers.length, "server")} that hold${
              servers.length === 1 ? "s" : ""} its weights. Workers ${pace}.`
        ];
      }
      default:
        if (rows.length === 1)
          return [`One rank has the whole network (${
              count(first.parameters, "parameter")}) and works out all of ${batch}.`];
        return [
          `${where}: every rank has the whole network (${
              count(first.parameters, "parameter")}) and works out its part of ` +
              `${batch}, which is cut into ${count(shards, "shard")} (${
                  rows.map((row) => row.shards).join(" + ")}).`,
          ...sums
        ];
    }
  }

  function forestInWords(run) {
    const [model] = run.rows("model"), ranks = run.rows("ranks");
    const {np, nodes} = run.attributes;  // ranks are told when a session ends
    const machines = ranks.length ? distinct(ranks.map((row) => row.host)).length : nodes;
    const where = `${count(ranks.length || np, "rank")} on ${count(machines, "machine")}`;
    const grown = model ? ` ${canopy.number(model.trees)} trees of ${
                              canopy.number(model.nodes)} nodes from ${count(model.rows, "row")}.` :
                          "";
    if (String(run.settings.rows_sharded) === "true")
      return [
        `${where}: every rank holds a part of the rows, and all grow each tree together.${grown}`
      ];
    return [`${
        where}: every rank holds all rows and grows some of the trees, dealt in blocks as ranks become free.${
        grown}`];
  }

  const inWords = (run) => isForest(run) ? forestInWords(run) :
      run.has("layout")                  ? networkInWords(run) :
                                           [];

  /// From when on all rows take part in the out-of-bag score.
  function votesInWords(run) {
    const rows = run.rows("oob_curve"), last = rows[rows.length - 1],
          all = run.column("model", "rows")?.[0];
    const first = rows.find((row) => row.rows_with_vote === all);
    if (first) return `all ${count(all, "row")} have a vote from ${count(first.trees, "tree")} on`;
    return `${count(last.rows_with_vote, "row")}${
        all ? ` of ${canopy.number(all)}` : ""} have a vote; the others count as the first class`;
  }

  /// Which rows features were shuffled in.
  function permutedRows(run) {
    const from = run.column("permutation_importances", "rows_from")[0];
    const where = from === "training" ?
        "the rows learnt from, where a forest leans on what it knows by heart" :
        `rows that the forest has not seen (${from})`;
    return `${count(Number(run.settings.permutation_repeats), "repeat")} on ${where}.`;
  }

  /// Seconds of each rank: {rank, computing, messages, idle}.
  const useOf = (run) => run.rows("ranks").map((row) => ({
                                                 rank: row.rank,
                                                 computing: row.busy_seconds,
                                                 messages: row.comm_seconds,
                                                 idle: row.idle_seconds
                                               }));

  /// Counts by value, over all ranks: {values, counts}; of /staleness or /leads.
  function histogramOf(run, table, value, weight) {
    const sums = new Map();
    for (const row of run.rows(table))
      sums.set(row[value], (sums.get(row[value]) ?? 0) + row[weight]);
    const values = [...sums.keys()].sort((a, b) => a - b);
    return {values, counts: values.map((each) => sums.get(each))};
  }

  return {count, isForest, epochsOf, inWords, votesInWords, permutedRows, useOf, histogramOf};
})();
