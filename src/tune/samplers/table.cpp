#include "samplers/makers.hpp"

namespace canopy::tune {

Registry<Sampler, SamplerSettings const&> const& samplers() {
  static Registry<Sampler, SamplerSettings const&> const list{
      {"random", "independent draws from the space", make_random},
      {"grid", "all combinations; a keyed sample of them when --trials is smaller", make_grid},
      {"sobol", "scrambled Sobol points, which fill the space evenly", make_sobol},
      {"tpe", "tree-structured Parzen estimator: where good trials are denser than others",
       make_tpe},
      {"gp", "Gaussian process and the expected improvement", make_gp},
      {"forest", "a forest of scores and the expected improvement, as SMAC does", make_forest},
      {"portfolio",
       "tpe and gp in turn; forest above 10 parameters, 1000 trials, or with conditions",
       make_portfolio},
  };
  return list;
}

}  // namespace canopy::tune
