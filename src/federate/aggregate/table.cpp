#include <algorithm>
#include <utility>

#include "canopy/core/error.hpp"
#include "canopy/core/text.hpp"
#include "canopy/federate/aggregator.hpp"

#include "aggregate/asynchronous.hpp"
#include "aggregate/averaging.hpp"
#include "aggregate/drift.hpp"
#include "aggregate/robust.hpp"

namespace canopy::federate {
namespace {

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

NamedArrays Aggregator::state() {
  NamedArrays arrays;
  for (auto const& [name, values] : kept()) arrays.put(name, values.get());
  return arrays;
}

void Aggregator::restore(NamedArrays const& arrays) {
  for (auto const& [name, values] : kept()) values.get() = arrays.get<float>(name);
}

std::vector<float> Aggregator::shift(std::span<float const>, std::span<float const>) const {
  return {};
}

Upload Aggregator::upload(LocalResult result, double weight, std::span<float const>,
                          std::vector<float>&) const {
  return {weight, std::move(result.delta), 0};
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
    throw UserError{"--aggregator is '" + aggregator + "'" + text::did_you_mean(aggregator, names) +
                    ", expected one of " + text::join(names, ", ")};
}

}  // namespace canopy::federate
