#include "samplers/makers.hpp"

namespace canopy::tune {
namespace {

class Random final : public Sampler {
 public:
  explicit Random(SamplerSettings const& settings)
      : space_{settings.space}, key_{settings.key.with("random")} {}

  std::optional<Configuration> propose(int index, std::span<Observation const>) const override {
    std::vector<double> point;
    for (auto const& parameter : space_.searched())
      point.push_back(
          Stream{key_.with(static_cast<std::uint64_t>(index)).with(parameter.name)}.uniform());
    return space_.at(point);
  }

 private:
  Space space_;
  Key key_;
};

}  // namespace

std::unique_ptr<Sampler> make_random(SamplerSettings const& settings) {
  return std::make_unique<Random>(settings);
}

}  // namespace canopy::tune
