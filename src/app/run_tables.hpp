#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "canopy/comm/farm.hpp"
#include "canopy/core/table.hpp"
#include "canopy/data/metrics.hpp"
#include "canopy/forest/forest.hpp"
#include "canopy/forest/importances.hpp"
#include "canopy/nn/model.hpp"
#include "canopy/record/run_record.hpp"

#include "run_parts.hpp"

/// What the records of the distributed commands have in common: how good the model is, and tables.
namespace canopy::app {

struct Event {
  double time;
  std::string kind;
  std::string text;
  int rank = 0;  ///< that it is about
};

/// How good a model is, and on which rows.
struct Evaluation {
  data::ConfusionMatrix confusion;
  std::string rows_from;  ///< hold-out, test set, out-of-fold, out-of-bag
  std::string scoring;
  double score;
};

/// On rows that the model has not seen.
Evaluation evaluate(std::string rows_from, std::vector<std::uint16_t> const& truth,
                    Eigen::MatrixXd const& probabilities, std::string const& scoring, int classes);

/// The trees' own account of rows they did not see.
Evaluation evaluate_out_of_bag(forest::OutOfBag const& out_of_bag, data::EncodedTable const& table,
                               data::Rows const& rows, std::string const& scoring);

/// `first_role` is what rank 0 is, when it is not alone.
Table ranks_table(std::vector<comm::RankUse> const& uses, std::vector<std::string> const& hosts,
                  std::string const& first_role);
/// With a role for each rank.
Table ranks_table(std::vector<comm::RankUse> const& uses, std::vector<std::string> const& hosts,
                  std::vector<std::string> const& roles);
/// The roles of a farm's ranks, those of its lost ones included.
std::vector<std::string> roles_of(std::vector<comm::Loss> const& losses, std::size_t ranks,
                                  std::string const& first_role);
/// What losses beyond the first `told` have to tell: who was lost, and what was run again. `name`
/// says what a task is.
std::vector<Event> events_of(std::vector<comm::Loss> const& losses, std::size_t told,
                             std::vector<std::string> const& hosts, double seconds,
                             std::function<std::string(comm::TaskId)> const& name);
/// The same for those who watch, a line for each loss.
std::vector<std::string> lines_of(std::vector<comm::Loss> const& losses, std::size_t told,
                                  std::vector<std::string> const& hosts,
                                  std::function<std::string(comm::TaskId)> const& name);
Table events_table(std::vector<Event> const& events);
/// The events of such a table.
std::vector<Event> events_of(Table const& table);
Table confusion_table(data::ConfusionMatrix const& confusion,
                      std::vector<std::string> const& class_names);
Table importances_table(std::vector<double> const& importances,
                        std::vector<std::string> const& feature_names);
/// As scikit-learn's importances_mean and importances_std, on the rows that `rows_from` names.
Table permutation_importances_table(forest::PermutationImportances const& importances,
                                    std::vector<std::string> const& feature_names,
                                    std::string const& rows_from);
/// The out-of-bag score over the number of trees, and how many rows have a vote by then: all
/// numbers up to 200, else some 200 in equal steps, and always the last. Entry i of both is about
/// i + 1 trees.
Table oob_curve_table(std::vector<double> const& scores,
                      std::vector<std::int64_t> const& rows_with_vote);
/// One row for each.
Table evaluation_table(std::vector<Evaluation> const& evaluations);
/// Puts into the record how good the model is, if that is known.
void add_evaluations(record::RunRecord& record, std::vector<Evaluation> const& evaluations,
                     std::vector<std::string> const& class_names);
/// Puts the model and its row into the record; it was learnt from so many rows.
void add_model(record::RunRecord& record, forest::Forest const& model, std::size_t rows,
               std::string const& label_name);
/// What a network is, learnt from so many rows.
Table model_row(nn::Model const& model, nn::Network const& network, std::size_t rows,
                std::string const& label_name);
/// For the end of a run: where its file is, how large, how long it took to write.
std::string run_file_line(std::filesystem::path const& run_file, Phases const& phases);

}  // namespace canopy::app
