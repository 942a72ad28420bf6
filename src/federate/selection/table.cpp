#include <algorithm>
#include <cmath>
#include <limits>

#include "canopy/federate/selection.hpp"

#include "selection/oort.hpp"
#include "selection/sampling.hpp"

namespace canopy::federate {
namespace {

/// What a selector draws in a round.
Key key_of(Key run, std::string_view selector, std::int64_t round) {
  return run.with("selection").with(selector).with(static_cast<std::uint64_t>(round));
}

std::vector<int> ascending(std::vector<int> clients) {
  std::ranges::sort(clients);
  return clients;
}

class Uniform final : public Selector {
 public:
  Uniform(SelectionOptions const&, Population const& population) : clients_{population.clients} {}
  std::vector<int> select(std::int64_t round, int wanted, Available const& available,
                          Key key) const override {
    Stream stream{key_of(key, "uniform", round)};
    return ascending(sample_uniform(clients_, wanted, available, stream));
  }

 private:
  int clients_;
};

class Poisson final : public Selector {
 public:
  Poisson(SelectionOptions const&, Population const& population) : clients_{population.clients} {}
  /// From one client taken to the next, so that a round costs as many draws as it takes clients.
  std::vector<int> select(std::int64_t round, int wanted, Available const& available,
                          Key key) const override {
    std::vector<int> taken;
    Stream stream{key_of(key, "poisson", round)};
    auto const each = std::min(1.0, static_cast<double>(wanted) / clients_);
    auto const scale = std::log1p(-each);  // minus infinity when everyone is taken
    for (double client = -1; each > 0;) {
      client += 1 + std::floor(std::log1p(-stream.uniform()) / scale);
      if (!(client < clients_)) break;
      if (auto const number = static_cast<int>(client); may_take(available, number))
        taken.push_back(number);
    }
    return taken;
  }

 private:
  int clients_;
};

class BySize final : public Selector {
 public:
  BySize(SelectionOptions const&, Population const& population) : population_{population} {}
  std::vector<int> select(std::int64_t round, int wanted, Available const& available,
                          Key key) const override {
    return ascending(sample_by_size(population_, wanted, available, key_of(key, "by-size", round)));
  }

 private:
  Population population_;
};

class RoundRobin final : public Selector {
 public:
  RoundRobin(SelectionOptions const&, Population const& population)
      : clients_{population.clients} {}
  std::vector<int> select(std::int64_t round, int wanted, Available const& available,
                          Key) const override {
    std::vector<int> taken;
    auto const first = (std::max<std::int64_t>(round, 1) - 1) * wanted;
    for (int i = 0; i < clients_ && std::ssize(taken) < wanted; ++i)
      if (auto const client = static_cast<int>((first + i) % clients_); may_take(available, client))
        taken.push_back(client);
    return ascending(std::move(taken));
  }

 private:
  int clients_;
};

class PowerOfChoice final : public Selector {
 public:
  PowerOfChoice(SelectionOptions const& options, Population const& population)
      : candidates_{options.candidates},
        population_{population},
        seen_(static_cast<std::size_t>(population.clients)) {}

  std::vector<int> select(std::int64_t round, int wanted, Available const& available,
                          Key key) const override {
    auto const candidates = candidates_ == 0 ? 2 * wanted : std::max(candidates_, wanted);
    auto drawn =
        sample_by_size(population_, candidates, available, key_of(key, "power-of-choice", round));
    std::ranges::stable_sort(drawn, [&](int a, int b) { return comes_before(a, b); });
    drawn.resize(std::min(drawn.size(), static_cast<std::size_t>(wanted)));
    return ascending(std::move(drawn));
  }

  void observe(Observation const& seen) override {
    auto& last = seen_.at(static_cast<std::size_t>(seen.client));
    if (seen.round >= last.round)
      last = {std::isfinite(seen.loss) ? seen.loss : 0, std::max<std::int64_t>(seen.round, 1)};
  }

  NamedArrays state() const override {
    std::vector<double> loss;
    std::vector<std::int64_t> round;
    for (auto const& last : seen_) loss.push_back(last.loss), round.push_back(last.round);
    NamedArrays state;
    state.put("loss", std::move(loss));
    state.put("round", std::move(round));
    return state;
  }

  void restore(NamedArrays const& state) override {
    auto const& loss = state.get<double>("loss");
    auto const& round = state.get<std::int64_t>("round");
    for (std::size_t i = 0; i < seen_.size(); ++i) seen_[i] = {loss.at(i), round.at(i)};
  }

 private:
  struct Last {
    double loss = std::numeric_limits<double>::infinity();
    std::int64_t round = 0;
  };
  bool comes_before(int a, int b) const {
    auto const& first = seen_[static_cast<std::size_t>(a)];
    auto const& second = seen_[static_cast<std::size_t>(b)];
    if (first.loss != second.loss) return first.loss > second.loss;
    return first.round > 0 && a < b;
  }

  int candidates_;
  Population population_;
  std::vector<Last> seen_;
};

template <class T>
std::unique_ptr<Selector> make(SelectionOptions const& options, Population const& population) {
  return std::make_unique<T>(options, population);
}

}  // namespace

Registry<Selector, SelectionOptions const&, Population const&> const& selectors() {
  static Registry<Selector, SelectionOptions const&, Population const&> const table{
      {"uniform", "every client as likely as any other", make<Uniform>},
      {"poisson", "each by itself, so that the cohort's size varies", make<Poisson>},
      {"by-size", "clients with more rows more often", make<BySize>},
      {"round-robin", "one after the other", make<RoundRobin>},
      {"power-of-choice", "of some candidates those with the highest loss (Cho et al.)",
       make<PowerOfChoice>},
      {"oort", "clients that teach much in little time (Lai et al.)", make<Oort>},
  };
  return table;
}

}  // namespace canopy::federate
