#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "canopy/app/common.hpp"
#include "canopy/comm/communicator.hpp"
#include "canopy/comm/farm.hpp"
#include "canopy/comm/shared_bytes.hpp"
#include "canopy/core/clock.hpp"
#include "canopy/core/table.hpp"
#include "canopy/data/encoded.hpp"
#include "canopy/data/samples.hpp"
#include "canopy/data/source.hpp"
#include "canopy/record/journal.hpp"
#include "canopy/record/machine_load.hpp"
#include "canopy/record/run_files.hpp"
#include "canopy/record/run_record.hpp"

/// What the distributed commands have in common: their data, their phases, how they go on.
namespace canopy::app {

/// Names the stretches of a run, one after the other.
class Phases {
 public:
  void begin(std::string name);
  void end();
  /// Since the run began.
  double seconds() const { return clock_.seconds(); }
  /// How long a phase that has ended took; 0 when there was none of that name.
  double seconds_of(std::string const& name) const;
  /// For how long this process and its group were held back meanwhile; NaN where nothing tells.
  double throttled_seconds() const;
  Table table() const;

 private:
  struct Row {
    std::string name;
    double begin;
    double end;
    bool open = true;
  };
  Stopwatch clock_;
  double throttled_before_ = record::throttled_seconds();
  std::vector<Row> rows_;
};

/// What rank 0 tells the others about the data, beside the codes themselves.
struct DataHeader {
  std::vector<std::string> class_names;
  std::vector<std::string> feature_names;
  std::string label_name;
  bool has_test_set = false;
  template <class Archive>
  void fields(Archive& archive) {
    archive(class_names, feature_names, label_name, has_test_set);
  }
};

/// The data of a run, loaded by the root and shared by the ranks of each machine.
struct SharedData {
  comm::SharedBytes window;
  DataHeader header;
  std::optional<data::Dataset> test;  ///< root: a test set that came with the data
  std::string fingerprint;            ///< root

  data::EncodedTable table() const { return data::EncodedTable::view(window.bytes, window.owner); }
};

/// Collective.
SharedData load_and_share(comm::Communicator const& comm, data::Source const& source,
                          std::uint64_t seed, Phases& phases);

/// The same for networks: rows in a piece, with those of a test set behind them.
struct SharedSamples {
  comm::SharedBytes window;
  DataHeader header;
  std::string fingerprint;            ///< root
  std::vector<std::uint32_t> groups;  ///< data::natural_groups(), when asked for

  data::Samples samples() const { return data::Samples::view(window.bytes, window.owner); }
};

/// Collective.
SharedSamples load_and_share_samples(comm::Communicator const& comm, data::Source const& source,
                                     std::uint64_t seed, Phases& phases, bool with_groups = false);

/// What makes a run the one that it was begun as.
struct RunIdentity {
  std::string command;
  std::string settings_toml;
  std::string fingerprint;  ///< of the data
  std::string started;
  std::vector<std::string> hosts = {};  ///< of every rank; tells those who watch, and may change
};

/// Why --resume must not go on from `earlier`, nor take it for the result when it is complete: it
/// is of another command, had other settings, but for limits of time and for the layout of ranks,
/// or other data. Nothing when it is the same run.
std::optional<std::string> why_another_run(std::filesystem::path const& run_file,
                                           RunIdentity const& earlier, RunIdentity const& now,
                                           bool is_complete = false);

/// What a run file tells about its run. Those of earlier versions do not tell which data it learnt
/// from: then that of `now`.
RunIdentity identity_of(record::RunRecord const& record, RunIdentity const& now);

/// Tells the user that --resume found nothing to go on from.
void tell_of_new_beginning(CommonSettings const& settings, record::RunFiles const& files);

/// The files of a run as it begins.
struct RunStart {
  record::RunFiles files;
  std::optional<record::RunRecord> complete;  ///< of a run that has nothing left to do
  std::optional<record::Journal> journal;     ///< of one that has
  record::JournalRecords records;             ///< that are in it from an earlier session
  bool resumes = false;
};

/// Finds and opens them, by --out, --overwrite and --resume. Tells the user when the run is
/// complete already, and when there is none to go on with. UserError when they are in the way, or
/// of another run: then all of them are as before.
RunStart start_run(CommonSettings const& settings, RunIdentity const& identity);

/// A worker's part. One that cannot go on ends the whole job: nobody must wait for it.
void serve(comm::Farm& farm);

/// On the root: runs what leads the farm, and then lets the workers go. When one was lost nothing
/// works that all ranks do together: then the process ends here, as the record or the error says.
record::RunRecord lead(comm::Farm& farm, std::function<record::RunRecord()> const& run);

/// Seconds at most for what all ranks do together once nobody has work left: who is lost then hangs
/// the others, so that they end (comm::Deadline).
constexpr double seconds_to_end = 10;

/// Seconds from now until the allocation ends, by --walltime or Slurm's word less a minute.
std::optional<double> seconds_of_allocation(std::optional<double> walltime);

std::vector<std::string> distinct(std::vector<std::string> const& hosts);

/// A record with all that does not depend on the command.
record::RunRecord begin_record(RunIdentity const& identity, CommonSettings const& settings,
                               std::vector<std::string> const& hosts, Phases const& phases);

}  // namespace canopy::app
