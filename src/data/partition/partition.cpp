#include "canopy/data/partition.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

#include "canopy/core/error.hpp"
#include "canopy/core/text.hpp"

#include "partition/dealers.hpp"
#include "partition/quantity.hpp"

namespace canopy::data {
namespace {

/// The different groups among the rows, ascending.
std::vector<std::uint32_t> groups_among(std::span<RowIndex const> rows,
                                        std::span<std::uint32_t const> groups) {
  std::vector<std::uint32_t> found;
  found.reserve(rows.size());
  for (auto const row : rows) found.push_back(groups[row]);
  std::ranges::sort(found);
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

/// By place, the place of the row's group among `known`.
Owners numbered_groups(std::span<RowIndex const> rows, std::span<std::uint32_t const> groups,
                       std::vector<std::uint32_t> const& known) {
  Owners owners;
  owners.reserve(rows.size());
  for (auto const row : rows)
    owners.push_back(
        static_cast<std::uint32_t>(std::ranges::lower_bound(known, groups[row]) - known.begin()));
  return owners;
}

void check_groups(int clients, std::size_t rows, std::span<std::uint32_t const> groups,
                  std::size_t known) {
  if (groups.empty() && rows > 0)
    throw UserError{
        "--partition is 'natural' but this data does not tell what its rows come from; use --data "
        "mnist (writers) or forest-cover (wilderness areas), or another --partition"};
  if (clients != 0 && std::cmp_not_equal(clients, known))
    throw UserError{"--partition natural makes a client of each of the " + std::to_string(known) +
                    " groups in the data, but --clients is " + std::to_string(clients) +
                    "; leave it out or set it to " + std::to_string(known)};
}

void check_clients(int clients, std::size_t rows) {
  if (clients < 1)
    throw UserError{"--clients is " + std::to_string(clients) + ", expected at least 1"};
  if (std::cmp_greater(clients, rows))
    throw UserError{"--clients is " + text::grouped(clients) + " but there are " +
                    text::grouped(static_cast<std::int64_t>(rows)) +
                    " rows to deal, expected at most one client per row"};
}

void check_empty(Partition const& partition, Deck const& deck, std::string const& remedy) {
  int empty = 0;
  for (int k = 0; k < partition.clients(); ++k) empty += partition.rows(k).empty();
  if (empty == 0) return;
  throw UserError{"--partition " + deck.name + " leaves " + text::grouped(empty) + " of " +
                  text::grouped(partition.clients()) +
                  " clients without any row; use fewer clients" +
                  (remedy.empty() ? "" : ", or " + remedy)};
}

}  // namespace

Partition::Partition(std::vector<std::uint64_t> begins, Rows rows)
    : begins_{std::move(begins)}, rows_{std::move(rows)} {
  assert(!begins_.empty() && begins_.front() == 0 && begins_.back() == rows_.size());
  assert(std::ranges::is_sorted(begins_));
}

std::span<RowIndex const> Partition::rows(int client) const {
  auto const k = static_cast<std::size_t>(client);
  return std::span{rows_}.subspan(begins_[k], begins_[k + 1] - begins_[k]);
}

int count_groups(std::span<RowIndex const> rows, std::span<std::uint32_t const> groups) {
  return static_cast<int>(groups_among(rows, groups).size());
}

Partition make_partition(PartitionOptions const& options, int clients,
                         std::span<RowIndex const> rows, std::span<std::uint16_t const> labels,
                         int classes, std::span<std::uint32_t const> groups, Key key) {
  options.check();
  auto const chosen = choose("partition", options.partition, partition_forms());
  auto const& dealer = dealers()[chosen.index];

  Deck deck{options.partition, chosen.number, clients, classes, {}, {}, {}, key.with("deal")};
  if (dealer.sizes == Sizes::groups) {
    auto const known = groups.empty() ? Rows{} : groups_among(rows, groups);
    check_groups(clients, rows.size(), groups, known.size());
    deck.groups = numbered_groups(rows, groups, known);
    deck.clients = static_cast<int>(known.size());
  }
  check_clients(deck.clients, rows.size());
  for (auto const row : rows) deck.labels.push_back(labels[row]);
  deck.quantity =
      draw_weights(choose("quantity", options.quantity, quantity_forms()), deck.clients, key);

  auto partition = collect(dealer.deal(deck), deck.clients, rows);
  check_empty(partition, deck, dealer.remedy);
  return partition;
}

}  // namespace canopy::data
