#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "canopy/core/options.hpp"

namespace canopy::forest {

enum class Kind { random_forest, extra_trees };
enum class Criterion { gini, entropy, log_loss };  ///< log_loss is entropy under another name
enum class ClassWeight { none, balanced, balanced_subsample };
/// Where random numbers come from. keyed: a tree depends on its number only, a node on its path
/// only. sklearn: the sequence of scikit-learn 1.2.1, for the same trees as there, to the last bit
/// of every number, with every parameter below and with sample weights (in double).
///
/// Not offered, by either: class_weight given as a dict (give sample weights), ccp_alpha,
/// warm_start, several outputs, negative sample weights, regression. Needs scikit-learn's own
/// accidents to match: sample weights in float32, which it multiplies in float32.
enum class Rng { keyed, sklearn };

/// A number of things, or a share of them: scikit-learn's int and float. As text "1" is a count
/// and "1.0" a share; a '.' or an 'e' makes the difference.
class Count {
 public:
  constexpr Count(int number) : value_{static_cast<double>(number)} {}
  constexpr Count(double share) : value_{share}, is_share_{true} {}

  constexpr bool is_share() const { return is_share_; }
  constexpr double value() const { return value_; }
  friend bool operator==(Count const&, Count const&) = default;

 private:
  double value_;
  bool is_share_ = false;
};

/// How many features a node looks at.
struct MaxFeatures {
  enum class Rule { sqrt, log2, all, count };
  Rule rule = Rule::sqrt;
  Count count = 1;  ///< for Rule::count

  /// Between 1 and `features`.
  int of(int features) const;
  friend bool operator==(MaxFeatures const&, MaxFeatures const&) = default;
};

/// What a forest is grown by: scikit-learn's names, meanings and defaults.
struct ForestParameters {
  Kind kind = Kind::random_forest;
  int n_estimators = 100;
  Criterion criterion = Criterion::gini;
  std::optional<int> max_depth;
  Count min_samples_split = 2;
  Count min_samples_leaf = 1;
  double min_weight_fraction_leaf = 0;
  MaxFeatures max_features;
  std::optional<int> max_leaf_nodes;
  double min_impurity_decrease = 0;
  std::optional<bool> bootstrap;  ///< None: true for random_forest, false for extra_trees
  std::optional<Count> max_samples;
  ClassWeight class_weight = ClassWeight::none;
  bool oob_score = false;
  Rng rng = Rng::keyed;
  std::optional<int> random_state;  ///< for Rng::sklearn; None: from the key of the fit

  bool uses_bootstrap() const { return bootstrap.value_or(kind == Kind::random_forest); }

  /// One row for each field.
  void describe(Options& options);
  /// Throws UserError when a field is out of range or two fields do not go together.
  void check() const;

  friend bool operator==(ForestParameters const&, ForestParameters const&) = default;
};

}  // namespace canopy::forest

namespace canopy {

template <>
struct Names<forest::Kind> {
  static constexpr std::array value{"random_forest", "extra_trees"};
};
template <>
struct Names<forest::Criterion> {
  static constexpr std::array value{"gini", "entropy", "log_loss"};
};
template <>
struct Names<forest::Rng> {
  static constexpr std::array value{"keyed", "sklearn"};
};
template <>
struct Names<forest::ClassWeight> {
  static constexpr std::array value{"none", "balanced", "balanced_subsample"};
};

template <>
struct TextForm<forest::Count> {
  static std::optional<forest::Count> parse(std::string_view word);
  static std::string print(forest::Count const& count);
};

/// "sqrt", "log2", "all" (or "None"), or a Count.
template <>
struct TextForm<forest::MaxFeatures> {
  static std::optional<forest::MaxFeatures> parse(std::string_view word);
  static std::string print(forest::MaxFeatures const& max_features);
};

}  // namespace canopy
