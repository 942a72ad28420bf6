#pragma once

#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "canopy/tune/space.hpp"

namespace canopy::tune {

/// A configuration as numbers, one per dimension of an Encoding; NaN where that is not there.
using Point = std::vector<double>;

/// One number that a model knows of a configuration. A list of words is one of these, a range too;
/// a range with words besides it is two: which word (or the range), and where in the range.
struct Dimension {
  std::size_t parameter;  ///< number in Space::searched()
  int choices = 0;        ///< its values are 0 .. choices-1; 0: they are places in [0, 1]

  bool is_choice() const { return choices > 0; }
};

/// Configurations of a space as points and back. What a condition or another word switches off is
/// not there, whatever a configuration says of it.
class Encoding {
 public:
  explicit Encoding(Space space);

  Space const& space() const { return space_; }
  std::vector<Dimension> const& dimensions() const { return dimensions_; }
  std::size_t size() const { return dimensions_.size(); }

  /// NaN also where a configuration has no value or one that the space has not, as a default may.
  /// Nothing when all is so, or when it has another value where the space fixes one.
  std::optional<Point> encode(Configuration const& configuration) const;
  /// Reads of the point what is there by the conditions; `point` must have a number for that.
  Configuration decode(Point const& point) const;
  /// The point that encode() gives for what this one decodes to: integers in the middle of their
  /// cells, NaN in what is not there.
  Point settled(Point const& point) const;
  /// See Parameter::cell.
  std::pair<double, double> cell(std::size_t dimension, double within) const {
    return space_.searched()[dimensions_[dimension].parameter].cell(within);
  }
  /// The point at coordinates in [0, 1), one per searched parameter as in Space::at.
  Point at(std::span<double const> coordinates) const;
  /// The inverse of it: words and integers in the middle of what gives them, and the middle of
  /// everything for a parameter that is not there.
  std::vector<double> coordinates(Point const& point) const;

 private:
  /// The dimensions of one parameter in `dimensions_`.
  struct Columns {
    std::optional<std::size_t> choice;
    std::optional<std::size_t> range;
  };

  Space space_;
  std::vector<Dimension> dimensions_;
  std::vector<Columns> columns_;  ///< by searched parameter
  bool has_conditions_ = false;
};

/// The same place in the same space; NaN equals NaN.
bool same(Point const& a, Point const& b);

}  // namespace canopy::tune
