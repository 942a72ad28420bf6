#include "reduce/transfers.hpp"

#include <algorithm>
#include <bit>
#include <cassert>

namespace canopy::comm {
namespace {

/// Writes down transfers of chunks and what each must wait for.
class Writer {
 public:
  explicit Writer(BucketTask const& task) : task_{task} {
    assert(task.chunk > 0);
    for (int rank = 0; rank < task.ranks; ++rank) slices_.push_back(chunks_of(rank));
  }

  bool reduces() const { return task_.collective != Collective::all_gather; }
  bool gathers() const { return task_.collective != Collective::reduce_scatter; }
  std::size_t chunks(int slice) const { return slices_[static_cast<std::size_t>(slice)].size(); }

  void send(int peer, int slice, std::size_t chunk) { put_send(peer, at(slice, chunk), false); }
  void send_result(int peer, int slice, std::size_t chunk) {
    put_send(peer, at(slice, chunk), true);
  }

  /// The peer's sum of this chunk is added to ours.
  void receive_and_add(int peer, int slice, std::size_t chunk) {
    auto& mine = at(slice, chunk);
    Place const place{0, mine.range.first};
    Place const theirs{Place::scratch, transfers_.scratch};
    transfers_.scratch += mine.range.size;
    transfers_.additions.push_back({place, place, theirs, mine.range.size});
    put_receive(peer, theirs, mine.range.size, 0);
    mine.ready = transfers_.receives.size();
  }

  void receive_result(int peer, int slice, std::size_t chunk) {
    auto& mine = at(slice, chunk);
    put_receive(peer, {0, mine.range.first}, mine.range.size, mine.sends);
    mine.ready = transfers_.receives.size();
  }

  Transfers take() { return std::move(transfers_); }

 private:
  struct Chunk {
    Range range;
    std::size_t ready = 0;  ///< after how many receives it holds what is to be passed on
    std::size_t sends = 0;  ///< after how many sends nobody reads it any more
  };

  std::vector<Chunk> chunks_of(int rank) const {
    auto const slice = slice_of(task_.bucket, task_.ranks, rank);
    std::vector<Chunk> chunks;
    for (std::size_t at = 0; at < slice.size; at += task_.chunk)
      chunks.push_back({{slice.first + at, std::min(task_.chunk, slice.size - at)}});
    return chunks;
  }

  Chunk& at(int slice, std::size_t chunk) {
    return slices_[static_cast<std::size_t>(slice)][chunk];
  }

  void put_send(int peer, Chunk& chunk, bool is_result) {
    transfers_.sends.push_back(
        {peer, {0, chunk.range.first}, chunk.range.size, chunk.ready, is_result});
    chunk.sends = transfers_.sends.size();
  }

  void put_receive(int peer, Place to, std::size_t size, std::size_t after) {
    transfers_.receives.push_back({peer, to, size, after, transfers_.additions.size()});
  }

  BucketTask task_;
  std::vector<std::vector<Chunk>> slices_;
  Transfers transfers_;
};

/// Slices whose number agrees with `rank` in the bits below `distance`, in the order in which a
/// rank wants them: first those it passes on in the next step, its own last.
std::vector<int> slices_like(int rank, int distance, int ranks) {
  std::vector<int> slices;
  for (int slice = rank % distance; slice < ranks; slice += distance) slices.push_back(slice);
  auto const passed_on_first = [&](int slice) {
    int key = 0;  // the bits in which they differ, lowest bit foremost
    for (int bit = 1; bit < ranks; bit *= 2) key = 2 * key + ((slice ^ rank) & bit ? 0 : 1);
    return key;
  };
  std::ranges::sort(slices, {}, passed_on_first);
  return slices;
}

}  // namespace

Range slice_of(Range bucket, int ranks, int rank) {
  auto const cut = [&](int r) {
    return bucket.size * static_cast<std::size_t>(r) / static_cast<std::size_t>(ranks);
  };
  return {bucket.first + cut(rank), cut(rank + 1) - cut(rank)};
}

Transfers ring(BucketTask const& task) {
  Writer writer{task};
  auto const p = task.ranks;
  auto const right = (task.rank + 1) % p;
  auto const left = (task.rank + p - 1) % p;
  auto const slice = [&](int behind) { return ((task.rank - behind) % p + p) % p; };
  if (writer.reduces())
    for (int step = 0; step + 1 < p; ++step) {
      for (std::size_t c = 0; c < writer.chunks(slice(step + 1)); ++c)
        writer.send(right, slice(step + 1), c);
      for (std::size_t c = 0; c < writer.chunks(slice(step + 2)); ++c)
        writer.receive_and_add(left, slice(step + 2), c);
    }
  if (writer.gathers())
    for (int step = 0; step + 1 < p; ++step) {
      for (std::size_t c = 0; c < writer.chunks(slice(step)); ++c)
        writer.send_result(right, slice(step), c);
      for (std::size_t c = 0; c < writer.chunks(slice(step + 1)); ++c)
        writer.receive_result(left, slice(step + 1), c);
    }
  return writer.take();
}

Transfers halving_doubling(BucketTask const& task) {
  assert(std::has_single_bit(static_cast<unsigned>(task.ranks)));
  Writer writer{task};
  auto const p = task.ranks;
  if (writer.reduces())
    for (int distance = 1; distance < p; distance *= 2) {
      auto const peer = task.rank ^ distance;
      for (auto const slice : slices_like(peer, 2 * distance, p))
        for (std::size_t c = 0; c < writer.chunks(slice); ++c) writer.send(peer, slice, c);
      for (auto const slice : slices_like(task.rank, 2 * distance, p))
        for (std::size_t c = 0; c < writer.chunks(slice); ++c)
          writer.receive_and_add(peer, slice, c);
    }
  if (writer.gathers())
    for (int distance = p / 2; distance > 0; distance /= 2) {
      auto const peer = task.rank ^ distance;
      auto mine = slices_like(task.rank, 2 * distance, p);
      auto theirs = slices_like(peer, 2 * distance, p);
      std::ranges::reverse(mine);  // its own first, as it had that first
      std::ranges::reverse(theirs);
      for (auto const slice : mine)
        for (std::size_t c = 0; c < writer.chunks(slice); ++c) writer.send_result(peer, slice, c);
      for (auto const slice : theirs)
        for (std::size_t c = 0; c < writer.chunks(slice); ++c)
          writer.receive_result(peer, slice, c);
    }
  return writer.take();
}

}  // namespace canopy::comm
