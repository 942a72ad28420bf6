#include "canopy/forest/parameters.hpp"

#include <algorithm>
#include <cmath>

namespace canopy::forest {
namespace {

Rule<std::optional<int>> none_or_at_least(int low) {
  return {"None or at least " + std::to_string(low),
          [low](auto const& value) { return !value || *value >= low; }};
}

bool is_share_up_to_one(Count const& count) {
  return count.is_share() && count.value() > 0 && count.value() <= 1;
}

bool is_number_from(int low, Count const& count) {
  return !count.is_share() && count.value() >= low;
}

Rule<Count> split_rule() {
  return {"at least 2, or a share as in 0.01, at most 1.0",
          [](Count const& c) { return is_number_from(2, c) || is_share_up_to_one(c); }};
}

Rule<Count> leaf_rule() {
  return {"at least 1, or a share as in 0.01, less than 1.0", [](Count const& c) {
            return is_number_from(1, c) || (is_share_up_to_one(c) && c.value() < 1);
          }};
}

Rule<MaxFeatures> features_rule() {
  return {"sqrt, log2, all, at least 1, or a share as in 0.3, at most 1.0",
          [](MaxFeatures const& m) {
            return m.rule != MaxFeatures::Rule::count || is_number_from(1, m.count) ||
                   is_share_up_to_one(m.count);
          }};
}

Rule<std::optional<Count>> samples_rule() {
  return {"None, at least 1, or a share as in 0.5, at most 1.0",
          [](auto const& c) { return !c || is_number_from(1, *c) || is_share_up_to_one(*c); }};
}

void check_ranges(ForestParameters parameters) {
  Options options;
  parameters.describe(options);
  for (auto const& row : options.rows()) row.set(row.get());
}

}  // namespace

int MaxFeatures::of(int features) const {
  auto const wanted = [&]() -> double {
    switch (rule) {
      case Rule::sqrt:
        return std::sqrt(features);
      case Rule::log2:
        return std::log2(features);
      case Rule::all:
        return features;
      case Rule::count:
        return count.is_share() ? count.value() * features : count.value();
    }
    return features;
  }();
  return std::clamp(static_cast<int>(std::min(wanted, 2e9)), 1, std::max(1, features));
}

void ForestParameters::describe(Options& o) {
  o.group("Forest");
  o.row("kind", kind, "random_forest searches the best split, extra_trees draws thresholds",
        any<Kind>("one of random_forest, extra_trees"));
  o.row("n-estimators", n_estimators, "trees", at_least(1));
  o.row("criterion", criterion, "impurity that a split lowers; log_loss is entropy",
        any<Criterion>("one of gini, entropy, log_loss"));
  o.row("max-depth", max_depth, "levels below the root", none_or_at_least(1));
  o.row("min-samples-split", min_samples_split, "rows, or share of rows, a node needs to be split",
        split_rule());
  o.row("min-samples-leaf", min_samples_leaf, "rows, or share of rows, in every leaf", leaf_rule());
  o.row("min-weight-fraction-leaf", min_weight_fraction_leaf,
        "share of the total row weight in every leaf", between(0.0, 0.5));
  o.row("max-features", max_features, "features looked at in a node, as number, share or rule",
        features_rule());
  o.row("max-leaf-nodes", max_leaf_nodes, "grow best node first up to so many leaves",
        none_or_at_least(2));
  o.row("min-impurity-decrease", min_impurity_decrease, "least gain of a split", at_least(0.0));
  o.row("bootstrap", bootstrap,
        "draw rows for each tree; None: true for random_forest, false for extra_trees",
        any<std::optional<bool>>("true, false or None"));
  o.row("max-samples", max_samples, "rows, or share of rows, in a bootstrap", samples_rule());
  o.row("class-weight", class_weight, "weigh classes by inverse frequency",
        any<ClassWeight>("one of none, balanced, balanced_subsample"));
  o.row("oob-score", oob_score, "score on the rows outside of the bootstraps",
        any<bool>("true or false"));
  o.row("rng", rng, "sklearn grows the trees of scikit-learn 1.2.1 for --random-state",
        any<Rng>("one of keyed, sklearn"));
  o.row("random-state", random_state, "seed of --rng sklearn; None: one that follows from --seed",
        none_or_at_least(0));
}

void ForestParameters::check() const {
  check_ranges(*this);
  if (rng == Rng::keyed && random_state)
    throw UserError{"--random-state is " + std::to_string(*random_state) +
                    " but --rng is keyed: its trees follow from --seed; set --rng sklearn or "
                    "--random-state None"};
  if (uses_bootstrap()) return;
  if (max_samples)
    throw UserError{"--max-samples is '" + TextForm<Count>::print(*max_samples) +
                    "' but --bootstrap is false: every tree sees all rows; "
                    "set --bootstrap true or --max-samples None"};
  if (oob_score)
    throw UserError{
        "--oob-score is true but --bootstrap is false: no row is out of the bag; "
        "set --bootstrap true or --oob-score false"};
}

}  // namespace canopy::forest

namespace canopy {

using forest::Count;
using forest::MaxFeatures;

std::optional<Count> TextForm<Count>::parse(std::string_view word) {
  if (word.find_first_of(".eE") != word.npos) {
    auto const share = text::to_double(word);
    return share ? std::optional{Count{*share}} : std::nullopt;
  }
  auto const number = TextForm<int>::parse(word);
  return number ? std::optional{Count{*number}} : std::nullopt;
}

std::string TextForm<Count>::print(Count const& count) {
  auto word = text::shortest(count.value());
  if (count.is_share() && word.find_first_of(".e") == word.npos) word += ".0";
  return count.is_share() ? word : std::to_string(static_cast<int>(count.value()));
}

std::optional<MaxFeatures> TextForm<MaxFeatures>::parse(std::string_view word) {
  if (word == "sqrt") return MaxFeatures{MaxFeatures::Rule::sqrt};
  if (word == "log2") return MaxFeatures{MaxFeatures::Rule::log2};
  if (word == "all" || word == "None") return MaxFeatures{MaxFeatures::Rule::all};
  auto const count = TextForm<Count>::parse(word);
  return count ? std::optional{MaxFeatures{MaxFeatures::Rule::count, *count}} : std::nullopt;
}

std::string TextForm<MaxFeatures>::print(MaxFeatures const& max_features) {
  switch (max_features.rule) {
    case MaxFeatures::Rule::sqrt:
      return "sqrt";
    case MaxFeatures::Rule::log2:
      return "log2";
    case MaxFeatures::Rule::all:
      return "all";
    case MaxFeatures::Rule::count:
      break;
  }
  return TextForm<Count>::print(max_features.count);
}

}  // namespace canopy
