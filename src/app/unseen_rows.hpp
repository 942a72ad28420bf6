#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "canopy/forest/forest.hpp"
#include "canopy/tune/verdict.hpp"

#include "run_parts.hpp"

namespace canopy::app {

/// Two models' predictions of the same rows, compared.
tune::HeldOut compare_predictions(std::string name, std::vector<std::uint16_t> const& labels,
                                  std::vector<std::uint16_t> const& initial,
                                  std::vector<std::uint16_t> const& best, int classes);

/// Rows that no part of a search for forests has seen: those held out by --test-size, else a test
/// set that came with the data, else, for forest-cover, the full set's rows that Kaggle's does not
/// have.
class UnseenRows {
 public:
  UnseenRows(data::Source const& source, SharedData const& data, data::Rows held_out);

  bool empty() const { return labels_.empty(); }
  /// Why there are none, where there might have been some.
  std::string const& why_empty() const { return why_empty_; }
  /// Predicted by both final models.
  tune::HeldOut compare(forest::Forest const& initial, forest::Forest const& best) const;

 private:
  void take_full_set(data::Source const& source, SharedData const& data);
  std::vector<std::uint16_t> predict(forest::Forest const& model) const;

  std::string name_;
  std::string why_empty_;
  data::EncodedTable table_;
  data::Rows rows_;                       ///< of the table,
  std::optional<data::Dataset> dataset_;  ///< unless they are all of these
  std::vector<std::uint16_t> labels_;
};

}  // namespace canopy::app
