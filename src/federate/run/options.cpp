#include "canopy/federate/options.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "canopy/core/error.hpp"
#include "canopy/core/text.hpp"
#include "canopy/nn/tree_sum.hpp"

namespace canopy::federate {

namespace {

/// Refuses what has no use with the aggregator: its user expects something else.
class Refusals {
 public:
  explicit Refusals(FederationOptions const& options) : o_{options} {}

  void check() const {
    auto const& name = o_.aggregation.aggregator;
    check_aggregator(name);
    if (o_.is_asynchronous())
      check_asynchronous();
    else
      check_rounds(name);
  }

 private:
  void refuse(bool condition, std::string const& setting, char const* why) const {
    if (condition)
      throw UserError{
          fmt::format("{} but --aggregator is {}, {}", setting, o_.aggregation.aggregator, why)};
  }

  void check_aggregator(std::string const& name) const {
    auto const& a = o_.aggregation;
    refuse(a.server_lr != 1 && (name == "feddyn" || name == "qffl" || name == "fedasync"),
           fmt::format("--server-lr is {}", a.server_lr), "which has no such rate; leave it out");
    refuse(name == "fedsgd" && (o_.local.local_epochs != 1 || o_.local.local_steps != 0),
           "--local-epochs or --local-steps is set",
           "which makes one step on all rows; leave them out, or set fedavg");
    refuse((name == "scaffold" || name == "fednova") && o_.local.momentum > 0,
           fmt::format("--momentum is {}", o_.local.momentum),
           "which takes a client's update for a sum of gradients; leave it out");
    refuse(
        o_.reducer_weighting == ReducerWeighting::uniform &&
            (name == "median" || name == "trimmed-mean" || name == "krum" || o_.is_asynchronous()),
        "--reducer-weighting is uniform",
        "where combiners sum nothing up; set fedavg, or leave it out");
  }

  void check_rounds(std::string const& name) const {
    refuse(o_.concurrency.has_value(), "--concurrency is set",
           "which has rounds; set fedasync or fedbuff, or give --fraction-fit");
    refuse(o_.staleness != "inf", fmt::format("--staleness is {}", o_.staleness),
           "where all wait for all; set fedasync or fedbuff");
    refuse(o_.policy.late == "carry" && (name == "scaffold" || name == "feddyn"), "--late is carry",
           "whose clients keep a state that must not be of another round");
  }

  void check_asynchronous() const {
    RoundPolicyOptions const usual;
    refuse(!(o_.policy == usual),
           "--round-policy, --deadline, --late, --over-selection or --min-clients is set",
           "which has no rounds; leave them out");
    refuse(o_.concurrency && o_.fraction_fit, "both --concurrency and --fraction-fit are set",
           "where they say the same; leave one out");
    refuse(o_.selection.selector == "poisson" || o_.selection.selector == "oort",
           fmt::format("--selector is {}", o_.selection.selector),
           "which asks for one client at a time; set uniform or power-of-choice");
  }

  FederationOptions const& o_;
};

/// Each rank of a client needs a shard of its batches.
void check_shards(FederationOptions const& o) {
  auto const whole = o.local.batch_size == 0 || o.aggregation.aggregator == "fedsgd";
  auto const batch = whole ? std::numeric_limits<int>::max() : o.local.batch_size;
  auto const shards = nn::virtual_shards(batch);
  if (o.ranks_per_client <= shards) return;
  auto const of = whole ? "a batch" : fmt::format("--batch-size {}", batch);
  throw UserError{fmt::format(
      "--ranks-per-client is {} but {} is cut into {} shard{} at most, the largest power of two up "
      "to batch/16 and 16; lower it, or raise --batch-size",
      o.ranks_per_client, of, shards, shards == 1 ? "" : "s")};
}

}  // namespace

void FederationOptions::describe(Options& o) {
  o.group("Federation");
  o.row("layout", layout,
        "fedn: reducer, combiner and a client on each rank that is left; flat: no combiner; tree: "
        "so many combiners as --combiners says",
        any<Layout>("one of fedn, flat, tree"));
  o.row("combiners", combiners, "of --layout tree", at_least(1));
  o.row("clients", clients,
        "in the federation, on any number of ranks; None: 100, with fedn one for each client rank",
        {"None or at least 1", [](auto const& n) { return !n || *n >= 1; }});
  o.row("ranks-per-client", ranks_per_client,
        "R: ranks that train a client together, each some shards of every batch; the model is that "
        "of R = 1",
        at_least(1));
  o.row("rounds", rounds, "of training", at_least(std::int64_t{1}));
  o.row("fraction-fit", fraction_fit,
        "C: share of the clients that train in a round, at least one; None: 0.1, with fedn 1",
        {"None or more than 0 and at most 1",
         [](auto const& x) { return !x || (*x > 0 && *x <= 1); }});
  o.row("concurrency", concurrency,
        "of fedasync and fedbuff: clients at work at a time; None: as many as --fraction-fit says",
        {"None or at least 1", [](auto const& n) { return !n || *n >= 1; }});
  o.row(
      "staleness", staleness,
      "of fedasync and fedbuff: updates that a place of --concurrency may be ahead of the slowest "
      "one; 0: all wait for all; inf: none waits",
      Rule<std::string>{"a number of updates (0, 1, 2, ...) or inf", [](std::string const& word) {
                          auto const number = text::to_int(word);
                          return word == "inf" || (number && *number >= 0);
                        }});
  selection.describe(o);
  partition.describe(o);
  local.describe(o);
  aggregation.describe(o);
  o.row("reduce", reduce,
        "exact: updates are added in fixed point, the same bits whatever the ranks and combiners; "
        "fast: in float, as they come",
        any<Reduce>("one of exact, fast"));
  o.row("reducer-weighting", reducer_weighting,
        "rows: updates count by their rows; uniform: every combiner counts the same (FEDn's bias)",
        any<ReducerWeighting>("one of rows, uniform"));
  devices.describe(o);
  policy.describe(o);
  o.group("Evaluation");
  o.row("evaluate-every", evaluate_every,
        "rounds between evaluations on the test rows; the last round is always evaluated",
        at_least(std::int64_t{1}));
  o.row("target-accuracy", target_accuracy,
        "accuracy on the test rows at which the run is done before its last round; None: go on",
        {"None or more than 0 and at most 1",
         [](auto const& x) { return !x || (*x > 0 && *x <= 1); }});
  o.row("validation", validation,
        "whose own rows the new model is validated on, when it is evaluated",
        any<Validation>("one of none, cohort, all"));
  o.row("keep-every", keep_every,
        "rounds between models whose weights the run file keeps, for --from-model; 0: the last one",
        at_least(std::int64_t{0}));
}

void FederationOptions::check() const {
  partition.check();
  aggregation.check();
  selection.check();
  devices.check();
  if (layout != Layout::tree && combiners != 1)
    throw UserError{fmt::format(
        "--combiners is {} but --layout is {}, which has {}; set --layout "
        "tree, or leave --combiners out",
        combiners, TextForm<Layout>::print(layout), layout == Layout::flat ? "none" : "one")};
  if (reducer_weighting == ReducerWeighting::uniform && layout != Layout::tree)
    throw UserError{
        "--reducer-weighting is uniform but there are no combiners to weigh against "
        "each other; set --layout tree --combiners 2"};
  check_shards(*this);
  Refusals{*this}.check();
}

void FederationOptions::check_cohort(int count) const {
  if (!is_asynchronous()) {
    auto const cohort = cohort_of(count);
    policy.check(cohort);
    auto const liars = aggregation.byzantine;
    if (aggregation.aggregator == "krum" && liars > 0 && cohort < 2 * liars + 3)
      throw UserError{
          fmt::format("--byzantine is {} but {} clients take part in a round, and krum "
                      "needs 2 x {} + 3; lower it, or raise --fraction-fit",
                      liars, cohort, liars)};
    if (policy.to_select(cohort) > count)
      throw UserError{
          fmt::format("--over-selection {} of {} clients is {}, but there are {}; lower "
                      "it or --fraction-fit",
                      policy.over_selection, cohort, policy.to_select(cohort), count)};
    return;
  }
  auto const places = concurrency_of(count);
  if (places > count)
    throw UserError{
        fmt::format("--concurrency is {} but there are {} clients; lower it, or raise "
                    "--clients",
                    places, count)};
}

bool FederationOptions::is_asynchronous() const {
  return aggregation.aggregator == "fedasync" || aggregation.aggregator == "fedbuff";
}

int FederationOptions::clients_on(RoleMap const& roles) const {
  if (clients) return *clients;
  if (layout != Layout::fedn) return 100;
  return static_cast<int>(roles.client_ranks.front().size());
}

int FederationOptions::cohort_of(int count) const {
  auto const share = fraction_fit.value_or(layout == Layout::fedn ? 1.0 : 0.1);
  return std::clamp(static_cast<int>(std::lround(share * count)), 1, count);
}

int FederationOptions::concurrency_of(int count) const {
  return concurrency.value_or(cohort_of(count));
}

std::optional<std::int64_t> FederationOptions::staleness_bound() const {
  return text::to_int(staleness);
}

}  // namespace canopy::federate
