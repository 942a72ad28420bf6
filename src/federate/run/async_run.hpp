#pragma once

#include <map>

#include "run/server.hpp"

namespace canopy::federate {

/// A run without rounds: clients set out from the newest model and their updates are taken in the
/// order of virtual time. All that are at work have their model already, so that ranks work them
/// out at the same time whatever the order.
class AsyncRun {
 public:
  explicit AsyncRun(Server& server);
  /// Up to the next step of the server. UserError when that does not come, because all updates are
  /// rejected or dropped.
  void step();

 private:
  void fill_places();
  bool may_begin(std::size_t place) const;
  bool begin(std::size_t place);
  void send(Flight const& flight);
  Flight take_next();
  Outcome await(std::int64_t number);
  /// True when the server made a step.
  bool arrive(Flight const& flight);
  void note(UpdateRow row);
  void count_bytes(Flight const& flight);
  void finish_step();

  Server& server_;
  std::map<std::int64_t, std::int64_t> jobs_;  ///< by dispatch
  std::map<std::int64_t, Outcome> arrived_;    ///< by job, really; not yet in virtual time
  // since the last step
  std::vector<int> cohort_;
  std::int64_t row_taken_ = 0;  ///< updates
  nn::Loss loss_;
  std::int64_t seen_ = 0;
  std::uint64_t bytes_ = 0;
  RoundRow row_;
  Stopwatch clock_;
};

}  // namespace canopy::federate
