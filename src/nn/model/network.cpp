#include "canopy/nn/network.hpp"

#include <bit>
#include <cmath>

#include "canopy/core/digest.hpp"
#include "canopy/core/error.hpp"
#include "canopy/nn/layer_kinds.hpp"

#include "layers/step.hpp"

namespace canopy::nn {
namespace {

/// A layer of the network, or within a residual block, and how it is called there.
struct NamedStep {
  Step* step;
  int layer;
  std::string name;      ///< "3", "3.1"
  std::uint64_t number;  ///< what its randomness is keyed by
};

void collect(Step* step, int layer, std::string const& above, std::uint64_t number,
             std::vector<NamedStep>& to) {
  auto const name = above + std::to_string(step->index() + 1);
  number = number * 1000 + static_cast<std::uint64_t>(step->index()) + 1;
  to.push_back({step, layer, name, number});
  for (auto* inner : step->body()) collect(inner, layer, name + ".", number, to);
}

std::vector<NamedStep> all_steps(std::vector<std::unique_ptr<Step>> const& steps) {
  std::vector<NamedStep> result;
  for (std::size_t i = 0; i < steps.size(); ++i)
    collect(steps[i].get(), static_cast<int>(i), "", 0, result);
  return result;
}

}  // namespace

Network::Network(Architecture architecture) : architecture_{std::move(architecture)} {
  try {
    steps_ = make_chain(architecture_.layers, architecture_.input);
  } catch (UserError const& e) {
    throw UserError{"model '" + architecture_.name + "': " + e.what()};
  }
  if (steps_.empty() || steps_.back()->out().size() != classes())
    throw UserError{"model '" + architecture_.name + "' ends with " +
                    (steps_.empty() ? architecture_.input : steps_.back()->out()).text() +
                    ", expected one number for each of the " + std::to_string(classes()) +
                    " classes: end with a dense layer of as many units"};
  shapes_.push_back(architecture_.input);
  for (auto const& step : steps_) shapes_.push_back(step->out());
  place_tensors();
}

Network::~Network() = default;
Network::Network(Network&&) noexcept = default;
Network& Network::operator=(Network&&) noexcept = default;

void Network::place_tensors() {
  auto const named = all_steps(steps_);
  std::vector<std::vector<Range>> places(named.size());
  std::size_t at = 0;
  for (auto const buffers : {false, true}) {
    auto& ranges = buffers ? buffer_ranges_ : ranges_;
    ranges.assign(steps_.size(), {});
    std::size_t begin = at;
    for (std::size_t i = 0; i < named.size(); ++i) {
      for (auto const& tensor : named[i].step->tensors()) {
        if (tensor.is_buffer != buffers) continue;
        Range const range{at, at + tensor.size()};
        at = range.end;
        places[i].push_back(range);
        tensors_.push_back(
            {named[i].name + "." + tensor.name, named[i].layer, range, tensor.shape});
      }
      if (i + 1 < named.size() && named[i + 1].layer == named[i].layer) continue;
      ranges[static_cast<std::size_t>(named[i].layer)] = {begin, at};
      begin = at;
    }
    (buffers ? buffers_ : parameters_) = buffers ? at - parameters_ : at;
  }
  for (std::size_t i = 0; i < named.size(); ++i)
    named[i].step->place(std::move(places[i]), named[i].number);
}

std::string Network::layer_name(int layer) const {
  auto const first = static_cast<std::size_t>(step(layer).index());
  auto const last = layer + 1 < depth() ? static_cast<std::size_t>(step(layer + 1).index())
                                        : architecture_.layers.size();
  auto name = describe(architecture_.layers[first]);
  for (auto i = first + 1; i < last; ++i) name += " + " + describe(architecture_.layers[i]);
  return name;
}

Shape Network::shape(int cut) const {
  return shapes_[static_cast<std::size_t>(cut)];
}
Range Network::range(int layer) const {
  return ranges_[static_cast<std::size_t>(layer)];
}
Range Network::buffer_range(int layer) const {
  return buffer_ranges_[static_cast<std::size_t>(layer)];
}
Range Network::range(int first, int last) const {
  return first < last ? Range{range(first).begin, range(last - 1).end} : Range{};
}
Range Network::buffer_range(int first, int last) const {
  return first < last ? Range{buffer_range(first).begin, buffer_range(last - 1).end} : Range{};
}

std::size_t Network::cut_size(int cut, int rows) const {
  static_assert(lanes == block);
  return cut_numbers(shape(cut), (rows + lanes - 1) / lanes);
}

Network::Flops Network::flops(int layer) const {
  return step(layer).flops();
}

template <class T>
void Network::initialise(Key key, std::span<T> arena) const {
  auto place = tensors_.begin();
  auto const named = all_steps(steps_);
  for (auto const buffers : {false, true})
    for (auto const& one : named)
      for (auto const& tensor : one.step->tensors()) {
        if (tensor.is_buffer != buffers) continue;
        auto const bound = tensor.fan_in > 0 ? 1 / std::sqrt(tensor.fan_in) : 0.0;
        Stream stream{key.with(one.number).with(tensor.name)};
        auto const range = (place++)->range;
        for (auto i = range.begin; i < range.end; ++i)
          arena[i] = static_cast<T>(bound > 0 ? stream.uniform(-bound, bound) : tensor.value);
      }
}
template void Network::initialise<float>(Key, std::span<float>) const;
template void Network::initialise<double>(Key, std::span<double>) const;

std::string sha256(std::span<float const> arena) {
  static_assert(std::endian::native == std::endian::little);
  Sha256 digest;
  digest.add(arena.data(), arena.size_bytes());
  return digest.hex();
}

}  // namespace canopy::nn
