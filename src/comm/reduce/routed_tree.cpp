#include <algorithm>
#include <cassert>
#include <optional>

#include "reduce/transfers.hpp"

namespace canopy::comm {
namespace {

/// A part of the bucket that travels as one message.
struct Piece {
  Range range;
  std::optional<int> owner;  ///< who must end with its total; nobody in particular: all
};

/// One message: the sum of a node for one piece.
struct Move {
  std::size_t turn = 0;
  std::size_t piece = 0;
  std::size_t node = 0;
  int from = 0;
  int to = 0;
  bool is_result = false;
};

/// Messages that need others first come so many pieces later in everybody's order, for the others
/// to have arrived: a rank sends in that order and would stand still otherwise. Short buckets would
/// be over before (measured at 1 Gb/s, 3 ranks: 4 for 75 pieces, 1 for 12).
std::size_t lag(std::size_t pieces) {
  return std::clamp<std::size_t>(pieces / 8, 1, 4);
}

std::vector<Range> cut(Range range, std::size_t size) {
  std::vector<Range> parts;
  for (std::size_t at = 0; at < range.size; at += size)
    parts.push_back({range.first + at, std::min(size, range.size - at)});
  return parts;
}

/// Small buckets are cut finer than they need be, so that all ranks have a share of the work.
std::size_t piece_size(BucketTask const& task) {
  constexpr std::size_t small = 1024;
  auto const shares = 4 * static_cast<std::size_t>(task.ranks);
  return std::min(task.chunk, std::max(small, task.bucket.size / shares));
}

std::vector<Piece> pieces_of(BucketTask const& task) {
  std::vector<Piece> pieces;
  auto const size = piece_size(task);
  if (task.collective == Collective::all_reduce) {
    for (auto const range : cut(task.bucket, size)) pieces.push_back({range, {}});
    return pieces;
  }
  std::vector<std::vector<Range>> slices;
  std::size_t most = 0;
  for (int rank = 0; rank < task.ranks; ++rank) {
    slices.push_back(cut(slice_of(task.bucket, task.ranks, rank), size));
    most = std::max(most, slices.back().size());
  }
  for (std::size_t i = 0; i < most; ++i)  // of each slice in turn
    for (int rank = 0; rank < task.ranks; ++rank)
      if (auto const& slice = slices[static_cast<std::size_t>(rank)]; i < slice.size())
        pieces.push_back({slice[i], rank});
  return pieces;
}

/// The messages of one piece, each after those it needs.
void append_moves(std::vector<Move>& moves, std::vector<SumNode> const& nodes,
                  std::vector<int> const& places, std::size_t piece, std::size_t lag_per_hop,
                  int ranks_to_tell) {
  std::vector<std::size_t> hops(nodes.size());  // messages one after the other before it is there
  auto const turn = [&](std::size_t node) { return piece + lag_per_hop * hops[node]; };
  for (std::size_t node = 0; node + 1 < nodes.size(); ++node) {
    auto const parent = nodes[node].parent;
    auto const travels = places[node] != places[parent];
    if (travels) moves.push_back({turn(node), piece, node, places[node], places[parent], false});
    hops[parent] = std::max(hops[parent], hops[node] + (travels ? 1 : 0));
  }
  auto const total = nodes.size() - 1;
  for (int distance = 1; distance < ranks_to_tell; ++distance)
    moves.push_back({turn(total), piece, total, places[total],
                     (places[total] + distance) % ranks_to_tell, true});
}

/// Writes down this rank's part of the moves.
class Part {
 public:
  Part(int rank, std::vector<SumNode> const& nodes, std::vector<Piece> const& pieces,
       std::vector<std::vector<int>> const& places)
      : rank_{rank}, nodes_{nodes}, places_{places} {
    for (auto const& piece : pieces) {
      auto& held = pieces_.emplace_back(Held{piece.range, std::vector<Sum>(nodes.size()), 0});
      for (std::size_t node = 0; node < nodes.size(); ++node)
        if (nodes[node].rank == rank)
          held.sums[node] = {true, {nodes[node].sum, piece.range.first}, 0};
    }
  }

  void send(Move const& move) {
    auto& piece = pieces_[move.piece];
    auto const& sum = piece.sums[move.node];
    assert(sum.is_here);
    transfers_.sends.push_back({move.to, sum.place, piece.range.size, sum.ready, move.is_result});
    if (sum.place.buffer == 0) piece.sends = transfers_.sends.size();
  }

  void receive(Move const& move) {
    auto& piece = pieces_[move.piece];
    Place const in_place{0, piece.range.first};
    Place const aside{Place::scratch, transfers_.scratch};
    if (!move.is_result) transfers_.scratch += piece.range.size;
    transfers_.receives.push_back({move.from, move.is_result ? in_place : aside, piece.range.size,
                                   move.is_result ? piece.sends : 0, 0});
    if (!move.is_result) {
      piece.sums[move.node] = {true, aside, transfers_.receives.size()};
      merge_upwards(move);
    }
    transfers_.receives.back().additions = transfers_.additions.size();
  }

  Transfers take() { return std::move(transfers_); }

 private:
  struct Sum {
    bool is_here = false;
    Place place;
    std::size_t ready = 0;  ///< after how many receives
  };
  struct Held {
    Range range;
    std::vector<Sum> sums;  ///< by node
    std::size_t sends = 0;  ///< after how many sends nobody reads our first partial sum here
  };

  /// Forms the parents that are formed here and have both children now.
  void merge_upwards(Move const& move) {
    auto& piece = pieces_[move.piece];
    for (auto node = move.node; nodes_[node].parent != node;) {
      node = nodes_[node].parent;
      auto const& left = piece.sums[nodes_[node].left];
      auto const& right = piece.sums[nodes_[node].right];
      if (places_[move.piece][node] != rank_ || !left.is_here || !right.is_here) return;
      auto place = left.place.buffer == Place::scratch ? left.place : right.place;
      if (nodes_[node].parent == node) {  // the total, which may come to where we sent from
        place = {0, piece.range.first};
        transfers_.receives.back().after = piece.sends;
      }
      transfers_.additions.push_back({place, left.place, right.place, piece.range.size});
      piece.sums[node] = {true, place, transfers_.receives.size()};
    }
  }

  int rank_;
  std::vector<SumNode> const& nodes_;
  std::vector<std::vector<int>> const& places_;
  std::vector<Held> pieces_;
  Transfers transfers_;
};

}  // namespace

Transfers routed_tree(BucketTask const& task, Router& router) {
  assert(task.collective != Collective::all_gather);
  auto const& nodes = router.nodes();
  auto const pieces = pieces_of(task);
  std::vector<std::vector<int>> places;  // by piece and node
  std::vector<Move> moves;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    places.push_back(router.route(pieces[i].range.size, pieces[i].owner));
    append_moves(moves, nodes, places.back(), i, lag(pieces.size()),
                 pieces[i].owner ? 0 : task.ranks);
  }
  // One order for all ranks: whoever is first in it can always go on, so nobody waits for ever.
  std::ranges::stable_sort(moves, {}, &Move::turn);
  Part part{task.rank, nodes, pieces, places};
  for (auto const& move : moves) {
    if (move.from == task.rank) part.send(move);
    if (move.to == task.rank) part.receive(move);
  }
  return part.take();
}

}  // namespace canopy::comm
