#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <unistd.h>

#include "canopy/core/random.hpp"
#include "canopy/core/text.hpp"
#include "canopy/tune/plan.hpp"

/// A model that costs nothing, for tests of how searches go.
namespace canopy::tune::test {

/// Has the parameters x (0 .. 0.9) and n; never fits anything.
struct Pretended final : Learner {
  Configuration defaults() const override { return {{"x", "0.5"}, {"n", "3"}}; }
  Space default_space() const override {
    return Space::from_toml_text(
        "x = { type = 'float', low = 0, high = 0.9 }\nn = { type = 'int', low = 1, high = 9 }");
  }
  void check(Configuration const& configuration) const override {
    if (*text::to_double(*find(configuration, "x")) > 0.9) throw UserError{"x is above 0.9"};
  }
  double cost(Configuration const& configuration) const override {
    auto const* n = find(configuration, "n");
    return n == nullptr ? 1 : *text::to_double(*n);
  }
  FoldScore fit_and_score(Configuration const&, data::Split const&, Key,
                          StopToken const&) const override {
    throw std::logic_error{"the work of these tests is `pretend`"};
  }
  std::string resource() const override { return "n"; }
};

inline FoldScore fold_score(Configuration const& configuration, int fold) {
  Stream stream{Key{3}.with(to_text(configuration)).with(static_cast<std::uint64_t>(fold))};
  return {stream.uniform(), 0.25, 0.5, {1, fold}, {}, {}};
}

inline SearchSettings settings(int trials, int folds) {
  SearchSettings result;
  result.trials = trials;
  result.folds = folds;
  return result;
}

/// The trials of a search that decides everything at once.
inline std::vector<Trial> proposed(SearchSettings const& settings, Learner const& learner,
                                   std::uint64_t seed) {
  SearchPlan plan{settings, learner, seed};
  plan.advance();
  return plan.trials();
}

inline std::string table_hash(std::vector<Trial> const& trials) {
  return trials_table(trials, {"x", "n"}).to_arrays().sha256();
}

/// A file for as long as a test needs it.
struct TemporaryFile {
  explicit TemporaryFile(std::string const& name)
      : path{std::filesystem::temp_directory_path() /
             ("canopy-search-" + std::to_string(getpid()) + name)} {}
  TemporaryFile(TemporaryFile const&) = delete;
  TemporaryFile& operator=(TemporaryFile const&) = delete;
  ~TemporaryFile() { std::filesystem::remove(path); }
  std::filesystem::path path;
};

}  // namespace canopy::tune::test
