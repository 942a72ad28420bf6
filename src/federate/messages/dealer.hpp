#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "messages/messages.hpp"

namespace canopy::federate {

/// One level of the tree: divides a job among children and puts their outcomes together. Children
/// are numbers, whose meaning is the owner's; so is how a part of a job gets to a child.
class Dealer {
 public:
  using Hand = std::function<void(int child, Job part)>;

  /// `hand` is called for every part. With `child_of` tasks go where it says (combiners have
  /// clients of their own); without, they are dealt by cost.
  Dealer(int children, Hand hand, std::function<int(Task const&)> child_of = {});

  void begin(Job job);
  /// The whole outcome, if this was the last part of its job. A child's parts of a job come back in
  /// the order in which they were handed out. Those of unknown jobs, and of children that are lost,
  /// are forgotten.
  std::optional<Outcome> add(int child, Outcome part);
  bool is_idle() const { return pending_.empty(); }
  /// Whether the child has something to do.
  bool awaits(int child) const;
  int living() const;

  /// The child is gone: what it had is dealt to the others; if there are none, to the owner, who is
  /// child number `children`.
  void lose(int child);

 private:
  struct Pending {
    Job job;
    std::map<int, std::deque<std::vector<Task>>> parts;  ///< by child, not yet back
    Outcome merged;
  };
  void deal(Pending& pending, std::vector<Task> const& tasks);
  std::vector<double> costs_under_way() const;
  int cheapest(std::vector<double> const& costs) const;
  static Job part_of(Job const& job, std::vector<Task> const& tasks);

  std::vector<char> alive_;
  Hand hand_;
  std::function<int(Task const&)> child_of_;
  std::map<std::int64_t, Pending> pending_;
};

}  // namespace canopy::federate
