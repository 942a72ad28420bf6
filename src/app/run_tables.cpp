#include "run_tables.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace canopy::app {

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

Evaluation evaluate_out_of_bag(forest::OutOfBag const& out_of_bag, data::EncodedTable const& table,
                               data::Rows const& rows, std::string const& scoring) {
  return evaluate("out-of-bag", labels_of(table, rows), out_of_bag.decision_function, scoring,
                  table.classes());
}

Table ranks_table(std::vector<comm::RankUse> const& uses, std::vector<std::string> const& hosts,
                  std::string const& first_role) {
  return ranks_table(uses, hosts, roles_of({}, uses.size(), first_role));
}

Table ranks_table(std::vector<comm::RankUse> const& uses, std::vector<std::string> const& hosts,
                  std::vector<std::string> const& roles) {
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
    table.add({static_cast<std::int64_t>(r), hosts[r], std::int64_t{node}, roles[r], use.tasks,
               use.busy_seconds,
               std::max(0.0, use.total_seconds - use.busy_seconds - use.comm_seconds),
               use.comm_seconds, static_cast<double>(use.bytes_sent),
               static_cast<double>(use.bytes_received), use.max_rss});
  }
  return table;
}

std::vector<std::string> roles_of(std::vector<comm::Loss> const& losses, std::size_t ranks,
                                  std::string const& first_role) {
  std::vector<std::string> roles(ranks, "worker");
  if (!roles.empty()) roles.front() = roles.size() == 1 ? "in place" : first_role;
  for (auto const& loss : losses)
    if (std::cmp_less(loss.rank.value, ranks))
      roles[static_cast<std::size_t>(loss.rank.value)] += ", lost";
  return roles;
}

namespace {

std::string loss_text(comm::Loss const& loss, std::vector<std::string> const& hosts) {
  return fmt::format("rank {} on {} was lost: {}", loss.rank.value,
                     hosts[static_cast<std::size_t>(loss.rank.value)], loss.reason);
}

}  // namespace

std::vector<Event> events_of(std::vector<comm::Loss> const& losses, std::size_t told,
                             std::vector<std::string> const& hosts, double seconds,
                             std::function<std::string(comm::TaskId)> const& name) {
  std::vector<Event> events;
  for (auto i = told; i < losses.size(); ++i) {
    auto const& [rank, when, reason, retried] = losses[i];
    events.push_back({seconds, "lost-rank", loss_text(losses[i], hosts), rank.value});
    for (auto const task : retried)
      events.push_back(
          {seconds, "retry", fmt::format("{} is run again elsewhere", name(task)), rank.value});
  }
  return events;
}

std::vector<std::string> lines_of(std::vector<comm::Loss> const& losses, std::size_t told,
                                  std::vector<std::string> const& hosts,
                                  std::function<std::string(comm::TaskId)> const& name) {
  std::vector<std::string> lines;
  for (auto i = told; i < losses.size(); ++i) {
    std::vector<std::string> work;
    for (auto const task : losses[i].retried) work.push_back(name(task));
    lines.push_back(fmt::format("canopy: {}; {}", loss_text(losses[i], hosts),
                                work.empty() ? "no work goes to others"
                                : work.size() == 1
                                    ? work[0] + " is run again elsewhere"
                                    : text::join(work, ", ") + " are run again elsewhere"));
  }
  return lines;
}

Table events_table(std::vector<Event> const& events) {
  Table table{"events"};
  table.column("time", Table::Type::real).column("rank", Table::Type::integer);
  table.column("kind", Table::Type::text).column("text", Table::Type::text);
  for (auto const& event : events)
    table.add({event.time, std::int64_t{event.rank}, event.kind, event.text});
  return table;
}

std::vector<Event> events_of(Table const& table) {
  std::vector<Event> events;
  for (std::size_t i = 0; i < table.rows(); ++i)
    events.push_back({table.number(i, "time"), table.text(i, "kind"), table.text(i, "text"),
                      static_cast<int>(table.number(i, "rank"))});
  return events;
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

Table permutation_importances_table(forest::PermutationImportances const& importances,
                                    std::vector<std::string> const& feature_names,
                                    std::string const& rows_from) {
  Table table{"permutation_importances"};
  table.column("feature", Table::Type::text).column("mean", Table::Type::real);
  table.column("std", Table::Type::real).column("rows_from", Table::Type::text);
  for (std::size_t f = 0; f < feature_names.size(); ++f) {
    auto const place = static_cast<Eigen::Index>(f);
    table.add({feature_names[f], importances.mean[place], importances.std[place], rows_from});
  }
  return table;
}

Table oob_curve_table(std::vector<double> const& scores,
                      std::vector<std::int64_t> const& rows_with_vote) {
  constexpr std::size_t most_points = 200;
  auto const step = (scores.size() + most_points - 1) / most_points;
  Table table{"oob_curve"};
  table.column("trees", Table::Type::integer).column("score", Table::Type::real);
  table.column("rows_with_vote", Table::Type::integer);
  for (std::size_t trees = 1; trees <= scores.size(); ++trees)
    if (trees % step == 0 || trees == scores.size())
      table.add({static_cast<std::int64_t>(trees), scores[trees - 1], rows_with_vote[trees - 1]});
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

void add_evaluations(record::RunRecord& record, std::vector<Evaluation> const& evaluations,
                     std::vector<std::string> const& class_names) {
  if (evaluations.empty()) return;
  record.tables.push_back(confusion_table(evaluations.front().confusion, class_names));
  record.tables.push_back(evaluation_table(evaluations));
}

Table model_row(nn::Model const& model, nn::Network const& network, std::size_t rows,
                std::string const& label_name) {
  Table row{"model"};
  row.column("kind", Table::Type::text).column("layers", Table::Type::integer);
  row.column("rows", Table::Type::integer).column("parameters", Table::Type::integer);
  row.column("label", Table::Type::text).column("sha256", Table::Type::text);
  row.add({model.architecture.name, std::int64_t{network.depth()}, static_cast<std::int64_t>(rows),
           static_cast<std::int64_t>(network.parameters()), label_name, model.sha256()});
  return row;
}

std::string run_file_line(std::filesystem::path const& run_file, Phases const& phases) {
  return fmt::format("{:<11}{}, {} written in {:.2f} s\n", "run file", run_file.string(),
                     text::bytes(static_cast<double>(std::filesystem::file_size(run_file))),
                     phases.seconds_of("write"));
}

}  // namespace canopy::app
