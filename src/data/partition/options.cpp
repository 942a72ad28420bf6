#include "canopy/core/error.hpp"
#include "canopy/core/text.hpp"
#include "canopy/data/partition.hpp"

#include "partition/dealers.hpp"
#include "partition/quantity.hpp"

namespace canopy::data {
namespace {

std::vector<PartitionKind> described(std::vector<Form> const& forms) {
  std::vector<PartitionKind> kinds;
  for (auto const& form : forms) kinds.push_back({form.text(), form.summary});
  return kinds;
}

}  // namespace

void PartitionOptions::describe(Options& options) {
  options.group("Data of the clients");
  options.row("partition", partition, "how rows are dealt to clients",
              any<std::string>(all_forms(partition_forms())));
  options.row("quantity", quantity, "rows per client",
              any<std::string>(all_forms(quantity_forms())));
  options.row("label-noise", label_noise, "share of labels replaced by another class",
              between(0.0, 1.0));
  options.row("feature-noise", feature_noise,
              "noise on the last client's features, in deviations; client k of K has k/K of it",
              between(0.0, 1e6));
  options.row("feature-rotation", feature_rotation,
              "degrees that images are turned, from -R at the first client to R at the last",
              between(0.0, 180.0));
}

void PartitionOptions::check() const {
  auto copy = *this;
  Options options;
  copy.describe(options);
  for (auto const& row : options.rows()) row.set(row.get());
  auto const chosen = choose("partition", partition, partition_forms());
  choose("quantity", quantity, quantity_forms());
  if (dealers()[chosen.index].sizes != Sizes::wanted && quantity != "equal")
    throw UserError{"--quantity is '" + quantity + "' but --partition " + partition +
                    " settles the sizes by itself; set --quantity equal"};
}

void PartitionOptions::check_image(std::optional<SampleShape> const& image) const {
  if (feature_rotation > 0 && !image)
    throw UserError{"--feature-rotation is " + text::shortest(feature_rotation) +
                    " but the data is no images; set --feature-rotation 0, or use images"};
}

std::vector<PartitionKind> partition_kinds() {
  return described(partition_forms());
}

std::vector<PartitionKind> quantity_kinds() {
  return described(quantity_forms());
}

}  // namespace canopy::data
