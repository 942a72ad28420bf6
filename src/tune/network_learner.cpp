#include "canopy/tune/network_learner.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include "canopy/core/clock.hpp"
#include "canopy/nn/layer_kinds.hpp"
#include "canopy/nn/usual_lr.hpp"
#include "canopy/train/network/fit.hpp"
#include "canopy/train/network/input_shape.hpp"

#include "fold_scores.hpp"
#include "kept_networks.hpp"

namespace canopy::tune {
namespace {

constexpr char default_network_space[] = R"(
lr = { type = "float", low = 0.003, high = 0.3, log = true }
momentum = [0, 0.9, 0.95]
batch_size = [32, 64, 128, 256]
weight_decay = { type = "float", low = 1e-6, high = 1e-3, log = true, also = [0] }
)";
constexpr char default_hidden[] = R"(hidden = ["64-32", "128-64", "200-200", "512"])";

constexpr std::string_view mlp_prefix = "mlp:";

bool is_mlp(std::string const& model) {
  return model == "mlp" || model.starts_with(mlp_prefix);
}

std::string hidden_of(std::string const& model) {
  return model.starts_with(mlp_prefix) ? model.substr(mlp_prefix.size()) : "64-32";
}

/// Sets the rate of every dropout layer; where there is none, one comes behind each hidden dense
/// layer.
void set_dropout(std::vector<nn::LayerSpec>& layers, double rate) {
  auto const spec = nn::layer("dropout", {{"rate", rate}});
  if (std::ranges::find(layers, "dropout", &nn::LayerSpec::kind) != layers.end()) {
    for (auto& layer : layers)
      if (layer.kind == "dropout") layer = spec;
    return;
  }
  for (auto i = layers.size(); i-- > 1;)
    if (layers[i].kind == "relu" && layers[i - 1].kind == "dense")
      layers.insert(layers.begin() + static_cast<std::ptrdiff_t>(i) + 1, spec);
}

nn::Network network_of(NetworkParameters const& parameters, LearnerData const& data) {
  return nn::Network{parameters.architecture(data)};
}

/// A network and the rows that it learns from, in one place for a fit to refer to.
class Problem {
 public:
  Problem(NetworkParameters const& parameters, LearnerData const& data, data::Rows const& rows)
      : rows_{rows},
        network_{network_of(parameters, data)},
        standardisation_{train::standardisation_of(data.samples(), rows, network_.shape(0))},
        feed_{data.samples(), network_.shape(0), standardisation_},
        plan_{std::ssize(rows), parameters.training.batch_size},
        training_{parameters.training_options()} {
    training_.check();
    strategy_.reduction.allreduce = "own";  // to choose takes time in every task
  }

  train::NetworkFit fit(comm::Communicator const& team, Key key,
                        train::FitOptions const& options = {}) {
    return {{team, network_, feed_, plan_, training_, strategy_, trace_}, rows_, {}, key, options};
  }

  nn::Network const& network() const { return network_; }
  nn::Standardisation const& standardisation() const { return standardisation_; }
  train::Feed const& feed() const { return feed_; }
  train::ShardPlan const& plan() const { return plan_; }

 private:
  data::Rows const& rows_;
  nn::Network network_;
  nn::Standardisation standardisation_;
  train::Feed feed_;
  train::ShardPlan plan_;
  nn::TrainingOptions training_;
  train::StrategyOptions strategy_;
  train::Trace trace_;
};

/// Collective. The token of the root decides for all.
void run(train::NetworkFit& fit, StopToken const& stop) {
  train::FitHooks hooks;
  hooks.interrupted = stop;
  if (!fit.run(hooks)) throw Stopped{};
}

/// Collective. On the root class probabilities, rows x classes. A network that has diverged knows
/// nothing: to it all classes are alike.
Eigen::MatrixXd probabilities(comm::Communicator const& team, Problem const& problem,
                              std::vector<float> const& weights, data::Rows const& rows,
                              StopToken const& stop) {
  constexpr std::size_t some = 1024;  // between two looks at the token
  train::Evaluator evaluator{team, problem.network(), problem.feed()};
  std::vector<float> all;
  for (std::size_t first = 0; first < rows.size(); first += some) {
    if (team.broadcast(stop && stop())) throw Stopped{};
    auto const part = evaluator.probabilities(
        weights, std::span{rows}.subspan(first, std::min(some, rows.size() - first)));
    all.insert(all.end(), part.begin(), part.end());
  }
  auto const classes = problem.network().classes();
  for (auto& p : all)
    if (std::isnan(p)) p = 1.0F / static_cast<float>(classes);
  return train::as_table(all, classes);
}

/// Collective over the team. Those of it who have a part of each batch; nothing on the others.
std::optional<comm::Communicator> team_for(LearnerData const& data, train::ShardPlan const& plan) {
  auto const& team = data.team();
  if (team.size() <= plan.shards()) return team;
  bool const acts = team.rank().value < plan.shards();
  auto part = team.split(acts ? 0 : 1);
  return acts ? std::optional{std::move(part)} : std::nullopt;
}

class NetworkLearner final : public Learner {
 public:
  NetworkLearner(std::string model, LearnerData data)
      : model_{std::move(model)}, data_{std::move(data)}, kept_{std::size_t{256} << 20} {}

  Configuration defaults() const override {
    NetworkParameters parameters{model_};
    Options options;
    parameters.describe(options);
    return defaults_of(options);
  }

  Space default_space() const override {
    return Space::from_toml_text(model_ == "mlp"
                                     ? std::string{default_hidden} + default_network_space
                                     : default_network_space);
  }

  Configuration spelled_out(Configuration configuration) const override {
    auto const lr = std::ranges::find(configuration, "lr", &Configuration::value_type::first);
    auto const* optimizer = find(configuration, "optimizer");
    if (lr != configuration.end() && (lr->second == "None" || lr->second == "none"))
      lr->second = text::shortest(
          nn::usual_lr(optimizer == nullptr ? nn::TrainingOptions{}.optimizer : *optimizer));
    return configuration;
  }

  void check(Configuration const& configuration) const override {
    auto const parameters = network_parameters(model_, configuration);
    parameters.training_options().check();
    network_of(parameters, data_);
  }

  double cost(Configuration const& configuration) const override {
    auto const parameters = network_parameters(model_, configuration);
    auto const network = network_of(parameters, data_);
    double per_row = 0;
    for (int layer = 0; layer < network.depth(); ++layer)
      per_row += network.flops(layer).training();
    return parameters.training.epochs * per_row;
  }

  std::string resource() const override { return "epochs"; }

  FoldScore fit_and_score(Configuration const& configuration, data::Split const& split, Key key,
                          StopToken const& stop) const override {
    auto parameters = network_parameters(model_, configuration);
    FoldScore result;
    Stopwatch const fitting;
    auto const epochs = std::exchange(parameters.training.epochs, horizon(parameters));
    Problem problem{parameters, data_, split.train};
    auto const acting = team_for(data_, problem.plan());
    if (!acting) return {};
    auto const& team = *acting;
    auto fit = problem.fit(team, key, {{}, 0, epochs});
    auto const name = to_text(identity(parameters));
    fit.start(beginning(team, problem, name, key, epochs));
    run(fit, stop);
    if (data_.trials_climb && epochs < parameters.training.epochs) {
      auto state = fit.state();
      if (team.is_root()) kept_.keep(name, key, std::move(state));
    }
    auto const weights = fit.weights();
    result.fit_time = fitting.seconds();
    Stopwatch const scoring;
    auto const predicted = probabilities(team, problem, weights, split.test, stop);
    if (team.is_root()) score_rows(data_, split.test, predicted, result);
    result.score_time = scoring.seconds();
    return result;
  }

 private:
  /// What the learning rate goes by: a fit of fewer epochs is the beginning of the whole one.
  int horizon(NetworkParameters const& parameters) const {
    if (!data_.trials_climb) return parameters.training.epochs;
    return std::max(parameters.training.epochs,
                    data_.most_resource.value_or(nn::TrainingOptions{}.epochs));
  }

  /// All that the bits of a fit depend on, but for rows and key.
  static Configuration identity(NetworkParameters parameters) {
    Options options;
    parameters.describe(options);
    Configuration all;
    for (auto const& row : options.rows()) all.emplace_back(row.name, row.get());
    return all;
  }

  /// Collective. Where a fit of so many epochs begins.
  train::TrainingState beginning(comm::Communicator const& team, Problem const& problem,
                                 std::string const& name, Key key, int epochs) const {
    std::optional<train::TrainingState> kept;
    if (data_.trials_climb)
      kept = furthest(team, kept_.find(name, key, epochs * problem.plan().steps_per_epoch()),
                      problem.network().arena_size(), problem.plan().shards());
    return kept ? std::move(*kept) : train::fresh_state(problem.network(), problem.plan(), key);
  }

  std::string model_;
  LearnerData data_;
  mutable KeptNetworks kept_;
};

}  // namespace

NetworkParameters::NetworkParameters(std::string name)
    : model{std::move(name)}, hidden{is_mlp(model) ? hidden_of(model) : ""} {
  training.schedule = "cosine";
  if (!is_network(model)) throw UserError{"no network is called '" + model + "'"};
}

void NetworkParameters::describe(Options& o) {
  o.group("Network");
  if (is_mlp(model))
    o.row("hidden", hidden, "widths of the hidden layers of mlp", any<std::string>("as in 64-32"));
  if (model != "softmax")
    o.row("dropout", dropout,
          "rate of the model's dropout layers; mlp and lenet get one behind each hidden dense "
          "layer; None: as the model has them",
          {"None, or at least 0 and less than 1",
           [](auto const& rate) { return !rate || (*rate >= 0 && *rate < 1); }});
  training.describe(o);
  o.leave_out("lr");
  o.row("lr", lr, "learning rate; None: " + nn::usual_lr_text(),
        {"None or more than 0", [](auto const& rate) { return !rate || *rate > 0; }});
}

nn::TrainingOptions NetworkParameters::training_options() const {
  auto options = training;
  options.lr = lr ? *lr : nn::usual_lr(training.optimizer);
  return options;
}

nn::Architecture NetworkParameters::architecture(LearnerData const& data) const {
  auto const input = train::input_shape(data.samples(), model, data.layers);
  auto const is_as_named = !is_mlp(model) || hidden == hidden_of(model);
  auto result = data.layers.empty()
                    ? nn::architecture(is_as_named ? model : std::string{mlp_prefix} + hidden,
                                       input, data.classes())
                    : nn::architecture_from_toml(data.layers, model, input, data.classes());
  if (dropout) set_dropout(result.layers, *dropout);
  return result;
}

NetworkParameters network_parameters(std::string const& model, Configuration const& configuration) {
  NetworkParameters parameters{model};
  Options options;
  parameters.describe(options);
  for (auto const& [name, value] : configuration) options.set(name, value);
  return parameters;
}

std::unique_ptr<Learner> make_network_learner(std::string const& model, LearnerData const& data) {
  return std::make_unique<NetworkLearner>(model, data);
}

std::optional<nn::Model> fit_network(std::string const& model, LearnerData const& data,
                                     Configuration const& configuration, data::Rows const& rows,
                                     Key key, StopToken const& stop) {
  auto const parameters = network_parameters(model, configuration);
  Problem problem{parameters, data, rows};
  auto const team = team_for(data, problem.plan());
  if (!team) return {};
  auto fit = problem.fit(*team, key);
  fit.start(train::fresh_state(problem.network(), problem.plan(), key));
  run(fit, stop);
  return nn::Model{problem.network().architecture(), fit.weights(), problem.standardisation(),
                   data.class_names, data.feature_names};
}

}  // namespace canopy::tune
