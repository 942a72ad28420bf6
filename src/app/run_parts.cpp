#include "run_parts.hpp"

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "canopy/comm/environment.hpp"
#include "canopy/core/digest.hpp"
#include "canopy/record/provenance.hpp"

namespace canopy::app {

void Phases::begin(std::string name) {
  end();
  rows_.push_back({std::move(name), clock_.seconds(), clock_.seconds()});
}

void Phases::end() {
  if (rows_.empty() || !rows_.back().open) return;
  rows_.back().end = clock_.seconds();
  rows_.back().open = false;
}

double Phases::seconds_of(std::string const& name) const {
  auto const row = std::ranges::find(rows_, name, &Row::name);
  return row == rows_.end() ? 0 : row->end - row->begin;
}

Table Phases::table() const {
  Table table{"phases"};
  table.column("name", Table::Type::text);
  table.column("begin", Table::Type::real).column("end", Table::Type::real);
  for (auto const& row : rows_)
    table.add({row.name, row.begin, row.open ? clock_.seconds() : row.end});
  return table;
}

SharedData load_and_share(comm::Communicator const& comm, data::Source const& source,
                          std::uint64_t seed, Phases& phases) {
  SharedData shared;
  data::EncodedTable encoded;
  comm.together("load", [&] {
    if (!comm.is_root()) return;
    phases.begin("load");
    auto loaded = data::load(source, seed);
    if (!loaded.train.has_labels())
      throw DataError{source.data + ": has no labels; name their column with --label"};
    phases.begin("encode");
    encoded = data::EncodedTable::encode(loaded.train);
    shared.header = {loaded.train.class_names, loaded.train.feature_names, loaded.train.label_name,
                     loaded.test.has_value()};
    shared.test = std::move(loaded.test);
    phases.begin("share");
    Sha256 hash;
    hash.add(encoded.bytes().data(), encoded.bytes().size());
    shared.fingerprint = hash.hex();
  });
  shared.header = comm.broadcast(shared.header);
  shared.window = comm::share(comm, encoded.bytes());
  phases.end();
  return shared;
}

Evaluation evaluate(std::string rows_from, std::vector<std::uint16_t> const& truth,
                    Eigen::MatrixXd const& probabilities, std::string const& scoring, int classes) {
  return {data::ConfusionMatrix{truth, data::predicted_classes(probabilities), classes},
          std::move(rows_from), scoring, data::score(scoring, truth, probabilities)};
}

namespace {

std::vector<std::uint16_t> labels_of(data::EncodedTable const& table, data::Rows const& rows) {
  std::vector<std::uint16_t> labels;
  labels.reserve(rows.size());
  for (auto const row : rows) labels.push_back(table.labels()[row]);
  return labels;
}

}  // namespace

std::optional<Evaluation> evaluate_unseen(forest::Forest const& model, SharedData const& data,
                                          data::Rows const& held_out, std::string const& scoring) {
  auto const table = data.table();
  if (!held_out.empty())
    return evaluate("hold-out", labels_of(table, held_out), model.predict_proba(table, held_out),
                    scoring, table.classes());
  if (!data.test) return {};
  return evaluate("test set", data.test->labels, model.predict_proba(data.test->features), scoring,
                  table.classes());
}

Evaluation evaluate_out_of_bag(forest::OutOfBag const& out_of_bag, data::EncodedTable const& table,
                               data::Rows const& rows, std::string const& scoring) {
  return evaluate("out-of-bag", labels_of(table, rows), out_of_bag.decision_function, scoring,
                  table.classes());
}

std::optional<std::string> why_another_run(std::filesystem::path const& run_file,
                                           RunIdentity const& earlier, RunIdentity const& now) {
  static std::vector<std::string> const may_differ{"time_limit", "walltime", "data_dir"};
  auto const differences =
      record::settings_differences(earlier.settings_toml, now.settings_toml, may_differ);
  if (!differences.empty())
    return fmt::format(
        "--resume: {} was begun with other settings: {}; give the same ones, or --overwrite to "
        "begin anew",
        run_file.string(), text::join(differences, "; "));
  if (earlier.fingerprint != now.fingerprint)
    return "--resume: the data is not the data that " + run_file.string() +
           " was begun with; bring it back, or --overwrite to begin anew";
  return {};
}

record::Journal open_journal(record::RunFiles const& files, RunIdentity const& identity,
                             record::Start start, std::vector<nlohmann::json>& records) {
  if (start == record::Start::resume && std::filesystem::exists(files.journal)) {
    auto journal = record::Journal::reopen(files.journal, records);
    if (!records.empty()) {
      auto const& first = records.front();
      RunIdentity const earlier{first.value("command", ""), first.value("settings", ""),
                                first.value("data", ""), first.value("started", "")};
      if (auto const why = why_another_run(files.run_file, earlier, identity))
        throw UserError{*why};
      return journal;
    }
  }
  auto journal = record::Journal::create(files.journal);
  journal.append({{"kind", "start"},
                  {"command", identity.command},
                  {"settings", identity.settings_toml},
                  {"data", identity.fingerprint},
                  {"started", identity.started}});
  return journal;
}

void serve(comm::Farm& farm) {
  try {
    farm.serve();
  } catch (std::exception const& e) {
    fmt::print(stderr, "canopy: a worker on {} failed: {}\n", comm::host_name(), e.what());
    comm::Environment::abort(1);
  }
}

std::optional<double> seconds_of_allocation(std::optional<double> walltime) {
  if (walltime) return walltime;
  auto const* end = std::getenv("SLURM_JOB_END_TIME");
  if (end == nullptr) return {};
  return std::strtod(end, nullptr) - static_cast<double>(std::time(nullptr)) - 60;
}

std::vector<std::string> distinct(std::vector<std::string> const& hosts) {
  std::vector<std::string> result;
  for (auto const& host : hosts)
    if (std::ranges::find(result, host) == result.end()) result.push_back(host);
  return result;
}

record::RunRecord begin_record(RunIdentity const& identity, CommonSettings const& settings,
                               std::vector<std::string> const& hosts, Phases const& phases) {
  record::RunRecord record;
  record.command = identity.command;
  record.started = identity.started;
  record.finished = utc_now();
  record.wall_seconds = phases.seconds();
  record.seed = settings.seed;
  record.np = static_cast<int>(hosts.size());
  record.nodes = static_cast<int>(distinct(hosts).size());
  record.settings = identity.settings_toml;
  record.environment.set_attribute("mpi", comm::mpi_version());
  record.environment.set_attribute("hostfile", comm::launch().hostfile);
  record.environment.set_attribute("blas", std::string{"none"});
  record::fill_provenance(record);
  return record;
}

Table ranks_table(std::vector<comm::RankUse> const& uses, std::vector<std::string> const& hosts,
                  std::string const& first_role) {
  Table table{"ranks"};
  table.column("rank", Table::Type::integer).column("host", Table::Type::text);
  table.column("node", Table::Type::integer).column("role", Table::Type::text);
  table.column("tasks", Table::Type::integer);
  for (auto const* name :
       {"busy_seconds", "idle_seconds", "comm_seconds", "bytes_sent", "bytes_received", "max_rss"})
    table.column(name, Table::Type::real);
  auto const nodes = distinct(hosts);
  for (std::size_t r = 0; r < uses.size(); ++r) {
    auto const& use = uses[r];
    auto const node = std::ranges::find(nodes, hosts[r]) - nodes.begin();
    auto const role = uses.size() == 1 ? "in place" : r == 0 ? first_role : "worker";
    table.add({static_cast<std::int64_t>(r), hosts[r], std::int64_t{node}, role, use.tasks,
               use.busy_seconds,
               std::max(0.0, use.total_seconds - use.busy_seconds - use.comm_seconds),
               use.comm_seconds, static_cast<double>(use.bytes_sent),
               static_cast<double>(use.bytes_received), use.max_rss});
  }
  return table;
}

Table events_table(std::vector<Event> const& events) {
  Table table{"events"};
  table.column("time", Table::Type::real).column("rank", Table::Type::integer);
  table.column("kind", Table::Type::text).column("text", Table::Type::text);
  for (auto const& event : events) table.add({event.time, std::int64_t{0}, event.kind, event.text});
  return table;
}

Table confusion_table(data::ConfusionMatrix const& confusion,
                      std::vector<std::string> const& class_names) {
  Table table{"confusion"};
  table.column("class", Table::Type::text).column("recall", Table::Type::real);
  for (auto const& name : class_names) table.column("predicted_" + name, Table::Type::integer);
  auto const recall = confusion.recall();
  for (int c = 0; c < confusion.classes(); ++c) {
    auto const place = static_cast<std::size_t>(c);
    std::vector<Cell> row{class_names[place], recall[place]};
    for (int p = 0; p < confusion.classes(); ++p) row.emplace_back(confusion(c, p));
    table.add(row);
  }
  return table;
}

Table importances_table(std::vector<double> const& importances,
                        std::vector<std::string> const& feature_names) {
  Table table{"importances"};
  table.column("feature", Table::Type::text).column("importance", Table::Type::real);
  for (std::size_t f = 0; f < importances.size(); ++f)
    table.add({feature_names[f], importances[f]});
  return table;
}

Table evaluation_table(std::vector<Evaluation> const& evaluations) {
  Table table{"evaluation"};
  table.column("rows_from", Table::Type::text).column("rows", Table::Type::integer);
  table.column("accuracy", Table::Type::real).column("scoring", Table::Type::text);
  table.column("score", Table::Type::real);
  for (auto const& [confusion, rows_from, scoring, score] : evaluations)
    table.add({rows_from, confusion.total(), confusion.accuracy(), scoring, score});
  return table;
}

void add_model(record::RunRecord& record, forest::Forest const& model, std::size_t rows,
               std::string const& label_name) {
  record.model = model.to_arrays();
  auto const nodes = static_cast<std::int64_t>(model.nodes());
  auto const trees = static_cast<std::int64_t>(model.trees().size());
  auto const leaves = (nodes + trees) / 2;  // every split has two children
  Table row{"model"};
  row.column("kind", Table::Type::text).column("trees", Table::Type::integer);
  row.column("rows", Table::Type::integer).column("nodes", Table::Type::integer);
  row.column("parameters", Table::Type::integer).column("label", Table::Type::text);
  row.column("sha256", Table::Type::text);
  row.add({TextForm<forest::Kind>::print(model.parameters().kind), trees,
           static_cast<std::int64_t>(rows), nodes, nodes - leaves + leaves * model.classes(),
           label_name, record.model->sha256()});
  record.model_row = std::move(row);
}

}  // namespace canopy::app
