#include "canopy/federate/options.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "canopy/core/error.hpp"
#include "canopy/core/text.hpp"

namespace canopy::federate {

namespace {

/// Refuses what has no use with the way that was chosen: its user expects something else.
void check_asynchronous(FederationOptions const& o) {
  auto const& name = o.aggregation.aggregator;
  auto const refuse = [&](std::string const& setting, char const* why) {
    throw UserError{fmt::format("{} but --aggregator is {}, {}", setting, name, why)};
  };
  if (!o.is_asynchronous()) {
    if (o.concurrency)
      refuse(fmt::format("--concurrency is {}", *o.concurrency),
             "which has rounds; set --aggregator fedasync or fedbuff, or give --fraction-fit");
    if (o.staleness != "inf")
      refuse(fmt::format("--staleness is {}", o.staleness),
             "where all wait for all; set --aggregator fedasync or fedbuff");
    if (o.policy.late == "carry" && (name == "scaffold" || name == "feddyn"))
      refuse("--late is carry", "whose clients keep a state that must not be of another round");
    return;
  }
  if (o.policy.round_policy != "wait" || o.policy.over_selection != 1)
    refuse(fmt::format("--round-policy is {}, --over-selection {}", o.policy.round_policy,
                       o.policy.over_selection),
           "which has no rounds; leave them out");
  if (o.selection.selector == "poisson")
    refuse("--selector is poisson", "which asks for one client at a time; set uniform");
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
  check_asynchronous(*this);
}

void FederationOptions::check_cohort(int count) const {
  if (!is_asynchronous()) {
    policy.check(cohort_of(count));
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
