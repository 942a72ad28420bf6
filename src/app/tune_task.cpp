#include "tune_task.hpp"

#include <deque>
#include <utility>

#include "canopy/core/digest.hpp"
#include "canopy/data/metrics.hpp"
#include "canopy/train/network/evaluation.hpp"

#include "network_task.hpp"
#include "unseen_rows.hpp"

namespace canopy::app {
namespace {

/// Models fitted to all rows of a search, each once.
template <class Model>
class FittedModels {
 public:
  /// `fit(n)` fits the n-th model of this search.
  template <class Fit>
  Model const& of(tune::Configuration const& configuration, Fit const& fit) {
    for (auto const& [known, model] : models_)
      if (known == configuration) return model;
    auto model = fit(static_cast<int>(models_.size()));
    return models_.emplace_back(configuration, std::move(model)).second;
  }

 private:
  std::deque<std::pair<tune::Configuration, Model>> models_;
};

class ForestSearchTask final : public TuneTask {
 public:
  ForestSearchTask(comm::Communicator const& comm, TuneSettings const& settings, Phases& phases)
      : settings_{settings},
        data_{load_and_share(comm, settings.source, settings.common.seed, phases)} {
    comm.together("rows", [&] {
      auto const table = data_.table();
      split_ = data::stratified_split(table.labels(), table.classes(), settings.test_size,
                                      Key{settings.common.seed}.with("hold-out"));
    });
  }

  DataHeader const& header() const override { return data_.header; }
  std::string const& fingerprint() const override { return data_.fingerprint; }
  data::Rows const& rows() const override { return split_.train; }
  tune::LearnerData learner_data() const override {
    return {data_.table(), header().class_names, header().feature_names, settings_.search.scoring};
  }

  void refit(RefitPlace const& place, tune::Configuration const& configuration) override {
    model_ = &fitted(place, configuration);
  }
  std::optional<Evaluation> evaluate_unseen() const override {
    auto const unseen = unseen_rows(data_, split_.test);
    if (unseen.empty()) return {};
    return evaluate(unseen, model_->predict_proba(unseen.table, unseen.rows),
                    settings_.search.scoring);
  }
  Unseen compare_on_unseen(RefitPlace const& place, tune::Configuration const& initial,
                           tune::Configuration const& best) override {
    place.farm.expect_silence();
    auto unseen = unseen_rows(data_, split_.test);
    if (unseen.empty() && settings_.source.data == "forest-cover") try {
        unseen = rows_of_full_set(settings_.source, data_);
      } catch (DataError const& e) {
        return {{}, std::string{"no full forest-cover set to judge on: "} + e.what()};
      }
    throw_if_stopped(place.interrupted);
    if (unseen.empty()) return {};
    auto const& initially = fitted(place, initial);
    auto const& tuned = fitted(place, best);
    place.farm.expect_silence();
    auto const predictions = tuned.predict(unseen.table, unseen.rows);
    return {compare_predictions(
                unseen.name, unseen.labels(),
                initially == tuned ? predictions : initially.predict(unseen.table, unseen.rows),
                predictions, tuned.classes()),
            {}};
  }
  void add_model(record::RunRecord& record) const override {
    if (model_) app::add_model(record, *model_, rows().size(), header().label_name);
  }

 private:
  forest::Forest const& fitted(RefitPlace const& place, tune::Configuration const& configuration) {
    return models_.of(configuration, [&](int which) {
      return tune::refit_forest(place.farm, place.bench, settings_.search, configuration,
                                place.interrupted, which);
    });
  }

  TuneSettings const& settings_;
  SharedData data_;
  data::Split split_;
  FittedModels<forest::Forest> models_;
  forest::Forest const* model_ = nullptr;  ///< the final one
};

class NetworkSearchTask final : public TuneTask {
 public:
  NetworkSearchTask(comm::Communicator const& comm, TuneSettings const& settings, Phases& phases)
      : settings_{settings},
        data_{load_and_share_samples(comm, settings.source, settings.common.seed, phases)},
        layers_{share_layers(comm, settings.search.model)},
        fingerprint_{data_.fingerprint},
        alone_{comm.split(comm.rank().value)} {
    if (!layers_.empty()) {  // other layers are another search
      Sha256 digest;
      digest.add(layers_.data(), layers_.size());
      fingerprint_ += " layers " + digest.hex();
    }
    comm.together("rows", [&] {
      rows_ = divide_rows({settings.test_size, 0, settings.common.seed}, settings.source.data,
                          data_.samples());
    });
  }

  DataHeader const& header() const override { return data_.header; }
  std::string const& fingerprint() const override { return fingerprint_; }
  data::Rows const& rows() const override { return rows_.learn; }
  tune::LearnerData learner_data() const override {
    return {data_.samples(), header().class_names, header().feature_names, settings_.search.scoring,
            layers_};
  }

  void refit(RefitPlace const& place, tune::Configuration const& configuration) override {
    model_ = &fitted(place, configuration);
  }
  std::optional<Evaluation> evaluate_unseen() const override {
    if (rows_.unseen.empty()) return {};
    return app::evaluate_unseen(predict(*model_), rows_, feed(*model_), settings_.search.scoring);
  }
  Unseen compare_on_unseen(RefitPlace const& place, tune::Configuration const& initial,
                           tune::Configuration const& best) override {
    if (rows_.unseen.empty()) return {};
    auto const& default_model = fitted(place, initial);
    auto const& tuned_model = fitted(place, best);
    place.farm.expect_silence();
    auto const initially = data::predicted_classes(predict(default_model));
    auto const tuned = data::predicted_classes(predict(tuned_model));
    std::vector<std::uint16_t> labels(rows_.unseen.size());
    feed(tuned_model).labels(rows_.unseen, labels);
    return {compare_predictions(rows_.unseen_name(), labels, initially, tuned,
                                data_.samples().classes()),
            {}};
  }
  void add_model(record::RunRecord& record) const override {
    if (!model_) return;
    record.model = model_->to_arrays();
    record.model_row =
        model_row(*model_, nn::Network{model_->architecture}, rows().size(), header().label_name);
  }

 private:
  nn::Model const& fitted(RefitPlace const& place, tune::Configuration const& configuration) {
    return models_.of(configuration, [&](int which) {
      return tune::refit_network(place.farm, configuration, place.interrupted, which);
    });
  }
  train::Feed feed(nn::Model const& model) const {
    return {data_.samples(), model.architecture.input, model.standardisation};
  }
  /// Class probabilities of the unseen rows.
  Eigen::MatrixXd predict(nn::Model const& model) const {
    nn::Network const network{model.architecture};
    auto const rows = feed(model);
    train::Evaluator evaluator{alone_, network, rows};
    return train::as_table(evaluator.probabilities(model.arena, rows_.unseen), network.classes());
  }

  TuneSettings const& settings_;
  SharedSamples data_;
  std::string layers_;  ///< of --model FILE.toml
  std::string fingerprint_;
  comm::Communicator alone_;
  NetworkRows rows_;
  FittedModels<nn::Model> models_;
  nn::Model const* model_ = nullptr;  ///< the final one
};

}  // namespace

std::unique_ptr<TuneTask> make_tune_task(comm::Communicator const& comm,
                                         TuneSettings const& settings, Phases& phases) {
  if (tune::is_network(settings.search.model))
    return std::make_unique<NetworkSearchTask>(comm, settings, phases);
  return std::make_unique<ForestSearchTask>(comm, settings, phases);
}

}  // namespace canopy::app
