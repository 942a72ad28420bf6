#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "canopy/core/bytes.hpp"
#include "canopy/forest/forest.hpp"

namespace canopy::forest {

/// How one process speaks with the others that hold rows of the same data set. Every call is
/// collective: all processes make the same calls in the same order.
class Exchange {
 public:
  virtual ~Exchange() = default;

  virtual int rank() const = 0;  ///< 0 .. size-1
  virtual int size() const = 0;
  /// Adds up the numbers of all processes, place by place; everyone gets the sums.
  virtual void sum(std::span<std::uint32_t> numbers) = 0;
  /// `to[r]` goes to process r; gives what each process sent here, in rank order.
  virtual std::vector<Bytes> swap(std::vector<Bytes> to) = 0;
  /// What every process has to say, in rank order, on all of them.
  virtual std::vector<Bytes> gather(Bytes mine) = 0;
};

/// The rows of a data set that one process holds; perhaps none. Every row belongs to one process,
/// which one does not matter.
struct Shard {
  EncodedTable const& table;          ///< coded as the whole data set would be
  std::span<RowIndex const> rows;     ///< of the table: those to learn from
  std::span<RowIndex const> numbers;  ///< each one's place among the rows of all shards, ascending
};

/// What may be chosen without any effect on the trees. 0: chosen here.
struct ShardedOptions {
  std::uint32_t most_rows_moved = 0;      ///< a node of up to so many rows goes to one process
  int trees_at_once = 0;                  ///< grow side by side and share their messages
  std::size_t histogram_bytes = 1 << 26;  ///< summed at once; a single histogram may be larger
};

/// What the fit cost; the same on every process.
struct ShardedCost {
  std::int64_t rounds = 0;           ///< sums over all processes
  std::int64_t histogram_bytes = 0;  ///< each process put in so many in all
  std::int64_t wide_nodes = 0;       ///< split by summed histograms
  std::int64_t subtrees = 0;         ///< grown by one process
  std::int64_t rows_moved = 0;       ///< went to another process
  std::int64_t row_bytes_moved = 0;
};

/// Throws UserError when the parameters do not hold together, or ask for what takes one node after
/// the other: max_leaf_nodes and rng sklearn.
void check_sharded(ForestParameters const& parameters);

/// Takes a finished tree, in tree order.
using TreeSink = std::function<void(int number, Tree tree)>;

/// Trees first_tree .. last_tree-1 of the forest that `key` names, learnt from rows that stay where
/// they are: grow_trees() on all the rows, taken by their numbers, gives the same trees to the last
/// bit. Collective; every process calls `sink` with every tree.
///
/// Large nodes are split by class histograms, summed over all processes in rounds that serve all
/// open nodes of several trees; a node has one histogram per block of the table, 4 * (classes+1)
/// bytes per distinct value. The rows of a small node move to one process, which grows all below
/// it. A process needs memory for its rows, for its share of the rows of `trees_at_once` trees, for
/// the finished trees of such a batch, and 2 bytes for each place between the lowest and the
/// highest of its numbers.
///
/// `stop` may answer differently on each process; all of them stop. Throws Stopped; UserError as
/// check_sharded(); DataError when there are no rows or no labels.
ShardedCost grow_trees_sharded(Shard const& shard, ForestParameters const& parameters, Key key,
                               int first_tree, int last_tree, Exchange& exchange,
                               TreeSink const& sink, StopToken const& stop = {},
                               ShardedOptions const& options = {});

}  // namespace canopy::forest
