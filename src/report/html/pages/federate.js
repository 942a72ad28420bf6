"use strict";

canopy.page("federate", {
  title: "Federation",
  sections: (runs) => [{
    id: "accuracy",
    title: "Accuracy",
    help: "Of the new model on the test rows, by round.",
    draw(element) {
      canopy.chart(element, {
        x: {label: "Round"},
        y: {label: "Accuracy", format: canopy.percent},
        series: runs.map((run) => ({
          name: canopy.named(run, "accuracy"),
          colour: run.colour,
          type: "line",
          x: run.column("rounds", "round"),
          y: run.column("rounds", "accuracy"),
        })),
      });
    },
  }],
});
