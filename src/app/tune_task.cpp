#include "tune_task.hpp"

#include <deque>
#include <utility>

#include "canopy/core/digest.hpp"
#include "canopy/data/metrics.hpp"
#include "canopy/train/predict_over.hpp"

#include "network_task.hpp"
#include "unseen_rows.hpp"

namespace canopy::app {
namespace {

/// A model fitted to all rows of a search.
template <class Model>
struct Fitted {
  tune::Configuration configuration;
  Model model;
  int number;                                         ///< among the models of the search
  std::optional<Eigen::MatrixXd> probabilities = {};  ///< of the rows that it is judged on
};

/// Such models, each fitted and asked once.
template <class Model>
class FittedModels {
 public:
  /// `fit(n)` fits the n-th model of this search.
  template <class Fit>
  Fitted<Model>& of(tune::Configuration const& configuration, Fit const& fit) {
    for (auto& known : models_)
      if (known.configuration == configuration) return known;
    auto const number = static_cast<int>(models_.size());
    return models_.emplace_back(configuration, fit(number), number);
  }

 private:
  std::deque<Fitted<Model>> models_;
};

/// Class probabilities of the rows that a model is judged on, which `predict(place)` gives.
template <class Model, class Predict>
Eigen::MatrixXd const& judged(RefitPlace const& place, Fitted<Model>& fitted,
                              Predict const& predict) {
  if (!fitted.probabilities)
    fitted.probabilities =
        predict(tune::prediction_place(place.farm, place.interrupted, fitted.number));
  return *fitted.probabilities;
}

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
    final_ = &fitted(place, configuration);
  }
  std::optional<Evaluation> evaluate_unseen(RefitPlace const& place) override {
    auto const unseen = unseen_rows(data_, split_.test);
    if (unseen.empty()) return {};
    return evaluate(unseen, predict(place, *final_, unseen), settings_.search.scoring);
  }
  Unseen compare_on_unseen(RefitPlace const& place, tune::Configuration const& initial,
                           tune::Configuration const& best) override {
    place.farm.expect_silence();
    UnseenRows unseen;
    try {
      unseen = rows_for_the_verdict();
    } catch (DataError const& e) {
      return {{}, std::string{"no full forest-cover set to judge on: "} + e.what()};
    }
    throw_if_stopped(place.interrupted);
    if (unseen.empty()) return {};
    auto& initially = fitted(place, initial);
    auto& tuned = fitted(place, best);
    place.phases.begin("predict");
    return {compare_predictions(unseen.name, unseen.labels(),
                                data::predicted_classes(predict(place, initially, unseen)),
                                data::predicted_classes(predict(place, tuned, unseen)),
                                unseen.table.classes()),
            {}};
  }
  void add_model(record::RunRecord& record) const override {
    if (final_) app::add_model(record, final_->model, rows().size(), header().label_name);
  }

 private:
  using Model = Fitted<forest::Forest>;

  UnseenRows rows_for_the_verdict() const {
    auto unseen = unseen_rows(data_, split_.test);
    return unseen.empty() && settings_.source.data == "forest-cover"
               ? rows_of_full_set(settings_.source, data_)
               : unseen;
  }
  /// Class probabilities of these rows, which are the same whenever there are any.
  static Eigen::MatrixXd const& predict(RefitPlace const& place, Model& model,
                                        UnseenRows const& unseen) {
    return judged(place, model, [&](train::PredictionPlace const& where) {
      return train::predict_over(where, model.model, unseen.table, unseen.rows);
    });
  }
  Model& fitted(RefitPlace const& place, tune::Configuration const& configuration) {
    return models_.of(configuration, [&](int which) {
      return tune::refit_forest(place.farm, place.bench, settings_.search, configuration,
                                place.interrupted, which);
    });
  }

  TuneSettings const& settings_;
  SharedData data_;
  data::Split split_;
  FittedModels<forest::Forest> models_;
  Model* final_ = nullptr;
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
    final_ = &fitted(place, configuration);
  }
  std::optional<Evaluation> evaluate_unseen(RefitPlace const& place) override {
    if (rows_.unseen.empty()) return {};
    return app::evaluate_unseen(predict(place, *final_), rows_, feed(final_->model),
                                settings_.search.scoring);
  }
  Unseen compare_on_unseen(RefitPlace const& place, tune::Configuration const& initial,
                           tune::Configuration const& best) override {
    if (rows_.unseen.empty()) return {};
    auto& initially = fitted(place, initial);
    auto& tuned = fitted(place, best);
    place.phases.begin("predict");
    std::vector<std::uint16_t> labels(rows_.unseen.size());
    feed(tuned.model).labels(rows_.unseen, labels);
    return {compare_predictions(
                rows_.unseen_name(), labels, data::predicted_classes(predict(place, initially)),
                data::predicted_classes(predict(place, tuned)), data_.samples().classes()),
            {}};
  }
  void add_model(record::RunRecord& record) const override {
    if (!final_) return;
    auto const& model = final_->model;
    record.model = model.to_arrays();
    record.model_row =
        model_row(model, nn::Network{model.architecture}, rows().size(), header().label_name);
  }

 private:
  using Model = Fitted<nn::Model>;

  Model& fitted(RefitPlace const& place, tune::Configuration const& configuration) {
    return models_.of(configuration, [&](int which) {
      return tune::refit_network(place.farm, configuration, place.interrupted, which);
    });
  }
  train::Feed feed(nn::Model const& model) const {
    return {data_.samples(), model.architecture.input, model.standardisation};
  }
  /// Class probabilities of the unseen rows.
  Eigen::MatrixXd const& predict(RefitPlace const& place, Model& model) const {
    return judged(place, model, [&](train::PredictionPlace const& where) {
      return train::predict_over(where, alone_, model.model, data_.samples(), rows_.unseen);
    });
  }

  TuneSettings const& settings_;
  SharedSamples data_;
  std::string layers_;  ///< of --model FILE.toml
  std::string fingerprint_;
  comm::Communicator alone_;
  NetworkRows rows_;
  FittedModels<nn::Model> models_;
  Model* final_ = nullptr;
};

}  // namespace

std::unique_ptr<TuneTask> make_tune_task(comm::Communicator const& comm,
                                         TuneSettings const& settings, Phases& phases) {
  if (tune::is_network(settings.search.model))
    return std::make_unique<NetworkSearchTask>(comm, settings, phases);
  return std::make_unique<ForestSearchTask>(comm, settings, phases);
}

}  // namespace canopy::app
