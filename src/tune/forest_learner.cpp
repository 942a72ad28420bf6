#include "canopy/tune/forest_learner.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <ranges>

#include "canopy/core/clock.hpp"
#include "canopy/forest/forest.hpp"

#include "fold_scores.hpp"
#include "grown_trees.hpp"

namespace canopy::tune {
namespace {

constexpr char default_forest_space[] = R"(
n_estimators = { type = "int", low = 50, high = 300 }
max_features = ["sqrt", "log2", 0.2, 0.4, 0.6, 0.8]
max_depth = { type = "int", low = 10, high = 40, also = ["None"] }
min_samples_split = { type = "int", low = 2, high = 10 }
min_samples_leaf = { type = "int", low = 1, high = 5 }
bootstrap = [true, false]
criterion = ["gini", "entropy"]
)";

/// The axes as the forest reads them. Every value is written as in a configuration.
forest::SliceGrid slice_grid(SliceAxes const& axes, std::size_t fit_rows) {
  forest::SliceGrid grid;
  grid.max_depth.clear();
  grid.min_samples_split.clear();
  grid.min_impurity_decrease.clear();
  grid.fit_rows = fit_rows;
  for (auto const& [name, values] : axes.axes())
    for (auto const& value : values) {
      auto const p = forest_parameters(forest::Kind::random_forest, {{name, value}});
      if (name == "n_estimators") grid.n_estimators.push_back(p.n_estimators);
      if (name == "max_depth") grid.max_depth.push_back(p.max_depth);
      if (name == "min_samples_split") grid.min_samples_split.push_back(p.min_samples_split);
      if (name == "min_impurity_decrease")
        grid.min_impurity_decrease.push_back(p.min_impurity_decrease);
    }
  return grid;
}

/// No tighter than any slice of the grid.
void loosen(forest::ForestParameters& parameters, forest::SliceGrid const& grid) {
  parameters.n_estimators = std::ranges::max(grid.n_estimators);
  auto const no_cap = std::numeric_limits<int>::max();
  auto const depths =
      grid.max_depth | std::views::transform([&](auto d) { return d.value_or(no_cap); });
  auto const deepest = std::ranges::max(depths);
  parameters.max_depth = deepest == no_cap ? std::nullopt : std::optional{deepest};
  parameters.min_samples_split = 2;
  parameters.min_impurity_decrease = std::ranges::min(grid.min_impurity_decrease);
}

class ForestLearner final : public Learner {
 public:
  ForestLearner(forest::Kind kind, LearnerData data) : kind_{kind}, data_{std::move(data)} {
    constexpr std::size_t about_200_mb = 4'000'000;
    if (data_.trials_climb) grown_.keep(about_200_mb);
  }

  Configuration defaults() const override {
    forest::ForestParameters parameters;
    parameters.kind = kind_;
    Options options;
    parameters.describe(options);
    return defaults_of(options);
  }

  Space default_space() const override { return Space::from_toml_text(default_forest_space); }

  void check(Configuration const& configuration) const override {
    forest_parameters(kind_, configuration);
  }

  double cost(Configuration const& configuration) const override {
    auto const p = forest_parameters(kind_, configuration);
    auto const features = p.max_features.of(data_.table().features());
    auto const depth = std::min(p.max_depth.value_or(64), 64);
    return p.n_estimators * std::sqrt(features) * (p.uses_bootstrap() ? 0.63 : 1.0) *
           std::min(1.0, depth / 24.0) * (p.criterion == forest::Criterion::gini ? 1.0 : 1.2);
  }

  FoldScore fit_and_score(Configuration const& configuration, data::Split const& split, Key key,
                          StopToken const& stop) const override {
    FoldScore result;
    auto const parameters = forest_parameters(kind_, configuration);
    auto const model = fit(parameters, split, key, stop, result);
    Stopwatch const scoring;
    score_on(split.test, model, result);
    result.score_time = scoring.seconds();
    return result;
  }

  std::string resource() const override { return "n_estimators"; }

  std::vector<std::string> nested() const override {
    return {"n_estimators", "max_depth", "min_samples_split", "min_impurity_decrease"};
  }

  FoldScore fit_and_score_slices(Configuration const& configuration, SliceAxes const& axes,
                                 data::Split const& split, Key key,
                                 StopToken const& stop) const override {
    auto const grid = slice_grid(axes, split.train.size());
    auto parameters = forest_parameters(kind_, configuration);
    loosen(parameters, grid);
    FoldScore result;
    auto const model = fit(parameters, split, key, stop, result);
    Stopwatch const scoring;
    result.slices = model.slices(data_.table(), split.test, grid, data_.scoring).scores;
    score_on(split.test, model, result);
    result.confusion.clear();
    result.right.clear();
    result.score_time = scoring.seconds();
    return result;
  }

 private:
  forest::Forest fit(forest::ForestParameters const& parameters, data::Split const& split, Key key,
                     StopToken const& stop, FoldScore& result) const {
    Stopwatch const clock;
    auto trees = grown_.grow(data_.table(), split.train, parameters, key, stop);
    result.fit_time = clock.seconds();
    return {parameters, std::move(trees), data_.class_names, data_.feature_names};
  }

  void score_on(data::Rows const& rows, forest::Forest const& model, FoldScore& result) const {
    score_rows(data_, rows, model.predict_proba(data_.table(), rows), result);
  }

  forest::Kind kind_;
  LearnerData data_;
  GrownTrees grown_;
};

}  // namespace

forest::ForestParameters forest_parameters(forest::Kind kind, Configuration const& configuration) {
  forest::ForestParameters parameters;
  parameters.kind = kind;
  Options options;
  parameters.describe(options);
  for (auto const& [name, value] : configuration) options.set(name, value);
  parameters.check();
  return parameters;
}

forest::Kind forest_kind(std::string const& model) {
  return model == "extra_trees" ? forest::Kind::extra_trees : forest::Kind::random_forest;
}

std::unique_ptr<Learner> make_forest_learner(forest::Kind kind, LearnerData const& data) {
  return std::make_unique<ForestLearner>(kind, data);
}

}  // namespace canopy::tune
