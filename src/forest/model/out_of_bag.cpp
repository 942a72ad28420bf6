#include "canopy/forest/out_of_bag.hpp"

#include "canopy/core/error.hpp"

#include "grow/bag.hpp"
#include "grow/draws.hpp"
#include "model/rows_outside.hpp"

namespace canopy::forest {

void check_bootstraps(ForestParameters const& parameters) {
  if (!parameters.uses_bootstrap())
    throw UserError{
        "the out-of-bag score was asked for but --bootstrap is false: no row is out of the bag; "
        "set --bootstrap true or --oob-score false"};
}

std::vector<std::uint32_t> rows_outside(ForestParameters const& parameters, Key key, int tree,
                                        std::size_t rows) {
  auto const counts = with_draws(parameters, key, tree, 0, [&](auto const& draws) {
    return draws.bootstrap(rows, bootstrap_size(parameters, rows));
  });
  std::vector<std::uint32_t> outside;
  for (std::uint32_t i = 0; i < counts.size(); ++i)
    if (counts[i] == 0) outside.push_back(i);
  return outside;
}

std::vector<std::int64_t> rows_with_vote(ForestParameters const& parameters, std::size_t rows,
                                         Key key) {
  check_bootstraps(parameters);
  std::vector<bool> votes(rows);
  std::int64_t number = 0;
  std::vector<std::int64_t> curve;
  for (int tree = 0; tree < parameters.n_estimators; ++tree) {
    for (auto const row : rows_outside(parameters, key, tree, rows)) {
      number += votes[row] ? 0 : 1;
      votes[row] = true;
    }
    curve.push_back(number);
  }
  return curve;
}

}  // namespace canopy::forest
