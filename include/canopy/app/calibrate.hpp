#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "canopy/app/common.hpp"
#include "canopy/comm/communicator.hpp"
#include "canopy/data/source.hpp"
#include "canopy/record/run_record.hpp"

namespace canopy::app {

/// What is measured, and for how long.
struct CalibrateSettings {
  CommonSettings common;
  std::vector<std::string> model{"cnn", "mlp", "forest"};
  std::string data = "synthetic:mnist,rows=1024";  ///< of networks
  std::string forest_data = "synthetic:forest-cover,rows=12096";
  std::filesystem::path data_dir = data::Source::default_dir();
  std::string optimizer = "sgd";
  std::vector<int> rows{16, 32, 64, 128};  ///< of micro-batches
  double window = 0.1;                     ///< seconds
  int windows = 3;

  void describe(Options& options);
  /// UserError for models that there are not.
  void check() const;
};

/// Collective. Measures links between ranks and machines and the kernels of models on every rank at
/// once, and writes them to the run file that `canopy plan` reads. Returned is the record on the
/// root; elsewhere its exit code only.
record::RunRecord run(comm::Communicator const& comm, CalibrateSettings const& settings);

/// `canopy calibrate`: the command line in, the exit status out.
int run_calibrate(comm::Communicator const& comm, std::span<std::string const> words);

}  // namespace canopy::app
