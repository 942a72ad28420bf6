#include "canopy/nn/optimizer.hpp"

#include <algorithm>
#include <stdexcept>

namespace canopy::nn {
namespace {

constexpr double running_share = 0.1;  // PyTorch's momentum of batch norm

Range overlap(Range a, Range b) {
  auto const begin = std::max(a.begin, b.begin);
  return {begin, std::max(begin, std::min(a.end, b.end))};
}

/// A running variance or mean goes one tenth of the way to what the micro-batches had on average.
void update_running(Range range, std::span<float> running, std::span<float const> sums,
                    double average) {
  for (auto i = range.begin; i < range.end; ++i)
    running[i] = static_cast<float>((1 - running_share) * static_cast<double>(running[i]) +
                                    running_share * average * static_cast<double>(sums[i]));
}

}  // namespace

Optimizer::Optimizer(Network const& network, Range owned, std::vector<std::string> state_names)
    : network_{&network}, owned_{owned}, names_{std::move(state_names)} {
  for (std::size_t i = 0; i < names_.size(); ++i) states_.emplace_back(owned.size());
}

void Optimizer::update_range(Range range, std::span<float> parameters,
                             std::span<float const> gradients, StepInfo const& info,
                             bool is_vector) {
  if (range.size() == 0) return;
  auto const state = [&](std::size_t number) {
    return number < states_.size() ? states_[number].data() + (range.begin - owned_.begin)
                                   : nullptr;
  };
  update({range.size(), parameters.data() + range.begin, gradients.data() + range.begin, state(0),
          state(1), is_vector},
         info);
}

void Optimizer::step(Range range, std::span<float> parameters, std::span<float const> gradients,
                     StepInfo const& info) {
  if (range.begin < owned_.begin || range.end > owned_.end)
    throw std::logic_error{"nn::Optimizer: the range is not its own"};
  auto const trainable = network_->parameters();
  update_running(overlap(range, {trainable, network_->arena_size()}), parameters, gradients,
                 info.average);
  if (element_wise()) {
    update_range(overlap(range, {0, trainable}), parameters, gradients, info, false);
    return;
  }
  for (auto const& tensor : network_->tensors()) {
    auto const part = overlap(range, tensor.range);
    if (part.size() == 0 || tensor.range.begin >= trainable) continue;
    if (part != tensor.range)
      throw std::logic_error{"nn::Optimizer: the range cuts " + tensor.name + " in two"};
    update_range(part, parameters, gradients, info, tensor.shape.size() == 1);
  }
}

std::span<float> Optimizer::state(std::string const& name) {
  auto const found = std::ranges::find(names_, name);
  if (found == names_.end())
    throw std::logic_error{"nn::Optimizer: there is no state '" + name + "'"};
  return states_[static_cast<std::size_t>(found - names_.begin())].span();
}

NamedArrays Optimizer::to_arrays() const {
  NamedArrays arrays;
  for (std::size_t i = 0; i < names_.size(); ++i)
    arrays.put(names_[i], std::vector<float>(states_[i].span().begin(), states_[i].span().end()));
  return arrays;
}

void Optimizer::from_arrays(NamedArrays const& arrays) {
  for (std::size_t i = 0; i < names_.size(); ++i) {
    auto const& values = arrays.get<float>(names_[i]);
    if (values.size() != states_[i].size())
      throw DataError{"the optimizer's " + names_[i] + " has " + std::to_string(values.size()) +
                      " numbers, expected " + std::to_string(states_[i].size()) +
                      "; it belongs to another network"};
    std::ranges::copy(values, states_[i].data());
  }
}

std::unique_ptr<Optimizer> make_optimizer(TrainingOptions const& options, Network const& network,
                                          Range owned) {
  return optimizers().make(options.optimizer, network, owned, options);
}

std::vector<Range> cut_arena(Network const& network, int parts, bool element_wise) {
  auto const total = network.arena_size();
  std::vector<Range> ranges;
  std::size_t begin = 0;
  for (int part = 1; part <= parts; ++part) {
    auto end = total * static_cast<std::size_t>(part) / static_cast<std::size_t>(parts);
    if (!element_wise)
      for (auto const& tensor : network.tensors())
        if (tensor.range.begin < end && end < tensor.range.end)
          end = end - tensor.range.begin < tensor.range.end - end ? tensor.range.begin
                                                                  : tensor.range.end;
    end = std::max(end, begin);
    ranges.push_back({begin, end});
    begin = end;
  }
  return ranges;
}

}  // namespace canopy::nn
