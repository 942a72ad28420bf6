#pragma once

#include <memory>
#include <string>
#include <vector>

#include "canopy/comm/shared_bytes.hpp"
#include "canopy/core/array.hpp"
#include "canopy/data/dataset.hpp"
#include "canopy/record/run_record.hpp"

namespace canopy::app {

/// A model of any kind, as predictions need it.
class SavedModel {
 public:
  virtual ~SavedModel() = default;

  virtual std::vector<std::string> const& class_names() const = 0;
  virtual std::vector<std::string> const& feature_names() const = 0;
  /// "of 100 trees, 15,020 nodes"
  virtual std::string description() const = 0;
  /// Rows in the form that this kind of model reads, as bytes that ranks can share.
  virtual comm::SharedBytes pack(data::Dataset const& rows) const = 0;
  /// Class probabilities, rows x classes row-major, of part `part` of `parts` of packed rows.
  virtual std::vector<double> predict(comm::SharedBytes const& packed, int part,
                                      int parts) const = 0;
};

/// The kind follows from the arrays. DataError when they are no model.
std::unique_ptr<SavedModel> load_model(NamedArrays const& arrays);

/// What to say of a run file that holds no model to use: whose it is, and what would hold one.
std::string why_no_model(record::RunRecord const& run);

}  // namespace canopy::app
