#include "network_task.hpp"

#include <algorithm>
#include <fstream>
#include <numeric>
#include <sstream>

#include <fmt/format.h>

#include "canopy/train/network/input_shape.hpp"

namespace canopy::app {
namespace {

std::string read_text(std::string const& file) {
  std::ifstream in{file, std::ios::binary};
  std::ostringstream text;
  text << in.rdbuf();
  if (!in) throw UserError{"--model " + file + ": cannot be read; give a file with a layer list"};
  return text.str();
}

/// Some of `rows`, stratified by their classes: those that stay, and those set aside.
data::Split divide(data::Samples const& samples, data::Rows const& rows, double share, Key key) {
  std::vector<std::uint16_t> labels;
  for (auto const row : rows) labels.push_back(samples.labels()[row]);
  auto split = data::stratified_split(labels, samples.classes(), share, key);
  for (auto* part : {&split.train, &split.test})
    for (auto& place : *part) place = rows[place];
  return split;
}

data::Rows numbers(std::int64_t first, std::int64_t end) {
  data::Rows rows(static_cast<std::size_t>(end - first));
  std::iota(rows.begin(), rows.end(), static_cast<data::RowIndex>(first));
  return rows;
}

}  // namespace

NetworkRows divide_rows(RowShares const& shares, std::string const& data,
                        data::Samples const& samples) {
  auto const seed = Key{shares.seed};
  auto const test_size = shares.test_size.value_or(samples.test_rows() > 0 ? 0 : 0.2);
  auto const held_out =
      divide(samples, numbers(0, samples.rows()), test_size, seed.with("hold-out"));
  auto const set_aside =
      divide(samples, held_out.train, shares.validation_split, seed.with("validation"));
  NetworkRows rows{set_aside.train, set_aside.test, held_out.test, !held_out.test.empty()};
  if (rows.unseen.empty()) rows.unseen = numbers(samples.rows(), samples.all_rows());
  if (rows.learn.empty())
    throw DataError{fmt::format(
        "{}: of {} rows none is left to learn from; lower --test-size or --validation-split", data,
        samples.rows())};
  if (shares.validation_split > 0 && rows.validate.empty())
    throw UserError{fmt::format(
        "--validation-split {} of {} row{} is none; raise it, or set it to "
        "0",
        shares.validation_split, held_out.train.size(), held_out.train.size() == 1 ? "" : "s")};
  return rows;
}

nn::Network make_network(std::string const& model, std::string const& layers,
                         data::Samples const& samples) {
  auto const shape = train::input_shape(samples, model, layers);
  auto const classes = samples.classes();
  return nn::Network{layers.empty() ? nn::architecture(model, shape, classes)
                                    : nn::architecture_from_toml(layers, model, shape, classes)};
}

std::string share_layers(comm::Communicator const& comm, std::string const& model) {
  std::string layers;
  comm.together("settings", [&] {
    if (comm.is_root() && model.ends_with(".toml")) layers = read_text(model);
  });
  return comm.broadcast(layers);
}

nn::Network share_network(comm::Communicator const& comm, std::string const& model,
                          data::Samples const& samples) {
  auto const layers = share_layers(comm, model);
  std::optional<nn::Network> network;
  comm.together("settings", [&] { network.emplace(make_network(model, layers, samples)); });
  return std::move(*network);
}

nn::Standardisation share_standardisation(comm::Communicator const& comm,
                                          data::Samples const& samples, data::Rows const& learn,
                                          nn::Shape shape) {
  nn::Standardisation result;
  comm.together("settings", [&] {
    if (comm.is_root()) result = train::standardisation_of(samples, learn, shape);
  });
  result.mean = comm.broadcast(result.mean);
  result.inverse_deviation = comm.broadcast(result.inverse_deviation);
  return result;
}

Evaluation evaluate_unseen(Eigen::MatrixXd const& probabilities, NetworkRows const& rows,
                           train::Feed const& feed, std::string const& scoring) {
  std::vector<std::uint16_t> labels(rows.unseen.size());
  feed.labels(rows.unseen, labels);
  return evaluate(rows.unseen_name(), labels, probabilities, scoring, feed.samples().classes());
}

NetworkTask make_task(comm::Communicator const& comm, TrainSettings const& settings,
                      SharedSamples const& data) {
  auto const samples = data.samples();
  NetworkRows rows;
  comm.together("settings", [&] {
    rows =
        divide_rows({settings.test_size, settings.network.validation_split, settings.common.seed},
                    settings.source.data, samples);
  });
  auto network = share_network(comm, settings.model, samples);
  auto const standardisation = share_standardisation(comm, samples, rows.learn, network.shape(0));
  train::Feed feed{samples, network.shape(0), standardisation};
  train::ShardPlan const plan{std::ssize(rows.learn), settings.network.training.batch_size};
  return {samples, std::move(rows), std::move(network), standardisation, std::move(feed), plan};
}

}  // namespace canopy::app
