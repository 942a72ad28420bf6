#include "sharded/moved_rows.hpp"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstring>
#include <numeric>

#include "grow/compact_rows.hpp"

namespace canopy::forest {
namespace {

/// Rows of one subtree from one process: all labels, all weights, then the codes block by block.
struct Chunk {
  char const* at;
  std::uint32_t rows;
};

template <class T>
char* put(char* to, T value) {
  std::memcpy(to, &value, sizeof value);
  return to + sizeof value;
}

template <class T>
T get(char const*& from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  from += sizeof value;
  return value;
}

/// The chunks of the subtrees one after the other, each with those of all processes.
std::vector<std::vector<Chunk>> chunks_of(std::size_t subtrees, std::vector<Bytes> const& messages,
                                          std::size_t bytes_of_row) {
  std::vector<std::vector<Chunk>> chunks(subtrees);
  for (auto const& message : messages) {
    char const* at = message.data();
    for (auto& of_subtree : chunks) {
      auto const rows = get<std::uint32_t>(at);
      of_subtree.push_back({at, rows});
      at += rows * bytes_of_row;
    }
    assert(at == message.data() + message.size());
  }
  return chunks;
}

std::vector<Sample> read_samples(std::vector<Chunk> const& chunks, std::uint32_t first_row) {
  std::vector<Sample> samples;
  for (auto const& chunk : chunks) {
    char const* labels = chunk.at;
    char const* weights = chunk.at + chunk.rows * sizeof(std::uint16_t);
    for (std::uint32_t i = 0; i < chunk.rows; ++i)
      samples.push_back({first_row++, get<std::uint16_t>(labels), get<std::uint16_t>(weights)});
  }
  return samples;
}

}  // namespace

void assign_owners(std::span<Subtree> subtrees, int processes) {
  std::vector<std::size_t> order(subtrees.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order,
                           [&](auto a, auto b) { return subtrees[a].rows > subtrees[b].rows; });
  std::vector<std::uint64_t> load(static_cast<std::size_t>(processes));
  for (auto const i : order) {
    auto const least = std::ranges::min_element(load);
    subtrees[i].owner = static_cast<int>(least - load.begin());
    *least +=
        std::uint64_t{subtrees[i].rows} * static_cast<unsigned>(std::bit_width(subtrees[i].rows));
  }
}

std::size_t row_bytes(data::EncodedTable const& table) {
  std::size_t bytes = 2 * sizeof(std::uint16_t);
  for (auto const& block : table.blocks()) bytes += static_cast<std::size_t>(block.width);
  return bytes;
}

void write_rows(data::EncodedTable const& table, std::span<Sample const> samples, Bytes& message) {
  auto const start = message.size();
  message.resize(start + sizeof(std::uint32_t) + samples.size() * row_bytes(table));
  auto* at = put(message.data() + start, static_cast<std::uint32_t>(samples.size()));
  for (auto const& sample : samples) at = put(at, sample.label);
  for (auto const& sample : samples) at = put(at, sample.weight);
  for (auto const& block : table.blocks())
    with_codes(block, [&](auto const* codes) {
      for (auto const& sample : samples) at = put(at, codes[sample.row]);
    });
}

MovedRows::MovedRows(data::EncodedTable const& like, std::span<Subtree const> mine,
                     std::vector<Bytes> const& messages) {
  auto const chunks = chunks_of(mine.size(), messages, row_bytes(like));
  std::uint32_t rows = 0;
  for (std::size_t s = 0; s < mine.size(); ++s) {
    samples.push_back(read_samples(chunks[s], rows));
    assert(samples.back().size() == mine[s].rows);
    rows += mine[s].rows;
  }
  auto bytes_before = 2 * sizeof(std::uint16_t);
  table = data::EncodedTable::assemble(like, rows, [&](std::size_t block, std::byte* codes) {
    auto const width = static_cast<std::size_t>(like.blocks()[block].width);
    for (auto const& of_subtree : chunks)
      for (auto const& chunk : of_subtree) {
        if (chunk.rows > 0)
          std::memcpy(codes, chunk.at + chunk.rows * bytes_before, chunk.rows * width);
        codes += chunk.rows * width;
      }
    bytes_before += width;
  });
}

}  // namespace canopy::forest
