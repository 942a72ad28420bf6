// Where the ranks of a search spent their time, as far as its tables tell.

const tuneTime = (() => {
  /// Why a rank was idle, in the order in which they are shown.
  const causes = {
    first: "waiting for the first fold",
    decision: "no fold was decided on yet (lag, rung or race)",
    way: "the next fold was on its way",
    tail: "end of the search: nothing left to begin",
    open: "or in a fold that is not finished yet",
    lost: "after the rank was lost",
  };

  /// The idle stretches of one rank with these tasks, of a search that took `end` seconds; `last`
  /// is the cause of what is behind the last of them.
  function gapsOf(tasks, end, last) {
    const gaps = [];
    const add = (begin, finish, cause) => {
      if (finish > begin) gaps.push({begin, end: finish, cause});
    };
    let free = 0;
    tasks.forEach((task, i) => {
      if (i === 0) {
        add(0, task.started, "first");
      } else {
        const queued = Math.min(Math.max(task.queued, free), Math.max(task.started, free));
        add(free, queued, "decision");
        add(queued, task.started, "way");
      }
      free = Math.max(free, task.finished);
    });
    add(free, end, tasks.length === 0 && last === "tail" ? "first" : last);
    return gaps;
  }

  /// How many ranks work on a fold together: --ranks-per-trial, a list that goes by rung.
  function widthsOf(run, tasks) {
    const list = String(run.settings.ranks_per_trial ?? "1").split(",").map(Number);
    const rungs = [...new Set(tasks.map((task) => task.resource))].sort((a, b) => a - b);
    return new Map(rungs.map((resource, i) => [resource, list[Math.min(i, list.length - 1)] || 1]));
  }

  /// Ranks that run folds: {rank, host, role, tasks, gaps}, and the seconds of the whole search. A
  /// fold of several ranks is one of each of them; the first of them is told.
  function timelineOf(run) {
    const tasks = run.rows("tasks").filter(
        (task) => canopy.isNumber(task.started) && task.finished > task.started);
    const end = tasks.reduce((latest, task) => Math.max(latest, task.finished), 0),
          widths = widthsOf(run, tasks);
    const lastOf = (role) => /lost/.test(role) ? "lost" :
        run.attributes.status === "complete"   ? "tail" :
                                                 "open";
    const isOf = (task, rank) => task.rank <= rank && rank < task.rank + widths.get(task.resource);
    const used = [...new Set(tasks.map((task) => task.rank))].sort((a, b) => a - b);
    const known = run.has("ranks") ? run.rows("ranks") : used.map((rank) => ({rank}));
    const ranks = known.filter((row) => used.includes(row.rank) || /worker/.test(row.role ?? ""))
                      .map((row) => {
                        const own = tasks.filter((task) => isOf(task, row.rank))
                                        .sort((a, b) => a.started - b.started);
                        return {
                          rank: row.rank,
                          host: row.host ?? "",
                          role: row.role ?? "",
                          tasks: own,
                          gaps: gapsOf(own, end, lastOf(row.role ?? ""))
                        };
                      });
    return {ranks, end};
  }

  /// Seconds of each rank in folds and by cause of idleness.
  function useOf(timeline) {
    const seconds = (spans) => spans.reduce((sum, span) => sum + span.end - span.begin, 0);
    return timeline.ranks.map(({rank, tasks, gaps}) => {
      const use = {
        rank,
        folds: seconds(tasks.map((task) => ({begin: task.started, end: task.finished})))
      };
      for (const cause of Object.keys(causes))
        use[cause] = seconds(gaps.filter((gap) => gap.cause === cause));
      return use;
    });
  }

  return {causes, gapsOf, timelineOf, useOf};
})();
