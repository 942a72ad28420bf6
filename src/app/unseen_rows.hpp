#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <Eigen/Core>

#include "canopy/data/encoded.hpp"
#include "canopy/data/source.hpp"
#include "canopy/data/splits.hpp"
#include "canopy/tune/verdict.hpp"

#include "run_parts.hpp"
#include "run_tables.hpp"

namespace canopy::app {

/// Two models' predictions of the same rows, compared.
tune::HeldOut compare_predictions(std::string name, std::vector<std::uint16_t> const& labels,
                                  std::vector<std::uint16_t> const& initial,
                                  std::vector<std::uint16_t> const& best, int classes);

/// Labelled rows that a forest has not seen, in the codes of a table: they go down its trees five
/// times as fast as raw values do.
struct UnseenRows {
  std::string name = {};  ///< hold-out, test set, full set
  data::EncodedTable table = {};
  data::Rows rows = {};  ///< of the table

  bool empty() const { return rows.empty(); }
  std::vector<std::uint16_t> labels() const;
};

/// On the root: the rows held out by --test-size, else the test set that came with the data; none
/// when there is neither.
UnseenRows unseen_rows(SharedData const& data, data::Rows const& held_out);
/// On the root, of forest-cover: the full set's rows that Kaggle's does not have. DataError when
/// there is no such set.
UnseenRows rows_of_full_set(data::Source const& source, SharedData const& data);

/// How good predictions of such rows are; `probabilities`: rows x classes.
Evaluation evaluate(UnseenRows const& unseen, Eigen::MatrixXd const& probabilities,
                    std::string const& scoring);

}  // namespace canopy::app
