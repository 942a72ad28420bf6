#include <span>

#include "samplers/makers.hpp"

namespace canopy::tune {
namespace {

/// The whole grid in order when the search has room for it, else a keyed sample of it, so that a
/// search cut short has not seen one corner only.
class Grid final : public Sampler {
 public:
  explicit Grid(SamplerSettings const& settings) : grid_{settings.space.grid()} {
    if (static_cast<std::size_t>(settings.wanted) < grid_.size())
      Stream{settings.key.with("grid")}.shuffle(std::span{grid_});
  }

  std::optional<Configuration> propose(int index, std::span<Observation const>) const override {
    if (static_cast<std::size_t>(index) >= grid_.size()) return {};
    return grid_[static_cast<std::size_t>(index)];
  }

 private:
  std::vector<Configuration> grid_;
};

}  // namespace

std::unique_ptr<Sampler> make_grid(SamplerSettings const& settings) {
  return std::make_unique<Grid>(settings);
}

}  // namespace canopy::tune
