#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include "canopy/core/random.hpp"
#include "canopy/forest/parameters.hpp"

#include "grow/bootstrap.hpp"
#include "grow/sklearn_draws.hpp"

namespace canopy::forest {

/// All random decisions of one tree, keyed by what they are for. The grower and the split search
/// take the generator as a type, so another one with these members may stand in its place.
///
/// A node's features come as a random order without repetition that depends on the node's path
/// alone. Features that an ancestor found constant are remembered: knowing them saves looking at
/// the rows and changes no outcome.
class KeyedDraws {
 public:
  using Place = Key;                         ///< names a node by its path from the root
  static constexpr bool knows_ahead = true;  ///< takes mark_constant() for features not yet drawn

  struct Feature {
    int number;
    bool known_constant;
  };

  KeyedDraws(Key tree, int features)
      : tree_{tree},
        features_{static_cast<std::uint32_t>(features)},
        order_(features_),
        changed_(order_.size()),
        is_constant_(order_.size()) {
    std::iota(order_.begin(), order_.end(), 0);
  }

  /// How often each of `rows` rows is in a bootstrap of `draws` draws.
  std::vector<std::uint16_t> bootstrap(std::size_t rows, std::uint32_t draws) const {
    std::vector<std::uint16_t> counts(rows);
    bootstrap_part(tree_, rows, draws, 0, counts);
    return counts;
  }

  Place root() const { return tree_.with("root"); }
  static Place child(Place const& parent, bool is_left) { return parent.with(is_left ? 0 : 1); }
  /// Of the node that was entered last: the left one and the right one.
  std::array<Place, 2> const& children() const { return node_.branches(); }

  /// Starts a node of which no constant features are known; those of others stay remembered.
  void enter(Place const& node) { node_.start(node); }

  /// Starts a node that inherits the first `known_constants` of the features found constant.
  void enter(Place const& node, int known_constants) {
    enter(node);
    while (std::cmp_greater(constants_.size(), known_constants)) {
      is_constant_[static_cast<std::size_t>(constants_.back())] = false;
      constants_.pop_back();
    }
    left_ = features_ - static_cast<std::uint32_t>(constants_.size());
  }

  /// False once all features that are not known to be constant have been drawn.
  bool has_more() const { return left_ > 0; }

  /// Fisher and Yates; places before `drawn_` are not read again, so nothing is put there.
  int draw() {
    auto const at = drawn_++;
    return take(at, at + node_.first().below(features_ - at));
  }
  bool has_undrawn() const { return drawn_ < features_; }

  /// Draws the first `count` features of a node, `act(feature)` gets one after another.
  template <class Act>
  void draw_first(std::uint32_t count, Act act) {
    auto const words = node_.first().at_hand();
    auto const most = std::min(count, static_cast<std::uint32_t>(words.size()));
    std::uint32_t at = 0;
    for (; at < most; ++at) {
      auto const product = std::uint64_t{words[at]} * (features_ - at);
      if (static_cast<std::uint32_t>(product) < features_) break;  // below() may reject it
      act(take(at, at + static_cast<std::uint32_t>(product >> 32)));
    }
    node_.first().skip(at);
    for (drawn_ = at; drawn_ < count;) act(draw());
  }

  Feature next() {
    auto const number = draw();
    return {number, is_constant_[static_cast<std::size_t>(number)] != 0};
  }

  /// Any feature may be reported, drawn or not, and more than once.
  void mark_constant(int feature) {
    auto& flag = is_constant_[static_cast<std::size_t>(feature)];
    if (flag) return;
    flag = true;
    constants_.push_back(feature);
    --left_;
  }

  /// The feature drawn last is not constant.
  void mark_variable() { --left_; }

  double threshold(double low, double high) { return node_.second().uniform(low, high); }

  /// Ends the node; gives the number of constant features its children know.
  int leave() {
    for (; drawn_ > 0; --drawn_) {
      auto const place = changed_[drawn_ - 1];
      order_[place] = static_cast<int>(place);
    }
    return static_cast<int>(constants_.size());
  }

 private:
  /// Draws what stands at `other` at place `at`.
  int take(std::uint32_t at, std::uint32_t other) {
    auto const number = order_[other];
    order_[other] = order_[at];
    changed_[at] = other;
    return number;
  }

  Key tree_;
  Fork node_{Key{0}};  ///< features are drawn from the first series, thresholds from the second
  std::uint32_t features_;
  std::vector<int> order_;              ///< 0, 1, 2 ... between nodes
  std::vector<std::uint32_t> changed_;  ///< where the node's draws have changed `order_`
  std::uint32_t drawn_ = 0;             ///< in this node
  std::uint32_t left_ = 0;              ///< neither known to be constant nor drawn
  std::vector<int> constants_;          ///< a stack: a node's children know its lower part
  std::vector<std::uint8_t> is_constant_;
};

/// The key of tree `tree` of the forest that `forest` names.
inline Key tree_key(Key forest, int tree) {
  return forest.with("tree").with(static_cast<std::uint64_t>(tree));
}

/// Calls `work` with the generator that the parameters ask for, at the start of tree `tree`.
template <class Work>
decltype(auto) with_draws(ForestParameters const& parameters, Key forest, int tree, int features,
                          Work&& work) {
  if (parameters.rng == Rng::keyed) return work(KeyedDraws{tree_key(forest, tree), features});
  auto const seed = parameters.random_state ? static_cast<std::uint32_t>(*parameters.random_state)
                                            : static_cast<std::uint32_t>(forest.value());
  return work(SklearnDraws{seed, tree, features});
}

}  // namespace canopy::forest
