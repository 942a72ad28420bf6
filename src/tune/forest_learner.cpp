#include "canopy/tune/forest_learner.hpp"

#include <cmath>

#include "canopy/core/clock.hpp"
#include "canopy/data/metrics.hpp"
#include "canopy/forest/forest.hpp"

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

std::vector<std::uint64_t> right_rows(std::span<std::uint16_t const> truth,
                                      std::span<std::uint16_t const> predictions) {
  std::vector<std::uint64_t> right((truth.size() + 63) / 64);
  for (std::size_t i = 0; i < truth.size(); ++i)
    right[i / 64] |= std::uint64_t{truth[i] == predictions[i]} << i % 64;
  return right;
}

class ForestLearner final : public Learner {
 public:
  ForestLearner(forest::Kind kind, LearnerData data) : kind_{kind}, data_{std::move(data)} {}

  Configuration defaults() const override {
    forest::ForestParameters parameters;
    parameters.kind = kind_;
    Options options;
    parameters.describe(options);
    Configuration all;
    for (auto const& row : options.rows())
      all.emplace_back(text::replace_all(row.name, '-', '_'), row.initial);
    return all;
  }

  Space default_space() const override { return Space::from_toml_text(default_forest_space); }

  void check(Configuration const& configuration) const override {
    forest_parameters(kind_, configuration);
  }

  double cost(Configuration const& configuration) const override {
    auto const p = forest_parameters(kind_, configuration);
    auto const features = p.max_features.of(data_.table.features());
    auto const depth = std::min(p.max_depth.value_or(64), 64);
    return p.n_estimators * std::sqrt(features) * (p.uses_bootstrap() ? 0.63 : 1.0) *
           std::min(1.0, depth / 24.0) * (p.criterion == forest::Criterion::gini ? 1.0 : 1.2);
  }

  FoldScore fit_and_score(Configuration const& configuration, data::Split const& split, Key key,
                          StopToken const& stop) const override {
    auto const parameters = forest_parameters(kind_, configuration);
    FoldScore result;
    Stopwatch const fit;
    auto trees = forest::grow_trees(data_.table, split.train, parameters, key, 0,
                                    parameters.n_estimators, stop);
    forest::Forest const model{parameters, std::move(trees), data_.class_names,
                               data_.feature_names};
    result.fit_time = fit.seconds();
    Stopwatch const scoring;
    auto const probabilities = model.predict_proba(data_.table, split.test);
    std::vector<std::uint16_t> truth;
    for (auto const row : split.test) truth.push_back(data_.table.labels()[row]);
    result.score = data::score(data_.scoring, truth, probabilities);
    auto const predictions = data::predicted_classes(probabilities);
    result.confusion = data::ConfusionMatrix{truth, predictions, data_.table.classes()}.counts();
    result.right = right_rows(truth, predictions);
    result.score_time = scoring.seconds();
    return result;
  }

 private:
  forest::Kind kind_;
  LearnerData data_;
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

Registry<Learner, LearnerData const&> const& learners() {
  static Registry<Learner, LearnerData const&> const list{
      {"forest", "random forest (Breiman 2001)",
       [](auto const& d) { return make_forest_learner(forest::Kind::random_forest, d); }},
      {"extra_trees", "extremely randomized trees (Geurts et al. 2006)",
       [](auto const& d) { return make_forest_learner(forest::Kind::extra_trees, d); }},
  };
  return list;
}

}  // namespace canopy::tune
