#include "plan_space.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "canopy/tune/scheduler.hpp"

namespace canopy::tune {

void refuse_unknown_names(std::string const& where, std::vector<std::string> const& names,
                          Configuration const& known) {
  std::vector<std::string> all;
  for (auto const& [name, value] : known) all.push_back(name);
  for (auto const& name : names)
    if (find(known, name) == nullptr)
      throw UserError{fmt::format("{} names '{}', which the model does not have{}; known are {}",
                                  where, name, text::did_you_mean(name, all),
                                  text::join(all, ", "))};
}

namespace {

/// UserError when there are fewer rungs than was set.
void refuse_idle_rungs(SearchSettings const& settings, std::vector<int> const& rungs,
                       std::string const& resource) {
  if (settings.scheduler != "none" && rungs.size() == 1)
    throw UserError{fmt::format(
        "--scheduler is {} but there is one rung only, of {} {}, so nobody climbs; set a lower "
        "--min-resource or a higher --max-resource, or leave --scheduler out",
        settings.scheduler, rungs.front(), resource)};
  if (settings.ranks_per_trial.size() > rungs.size())
    throw UserError{fmt::format(
        "--ranks-per-trial has {} numbers but there {}; give as many at most",
        settings.ranks_per_trial.size(),
        rungs.size() == 1
            ? std::string{"are no rungs without --scheduler"}
            : fmt::format("are {} rungs of {}, up to {}", rungs.size(), resource, rungs.back()))};
}

}  // namespace

Configuration default_configuration(Space const& space, Configuration const& defaults) {
  auto configuration = space.fixed();
  for (auto const& parameter : space.searched())
    configuration.emplace_back(parameter.name, *find(defaults, parameter.name));
  return configuration;
}

std::vector<int> rungs(SearchSettings const& settings, Learner const& learner) {
  if (settings.scheduler == "none") {
    refuse_idle_rungs(settings, {0}, "");
    return {0};
  }
  auto const most = settings.max_resource.value_or(
      static_cast<int>(*text::to_int(*find(learner.defaults(), learner.resource()))));
  auto const least = settings.min_resource.value_or(
      std::max(1, static_cast<int>(std::floor(most / std::pow(settings.eta, 3)))));
  if (least > most)
    throw UserError{fmt::format("--min-resource is {}, above the {} {} of --max-resource", least,
                                most, learner.resource())};
  auto result = rungs_between(least, most, settings.eta);
  refuse_idle_rungs(settings, result, learner.resource());
  return result;
}

Space proposal_space(SearchSettings const& settings, Learner const& learner) {
  auto const space = settings.space.value_or(learner.default_space());
  refuse_unknown_names("[space]", space.names(), learner.defaults());
  if (settings.slices) return space.without(learner.nested());
  if (settings.scheduler == "none") return space;
  auto const resource = learner.resource();
  auto const names = space.names();
  if (settings.space && std::ranges::find(names, resource) != names.end())
    throw UserError{
        fmt::format("[space] has {0}, which --scheduler {1} gives out itself; take it away and say "
                    "--max-resource, or use --scheduler none",
                    resource, settings.scheduler)};
  return space.without({resource});
}

}  // namespace canopy::tune
