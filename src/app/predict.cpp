#include "canopy/app/predict.hpp"

#include <filesystem>
#include <memory>

#include <fmt/format.h>
#include <fmt/ostream.h>

#include "canopy/app/distributed.hpp"
#include "canopy/comm/shared_bytes.hpp"
#include "canopy/core/clock.hpp"
#include "canopy/core/output_file.hpp"
#include "canopy/data/metrics.hpp"
#include "canopy/data/source.hpp"
#include "canopy/record/run_record.hpp"

#include "saved_model.hpp"

namespace canopy::app {
namespace {

struct PredictSettings {
  data::Source source;
  std::string model;
  std::string out;
  std::string id;
  bool proba = false;
  bool overwrite = false;
  std::uint64_t seed = 0;

  void describe(Options& o) {
    auto const yes_or_no = any<bool>("true or false");
    o.group("Prediction");
    o.row("model", model, "run file that holds the model", any<std::string>("RUN.h5"));
    o.row("out", out, "where the predictions go", any<std::string>("FILE.csv"));
    o.row("id", id, "column to copy in front of the prediction, such as Kaggle's Id",
          any<std::string>("NAME|NUMBER"));
    o.row("proba", proba, "write the probability of every class too", yes_or_no);
    o.row("overwrite", overwrite, "replace an existing file", yes_or_no);
    o.group("Data");
    source.describe(o);
    o.row("seed", seed, "of synthetic data", at_least(std::uint64_t{0}));
  }

  void check() const {
    if (model.empty()) throw UserError{"--model is missing; give the run file of a finished run"};
    if (out.empty()) throw UserError{"--out is missing; give the file to write, such as pred.csv"};
    check_output("--out", out, ".csv", {model, source.data});
    if (!overwrite && std::filesystem::exists(out))
      throw UserError{"--out " + out + " is there already; give another name or --overwrite"};
  }
};

/// What the root read: the model, and the rows with their ids.
struct Inputs {
  NamedArrays arrays;
  std::string label_name;
  data::Unlabelled rows;
};

/// On the root. The model comes out as well, since the rows are read by its columns.
Inputs read_inputs(PredictSettings const& settings, std::unique_ptr<SavedModel>& model) {
  settings.check();
  Inputs inputs;
  Stopwatch const clock;
  auto record = record::read(settings.model);
  if (!record.model || !record.model_row)
    throw DataError{settings.model + ": " + why_no_model(record)};
  inputs.arrays = std::move(*record.model);
  inputs.label_name = record.model_row->text(0, "label");
  model = load_model(inputs.arrays);
  fmt::print("model {}, loaded in {:.2f} s\n", model->description(), clock.seconds());
  inputs.rows = data::load_rows(settings.source, model->feature_names(), inputs.label_name,
                                settings.id, settings.seed);
  return inputs;
}

/// Collective. The root's model, on every rank.
void share_model(comm::Communicator const& comm, Inputs const& inputs,
                 std::unique_ptr<SavedModel>& model) {
  if (comm.size() == 1) return;
  auto const arrays = comm.broadcast(inputs.arrays);
  if (!comm.is_root()) model = load_model(arrays);
}

void write_csv(std::ostream& file, PredictSettings const& settings, Inputs const& inputs,
               std::vector<std::string> const& classes, Eigen::MatrixXd const& probabilities) {
  auto const id = settings.id.empty() ? "" : settings.id + ",";
  fmt::print(file, "{}{}", id, inputs.label_name.empty() ? "prediction" : inputs.label_name);
  if (settings.proba)
    for (auto const& name : classes) fmt::print(file, ",proba_{}", name);
  file << '\n';
  auto const predicted = data::predicted_classes(probabilities);
  for (std::size_t row = 0; row < predicted.size(); ++row) {
    if (!settings.id.empty()) fmt::print(file, "{},", inputs.rows.id[row]);
    file << classes[predicted[row]];
    if (settings.proba)
      for (int c = 0; c < probabilities.cols(); ++c)
        fmt::print(file, ",{}", text::shortest(probabilities(static_cast<Eigen::Index>(row), c)));
    file << '\n';
  }
}

/// Rows may carry their true classes under other numbers than the model's.
void print_accuracy(data::Dataset const& rows, std::vector<std::string> const& classes,
                    std::vector<std::uint16_t> const& predicted) {
  if (!rows.has_labels()) return;
  std::int64_t correct = 0;
  for (std::size_t row = 0; row < predicted.size(); ++row)
    correct += rows.class_names[rows.labels[row]] == classes[predicted[row]];
  fmt::print("accuracy {:.4f} on {} rows that carry their class\n",
             static_cast<double>(correct) / static_cast<double>(predicted.size()),
             text::grouped(rows.rows()));
}

}  // namespace

int run_predict(comm::Communicator const& comm, std::span<std::string const> words) {
  PredictSettings settings;
  if (!read_settings(comm, "predict",
                     "Scores rows with a saved model; rows are dealt to all ranks.", settings,
                     words))
    return 0;
  Inputs inputs;
  std::unique_ptr<SavedModel> model;
  comm::SharedBytes packed;
  comm.together("load", [&] {
    if (!comm.is_root()) return;
    inputs = read_inputs(settings, model);
    packed = model->pack(inputs.rows.rows);
  });
  share_model(comm, inputs, model);
  auto const shared = comm::share(comm, packed.bytes);
  std::vector<double> mine;
  comm.together("predict", [&] { mine = model->predict(shared, comm.rank().value, comm.size()); });
  auto const parts = comm.gather(mine);
  comm.together("write", [&] {
    if (!comm.is_root()) return;
    std::vector<double> all;
    for (auto const& part : parts) all.insert(all.end(), part.begin(), part.end());
    auto const& classes = model->class_names();
    Eigen::MatrixXd const probabilities =
        Eigen::Map<Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>(
            all.data(), inputs.rows.rows.rows(), std::ssize(classes));
    write_text(settings.out, [&](std::ostream& file) {
      write_csv(file, settings, inputs, classes, probabilities);
    });
    print_accuracy(inputs.rows.rows, classes, data::predicted_classes(probabilities));
    fmt::print("{} predictions written to {}\n", text::grouped(inputs.rows.rows.rows()),
               settings.out);
  });
  return 0;
}

}  // namespace canopy::app
