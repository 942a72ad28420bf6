#include "kernel_clock.hpp"

#include "canopy/core/clock.hpp"

namespace canopy::app {

std::vector<Spread> KernelClock::time_parts(
    std::function<std::vector<double>()> const& work) const {
  work();  // pages and caches not yet met
  std::vector<std::vector<double>> by_part;
  for (int i = 0; i < windows_; ++i) {
    comm_.barrier();
    std::vector<double> sums;
    double runs = 0;
    for (Stopwatch clock; runs == 0 || clock.seconds() < window_; ++runs) {
      auto const parts = work();
      sums.resize(parts.size());
      for (std::size_t part = 0; part < parts.size(); ++part) sums[part] += parts[part];
    }
    for (auto& sum : sums) sum /= runs;
    for (auto const& of_rank : comm_.gather(sums)) {
      by_part.resize(of_rank.size());
      for (std::size_t part = 0; part < of_rank.size(); ++part)
        by_part[part].push_back(of_rank[part]);
    }
  }
  std::vector<Spread> spreads;
  for (auto& values : by_part) spreads.push_back(spread_of(std::move(values)));
  return spreads;
}

Spread KernelClock::time(std::function<void()> const& work) const {
  auto const parts = time_parts([&] {
    Stopwatch const clock;
    work();
    return std::vector{clock.seconds()};
  });
  return parts.empty() ? Spread{} : parts.front();
}

}  // namespace canopy::app
