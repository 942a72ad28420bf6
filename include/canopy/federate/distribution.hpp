#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "canopy/core/random.hpp"

namespace canopy::federate {

/// How a positive quantity varies from client to client, as a user writes it:
///     CONSTANT | lognormal:MEDIAN,SIGMA | pareto:MIN,ALPHA | uniform:LOW,HIGH
class Distribution {
 public:
  /// UserError that names --`option`, what is wrong and what is expected.
  static Distribution parse(std::string_view option, std::string_view text);

  /// The value that belongs to `key`; finite and more than 0.
  double draw(Key key) const;

  struct Family;  ///< a line of the list in distribution.cpp

 private:
  Distribution(Family const& family, std::vector<double> const& numbers);

  Family const* family_;
  double first_;
  double second_;
};

/// The notations, as help prints them.
std::string distribution_notation();

}  // namespace canopy::federate
