#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

namespace canopy::forest {

/// The random decisions of one tree as scikit-learn 1.2.1 makes them, draw by draw; stands in the
/// place of KeyedDraws. One sequence serves the whole tree, so nodes must come in scikit-learn's
/// order: what a node draws depends on all nodes before it.
class SklearnDraws {
 public:
  struct Place {};                            ///< where a node is does not matter
  static constexpr bool knows_ahead = false;  ///< a constant feature counts once it was drawn

  struct Feature {
    int number;
    bool known_constant;
  };

  /// Tree number `tree` of RandomForestClassifier(random_state=random_state), or of any other
  /// forest there.
  SklearnDraws(std::uint32_t random_state, int tree, int features);

  /// How often each of `rows` rows is in a bootstrap of `draws` draws.
  std::vector<std::uint16_t> bootstrap(std::size_t rows, std::uint32_t draws) const;

  Place root() const { return {}; }
  std::array<Place, 2> children() const { return {}; }

  void enter(Place, int known_constants) {
    known_constants_ = static_cast<std::uint32_t>(known_constants);
    drawn_constants_ = found_constants_ = 0;
    undrawn_end_ = static_cast<std::uint32_t>(features_.size());
  }

  bool has_more() const { return undrawn_end_ > known_constants_ + found_constants_; }

  /// The features stand in this order: constants that were known and drawn | known | found in this
  /// node | not yet drawn | drawn and not constant.
  Feature next() {
    auto const drawn = below(drawn_constants_, undrawn_end_ - found_constants_);
    if (drawn < known_constants_) {
      std::swap(features_[drawn], features_[drawn_constants_]);
      return {features_[drawn_constants_++], true};
    }
    last_ = drawn + found_constants_;
    return {features_[last_], false};
  }

  /// The feature drawn last is constant.
  void mark_constant(int) {
    std::swap(features_[last_], features_[known_constants_ + found_constants_]);
    ++found_constants_;
  }
  /// The feature drawn last is not constant.
  void mark_variable() { std::swap(features_[last_], features_[--undrawn_end_]); }

  double threshold(double low, double high) {
    return (high - low) * static_cast<double>(rand()) / static_cast<double>(rand_max) + low;
  }

  /// Ends the node; gives the number of constant features its children know.
  int leave() {
    std::copy_n(constants_.begin(), known_constants_, features_.begin());
    auto const total = known_constants_ + found_constants_;
    std::copy(features_.begin() + known_constants_, features_.begin() + total,
              constants_.begin() + known_constants_);
    return static_cast<int>(total);
  }

 private:
  static constexpr std::uint32_t rand_max = 0x7fff'ffff;

  /// Marsaglia's 32-bit xorshift, the lower 31 bits.
  std::uint32_t rand() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 17;
    state_ ^= state_ << 5;
    return state_ & rand_max;
  }
  std::uint32_t below(std::uint32_t low, std::uint32_t high) { return low + rand() % (high - low); }

  std::uint32_t tree_seed_;
  std::uint32_t state_;
  std::vector<int> features_;
  std::vector<int> constants_;
  std::uint32_t known_constants_ = 0;
  std::uint32_t drawn_constants_ = 0;
  std::uint32_t found_constants_ = 0;
  std::uint32_t undrawn_end_ = 0;
  std::uint32_t last_ = 0;  ///< place of the feature drawn last
};

}  // namespace canopy::forest
