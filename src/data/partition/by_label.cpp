#include <algorithm>
#include <numeric>

#include "canopy/core/error.hpp"
#include "canopy/core/text.hpp"

#include "partition/dealers.hpp"
#include "partition/quantity.hpp"

namespace canopy::data {
namespace {

std::vector<std::uint32_t> present_classes(Partition const& classes) {
  std::vector<std::uint32_t> present;
  for (int c = 0; c < classes.clients(); ++c)
    if (!classes.rows(c).empty()) present.push_back(static_cast<std::uint32_t>(c));
  return present;
}

void check_labels(Deck const& deck, std::size_t present) {
  auto const each = static_cast<std::size_t>(deck.number);
  if (each > present)
    throw UserError{"--partition is '" + deck.name + "' but the rows are of " +
                    std::to_string(present) + " classes, expected at most so many per client"};
  if (auto const all = each * static_cast<std::size_t>(deck.clients); all < present)
    throw UserError{"--partition " + deck.name + " with " + std::to_string(deck.clients) +
                    " clients has room for " + std::to_string(all) + " of " +
                    std::to_string(present) +
                    " classes and would leave out the others; use more --clients or a larger S"};
}

/// The classes of each client, one client after the other: the next `each` of packs that hold every
/// class once and are shuffled anew, so that each class has equally many clients, within one.
std::vector<std::uint32_t> deal_hands(std::vector<std::uint32_t> pack, std::size_t each,
                                      std::size_t clients, Key key) {
  std::vector<std::uint32_t> hands;
  hands.reserve(each * clients);
  for (std::uint64_t round = 0; hands.size() < each * clients; ++round) {
    Stream{key.with(round)}.shuffle(std::span{pack});
    // The hand that is not full yet must not get a class twice: what it has goes last.
    auto const hand = std::span{hands}.last(hands.size() % each);
    std::ranges::stable_partition(pack,
                                  [&](auto c) { return std::ranges::find(hand, c) == hand.end(); });
    for (auto const c : pack)
      if (hands.size() < each * clients) hands.push_back(c);
  }
  return hands;
}

}  // namespace

// Sorted by class, rows in order within each; cut into S blocks per client, the blocks dealt.
Owners deal_shards(Deck const& deck) {
  auto const each = static_cast<std::uint64_t>(deck.number);
  auto const shards = each * static_cast<std::uint64_t>(deck.clients);
  auto const rows = deck.size();
  if (shards > rows)
    throw UserError{"--partition " + deck.name + " with " + std::to_string(deck.clients) +
                    " clients makes " + text::grouped(static_cast<std::int64_t>(shards)) +
                    " shards of " + text::grouped(static_cast<std::int64_t>(rows)) +
                    " rows, so some would be empty; use fewer --clients or a smaller S"};
  Places dealt(shards);
  std::iota(dealt.begin(), dealt.end(), 0u);
  Stream{deck.key}.shuffle(std::span{dealt});
  auto const sorted = by_class(deck);
  Owners owners(rows);
  for (std::uint64_t i = 0; i < shards; ++i) {
    std::uint64_t const shard = dealt[i];
    for (auto at = shard * rows / shards; at < (shard + 1) * rows / shards; ++at)
      owners[sorted.all_rows()[at]] = static_cast<std::uint32_t>(i / each);
  }
  return owners;
}

Owners deal_labels(Deck const& deck) {
  auto const classes = by_class(deck);
  auto const present = present_classes(classes);
  check_labels(deck, present.size());
  auto const each = static_cast<std::size_t>(deck.number);
  auto const hands = deal_hands(present, each, deck.quantity.size(), deck.key.with("hands"));
  std::vector<std::uint32_t> client_of_card;
  for (std::size_t card = 0; card < hands.size(); ++card)
    client_of_card.push_back(static_cast<std::uint32_t>(card / each));
  auto const holders = collect(hands, deck.classes, client_of_card);

  Owners owners(deck.size());
  for (auto const c : present) {
    auto const rows = classes.rows(static_cast<int>(c));
    Places order{rows.begin(), rows.end()};
    Stream{deck.key.with("class").with(c)}.shuffle(std::span{order});
    auto const clients = holders.rows(static_cast<int>(c));
    std::vector<double> weights;
    for (auto const client : clients) weights.push_back(deck.quantity[client]);
    auto const least = least_rows(order.size(), clients.size(), (10 + each - 1) / each);
    give(
        order, apportion(order.size(), weights, least), [&](auto k) { return clients[k]; }, owners);
  }
  return owners;
}

}  // namespace canopy::data
