#pragma once

#include <array>
#include <functional>
#include <string>
#include <vector>

#include "canopy/core/clock.hpp"
#include "canopy/core/options.hpp"

namespace canopy {

enum class ProgressMode { automatic, bar, lines, none };

template <>
struct Names<ProgressMode> {
  static constexpr std::array value{"auto", "bar", "lines", "none"};
};

/// "[######........]" for a share of 0 to 1.
std::string progress_bar(double share, int width);

/// What a person sees while a command works, on standard error: one block that is drawn over again
/// on a terminal, a plain line every few seconds elsewhere.
class Progress {
 public:
  /// `automatic` looks whether a person's terminal is at the other end, through mpirun if need be.
  explicit Progress(ProgressMode mode);
  ~Progress() { finish(); }

  /// Draws if it is time to. The texts are made only then.
  void update(std::function<std::vector<std::string>()> const& block,
              std::function<std::string()> const& line);
  /// A line that stays, above the block.
  void say(std::string const& text);
  /// The same whatever the mode is: what nobody must miss.
  void warn(std::string const& text);
  /// Leaves the last block standing.
  void finish();

 private:
  void draw(std::vector<std::string> const& block);
  void erase_block();

  ProgressMode mode_;
  Stopwatch clock_;
  double next_ = 0;
  std::vector<std::string> drawn_;
};

}  // namespace canopy
