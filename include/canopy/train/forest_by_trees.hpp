#pragma once

#include <functional>
#include <string>
#include <vector>

#include "canopy/comm/farm.hpp"
#include "canopy/forest/tree.hpp"

namespace canopy::train {

/// Trees first .. last-1 of a forest: the piece of a fit that one rank takes.
struct TreeBlock {
  int first = 0;
  int last = 0;

  int size() const { return last - first; }
  template <class Archive>
  void fields(Archive& archive) {
    archive(first, last);
  }
  friend bool operator==(TreeBlock, TreeBlock) = default;
};

/// The trees of a forest by number; one without nodes is not grown yet.
using Trees = std::vector<forest::Tree>;

int count_grown(Trees const& trees);

/// Cuts the trees that are not grown yet into blocks of about half a second, by the speed measured
/// so far, and smaller ones towards the end, so that nobody waits long for the last one. Any cut
/// gives the same forest, since a tree depends on its own number only.
class TreeDealer {
 public:
  TreeDealer(Trees const& trees, int ranks);

  bool empty() const { return left_ == 0; }
  /// The next trees. There must be some left.
  TreeBlock take();
  /// A rank took so long for the block.
  void measured(TreeBlock block, double seconds);

 private:
  std::vector<TreeBlock> gaps_;  ///< what is left to be dealt, the lowest last
  int left_ = 0;
  int ranks_;
  int measured_trees_ = 0;
  double measured_seconds_ = 0;
};

/// How a forest is grown over a farm.
struct ForestJob {
  /// The payload of the task that grows the block; its result is trees_to_bytes.
  std::function<Bytes(TreeBlock)> task;
  /// Grows the root's own part, asking the token now and then, which looks at the mailbox. Without
  /// it the root deals only.
  std::function<Trees(TreeBlock, StopToken const&)> grow_here;
  /// Asked all the time.
  std::function<bool()> interrupted;
  /// Shown the trees all the time.
  std::function<void(Trees const&)> watch;
  /// First number of the farm's tasks; the others follow by number of tree.
  comm::TaskId first_id = 0;
};

/// On the coordinator: grows the trees that are missing. What is grown is the same for any number
/// of workers. Throws Stopped when `interrupted` says so, with all that was grown in `trees`;
/// std::runtime_error when a worker could not do its part.
void grow_over(comm::Farm& farm, ForestJob const& job, Trees& trees);

/// Trees on their way.
Bytes trees_to_bytes(Trees const& trees);
Trees trees_from_bytes(Bytes const& bytes);

}  // namespace canopy::train
