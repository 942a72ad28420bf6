#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>
#include <utility>

namespace canopy {

/// Philox4x32-10: four random words from a counter and a key (Salmon et al., "Parallel random
/// numbers: as easy as 1, 2, 3", SC'11). The same words on every machine and in any order.
std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter, std::uint64_t key);

/// Says what randomness is *for*: seed, purpose, trial, fold, tree, node ... never rank or time.
///     Key{seed}.with("bootstrap").with(tree)
/// Two keys built from the same words are the same; else they are unrelated.
class Key {
 public:
  explicit constexpr Key(std::uint64_t seed) : value_{seed} {}
  Key with(std::uint64_t number) const;
  Key with(std::string_view purpose) const;
  constexpr std::uint64_t value() const { return value_; }
  friend bool operator==(Key, Key) = default;

 private:
  std::uint64_t value_;
};

/// The random numbers that belong to one key, first to last. Cheap to make, so make one where it
/// is needed. Meets UniformRandomBitGenerator, but the members below are portable and
/// std::distributions are not. A key has many series of numbers, unrelated to each other.
class Stream {
 public:
  using result_type = std::uint32_t;

  explicit Stream(Key key, std::uint32_t series = 0) : key_{key.value()}, series_{series} {}

  static constexpr result_type min() { return 0; }
  static constexpr result_type max() { return std::numeric_limits<result_type>::max(); }
  result_type operator()() {
    if (used_ == filled_) refill();
    return words_[used_++];
  }

  /// The next numbers as far as they have been worked out, and going past some of them.
  std::span<result_type const> at_hand() const {
    return std::span{words_}.subspan(used_, filled_ - used_);
  }
  void skip(std::uint32_t count) { used_ += count; }

  std::uint64_t next64() {
    auto const high = std::uint64_t{(*this)()};
    return high << 32 | (*this)();
  }

  /// Uniform in [0, 1), 53 bits.
  double uniform() { return static_cast<double>(next64() >> 11) * 0x1p-53; }
  double uniform(double low, double high) { return low + (high - low) * uniform(); }

  /// Uniform in 0 .. bound-1 without bias (Lemire 2019); `bound` at least 1.
  std::uint32_t below(std::uint32_t bound) {
    auto product = std::uint64_t{(*this)()} * bound;
    if (static_cast<std::uint32_t>(product) < bound) {
      auto const threshold = (0u - bound) % bound;
      while (static_cast<std::uint32_t>(product) < threshold)
        product = std::uint64_t{(*this)()} * bound;
    }
    return static_cast<std::uint32_t>(product >> 32);
  }

  /// Standard normal (Box-Muller, the cosine half).
  double normal();

  /// Fisher-Yates; every order is equally likely.
  template <class T>
  void shuffle(std::span<T> items) {
    for (auto i = items.size(); i > 1; --i)
      std::swap(items[i - 1], items[below(static_cast<std::uint32_t>(i))]);
  }

 private:
  friend class Fork;

  /// Several blocks where that takes no longer than one.
  void refill();
  /// With the first blocks at hand; there are four in `words`, whatever is in those behind.
  template <class Words>
  void begin(Key key, Words words, std::uint32_t blocks) {
    static_assert(sizeof words == sizeof words_);
    key_ = key.value();
    count_ = blocks;
    words_ = std::bit_cast<decltype(words_)>(words);
    filled_ = 4 * blocks;
    used_ = 0;
  }

  std::uint64_t key_;
  std::uint32_t series_;
  std::uint64_t count_ = 0;  ///< of blocks so far
  std::array<std::uint32_t, 16> words_{};
  std::uint32_t filled_ = 0;
  std::uint32_t used_ = 0;
};

/// Two series of a key, and the keys of its branches 0 and 1: what a node of a binary tree asks of
/// its key. Where vectors are long enough, all of it takes hardly longer than a part.
class Fork {
 public:
  explicit Fork(Key key) { start(key); }
  void start(Key key);

  Stream& first() { return first_; }
  Stream& second() { return second_; }
  /// Those that `with(0)` and `with(1)` give.
  std::array<Key, 2> const& branches() const { return branches_; }

 private:
  Stream first_{Key{0}};
  Stream second_{Key{0}, 1};
  std::array<Key, 2> branches_{Key{0}, Key{0}};
};

}  // namespace canopy
