#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

/// Pipelines as data: what every stage does, in order. A list is made before the run, proved to be
/// complete and free of deadlock (check.hpp), and then carried out as it stands.
namespace canopy::train {

/// One piece of the work on a micro-batch. A receive waits for the neighbour's message; a send
/// hands one over and goes on.
enum class Act : std::uint8_t {
  receive_activations,  ///< from the stage before
  forward,              ///< F; on the last stage the loss too
  send_activations,     ///< to the stage after
  receive_gradient,     ///< from the stage after
  backward,             ///< B: gradient with respect to what the stage took
  send_gradient,        ///< to the stage before
  weights,              ///< W: gradient with respect to the stage's parameters
};

struct Action {
  Act act;
  int micro_batch;
  friend bool operator==(Action, Action) = default;
};

/// "backward of micro-batch 3"
std::string to_text(Action action);

using ActionList = std::vector<Action>;       ///< of one stage
using ActionLists = std::vector<ActionList>;  ///< by stage

/// A way to order the work. Micro-batches come in ascending order, forward and backward, in all of
/// them: gradients are then summed over the tree in the order that needs the fewest buffers.
struct PipelineSchedule {
  std::string name;
  std::string summary;
  std::function<ActionLists(int stages, int micro_batches)> make;
  /// Micro-batches that a stage holds at once, from F until W: what bounds its memory.
  std::function<int(int stage, int stages, int micro_batches)> in_flight;
};

/// gpipe  all F, then all B (Huang et al. 2019): idle (S-1)/(M+S-1), holds M micro-batches
/// 1f1b   S - s times F, then B and F in turn (PipeDream-flush, Narayanan et al. 2021): idle
///        (S-1)/(M+S-1) as well, holds S - s micro-batches on stage s
/// zb-h1  1f1b with W put off into what would be idle time (Qi et al. 2023, "Zero bubble pipeline
///        parallelism", handcrafted schedule 1): idle a third of that when F, B and W take the same
///        time, holds at most S micro-batches
std::vector<PipelineSchedule> const& pipeline_schedules();

/// UserError naming the known ones.
PipelineSchedule const& pipeline_schedule(std::string_view name);

}  // namespace canopy::train
