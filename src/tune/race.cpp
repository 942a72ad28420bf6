#include "canopy/tune/race.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace canopy::tune {
namespace {

class None final : public Race {
 public:
  bool looks() const override { return false; }
  std::optional<std::string> reject(std::span<FoldScore const* const>,
                                    std::span<FoldScore const* const>) const override {
    return {};
  }
};

/// Bergman, Purucker and Hutter 2024 (arXiv 2405.03389): a mean below the incumbent's worst fold.
class Forgiving final : public Race {
 public:
  std::optional<std::string> reject(std::span<FoldScore const* const> so_far,
                                    std::span<FoldScore const* const> incumbent) const override {
    double mean = 0;
    for (auto const* fold : so_far) mean += fold->score / static_cast<double>(so_far.size());
    auto const worst = (*std::ranges::min_element(incumbent, {}, &FoldScore::score))->score;
    if (mean >= worst) return {};
    return fmt::format("mean {:.4f} of {} folds, below the incumbent's worst, {:.4f}", mean,
                       so_far.size(), worst);
  }
};

}  // namespace

Registry<Race, RaceSettings const&> const& races() {
  static Registry<Race, RaceSettings const&> const list{
      {"none", "every trial gets all folds", [](auto const&) { return std::make_unique<None>(); }},
      {"forgiving", "until the mean so far is below the incumbent's worst fold",
       [](auto const&) { return std::make_unique<Forgiving>(); }},
  };
  return list;
}

}  // namespace canopy::tune
