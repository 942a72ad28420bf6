#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "canopy/core/array.hpp"
#include "canopy/core/options.hpp"
#include "canopy/core/registry.hpp"

namespace canopy::federate {

/// How much less an update counts that set out from an older model; Xie et al. 2019, section 5.2.
enum class StalenessWeight { constant, hinge, polynomial };

}  // namespace canopy::federate

namespace canopy {

template <>
struct Names<federate::StalenessWeight> {
  static constexpr std::array value{"constant", "hinge", "polynomial"};
};

}  // namespace canopy

namespace canopy::federate {

/// Numbers of the algorithms, with the names of their papers and of Flower.
struct AggregatorOptions {
  std::string aggregator = "fedavg";  ///< a name of aggregators()
  double server_lr = 1;
  double server_momentum = 0.9;  ///< FedAvgM
  double beta1 = 0.9;            ///< FedAdam, FedYogi
  double beta2 = 0.99;
  double tau = 1e-3;    ///< FedAdagrad, FedAdam, FedYogi: how adaptive; small is more
  double mu = 0.01;     ///< FedProx
  double alpha = 0.01;  ///< FedDyn
  double q = 1;         ///< q-FFL: 0 is FedAvg with uniform weights
  double trim = 0.1;    ///< trimmed mean: share left out at each end
  int byzantine = 0;    ///< Krum: how many clients may lie
  double mixing = 0.6;  ///< FedAsync: alpha, the share of a fresh client's model
  StalenessWeight staleness_weight = StalenessWeight::polynomial;
  double staleness_a = 0.5;  ///< (1 + staleness)^-a, or the slope of the hinge
  double staleness_b = 4;    ///< the hinge begins behind it
  int buffer_size = 10;      ///< FedBuff: updates in a step of the server

  void describe(Options& options);
  void check() const;
};

/// How large things are.
struct Sizes {
  std::size_t arena = 0;       ///< numbers of a model: parameters, then running statistics
  std::size_t parameters = 0;  ///< trainable ones
  int clients = 0;             ///< of the federation
};

/// What a client's training came to.
struct LocalResult {
  std::vector<float> delta;  ///< arena after training less arena before
  std::int64_t rows = 0;
  std::int64_t steps = 0;  ///< updates done
  double lr = 0;
  double first_loss = 0;  ///< mean over its rows before training, when asked for
};

/// What travels: `values` weighted by `weight` are added up, and `number` is passed on.
struct Upload {
  double weight = 0;
  std::vector<float> values;  ///< Aggregator::vectors() times the arena
  double number = 0;
};

/// What the reducer knows of an upload that was taken.
struct Contribution {
  int client = 0;
  double weight = 0;  ///< in the round, as planned: those of all add up to 1
  std::int64_t steps = 0;
  double number = 0;
};

/// What came of a round.
struct RoundSum {
  std::vector<float> values;  ///< sum of weight * values
  std::vector<Contribution> contributions;
  std::vector<std::vector<float>> updates;  ///< in the same order; only if wants_updates()
  double share = 1;  ///< planned weight that has arrived: less than 1 when updates were rejected
};

/// An update that comes by itself, in an asynchronous run.
struct Arrival {
  std::span<float const> delta;
  std::span<float const> base;  ///< the model that it set out from
  std::int64_t staleness = 0;   ///< server steps since then
};

/// One federated algorithm: what clients do, and what the server does with what they send. The part
/// of the clients is const and may run on any rank; the server's state lives at the reducer.
class Aggregator {
 public:
  explicit Aggregator(Sizes const& sizes) : sizes_{sizes} {}
  virtual ~Aggregator() = default;

  // ---- clients
  /// mu in g + mu * (w - w_global): the pull back to the global model.
  virtual double proximal() const { return 0; }
  /// Whether clients have a state of `parameters` numbers, which the federation keeps for them.
  virtual bool has_client_states() const { return false; }
  /// Whether weights depend on the loss before training.
  virtual bool wants_first_loss() const { return false; }
  /// What is added to every gradient: from the numbers that the server shares and the client's
  /// state (empty: none yet). Empty: nothing.
  virtual std::vector<float> shift(std::span<float const> shared,
                                   std::span<float const> state) const;
  /// What is sent, and the new state in place of the old one. `weight` is the client's in the
  /// round, planned before anybody trains: those of all add up to 1.
  virtual Upload upload(LocalResult result, double weight, std::span<float const> shared,
                        std::vector<float>& state) const;
  /// Arenas in an upload.
  virtual int vectors() const { return 1; }
  /// Whether the server needs each update by itself.
  virtual bool wants_updates() const { return false; }
  /// Whether a client's weight is its number of rows, or the same for all.
  virtual bool weighs_by_rows() const { return true; }
  /// FedSGD: one step on all rows, whatever the options of local training say.
  virtual bool takes_one_full_step() const { return false; }

  // ---- server
  /// What clients are sent beside the model.
  virtual std::span<float const> shared() const { return {}; }
  virtual void apply(RoundSum const& round, std::span<float> model) = 0;
  /// Whether there are no rounds: updates come one by one, and go to arrive().
  virtual bool is_asynchronous() const { return false; }
  /// True when the model has changed: a step of the server.
  virtual bool arrive(Arrival const& arrival, std::span<float> model);
  /// For checkpoints.
  NamedArrays state();
  void restore(NamedArrays const& arrays);

 protected:
  using StateArrays =
      std::vector<std::pair<std::string, std::reference_wrapper<std::vector<float>>>>;
  /// What the server remembers between rounds, by name.
  virtual StateArrays kept() { return {}; }

  Sizes sizes_;
};

using AggregatorTable = Registry<Aggregator, AggregatorOptions const&, Sizes const&>;

/// fedavg, fedsgd, fedavgm, fedprox, fednova, scaffold, feddyn, fedadam, fedyogi, fedadagrad, qffl,
/// median, trimmed-mean, krum, fedasync, fedbuff.
AggregatorTable const& aggregators();

}  // namespace canopy::federate
