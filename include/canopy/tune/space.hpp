#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "canopy/core/options.hpp"

namespace canopy::tune {

/// Values of hyper-parameters by name, as text, in the order of the space. What is not mentioned
/// keeps its default.
using Configuration = std::vector<std::pair<std::string, std::string>>;

std::string const* find(Configuration const& configuration, std::string_view name);
/// Adds the value, or replaces the one that is there.
void put(Configuration& configuration, std::string_view name, std::string_view value);
/// Every option and its default, named as in a space.
Configuration defaults_of(Options const& options);
/// "max_depth=20, criterion=gini"
std::string to_text(Configuration const& configuration);

/// One dimension of a search space: a range of numbers, a list of values, or both.
struct Parameter {
  enum class Kind { list, integer, real };
  struct Condition {
    std::string parameter;            ///< an earlier one
    std::vector<std::string> values;  ///< active only when it has one of these
  };

  std::string name;
  Kind kind = Kind::list;
  double low = 0;  ///< ranges: inclusive
  double high = 0;
  bool log = false;                 ///< drawn uniformly in the logarithm
  int points = 5;                   ///< of a range in a grid
  bool stepped = false;             ///< a range has these points only
  std::vector<std::string> values;  ///< the list; of a range: values besides it, such as None
  std::optional<Condition> condition;

  /// A value as a number: which word of the list it is, or where in the range it lies.
  struct Place {
    std::size_t part = 0;  ///< number of the word; values.size(): in the range
    double within = 0.5;   ///< [0, 1] of the range, in the logarithm where `log` says so
  };

  /// Words, and one more for the range if there is one.
  std::size_t parts() const { return values.size() + (kind == Kind::list ? 0 : 1); }
  /// The value at u in [0, 1): each value besides a range weighs as much as the whole range.
  std::string at(double u) const;
  std::string at(Place place) const;
  /// The inverse of at(place), an integer or a step being in the middle of its cell(); nothing for
  /// what the parameter cannot be.
  std::optional<Place> place(std::string_view value) const;
  /// The part of the range that gives the same value as `within`; of a real without steps its both
  /// ends are `within`.
  std::pair<double, double> cell(double within) const;
  /// Distinct values that stand for this dimension in a grid.
  std::vector<std::string> grid() const;
  bool is_active(Configuration const& earlier) const;

 private:
  /// Point number `step` of the range in a grid.
  std::string step_value(int step) const;
};

/// What a search may vary, and what it holds fixed; written in TOML under [space]:
///
///     n_estimators = { type = "int", low = 50, high = 300 }
///     max_depth    = { type = "int", low = 10, high = 40, also = ["None"] }
///     alpha        = { type = "float", low = 1e-4, high = 1.0, log = true, points = 7 }
///     min_samples_split = { type = "int", low = 2, high = 10, points = 5, stepped = true }
///     max_features = ["sqrt", "log2", 0.2, 0.4]           # one of these
///     max_samples  = { type = "float", low = 0.5, high = 1.0, if = "bootstrap", is = [true] }
///     criterion    = "gini"                               # fixed
class Space {
 public:
  /// Throws UserError with line and column.
  static Space from_toml(TomlNode const& table);
  static Space from_toml_text(std::string const& text);
  std::string to_toml() const;

  std::vector<Parameter> const& searched() const { return searched_; }
  Configuration const& fixed() const { return fixed_; }
  std::vector<std::string> names() const;  ///< searched, then fixed

  /// The configuration at a point of the unit cube, one coordinate per searched parameter.
  Configuration at(std::span<double const> point) const;
  /// This space less the parameters called `names`, searched or fixed.
  Space without(std::vector<std::string> const& names) const;
  /// This space with the points of its ranges only.
  Space stepped() const;
  /// Every combination of the parameters' grids; UserError above a million.
  std::vector<Configuration> grid() const;

 private:
  std::vector<Parameter> searched_;
  Configuration fixed_;
};

}  // namespace canopy::tune
