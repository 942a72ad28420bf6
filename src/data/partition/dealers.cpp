#include "partition/dealers.hpp"

#include <functional>
#include <numeric>

#include "partition/quantity.hpp"

namespace canopy::data {
namespace {

Places all_places(Deck const& deck) {
  Places places(deck.size());
  std::iota(places.begin(), places.end(), 0u);
  return places;
}

Owners deal_in_order(Deck const& deck, Places const& order) {
  Owners owners(deck.size());
  auto const least = least_rows(deck.size(), deck.quantity.size(), 10);
  give(order, apportion(deck.size(), deck.quantity, least), std::identity{}, owners);
  return owners;
}

Owners deal_iid(Deck const& deck) {
  auto order = all_places(deck);
  Stream{deck.key}.shuffle(std::span{order});
  return deal_in_order(deck, order);
}

Owners deal_contiguous(Deck const& deck) {
  return deal_in_order(deck, all_places(deck));
}

Owners deal_natural(Deck const& deck) {
  return deck.groups;
}

}  // namespace

std::vector<Dealer> const& dealers() {
  static std::vector<Dealer> const table{
      {{"iid", "", no_number(), "rows at random"}, deal_iid},
      {{"contiguous", "", no_number(),
        "blocks of rows in the order of the data, as FEDn's example"},
       deal_contiguous},
      {{"dirichlet", "ALPHA", above_0(),
        "each class in shares drawn from Dirichlet(ALPHA), as Flower and NIID-Bench"},
       deal_dirichlet,
       Sizes::wanted,
       "a larger ALPHA, or inner-dirichlet:ALPHA"},
      {{"inner-dirichlet", "ALPHA", above_0(),
        "each client's classes in shares drawn from Dirichlet(ALPHA), as Hsu et al. 2019, FedDyn"},
       deal_inner_dirichlet},
      {{"shards", "S", whole_from_1(),
        "S blocks at random of the rows sorted by class, as McMahan et al. 2017"},
       deal_shards,
       Sizes::own},
      {{"labels", "S", whole_from_1(), "rows of S classes, as FedProx's data"},
       deal_labels,
       Sizes::wanted,
       "a larger S"},
      {{"natural", "", no_number(),
        "a client for each writer (mnist) or wilderness (forest-cover)"},
       deal_natural,
       Sizes::groups},
  };
  return table;
}

std::vector<Form> const& partition_forms() {
  static auto const forms = [] {
    std::vector<Form> all;
    for (auto const& dealer : dealers()) all.push_back(dealer.form);
    return all;
  }();
  return forms;
}

Partition collect(Owners const& owners, int parts, std::span<std::uint32_t const> values) {
  std::vector<std::uint64_t> begins(static_cast<std::size_t>(parts) + 1);
  for (auto const owner : owners) ++begins[owner + 1];
  std::partial_sum(begins.begin(), begins.end(), begins.begin());
  auto next = begins;
  Rows sorted(owners.size());
  for (std::size_t i = 0; i < owners.size(); ++i) sorted[next[owners[i]]++] = values[i];
  return {std::move(begins), std::move(sorted)};
}

Partition by_class(Deck const& deck) {
  return collect(deck.labels, deck.classes, all_places(deck));
}

}  // namespace canopy::data
