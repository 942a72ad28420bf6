#include "canopy/app/calibrate.hpp"

#include <array>
#include <bit>
#include <optional>

#include <fmt/format.h>

#include "canopy/app/distributed.hpp"
#include "canopy/comm/environment.hpp"
#include "canopy/comm/message_times.hpp"
#include "canopy/comm/reduce/reduction.hpp"
#include "canopy/comm/time_in_turns.hpp"
#include "canopy/nn/optimizer.hpp"
#include "canopy/record/run_files.hpp"
#include "canopy/train/plan/cost_model.hpp"

#include "calibrate_kernels.hpp"
#include "network_task.hpp"

namespace canopy::app {

void CalibrateSettings::describe(Options& o) {
  o.group("Kernels");
  o.row("model", model, "what is timed: networks, forest",
        any<std::vector<std::string>>("NAME,... of forest, softmax, mlp, mlp:200-200, lenet, cnn, "
                                      "FILE.toml"));
  o.row("data", data, "what networks take", any<std::string>("NAME or FILE"));
  o.row("forest-data", forest_data, "what trees are grown on", any<std::string>("NAME or FILE"));
  o.row("data-dir", data_dir, "holds the named sets", any<std::filesystem::path>("DIR"));
  o.row("optimizer", optimizer, "of networks", one_of(nn::optimizers().names()));
  o.row("rows", rows, "of micro-batches, a line is drawn through their times",
        {"N,... of 1 or more",
         [](auto const& list) { return !list.empty() && std::ranges::min(list) >= 1; }});
  o.group("Clock");
  o.row("window", window, "seconds that a kernel is repeated for", more_than(0.0));
  o.row("windows", windows, "times that this is done; the median counts", at_least(1));
  common.describe(o);
  o.leave_out("resume");
  o.leave_out("progress");
}

void CalibrateSettings::check() const {
  std::vector<std::string> known{"forest"};
  for (auto const& network : nn::named_models()) known.push_back(network.name);
  for (auto const& name : model)
    if (name != "forest" && !nn::is_network(name) && !name.ends_with(".toml"))
      throw UserError{fmt::format(
          "--model has '{}'{}, expected some of {}, mlp:200-200 (any widths), FILE.toml", name,
          text::did_you_mean(name, known), text::join(known, ", "))};
}

namespace {

constexpr std::array<std::size_t, 9> message_sizes{0,       64,      1'000,     8'000,    64'000,
                                                   256'000, 500'000, 1'000'000, 4'000'000};
constexpr double seconds_for_a_size = 0.05;
constexpr std::size_t most_pairs = 8;  // of each link

/// Two ranks whose messages are timed.
struct Pair {
  std::string link;
  int first;
  int second;
  template <class Archive>
  void fields(Archive& archive) {
    archive(link, first, second);
  }
};

/// Neighbours on a machine, and the first ranks of neighbouring machines.
std::vector<Pair> pairs_of(std::vector<std::string> const& hosts) {
  std::vector<Pair> within;
  std::vector<Pair> between;
  std::vector<int> first_of_machine;
  for (int rank = 0; rank < std::ssize(hosts); ++rank) {
    auto const& host = hosts[static_cast<std::size_t>(rank)];
    auto const same = std::ranges::find_if(first_of_machine, [&](int first) {
      return hosts[static_cast<std::size_t>(first)] == host;
    });
    if (same == first_of_machine.end())
      first_of_machine.push_back(rank);
    else if (hosts[static_cast<std::size_t>(rank - 1)] == host)
      within.push_back({"within", rank - 1, rank});
  }
  for (std::size_t i = 1; i < first_of_machine.size(); ++i)
    between.push_back({"between", first_of_machine[i - 1], first_of_machine[i]});
  within.resize(std::min(within.size(), most_pairs));
  between.resize(std::min(between.size(), most_pairs));
  within.insert(within.end(), between.begin(), between.end());
  return within;
}

class Calibrator {
 public:
  Calibrator(comm::Communicator const& comm, CalibrateSettings const& settings)
      : comm_{comm},
        settings_{settings},
        hosts_{comm::hosts(comm)},
        clock_{comm, settings.window, settings.windows} {}

  record::RunRecord run() {
    comm_.together("files", [&] { open_file(); });
    load();
    phases_.begin("links");
    time_links();
    phases_.begin("kernels");
    time_kernels();
    phases_.begin("sums");
    time_sums();
    phases_.begin("updates");
    time_updates();
    phases_.begin("tasks");
    time_tasks(comm_, kernels_);
    record::RunRecord record;
    comm_.together("write", [&] {
      if (comm_.is_root()) record = write();
    });
    return record;
  }

 private:
  struct Network {
    std::string name;
    nn::Network network;
  };
  /// Data-parallel updates of a network.
  struct Updates {
    std::string model;
    int batch;
    Spread seconds;
  };
  /// One way to add up over all ranks.
  struct Sum {
    std::string allreduce;
    comm::Order order;
    std::size_t bytes;
    comm::Timing seconds;
  };

  void open_file() {
    settings_.check();
    if (!comm_.is_root()) return;
    files_ = record::run_files(settings_.common.out, "calibrate");
    record::decide_start(*files_, settings_.common.overwrite, false);
    if (!settings_.common.quiet)
      fmt::print("canopy calibrate: {} on {} rank{} on {}\n", text::join(settings_.model, ", "),
                 hosts_.size(), hosts_.size() == 1 ? "" : "s", text::join(distinct(hosts_), ", "));
    std::fflush(stdout);
  }

  bool has_forest() const {
    return std::ranges::find(settings_.model, "forest") != settings_.model.end();
  }

  void load() {
    auto const source = [&](std::string const& name) {
      data::Source named;
      named.data = name;
      named.data_dir = settings_.data_dir;
      return named;
    };
    if (has_forest())
      trees_ = load_and_share(comm_, source(settings_.forest_data), settings_.common.seed, phases_);
    if (std::ssize(settings_.model) > (has_forest() ? 1 : 0))
      samples_ =
          load_and_share_samples(comm_, source(settings_.data), settings_.common.seed, phases_);
    for (auto const& name : settings_.model)
      if (name != "forest")
        networks_.push_back({name, share_network(comm_, name, samples_->samples())});
  }

  void time_links() {
    using Type = Table::Type;
    links_.column("link", Type::text);
    for (auto const* name : {"first", "second"}) links_.column(name, Type::integer);
    for (auto const* name : {"first_host", "second_host", "ways"}) links_.column(name, Type::text);
    links_.column("bytes", Type::integer);
    for (auto const* name : {"seconds", "least", "most"}) links_.column(name, Type::real);
    auto const host = [&](int rank) { return hosts_[static_cast<std::size_t>(rank)]; };
    for (auto const& [link, first, second] : comm_.broadcast(pairs_of(hosts_)))
      for (auto const ways : {comm::Ways::one, comm::Ways::both})
        for (auto const& time : comm::time_messages(comm_, {first}, {second}, ways, message_sizes,
                                                    seconds_for_a_size)) {
          if (!comm_.is_root()) continue;
          links_.add({link, std::int64_t{first}, std::int64_t{second}, host(first), host(second),
                      ways == comm::Ways::one ? "one" : "both",
                      static_cast<std::int64_t>(time.bytes), time.median, time.least, time.most});
        }
  }

  void time_kernels() {
    for (auto const& [name, network] : networks_)
      time_network(clock_, name, network, samples_->samples(), settings_, kernels_);
    if (trees_) time_tree(clock_, *trees_, settings_, kernels_);
    time_adds(clock_, kernels_);
  }

  /// All-reduce of some sizes by what there is, to check predictions by.
  void time_sums() {
    if (comm_.size() == 1) return;
    constexpr int leaves = 16;  // of large batches
    if (comm_.size() > leaves) return;
    for (std::size_t const bytes : {64'000, 1'000'000, 4'800'000})
      for (auto const order : {comm::Order::tree, comm::Order::free})
        for (auto const* name : {"own", "mpi"}) {
          comm::PartialSums const buffers{order, leaves, comm_.size(), comm_.rank().value,
                                          bytes / sizeof(float)};
          comm::ReductionPlan plan;
          plan.order = order;
          plan.leaves = leaves;
          plan.sums = buffers.sums();
          plan.buckets = {{0, bytes / sizeof(float)}};
          auto const reduction = comm::reductions().make(name, comm_, plan);
          auto const times = comm::time_in_turns(comm_, {[&] {
                                                   reduction->start(0);
                                                   reduction->wait();
                                                 }});
          sums_.push_back({name, order, bytes, times.front()});
        }
  }

  /// Of as many shards as ranks at least; whole updates tell what ranks lose when they meet.
  void time_updates() {
    constexpr int least_batch = 64;
    auto const ranks = static_cast<unsigned>(comm_.size());
    auto const batch = std::max(least_batch, 16 * static_cast<int>(std::bit_ceil(ranks)));
    for (auto const& [name, network] : networks_) {
      auto const samples = samples_->samples();
      if (nn::virtual_shards(batch) < comm_.size() || samples.rows() < batch) continue;
      updates_.push_back(
          {name, batch, app::time_updates(comm_, network, samples, batch, settings_)});
    }
  }

  Table models_table() const {
    using Type = Table::Type;
    Table table{"models"};
    table.column("model", Type::text);
    for (auto const* name : {"channels", "height", "width", "classes", "parameters"})
      table.column(name, Type::integer);
    table.column("optimizer", Type::text).column("optimizer_states", Type::integer);
    table.column("layers", Type::text);
    for (auto const& [name, network] : networks_) {
      auto const shape = network.shape(0);
      table.add({name, std::int64_t{shape.channels}, std::int64_t{shape.height},
                 std::int64_t{shape.width}, std::int64_t{network.classes()},
                 static_cast<std::int64_t>(network.parameters()), settings_.optimizer,
                 std::int64_t{optimizer_states(network, settings_.optimizer)},
                 nn::to_toml(network.architecture())});
    }
    return table;
  }

  /// What was measured beside what links and kernels predict.
  Table sums_table(train::Cluster const& cluster) const {
    Table table{"sums"};
    table.column("allreduce", Table::Type::text).column("order", Table::Type::text);
    table.column("ranks", Table::Type::integer).column("bytes", Table::Type::integer);
    for (auto const* name : {"seconds", "best", "predicted", "relative_error"})
      table.column(name, Table::Type::real);
    for (auto const& [allreduce, order, bytes, seconds] : sums_) {
      auto const predicted = train::all_reduce_seconds(cluster, {comm_.size(), 1},
                                                       static_cast<double>(bytes), order, 16)
                                 .total();
      table.add({allreduce, order == comm::Order::tree ? "tree" : "free",
                 std::int64_t{comm_.size()}, static_cast<std::int64_t>(bytes), seconds.median,
                 seconds.best, predicted, predicted / seconds.median - 1});
    }
    return table;
  }

  /// The same of updates. What they took beyond that is a kernel as well.
  Table updates_table(Calibration const& calibration) {
    Table table{"updates"};
    table.column("model", Table::Type::text);
    for (auto const* name : {"batch", "ranks"}) table.column(name, Table::Type::integer);
    for (auto const* name : {"seconds", "least", "most", "predicted", "relative_error"})
      table.column(name, Table::Type::real);
    for (auto const& [model, batch, seconds] : updates_) {
      train::ShardPlan const shards{batch, batch};
      train::StrategyOptions const options;
      auto const predicted = train::predict_update({calibration.model(model), calibration.cluster,
                                                    shards, options, comm_.size()})
                                 .seconds;
      table.add({model, std::int64_t{batch}, std::int64_t{comm_.size()}, seconds.median,
                 seconds.least, seconds.most, predicted, predicted / seconds.median - 1});
      auto const beyond = [&](double measured) { return std::max(0.0, measured - predicted); };
      kernels_.push_back({"meeting",
                          model,
                          0,
                          1,
                          "updates",
                          {beyond(seconds.median), beyond(seconds.least), beyond(seconds.most)}});
    }
    return table;
  }

  record::RunRecord write() {
    phases_.begin("write");
    auto copy = settings_;
    Options options;
    copy.describe(options);
    auto record = begin_record({"calibrate", options.to_toml(), "", started_}, settings_.common,
                               hosts_, phases_);
    record.tables = {links_, kernels_table(kernels_), models_table()};
    auto const calibration = calibration_of(record, "this run");
    auto const updates = updates_table(calibration);
    record.tables = {links_,         kernels_table(kernels_),
                     models_table(), sums_table(calibration.cluster),
                     updates,        phases_.table()};
    record::write(record, files_->run_file);
    phases_.end();
    if (!settings_.common.quiet)
      fmt::print("{}{}", calibration_summary(calibration_of(record, "this run")),
                 run_file_line(files_->run_file, phases_));
    return record;
  }

  comm::Communicator const& comm_;
  CalibrateSettings const& settings_;
  std::vector<std::string> hosts_;
  KernelClock clock_;
  std::string started_ = utc_now();
  Phases phases_;
  std::optional<record::RunFiles> files_;  ///< root
  std::optional<SharedData> trees_;
  std::optional<SharedSamples> samples_;
  std::vector<Network> networks_;
  Table links_{"links"};
  std::vector<Sum> sums_;
  std::vector<Updates> updates_;
  std::vector<KernelTime> kernels_;  ///< root
};

}  // namespace

record::RunRecord run(comm::Communicator const& comm, CalibrateSettings const& settings) {
  return Calibrator{comm, settings}.run();
}

int run_calibrate(comm::Communicator const& comm, std::span<std::string const> words) {
  CalibrateSettings settings;
  if (!read_settings(comm, "calibrate",
                     "Measures links and kernels of this cluster, for canopy plan.", settings,
                     words))
    return 0;
  return run(comm, settings).exit_code;
}

}  // namespace canopy::app
