#pragma once

#include <array>
#include <optional>
#include <string>

#include "canopy/core/options.hpp"
#include "canopy/data/partition.hpp"
#include "canopy/federate/aggregator.hpp"
#include "canopy/federate/devices.hpp"
#include "canopy/federate/exact_sum.hpp"
#include "canopy/federate/local_training.hpp"
#include "canopy/federate/roles.hpp"
#include "canopy/federate/round_policy.hpp"
#include "canopy/federate/selection.hpp"

namespace canopy::federate {

/// rows: an update counts by the rows behind it, whatever its combiner. uniform: every combiner
/// counts the same, as FEDn's reducer has it, which is biased when they hold different numbers of
/// rows.
enum class ReducerWeighting { rows, uniform };

/// Whose rows the new model is validated on, after rounds that are evaluated.
enum class Validation { none, cohort, all };

}  // namespace canopy::federate

namespace canopy {

template <>
struct Names<federate::Reduce> {
  static constexpr std::array value{"exact", "fast"};
};
template <>
struct Names<federate::ReducerWeighting> {
  static constexpr std::array value{"rows", "uniform"};
};
template <>
struct Names<federate::Validation> {
  static constexpr std::array value{"none", "cohort", "all"};
};

}  // namespace canopy

namespace canopy::federate {

/// Everything about a federation but its data and its network.
struct FederationOptions {
  Layout layout = Layout::flat;
  int combiners = 1;           ///< of layout tree
  std::optional<int> clients;  ///< None: one per client rank with fedn, else 100
  int ranks_per_client = 1;    ///< that train a client together; see Team
  std::int64_t rounds = 10;
  std::optional<double> fraction_fit;  ///< C; None: 1 with fedn, else 0.1
  std::optional<int> concurrency;      ///< clients at work in an asynchronous run; None: the cohort
  std::string staleness = "inf";       ///< SSP: steps that one of them may be ahead of the slowest
  SelectionOptions selection;
  DeviceOptions devices;
  RoundPolicyOptions policy;
  data::PartitionOptions partition;
  LocalOptions local;
  AggregatorOptions aggregation;
  Reduce reduce = Reduce::exact;
  ReducerWeighting reducer_weighting = ReducerWeighting::rows;
  std::int64_t evaluate_every = 1;
  std::optional<double> target_accuracy;  ///< on the test rows, at which the run is done
  Validation validation = Validation::cohort;
  std::int64_t keep_every = 0;  ///< rounds between models of the trail that are kept; 0: the last

  void describe(Options& options);
  /// UserError when two settings do not go together; before any data is read.
  void check() const;
  /// The same for settings that must fit the number of clients.
  void check_cohort(int clients) const;
  bool is_asynchronous() const;
  /// How many clients there are, and how many take part in a round: max(1, C K), as McMahan et al.
  int clients_on(RoleMap const& roles) const;
  int cohort_of(int clients) const;
  int concurrency_of(int clients) const;
  /// Of `staleness`; nothing for inf.
  std::optional<std::int64_t> staleness_bound() const;
};

}  // namespace canopy::federate
