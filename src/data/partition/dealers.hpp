#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "canopy/core/random.hpp"
#include "canopy/data/partition.hpp"

#include "partition/form.hpp"

namespace canopy::data {

/// The rows to be dealt have places 0 .. n-1, whatever their numbers.
using Places = std::vector<std::uint32_t>;
/// The client, class or group (from 0) of every place.
using Owners = std::vector<std::uint32_t>;

/// What a dealer may look at.
struct Deck {
  std::string name;  ///< the partition as the user wrote it
  double number = 0;
  int clients = 0;
  int classes = 0;
  Owners labels;
  Owners groups;                 ///< empty unless they settle the sizes
  std::vector<double> quantity;  ///< by client: wanted sizes, in proportion
  Key key;

  std::size_t size() const { return labels.size(); }
};

/// What settles how many rows a client gets: --quantity, the way of dealing, or the groups.
enum class Sizes : std::uint8_t { wanted, own, groups };

/// A choice of --partition.
struct Dealer {
  Form form;
  Owners (*deal)(Deck const& deck);
  Sizes sizes = Sizes::wanted;
  std::string remedy = "";  ///< against clients without rows
};
std::vector<Dealer> const& dealers();
std::vector<Form> const& partition_forms();  ///< in the order of dealers()

/// Sorts values by their owner (0 .. parts-1), and leaves them in order within each.
Partition collect(Owners const& owners, int parts, std::span<std::uint32_t const> values);

/// The places of each class, ascending.
Partition by_class(Deck const& deck);

/// Gives the places of `order` out in turn, sizes[k] of them to client_of(k).
template <class ClientOf>
void give(std::span<std::uint32_t const> order, std::span<std::uint64_t const> sizes,
          ClientOf client_of, Owners& owners) {
  auto place = order.begin();
  for (std::size_t k = 0; k < sizes.size(); ++k)
    for (std::uint64_t i = 0; i < sizes[k]; ++i)
      owners[*place++] = static_cast<std::uint32_t>(client_of(k));
}

Owners deal_dirichlet(Deck const& deck);
Owners deal_inner_dirichlet(Deck const& deck);
Owners deal_shards(Deck const& deck);
Owners deal_labels(Deck const& deck);

}  // namespace canopy::data
