#include "canopy/train/network/feed.hpp"

namespace canopy::train {
namespace {

template <class Element>
nn::RowsView<Element> view_of(data::Samples const& samples, Element const* values) {
  return {values, samples.all_rows(), samples.columns(), samples.columns()};
}

}  // namespace

Feed::Feed(data::Samples const& samples, nn::Shape shape,
           nn::Standardisation const& standardisation)
    : samples_{samples}, gather_{shape, standardisation} {}

void Feed::inputs(std::span<data::RowIndex const> rows, std::span<float> input) const {
  samples_.visit([&](auto const* values) { gather_(view_of(samples_, values), rows, input); });
}

void Feed::labels(std::span<data::RowIndex const> rows, std::span<std::uint16_t> labels) const {
  for (std::size_t i = 0; i < rows.size(); ++i) labels[i] = samples_.labels()[rows[i]];
}

nn::Standardisation standardisation_of(data::Samples const& samples,
                                       std::span<data::RowIndex const> rows, nn::Shape shape) {
  return samples.visit([&](auto const* values) {
    return nn::Standardisation::fit(view_of(samples, values), rows, shape);
  });
}

}  // namespace canopy::train
