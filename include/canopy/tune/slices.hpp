#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "canopy/core/table.hpp"
#include "canopy/tune/space.hpp"

namespace canopy::tune {

struct Trial;

/// Parameters that need no fit of their own: a model that was learnt without their caps contains,
/// exactly, every model with them (canopy/forest/slices.hpp). A trial then stands for all
/// combinations of their values, its slices.
class SliceAxes {
 public:
  struct Axis {
    std::string name;
    std::vector<std::string> values;
  };

  SliceAxes() = default;
  /// The axes called `names`, in this order, with the values that the grid of the space has; what
  /// the space does not mention keeps its value in `defaults`. UserError when one depends on
  /// another parameter.
  SliceAxes(std::vector<std::string> const& names, Space const& space,
            Configuration const& defaults);

  std::vector<Axis> const& axes() const { return axes_; }
  bool empty() const { return axes_.empty(); }
  std::size_t size() const;
  /// The values of slice `index`, the last axis quickest.
  Configuration at(std::size_t index) const;

 private:
  std::vector<Axis> axes_;
};

/// /slices: trial, one column per axis, score: the mean over folds of every slice of every trial
/// whose folds are all there.
Table slices_table(std::vector<Trial> const& trials, SliceAxes const& axes);

}  // namespace canopy::tune
