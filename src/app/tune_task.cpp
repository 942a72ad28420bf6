#include "tune_task.hpp"

#include <utility>

#include "canopy/data/metrics.hpp"
#include "canopy/nn/architecture.hpp"
#include "canopy/train/network/evaluation.hpp"

#include "network_task.hpp"
#include "unseen_rows.hpp"

namespace canopy::app {
namespace {

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

  void refit(RefitPlace const& place, tune::Configuration const& best) override {
    model_ = fit(place, best, 0);
  }
  std::optional<Evaluation> evaluate_unseen() const override {
    return app::evaluate_unseen(*model_, data_, split_.test, settings_.search.scoring);
  }
  Unseen compare_on_unseen(RefitPlace const& place,
                           tune::Configuration const* initial) const override {
    place.farm.expect_silence();
    UnseenRows const unseen{settings_.source, data_, split_.test};
    throw_if_stopped(place.interrupted);
    if (unseen.empty()) return {{}, unseen.why_empty()};
    auto const other = initial == nullptr ? *model_ : fit(place, *initial, 1);
    place.farm.expect_silence();
    return {unseen.compare(other, *model_), {}};
  }
  void add_model(record::RunRecord& record) const override {
    if (model_) app::add_model(record, *model_, rows().size(), header().label_name);
  }

 private:
  forest::Forest fit(RefitPlace const& place, tune::Configuration const& configuration,
                     int which) const {
    return tune::refit_forest(place.farm, place.bench, settings_.search, configuration,
                              place.interrupted, which);
  }

  TuneSettings const& settings_;
  SharedData data_;
  data::Split split_;
  std::optional<forest::Forest> model_;
};

class NetworkSearchTask final : public TuneTask {
 public:
  NetworkSearchTask(comm::Communicator const& comm, TuneSettings const& settings, Phases& phases)
      : settings_{settings},
        data_{load_and_share_samples(comm, settings.source, settings.common.seed, phases)},
        alone_{comm.split(comm.rank().value)} {
    comm.together("rows", [&] {
      rows_ = divide_rows({settings.test_size, 0, settings.common.seed}, settings.source.data,
                          data_.samples());
    });
  }

  DataHeader const& header() const override { return data_.header; }
  std::string const& fingerprint() const override { return data_.fingerprint; }
  data::Rows const& rows() const override { return rows_.learn; }
  tune::LearnerData learner_data() const override {
    return {data_.samples(), header().class_names, header().feature_names,
            settings_.search.scoring};
  }

  void refit(RefitPlace const& place, tune::Configuration const& best) override {
    model_ = tune::refit_network(place.farm, best, place.interrupted);
  }
  std::optional<Evaluation> evaluate_unseen() const override {
    if (rows_.unseen.empty()) return {};
    return app::evaluate_unseen(predict(*model_), rows_, feed(*model_), settings_.search.scoring);
  }
  Unseen compare_on_unseen(RefitPlace const& place,
                           tune::Configuration const* initial) const override {
    if (rows_.unseen.empty()) return {};
    auto const other = initial == nullptr
                           ? *model_
                           : tune::refit_network(place.farm, *initial, place.interrupted, 1);
    place.farm.expect_silence();
    auto const initially = data::predicted_classes(predict(other));
    auto const best = data::predicted_classes(predict(*model_));
    std::vector<std::uint16_t> labels(rows_.unseen.size());
    feed(*model_).labels(rows_.unseen, labels);
    return {compare_predictions(rows_.unseen_name(), labels, initially, best,
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
  comm::Communicator alone_;
  NetworkRows rows_;
  std::optional<nn::Model> model_;
};

}  // namespace

std::unique_ptr<TuneTask> make_tune_task(comm::Communicator const& comm,
                                         TuneSettings const& settings, Phases& phases) {
  if (nn::is_network(settings.search.model))
    return std::make_unique<NetworkSearchTask>(comm, settings, phases);
  return std::make_unique<ForestSearchTask>(comm, settings, phases);
}

}  // namespace canopy::app
