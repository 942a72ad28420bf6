#include <algorithm>
#include <cmath>
#include <numeric>

#include "canopy/core/error.hpp"
#include "canopy/federate/aggregator.hpp"

namespace canopy::federate {
namespace {

float as_float(double x) {
  return static_cast<float>(x);
}

/// McMahan et al. 2017, "Communication-efficient learning of deep networks from decentralized
/// data", algorithm 1: w += sum of n_k/n * (w_k - w). With a server's rate as in Reddi et al. 2021.
class FedAvg : public Aggregator {
 public:
  FedAvg(AggregatorOptions const& o, Sizes const& sizes) : Aggregator{sizes}, lr_{o.server_lr} {}

  void apply(RoundSum const& round, std::span<float> model) override {
    for (std::size_t i = 0; i < model.size(); ++i) model[i] += as_float(lr_) * round.values[i];
  }

 private:
  double lr_;
};

/// The same algorithm with one step on all rows: the gradient of the whole cohort.
class FedSgd : public FedAvg {
 public:
  using FedAvg::FedAvg;
  bool takes_one_full_step() const override { return true; }
};

/// Li et al. 2020, "Federated optimization in heterogeneous networks": clients minimise
/// F_k(w) + mu/2 |w - w_global|^2.
class FedProx : public FedAvg {
 public:
  FedProx(AggregatorOptions const& o, Sizes const& sizes) : FedAvg{o, sizes}, mu_{o.mu} {}
  double proximal() const override { return mu_; }

 private:
  double mu_;
};

/// Hsu, Qi & Brown 2019, "Measuring the effects of non-identical data distribution": v = beta v +
/// delta, w += lr v.
class FedAvgM : public Aggregator {
 public:
  FedAvgM(AggregatorOptions const& o, Sizes const& sizes)
      : Aggregator{sizes}, lr_{o.server_lr}, beta_{o.server_momentum}, momentum_(sizes.arena) {}

  void apply(RoundSum const& round, std::span<float> model) override {
    for (std::size_t i = 0; i < model.size(); ++i) {
      momentum_[i] = as_float(beta_) * momentum_[i] + round.values[i];
      model[i] += as_float(lr_) * momentum_[i];
    }
  }
  NamedArrays state() const override {
    NamedArrays arrays;
    arrays.put("momentum", momentum_);
    return arrays;
  }
  void restore(NamedArrays const& arrays) override { momentum_ = arrays.get<float>("momentum"); }

 private:
  double lr_;
  double beta_;
  std::vector<float> momentum_;
};

/// Reddi et al. 2021, "Adaptive federated optimization", algorithm 2:
///   m = beta1 m + (1 - beta1) delta;  v by the rule;  w += lr m / (sqrt v + tau).
class FedOpt : public Aggregator {
 public:
  enum class Rule { adagrad, adam, yogi };
  FedOpt(AggregatorOptions const& o, Sizes const& sizes, Rule rule)
      : Aggregator{sizes},
        options_{o},
        rule_{rule},
        m_(sizes.arena),
        v_(sizes.arena, as_float(o.tau * o.tau)) {}

  void apply(RoundSum const& round, std::span<float> model) override {
    auto const beta1 = as_float(rule_ == Rule::adagrad ? 0 : options_.beta1);
    for (std::size_t i = 0; i < model.size(); ++i) {
      auto const delta = round.values[i];
      m_[i] = beta1 * m_[i] + (1 - beta1) * delta;
      v_[i] = second_moment(v_[i], delta * delta);
      model[i] +=
          as_float(options_.server_lr) * m_[i] / (std::sqrt(v_[i]) + as_float(options_.tau));
    }
  }
  NamedArrays state() const override {
    NamedArrays arrays;
    arrays.put("m", m_);
    arrays.put("v", v_);
    return arrays;
  }
  void restore(NamedArrays const& arrays) override {
    m_ = arrays.get<float>("m");
    v_ = arrays.get<float>("v");
  }

 private:
  float second_moment(float v, float square) const {
    auto const rest = as_float(1 - options_.beta2);
    switch (rule_) {
      case Rule::adagrad:
        return v + square;
      case Rule::adam:
        return as_float(options_.beta2) * v + rest * square;
      case Rule::yogi:
        return v - rest * square * static_cast<float>((v > square) - (v < square));
    }
    return v;
  }

  AggregatorOptions options_;
  Rule rule_;
  std::vector<float> m_;
  std::vector<float> v_;
};

/// Wang et al. 2020, "Tackling the objective inconsistency problem", equation 7 for local SGD:
/// updates count per step, w += tau_eff * sum of p_k delta_k / tau_k with tau_eff = sum p_k tau_k.
class FedNova : public Aggregator {
 public:
  FedNova(AggregatorOptions const& o, Sizes const& sizes) : Aggregator{sizes}, lr_{o.server_lr} {}

  Upload upload(LocalResult result, Share const& share, std::span<float const>,
                std::vector<float>&) const override {
    auto const steps = static_cast<float>(std::max<std::int64_t>(result.steps, 1));
    for (auto& x : result.delta) x /= steps;
    return {share.weight, std::move(result.delta), 0};
  }
  void apply(RoundSum const& round, std::span<float> model) override {
    double steps = 0;
    for (auto const& c : round.contributions)
      steps += c.share.weight / round.share * static_cast<double>(c.steps);
    for (std::size_t i = 0; i < model.size(); ++i)
      model[i] += as_float(lr_ * steps) * round.values[i];
  }

 private:
  double lr_;
};

/// Karimireddy et al. 2020, "SCAFFOLD", algorithm 1 with option II:
///   g + c - c_k;  c_k+ = c_k - c + (w - w_k) / (steps lr);  c += sum of (c_k+ - c_k) / K.
class Scaffold : public Aggregator {
 public:
  Scaffold(AggregatorOptions const& o, Sizes const& sizes)
      : Aggregator{sizes}, lr_{o.server_lr}, variate_(sizes.parameters) {}

  int vectors() const override { return 2; }
  bool has_client_states() const override { return true; }
  std::span<float const> shared() const override { return variate_; }

  std::vector<float> shift(std::span<float const> shared,
                           std::span<float const> state) const override {
    std::vector<float> result(shared.begin(), shared.end());
    for (std::size_t i = 0; i < state.size(); ++i) result[i] -= state[i];
    return result;
  }

  Upload upload(LocalResult result, Share const& share, std::span<float const> shared,
                std::vector<float>& state) const override {
    state.resize(sizes_.parameters);
    auto const work = static_cast<double>(std::max<std::int64_t>(result.steps, 1)) * result.lr;
    // The sum is weighted by share.weight, and the variates' is to be by 1 / clients.
    auto const factor = 1 / (sizes_.clients * share.weight);
    auto& values = result.delta;
    values.resize(2 * sizes_.arena);
    for (std::size_t i = 0; i < sizes_.parameters; ++i) {
      auto const change = -shared[i] - as_float(values[i] / work);
      values[sizes_.arena + i] = as_float(factor * change);
      state[i] += change;
    }
    return {share.weight, std::move(values), 0};
  }

  void apply(RoundSum const& round, std::span<float> model) override {
    for (std::size_t i = 0; i < model.size(); ++i) model[i] += as_float(lr_) * round.values[i];
    auto const arrived = as_float(round.share);  // nobody stands in for those whose update was lost
    for (std::size_t i = 0; i < variate_.size(); ++i)
      variate_[i] += arrived * round.values[sizes_.arena + i];
  }
  NamedArrays state() const override {
    NamedArrays arrays;
    arrays.put("variate", variate_);
    return arrays;
  }
  void restore(NamedArrays const& arrays) override { variate_ = arrays.get<float>("variate"); }

 private:
  double lr_;
  std::vector<float> variate_;
};

/// Acar et al. 2021, "Federated learning based on dynamic regularization", algorithm 1:
///   clients: g - g_k + alpha (w - w_global), g_k -= alpha (w_k - w_global);
///   server:  h -= alpha/K sum (w_k - w_global),  w = mean of w_k - h / alpha.
class FedDyn : public Aggregator {
 public:
  FedDyn(AggregatorOptions const& o, Sizes const& sizes)
      : Aggregator{sizes}, alpha_{o.alpha}, h_(sizes.parameters) {}

  double proximal() const override { return alpha_; }
  bool has_client_states() const override { return true; }
  bool weighs_by_rows() const override { return false; }

  std::vector<float> shift(std::span<float const>, std::span<float const> state) const override {
    std::vector<float> result(state.begin(), state.end());
    for (auto& x : result) x = -x;
    return result;
  }
  Upload upload(LocalResult result, Share const& share, std::span<float const>,
                std::vector<float>& state) const override {
    state.resize(sizes_.parameters);
    for (std::size_t i = 0; i < state.size(); ++i) state[i] -= as_float(alpha_) * result.delta[i];
    return {share.weight, std::move(result.delta), 0};
  }
  void apply(RoundSum const& round, std::span<float> model) override {
    auto const arrived =
        static_cast<double>(round.contributions.size()) / static_cast<double>(sizes_.clients);
    for (std::size_t i = 0; i < h_.size(); ++i) {
      h_[i] -= as_float(alpha_ * arrived) * round.values[i];
      model[i] -= h_[i] / as_float(alpha_);
    }
    for (std::size_t i = 0; i < model.size(); ++i) model[i] += round.values[i];
  }
  NamedArrays state() const override {
    NamedArrays arrays;
    arrays.put("h", h_);
    return arrays;
  }
  void restore(NamedArrays const& arrays) override { h_ = arrays.get<float>("h"); }

 private:
  double alpha_;
  std::vector<float> h_;
};

/// Li et al. 2020, "Fair resource allocation in federated learning", q-FedAvg (algorithm 2) with
/// L = 1 / lr:  delta_k = L (w - w_k),  h_k = q F^(q-1) |delta_k|^2 + L F^q,
/// w -= sum of F^q delta_k / sum of h_k.
class QFfl : public Aggregator {
 public:
  QFfl(AggregatorOptions const& o, Sizes const& sizes) : Aggregator{sizes}, q_{o.q} {}

  bool wants_first_loss() const override { return true; }
  bool weighs_by_rows() const override { return false; }

  Upload upload(LocalResult result, Share const& share, std::span<float const>,
                std::vector<float>&) const override {
    auto const slope = 1 / result.lr;
    auto const loss = result.first_loss + 1e-10;
    double square = 0;
    for (auto const x : result.delta) square += double{x} * x;
    auto const h =
        q_ * std::pow(loss, q_ - 1) * slope * slope * square + slope * std::pow(loss, q_);
    auto const factor = as_float(slope * std::pow(loss, q_));
    for (auto& x : result.delta) x *= factor;
    return {share.weight, std::move(result.delta), h};
  }
  void apply(RoundSum const& round, std::span<float> model) override {
    double h = 0;
    for (auto const& c : round.contributions) h += c.share.weight / round.share * c.number;
    if (h == 0) return;
    for (std::size_t i = 0; i < model.size(); ++i) model[i] += as_float(round.values[i] / h);
  }

 private:
  double q_;
};

/// Rules that look at every number of all updates; each client counts the same.
class CoordinateWise : public Aggregator {
 public:
  CoordinateWise(AggregatorOptions const& o, Sizes const& sizes)
      : Aggregator{sizes}, lr_{o.server_lr} {}
  bool wants_updates() const override { return true; }
  bool weighs_by_rows() const override { return false; }

  void apply(RoundSum const& round, std::span<float> model) override {
    std::vector<float> column(round.updates.size());
    for (std::size_t i = 0; i < model.size(); ++i) {
      for (std::size_t k = 0; k < column.size(); ++k) column[k] = round.updates[k][i];
      model[i] += as_float(lr_ * centre(column));
    }
  }

 protected:
  /// May reorder the numbers.
  virtual double centre(std::span<float> numbers) const = 0;

 private:
  double lr_;
};

/// Yin et al. 2018, "Byzantine-robust distributed learning", definition 1.
class Median : public CoordinateWise {
 public:
  using CoordinateWise::CoordinateWise;

 private:
  double centre(std::span<float> numbers) const override {
    auto const middle = numbers.begin() + static_cast<std::ptrdiff_t>(numbers.size() / 2);
    std::nth_element(numbers.begin(), middle, numbers.end());
    if (numbers.size() % 2 == 1) return *middle;
    return (double{*std::max_element(numbers.begin(), middle)} + *middle) / 2;
  }
};

/// Ibid., definition 2: without the share `trim` of the smallest and of the largest.
class TrimmedMean : public CoordinateWise {
 public:
  TrimmedMean(AggregatorOptions const& o, Sizes const& sizes)
      : CoordinateWise{o, sizes}, trim_{o.trim} {}

 private:
  double centre(std::span<float> numbers) const override {
    auto const out =
        static_cast<std::size_t>(std::floor(trim_ * static_cast<double>(numbers.size())));
    std::ranges::sort(numbers);
    auto const rest = numbers.subspan(out, numbers.size() - 2 * out);
    return std::accumulate(rest.begin(), rest.end(), 0.0) / static_cast<double>(rest.size());
  }
  double trim_;
};

/// Blanchard et al. 2017, "Machine learning with adversaries": the update with the smallest sum of
/// squared distances to its n - f - 2 nearest ones (at least one).
class Krum : public Aggregator {
 public:
  Krum(AggregatorOptions const& o, Sizes const& sizes)
      : Aggregator{sizes}, lr_{o.server_lr}, byzantine_{o.byzantine} {}
  bool wants_updates() const override { return true; }
  bool weighs_by_rows() const override { return false; }

  void apply(RoundSum const& round, std::span<float> model) override {
    if (round.updates.empty()) return;
    auto const& chosen = round.updates[best(round.updates)];
    for (std::size_t i = 0; i < model.size(); ++i) model[i] += as_float(lr_) * chosen[i];
  }

 private:
  std::size_t best(std::vector<std::vector<float>> const& updates) const {
    auto const n = static_cast<std::ptrdiff_t>(updates.size());
    auto const near =
        std::clamp<std::ptrdiff_t>(n - byzantine_ - 2, std::min<std::ptrdiff_t>(1, n - 1), n - 1);
    std::vector<double> scores;
    for (auto const& one : updates) {
      std::vector<double> distances;
      for (auto const& other : updates)
        if (&other != &one) distances.push_back(distance(one, other));
      std::ranges::sort(distances);
      scores.push_back(std::accumulate(distances.begin(), distances.begin() + near, 0.0));
    }
    return static_cast<std::size_t>(std::ranges::min_element(scores) - scores.begin());
  }
  static double distance(std::vector<float> const& a, std::vector<float> const& b) {
    double sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
      auto const d = double{a[i]} - b[i];
      sum += d * d;
    }
    return sum;
  }

  double lr_;
  int byzantine_;
};

/// What asynchronous rules share.
class Asynchronous : public Aggregator {
 public:
  Asynchronous(AggregatorOptions const& o, Sizes const& sizes) : Aggregator{sizes}, options_{o} {}
  bool is_asynchronous() const override { return true; }
  bool weighs_by_rows() const override { return false; }
  void apply(RoundSum const&, std::span<float>) override {}

 protected:
  double weight_at(std::int64_t staleness) const {
    auto const late = static_cast<double>(staleness);
    switch (options_.staleness_weight) {
      case StalenessWeight::constant:
        return 1;
      case StalenessWeight::hinge:
        return late <= options_.staleness_b
                   ? 1
                   : 1 / (options_.staleness_a * (late - options_.staleness_b) + 1);
      case StalenessWeight::polynomial:
        return std::pow(late + 1, -options_.staleness_a);
    }
    return 1;
  }
  AggregatorOptions options_;
};

/// Xie, Koyejo & Gupta 2019, "Asynchronous federated optimization", algorithm 1:
/// w = (1 - a) w + a w_k with a = mixing * s(staleness).
class FedAsync : public Asynchronous {
 public:
  using Asynchronous::Asynchronous;

  bool arrive(Arrival const& arrival, std::span<float> model) override {
    auto const a = as_float(options_.mixing * weight_at(arrival.staleness));
    for (std::size_t i = 0; i < model.size(); ++i)
      model[i] += a * (arrival.base[i] + arrival.delta[i] - model[i]);
    return true;
  }
};

/// Nguyen et al. 2022, "Federated learning with buffered asynchronous aggregation", algorithm 1:
/// w += lr / K * sum of s(staleness) delta over K updates.
class FedBuff : public Asynchronous {
 public:
  FedBuff(AggregatorOptions const& o, Sizes const& sizes)
      : Asynchronous{o, sizes}, buffer_(sizes.arena) {}

  bool arrive(Arrival const& arrival, std::span<float> model) override {
    auto const weight = as_float(weight_at(arrival.staleness));
    for (std::size_t i = 0; i < buffer_.size(); ++i) buffer_[i] += weight * arrival.delta[i];
    if (++held_ < options_.buffer_size) return false;
    auto const step = as_float(options_.server_lr / options_.buffer_size);
    for (std::size_t i = 0; i < model.size(); ++i) model[i] += step * buffer_[i];
    std::ranges::fill(buffer_, 0.0f);
    held_ = 0;
    return true;
  }
  NamedArrays state() const override {
    NamedArrays arrays;
    arrays.put("buffer", buffer_);
    arrays.put("held", std::vector<std::int32_t>{held_});
    return arrays;
  }
  void restore(NamedArrays const& arrays) override {
    buffer_ = arrays.get<float>("buffer");
    held_ = arrays.get<std::int32_t>("held").at(0);
  }

 private:
  std::vector<float> buffer_;
  std::int32_t held_ = 0;
};

template <class T>
AggregatorTable::Entry entry(std::string name, std::string summary) {
  return {std::move(name), std::move(summary),
          [](AggregatorOptions const& o, Sizes const& s) { return std::make_unique<T>(o, s); }};
}

AggregatorTable::Entry adaptive(std::string name, std::string summary, FedOpt::Rule rule) {
  return {std::move(name), std::move(summary), [rule](AggregatorOptions const& o, Sizes const& s) {
            return std::make_unique<FedOpt>(o, s, rule);
          }};
}

}  // namespace

std::vector<float> Aggregator::shift(std::span<float const>, std::span<float const>) const {
  return {};
}

Upload Aggregator::upload(LocalResult result, Share const& share, std::span<float const>,
                          std::vector<float>&) const {
  return {share.weight, std::move(result.delta), 0};
}

bool Aggregator::arrive(Arrival const&, std::span<float>) {
  return false;
}

AggregatorTable const& aggregators() {
  static AggregatorTable const table{
      entry<FedAvg>("fedavg", "the mean of the clients' models, by rows"),
      entry<FedSgd>("fedsgd", "one step on all rows of each client"),
      entry<FedAvgM>("fedavgm", "fedavg with momentum at the server"),
      entry<FedProx>("fedprox", "clients are pulled back to the global model"),
      entry<FedNova>("fednova", "updates count per local step"),
      entry<Scaffold>("scaffold", "control variates against client drift"),
      entry<FedDyn>("feddyn", "dynamic regularisation of the clients"),
      adaptive("fedadam", "Adam at the server", FedOpt::Rule::adam),
      adaptive("fedyogi", "Yogi at the server", FedOpt::Rule::yogi),
      adaptive("fedadagrad", "Adagrad at the server", FedOpt::Rule::adagrad),
      entry<QFfl>("qffl", "clients with a high loss count more"),
      entry<Median>("median", "coordinate-wise median"),
      entry<TrimmedMean>("trimmed-mean", "coordinate-wise mean without the extremes"),
      entry<Krum>("krum", "the update that is nearest to the others"),
      entry<FedAsync>("fedasync", "no rounds: each update is mixed in as it comes"),
      entry<FedBuff>("fedbuff", "no rounds: a step for every so many updates"),
  };
  return table;
}

void AggregatorOptions::describe(Options& o) {
  o.group("Aggregation");
  o.row("aggregator", aggregator, "what the server makes of the clients' updates",
        any<std::string>("one of " + text::join(aggregators().names(), ", ")));
  o.row("server-lr", server_lr, "rate at which the server takes the mean update", more_than(0.0));
  o.row("server-momentum", server_momentum, "of fedavgm",
        {"at least 0 and less than 1", [](double const& x) { return x >= 0 && x < 1; }});
  o.row("beta1", beta1, "of fedadam and fedyogi",
        {"at least 0 and less than 1", [](double const& x) { return x >= 0 && x < 1; }});
  o.row("beta2", beta2, "of fedadam and fedyogi",
        {"at least 0 and less than 1", [](double const& x) { return x >= 0 && x < 1; }});
  o.row("tau", tau, "of fedadam, fedyogi and fedadagrad: smaller adapts more", more_than(0.0));
  o.row("mu", mu, "of fedprox: the pull back to the global model", at_least(0.0));
  o.row("alpha", alpha, "of feddyn", more_than(0.0));
  o.row("q", q, "of qffl: 0 weighs all clients the same, more favours those with a high loss",
        at_least(0.0));
  o.row("trim", trim, "of trimmed-mean: share of the updates left out at each end",
        {"at least 0 and less than 0.5", [](double const& x) { return x >= 0 && x < 0.5; }});
  o.row("byzantine", byzantine, "of krum: so many clients may send anything", at_least(0));
  o.row("mixing", mixing, "of fedasync: share of a fresh client's model in the new one",
        {"more than 0 and at most 1", [](double const& x) { return x > 0 && x <= 1; }});
  o.row("staleness-weight", staleness_weight,
        "of fedasync and fedbuff: how an update that set out from an older model counts",
        any<StalenessWeight>("one of constant, hinge, polynomial"));
  o.row("staleness-a", staleness_a, "exponent of polynomial, slope of hinge", at_least(0.0));
  o.row("staleness-b", staleness_b, "hinge counts updates in full up to this staleness",
        at_least(0.0));
  o.row("buffer-size", buffer_size, "of fedbuff: updates in a step of the server", at_least(1));
}

void AggregatorOptions::check() const {
  auto const names = aggregators().names();
  if (std::ranges::find(names, aggregator) == names.end())
    throw UserError{"--aggregator is '" + aggregator + "', expected one of " +
                    text::join(names, ", ") + text::did_you_mean(aggregator, names)};
}

}  // namespace canopy::federate
