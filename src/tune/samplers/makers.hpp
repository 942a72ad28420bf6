#pragma once

#include <memory>

#include "canopy/tune/sampler.hpp"

/// Each of samplers/*.cpp makes one line of the table.
namespace canopy::tune {

std::unique_ptr<Sampler> make_random(SamplerSettings const& settings);
std::unique_ptr<Sampler> make_grid(SamplerSettings const& settings);
/// UserError when the space has more than sobol_dimensions.
std::unique_ptr<Sampler> make_sobol(SamplerSettings const& settings);
std::unique_ptr<Sampler> make_tpe(SamplerSettings const& settings);
std::unique_ptr<Sampler> make_gp(SamplerSettings const& settings);
std::unique_ptr<Sampler> make_forest(SamplerSettings const& settings);
/// By the space and the number of trials one of those above, or several in turn.
std::unique_ptr<Sampler> make_portfolio(SamplerSettings const& settings);

}  // namespace canopy::tune
