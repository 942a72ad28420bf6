#include "canopy/train/plan/model_costs.hpp"

namespace canopy::train {
namespace {

int whole_blocks(int rows) {
  constexpr auto lanes = nn::Network::lanes;
  return (rows + lanes - 1) / lanes * lanes;
}

}  // namespace

std::vector<StageTimes> ModelCosts::layer_seconds(int rows) const {
  auto const amount = whole_blocks(rows);
  std::vector<StageTimes> times;
  for (auto const& layer : layers)
    times.push_back({layer.forward.seconds(amount), layer.backward.seconds(amount),
                     layer.weights.seconds(amount)});
  return times;
}

double ModelCosts::loss_seconds(int rows) const {
  return loss.seconds(whole_blocks(rows));
}

double ModelCosts::pass_seconds(int rows) const {
  auto seconds = input_seconds(rows) + loss_seconds(rows);
  for (auto const& layer : layer_seconds(rows)) seconds += layer.total();
  return seconds;
}

double ModelCosts::update_seconds(LayerBlock block) const {
  return update_per_parameter * static_cast<double>(network->range(block.first, block.last).size());
}

double ModelCosts::parameter_bytes(LayerBlock block) const {
  return static_cast<double>(network->range(block.first, block.last).size() * sizeof(float));
}

double ModelCosts::pass_bytes(LayerBlock block, int rows) const {
  std::size_t numbers = 0;
  for (int cut = block.first; cut <= block.last; ++cut) numbers += network->cut_size(cut, rows);
  return 2.0 * static_cast<double>(numbers * sizeof(float));
}

}  // namespace canopy::train
