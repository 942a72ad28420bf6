#include "saved_model.hpp"

#include <algorithm>
#include <array>
#include <numeric>

#include <fmt/format.h>

#include "canopy/core/text.hpp"
#include "canopy/data/encoded.hpp"
#include "canopy/data/samples.hpp"
#include "canopy/data/splits.hpp"
#include "canopy/forest/forest.hpp"
#include "canopy/nn/model.hpp"

#include "network_view.hpp"

namespace canopy::app {
namespace {

/// The rows of `part` when `count` rows are dealt in `parts`.
data::Rows share_of(std::int64_t count, int part, int parts) {
  auto const first = count * part / parts;
  data::Rows rows(static_cast<std::size_t>(count * (part + 1) / parts - first));
  std::iota(rows.begin(), rows.end(), static_cast<data::RowIndex>(first));
  return rows;
}

class SavedForest : public SavedModel {
 public:
  explicit SavedForest(NamedArrays const& arrays) : forest_{forest::Forest::from_arrays(arrays)} {}

  std::vector<std::string> const& class_names() const override { return forest_.class_names(); }
  std::vector<std::string> const& feature_names() const override { return forest_.feature_names(); }
  std::string description() const override {
    return fmt::format("of {} trees, {} nodes", forest_.trees().size(),
                       text::grouped(static_cast<std::int64_t>(forest_.nodes())));
  }
  comm::SharedBytes pack(data::Dataset const& rows) const override {
    auto const table = std::make_shared<data::EncodedTable>(data::EncodedTable::encode(rows));
    return {table->bytes(), table};
  }
  std::vector<double> predict(comm::SharedBytes const& packed, int part, int parts) const override {
    auto const table = data::EncodedTable::view(packed.bytes, packed.owner);
    Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> const rows =
        forest_.predict_proba(table, share_of(table.rows(), part, parts));
    return {rows.data(), rows.data() + rows.size()};
  }

 private:
  forest::Forest forest_;
};

class SavedNetwork : public SavedModel {
 public:
  explicit SavedNetwork(NamedArrays const& arrays) : model_{nn::Model::from_arrays(arrays)} {}

  std::vector<std::string> const& class_names() const override { return model_.class_names; }
  std::vector<std::string> const& feature_names() const override { return model_.feature_names; }
  std::string description() const override {
    return network_text(nn::Network{model_.architecture});
  }
  comm::SharedBytes pack(data::Dataset const& rows) const override {
    auto const samples = std::make_shared<data::Samples>(data::Samples::pack_unlabelled(rows));
    return {samples->bytes(), samples};
  }
  std::vector<double> predict(comm::SharedBytes const& packed, int part, int parts) const override {
    auto const samples = data::Samples::view(packed.bytes, packed.owner);
    auto const rows = share_of(samples.rows(), part, parts);
    auto const probabilities = samples.visit([&]<class Element>(Element const* values) {
      nn::RowsView<Element> const view{values, samples.rows(), samples.columns(),
                                       samples.columns()};
      return nn::predict_proba(model_, view, rows);
    });
    return {probabilities.begin(), probabilities.end()};
  }

 private:
  nn::Model model_;
};

}  // namespace

std::unique_ptr<SavedModel> load_model(NamedArrays const& arrays) {
  if (arrays.has_attribute("format") && arrays.text_attribute("format") == nn::network_format)
    return std::make_unique<SavedNetwork>(arrays);
  return std::make_unique<SavedForest>(arrays);
}

std::string why_no_model(record::RunRecord const& run) {
  constexpr std::array trainers{"tune", "train", "federate"};
  bool const simulates = run.table("simulation") != nullptr;
  auto const what = "is a run file of canopy " + run.command + (simulates ? " --simulate" : "");
  if (simulates || std::ranges::find(trainers, run.command) == trainers.end())
    return what + ", which makes no model; give that of a finished canopy tune, train or federate";
  if (run.status == "interrupted")
    return what + " that was interrupted and has no model yet; finish it with --resume";
  return what + " that left no model, status " + run.status +
         "; `canopy show RUN.h5 events` may tell why";
}

}  // namespace canopy::app
