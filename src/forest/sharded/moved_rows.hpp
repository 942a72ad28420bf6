#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "canopy/core/bytes.hpp"
#include "canopy/data/encoded.hpp"

#include "grow/bag.hpp"

namespace canopy::forest {

/// A part of a tree that one process grows.
struct Subtree {
  std::int32_t tree;   ///< place of its tree in the batch
  std::int32_t node;   ///< wide node where it starts
  std::uint32_t rows;  ///< of all processes
  int owner = 0;
};

/// Chooses an owner for each subtree: the largest first, each to the process with the least to do.
/// The same answer on every process.
void assign_owners(std::span<Subtree> subtrees, int processes);

/// Bytes of a row on its way: label, weight and its code in each block.
std::size_t row_bytes(data::EncodedTable const& table);

/// Appends the rows to the message for the owner of their subtree. All processes write the subtrees
/// of one owner in the same order.
void write_rows(data::EncodedTable const& table, std::span<Sample const> samples, Bytes& message);

/// The rows of the subtrees that this process owns, from all processes.
struct MovedRows {
  /// `messages` holds one per process, with the rows of `mine` in this order.
  MovedRows(data::EncodedTable const& like, std::span<Subtree const> mine,
            std::vector<Bytes> const& messages);

  data::EncodedTable table;                  ///< without labels: the samples know them
  std::vector<std::vector<Sample>> samples;  ///< by subtree; rows of `table`
};

}  // namespace canopy::forest
