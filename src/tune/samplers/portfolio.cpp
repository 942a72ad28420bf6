#include <algorithm>

#include "samplers/history.hpp"
#include "samplers/makers.hpp"

namespace canopy::tune {
namespace {

constexpr std::size_t most_parameters = 10;
constexpr int most_trials = 1000;

/// Whether a Gaussian process is at home here: it has distances for what every configuration has,
/// and time for so many.
bool is_small(SamplerSettings const& settings) {
  auto const& searched = settings.space.searched();
  return searched.size() <= most_parameters && settings.wanted <= most_trials &&
         std::ranges::none_of(searched, [](Parameter const& p) { return p.condition.has_value(); });
}

/// No one search is best everywhere (Kégl 2023, arXiv 2311.15854; Benjamins et al. 2025, arXiv
/// 2506.06143): TPE and GP take turns, and every fifth proposal is a Sobol point, as are the first
/// startup_trials. Whose turn it is follows from the index, and both learn from all trials.
class Turns final : public Sampler {
 public:
  explicit Turns(SamplerSettings const& settings)
      : encoding_{settings.space},
        key_{settings.key.with("portfolio")},
        tpe_{make_tpe(settings)},
        gp_{make_gp(settings)},
        first_{make_first(settings)} {}

  bool looks_back() const override { return true; }

  std::optional<Configuration> propose(int index,
                                       std::span<Observation const> earlier) const override {
    History const history{encoding_, earlier};
    auto const turn = index % 5;
    if (history.scored() < startup_trials || turn == 4)
      return propose_first(*first_, encoding_, history, index, key_);
    return (turn % 2 == 0 ? tpe_ : gp_)->propose(index, earlier);
  }

 private:
  Encoding encoding_;
  Key key_;
  std::unique_ptr<Sampler> tpe_;
  std::unique_ptr<Sampler> gp_;
  std::unique_ptr<Sampler> first_;
};

}  // namespace

std::unique_ptr<Sampler> make_portfolio(SamplerSettings const& settings) {
  if (!is_small(settings)) return make_forest(settings);
  return std::make_unique<Turns>(settings);
}

}  // namespace canopy::tune
