#pragma once

#include <vector>

#include "samplers/history.hpp"

namespace canopy::tune {

/// What a model of the score is taught by earlier trials.
struct Lesson {
  std::vector<Point> points;
  std::vector<double> scores;  ///< of the points, with mean 0 and standard deviation 1 (or all 0)
  std::vector<Point> pending;

  double best() const;  ///< highest score; there must be one
};

/// Scores got with different resources are not compared, but to fill up: taught are trials with the
/// most resource (all of it being most), and those with less, level by level, until there are as
/// many as `enough`; BOHB's rule (Falkner et al. 2018), where it is one more than dimensions. The
/// rest is left out. A failed trial is taught as the worst of the others.
Lesson lesson(History const& history, std::size_t enough);

/// At most `most` of the examples: the better half of the places goes to the best, the others to
/// trials spread evenly over the rest. Their order stays.
Lesson representative(Lesson lesson, std::size_t most);

}  // namespace canopy::tune
