#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "canopy/app/common.hpp"
#include "canopy/comm/communicator.hpp"
#include "canopy/data/source.hpp"
#include "canopy/federate/options.hpp"
#include "canopy/record/run_record.hpp"

namespace canopy::app {

struct FederateSettings {
  FederateSettings() { source.data = "mnist"; }

  CommonSettings common;
  data::Source source;
  std::string model = "mlp";
  std::string scaling = "standard";  ///< or unit
  std::string from_model;            ///< "RUN.h5" or "RUN.h5:ID": the seed model; empty: none
  /// Share of the rows that no client has. None: 0.2, or 0 for data that come with a test set.
  std::optional<double> test_size;
  std::optional<double> walltime;
  std::int64_t checkpoint_every = 10;  ///< rounds; 0: never
  bool dry_run = false;
  bool preview = false;
  federate::FederationOptions federation;

  void describe(Options& options);
  /// Throws UserError for what does not go together, before any data is read.
  void check() const;
};

/// Collective. Trains one model by rounds of clients whose rows stay where they are, and writes the
/// run file. What is returned is that record on the root; elsewhere only status and exit code are
/// filled in.
record::RunRecord run(comm::Communicator const& comm, FederateSettings const& settings);

/// `canopy federate`: the command line in, the exit status out.
int run_federate(comm::Communicator const& comm, std::span<std::string const> words);

}  // namespace canopy::app
