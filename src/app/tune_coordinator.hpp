#pragma once

#include <optional>
#include <string>
#include <vector>

#include "canopy/app/tune.hpp"
#include "canopy/comm/farm.hpp"
#include "canopy/tune/search.hpp"
#include "canopy/tune/workbench.hpp"

#include "run_parts.hpp"
#include "run_tables.hpp"
#include "tune_task.hpp"
#include "tune_verdict.hpp"
#include "tune_view.hpp"

namespace canopy::app {

/// The coordinator of one run: owns its files, drives the search, fits the final model, writes the
/// record.
class TuneCoordinator {
 public:
  /// `block`: ranks behind each worker of the farm.
  TuneCoordinator(comm::Communicator const& comm, TuneSettings const& settings, TuneTask& task,
                  tune::Workbench const& bench, int block, std::vector<std::string> hosts,
                  Phases& phases);

  record::RunRecord run(comm::Farm& farm);

 private:
  void refuse_without_journal();
  record::RunRecord drive(comm::Farm& farm, tune::Search& search);
  void tell_what_begins(comm::Farm const& farm, tune::Search const& search) const;
  /// Signals and the end of the allocation; asked all the time.
  bool interrupted();
  void note_losses();
  [[noreturn]] void end_after_loss();
  void checkpoint(tune::Search const& search);

  void judge(comm::Farm& farm, tune::Search const& search, tune::Trial const& best);
  /// Whose model is saved.
  tune::Trial const& final_trial(tune::Search const& search, tune::Trial const& best) const;
  void fit_final_model(comm::Farm& farm, tune::Trial const& trial);
  void evaluate(RefitPlace const& place, tune::Trial const& trial);

  record::RunRecord finish_interrupted(comm::Farm& farm, tune::Search const& search);
  record::RunRecord finish(comm::Farm& farm, tune::Search const& search);
  void print_result(tune::Search const& search, std::ptrdiff_t failed) const;
  std::vector<comm::RankUse> of_all_ranks(std::vector<comm::RankUse> const& of_farm) const;
  record::RunRecord make_record(tune::Search const& search, std::string status,
                                int exit_code) const;
  void event(std::string kind, std::string text);

  TuneSettings const& settings_;
  TuneTask& task_;
  tune::Workbench const& bench_;
  int block_;
  VerdictMaker verdict_;
  std::vector<std::string> hosts_;
  Phases& phases_;
  int size_;
  comm::Farm const* farm_ = nullptr;
  tune::Search const* search_ = nullptr;
  std::size_t losses_told_ = 0;
  RunStart start_;
  std::optional<TuneView> view_;  ///< once the search has begun
  std::optional<double> allocation_;
  RunIdentity identity_;
  std::vector<std::string> parameters_;
  double next_checkpoint_ = 0;
  bool said_ = false;
  std::vector<Event> events_;
  std::vector<comm::RankUse> uses_;
  tune::Trial const* final_ = nullptr;  ///< whose model this is, once it is fitted
  std::optional<Evaluation> evaluation_;
};

}  // namespace canopy::app
