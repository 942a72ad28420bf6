"use strict";
// The list of runs that `canopy dashboard` begins with. Its one "run" has a table `runs`, a row
// each.

canopy.page("dashboard", {
  title: "Runs",
  bare: true,  // nothing of what a run's own page has
  sections(runs) {
    const {el, state} = canopy;
    const rows = runs[0].rows("runs"), total = runs[0].column("count", "runs")[0];
    const address = (name) => "/run/" + name.split("/").map(encodeURIComponent).join("/");
    const picked = () =>
        rows.map((row) => row.name).filter((name) => state.choices["picked/" + name]);

    // A link when there is something to compare, else how to get there.
    function comparison(place) {
      const names = picked();
      place.replaceChildren(
          names.length < 2 ?
              el("span", {class: "note"},
                 names.length ? "Tick another run to compare it with." :
                                "Tick runs to compare them on one page.") :
              el("a", {
                id: "compare",
                class: "button",
                href: "/compare?" + names.map((name) => "run=" + encodeURIComponent(name)).join("&")
              },
                 `Compare ${names.length} runs`));
    }

    function tick(row, place) {
      const box = el("input", {
        type: "checkbox",
        id: "pick-" + row.name,
        "aria-label": `Compare ${row.name}`,
        checked: state.choices["picked/" + row.name],
        onchange: () => {
          state.choices["picked/" + row.name] = box.checked;
          comparison(place);
        }
      });
      return box;
    }

    function draw(element) {
      if (!rows.length)
        return canopy.missing(
            element,
            "No runs yet. Those of `canopy tune`, `train` and `federate` appear as soon as they begin.");
      const count = new Map();
      for (const row of rows) count.set(row.status, (count.get(row.status) ?? 0) + 1);
      const order = ["running", "complete", "interrupted", "failed", "unreadable", "unread"].filter(
          (status) => count.has(status));
      const place = el("p", {class: "comparison"});
      element.append(
          el("p", {class: "help"},
             `${total > rows.length ? `The ${canopy.number(rows.length)} newest of ` : ""}` +
                 `${canopy.number(total)} run${total === 1 ? "" : "s"}: ` +
                 order.map((status) => `${count.get(status)} ${status}`).join(", ") +
                 ", newest first"),
          place);
      comparison(place);
      const readable = (row) => row.status !== "unreadable" && row.status !== "unread";
      canopy.table(element, {
        name: "runs",
        rows,
        perPage: 50,
        stack: true,
        columns: [
          {
            key: "name",
            title: "Run",
            node: (row) =>
                el("span", {class: "name"},
                   readable(row) ?
                       [tick(row, place), " ", el("a", {href: address(row.name)}, row.name)] :
                       row.name)
          },
          {
            key: "status",
            title: "Status",
            node: (row) => el("span", {class: "status " + row.status}, row.status)
          },
          {key: "command", title: "Command"},
          {
            key: "headline",
            title: "Result",
            node: (row) => row.problem ? el("span", {class: "error"}, row.problem) : row.headline
          },
          {
            key: "started",
            title: "Started (UTC)",
            format: (text) => text.replace("T", " ").replace("Z", "")
          },
          {key: "seconds", title: "Duration", format: canopy.seconds},
          {key: "np", title: "Processes", format: (np) => np ? String(np) : ""},
        ],
      });
    }
    return [{id: "list", title: "Runs", wide: true, draw}];
  },
});
