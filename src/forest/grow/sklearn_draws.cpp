#include "grow/sklearn_draws.hpp"

#include <bit>
#include <numeric>
#include <random>

namespace canopy::forest {
namespace {

/// numpy's RandomState(seed): MT19937 seeded by Knuth's rule, which is also the standard library's.
/// `most` is included; draws above it are thrown away.
class RandomState {
 public:
  explicit RandomState(std::uint32_t seed) : words_{seed} {}

  std::uint32_t up_to(std::uint32_t most) {
    if (most == 0) return 0;
    auto const mask = static_cast<std::uint32_t>((std::uint64_t{1} << std::bit_width(most)) - 1);
    for (;;) {
      auto const word = static_cast<std::uint32_t>(words_()) & mask;
      if (word <= most) return word;
    }
  }

 private:
  std::mt19937 words_;
};

/// randint(2^31 - 1), which is what both a forest and a splitter seed their parts with.
std::uint32_t seed_from(RandomState& state) {
  return state.up_to(0x7fff'fffe);
}

std::uint32_t seed_of_tree(std::uint32_t random_state, int tree) {
  RandomState forest{random_state};
  for (int t = 0; t < tree; ++t) seed_from(forest);
  return seed_from(forest);
}

std::uint32_t splitter_state(std::uint32_t tree_seed) {
  RandomState tree{tree_seed};
  auto const seed = seed_from(tree);
  return seed == 0 ? 1 : seed;  // xorshift would stay at 0
}

}  // namespace

SklearnDraws::SklearnDraws(std::uint32_t random_state, int tree, int features)
    : tree_seed_{seed_of_tree(random_state, tree)},
      state_{splitter_state(tree_seed_)},
      features_(static_cast<std::size_t>(features)),
      constants_(features_.size()) {
  std::iota(features_.begin(), features_.end(), 0);
}

std::vector<std::uint16_t> SklearnDraws::bootstrap(std::size_t rows, std::uint32_t draws) const {
  std::vector<std::uint16_t> counts(rows);
  RandomState state{tree_seed_};
  for (std::uint32_t i = 0; i < draws; ++i)
    ++counts[state.up_to(static_cast<std::uint32_t>(rows - 1))];
  return counts;
}

}  // namespace canopy::forest
