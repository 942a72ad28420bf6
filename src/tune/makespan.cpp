#include "canopy/tune/makespan.hpp"

#include <algorithm>
#include <functional>
#include <queue>
#include <vector>

namespace canopy::tune {

FarmTime makespan(std::span<double const> tasks, int workers, double per_task) {
  std::priority_queue<double, std::vector<double>, std::greater<>> free_at;
  for (int worker = 0; worker < workers; ++worker) free_at.push(0);
  FarmTime time;
  double handed = 0;
  double busy = 0;
  for (auto const task : tasks) {
    handed += per_task;
    auto const end = std::max(free_at.top(), handed) + task;
    free_at.pop();
    free_at.push(end);
    time.seconds = std::max(time.seconds, end);
    busy += task;
  }
  if (time.seconds > 0) time.utilisation = busy / (workers * time.seconds);
  return time;
}

}  // namespace canopy::tune
