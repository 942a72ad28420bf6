#include "canopy/forest/sharded.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <deque>
#include <numeric>
#include <string>
#include <utility>

#include "grow/bootstrap.hpp"
#include "grow/grower.hpp"
#include "grow/problem.hpp"
#include "grow/with_score.hpp"
#include "sharded/messages.hpp"
#include "sharded/moved_rows.hpp"
#include "sharded/wide_tree.hpp"

namespace canopy::forest {
namespace {

/// Collective. All rows of all shards.
Whole whole_of(Shard const& shard, Exchange& exchange, StopToken const& stop) {
  auto const classes = static_cast<std::size_t>(shard.table.classes());
  auto const labels = shard.table.labels();
  auto const is_unlabelled = !shard.rows.empty() && labels.empty();
  Sums sums;
  sums.resize(2 + classes);
  sums.data()[0] = static_cast<std::uint32_t>(shard.rows.size());
  sums.data()[1] = is_unlabelled;
  if (!is_unlabelled)
    for (auto const row : shard.rows) ++sums.data()[2 + labels[row]];
  sums.sum(exchange, stop);
  if (sums.data()[0] == 0) throw DataError{"there are no rows to learn from; give at least one"};
  if (sums.data()[1] > 0)
    throw DataError{"the table has no labels to learn from; name the label column with --label"};
  auto const counts = sums.at(2, classes);
  return {sums.data()[0], {counts.begin(), counts.end()}};
}

/// Grows trees batch by batch. What it decides follows from sums, so all processes decide the same.
template <class ScoreOf>
class ShardedGrower {
 public:
  ShardedGrower(Shard const& shard, Whole const& whole, Problem const& problem, ScoreOf score_of,
                Key key, Exchange& exchange, StopToken const& stop, ShardedOptions options)
      : shard_{shard},
        whole_{whole},
        problem_{problem},
        score_of_{std::move(score_of)},
        key_{key},
        exchange_{exchange},
        stop_{stop},
        options_{options},
        classes_{whole.class_counts.size()} {}

  void grow_batch(int first, int last, TreeSink const& sink) {
    plant(first, last);
    while (collect_missing()) {
      count();
      sums_.sum(exchange_, stop_);
      ++cost_.rounds;
      cost_.histogram_bytes += static_cast<std::int64_t>(sums_.bytes());
      hand_out();
    }
    auto const subtrees = grow_subtrees(first);
    for (std::size_t t = 0; t < trees_.size(); ++t)
      sink(first + static_cast<int>(t), trees_[t].assemble(subtrees));
  }

  /// Collective.
  ShardedCost cost() const {
    auto total = cost_;
    total.rows_moved = 0;
    for (auto const& bytes : exchange_.gather(to_bytes(cost_.rows_moved)))
      total.rows_moved += from_bytes<std::int64_t>(bytes);
    total.row_bytes_moved = total.rows_moved * static_cast<std::int64_t>(row_bytes(problem_.table));
    return total;
  }

 private:
  using Impurity = decltype(std::declval<ScoreOf>()(std::declval<Bag const&>()));

  /// A node whose split is being looked for.
  struct Open {
    std::int32_t tree;
    std::int32_t node;
    NodeSums sums;
  };

  /// A block of an open node that is summed in this round.
  struct Wanted {
    std::size_t open;
    std::int32_t block;
    std::size_t place;  ///< in the sums
    std::size_t size;
  };

  /// This process's rows of a tree.
  Bag draw_bag(Key tree) {
    Bag bag;
    if (problem_.parameters.uses_bootstrap() && !shard_.rows.empty()) {
      auto const first = shard_.numbers.front();
      counts_.resize(shard_.numbers.back() - first + 1);
      bootstrap_part(tree, whole_.rows, problem_.draws, first, counts_);
      drawn_.clear();
      for (auto const number : shard_.numbers) drawn_.push_back(counts_[number - first]);
    }
    fill(bag, shard_.table, shard_.rows, drawn_, {}, problem_.most_counted);
    return bag;
  }

  /// Starts the trees of a batch: their bags are drawn and counted.
  void plant(int first, int last) {
    std::vector<Bag> bags;
    auto const stride = 1 + classes_;
    sums_.resize(static_cast<std::size_t>(last - first) * stride);
    for (int t = first; t < last; ++t) {
      auto* sums = sums_.data() + bags.size() * stride;
      auto const& bag = bags.emplace_back(draw_bag(tree_key(key_, t)));
      sums[0] = static_cast<std::uint32_t>(bag.samples.size());
      std::ranges::copy(bag.class_counts, sums + 1);
    }
    sums_.sum(exchange_, stop_);
    trees_.clear();
    subtrees_.clear();
    for (std::size_t t = 0; t < bags.size(); ++t) {
      auto const counts = sums_.at(t * stride + 1, classes_);
      bags[t].class_counts.assign(counts.begin(), counts.end());
      weigh_classes(bags[t]);
      trees_.emplace_back(problem_, tree_key(key_, first + static_cast<int>(t)), std::move(bags[t]),
                          sums_.at(t * stride, 1)[0], score_of_);
      sort_in(static_cast<std::int32_t>(t), 0);
    }
  }

  /// By the class counts of all processes.
  void weigh_classes(Bag& bag) const {
    if (problem_.parameters.class_weight == ClassWeight::none) return;
    auto const& counts = bag.class_counts;
    bag.class_weights = weighs_by_bootstrap(problem_.parameters)
                            ? balanced_weights({counts.begin(), counts.end()})
                            : problem_.balanced;
  }

  WideTree<Impurity>& tree(std::int32_t number) { return trees_[static_cast<std::size_t>(number)]; }

  /// What becomes of a new node: a leaf, the root of a subtree, or one to be split by all.
  void sort_in(std::int32_t tree_number, std::int32_t node) {
    auto& its_tree = tree(tree_number);
    if (its_tree.is_leaf(node)) return;
    auto const rows = its_tree.node(node).rows;
    if (rows > options_.most_rows_moved) {
      open_.push_back({tree_number, node, {}});
      return;
    }
    its_tree.set_subtree(node, static_cast<std::int32_t>(subtrees_.size()));
    subtrees_.push_back({tree_number, node, rows});
  }

  /// Settles the nodes that miss nothing, and lays out what the others do, as much as one sum may
  /// hold. False when no node is open any more.
  bool collect_missing() {
    std::vector<Open> waiting;
    wanted_.clear();
    std::size_t place = 0;
    while (!open_.empty() && place * sizeof(std::uint32_t) < options_.histogram_bytes) {
      auto open = std::move(open_.back());
      open_.pop_back();
      auto const& missing = tree(open.tree).missing(open.node, open.sums);
      if (missing.empty()) {
        settle(open);
        continue;
      }
      for (auto const block : missing) {
        auto const codes = problem_.table.blocks()[static_cast<std::size_t>(block)].codes;
        wanted_.push_back({waiting.size(), block, place, codes * (1 + classes_)});
        place += wanted_.back().size;
      }
      waiting.push_back(std::move(open));
    }
    first_waiting_ = open_.size();
    std::ranges::move(waiting, std::back_inserter(open_));
    sums_.resize(place);
    return !wanted_.empty();
  }

  void settle(Open const& open) {
    auto& its_tree = tree(open.tree);
    if (!its_tree.divide(open.node)) return;
    ++cost_.wide_nodes;
    auto const& node = its_tree.node(open.node);
    auto const left = node.left;
    auto const right = node.right;
    sort_in(open.tree, left);
    sort_in(open.tree, right);
  }

  /// Counts this process's rows.
  void count() {
    auto const stride = 1 + classes_;
    for (auto const& wanted : wanted_) {
      auto const& open = open_[first_waiting_ + wanted.open];
      auto* slots = sums_.data() + wanted.place;
      auto const samples = tree(open.tree).samples(open.node);
      with_codes(problem_.table.blocks()[static_cast<std::size_t>(wanted.block)],
                 [&](auto const* codes) {
                   for (auto const& sample : samples) {
                     auto* slot = slots + std::size_t{codes[sample.row]} * stride;
                     ++slot[0];
                     slot[1 + sample.label] += sample.weight;
                   }
                 });
    }
  }

  void hand_out() {
    for (auto const& wanted : wanted_)
      open_[first_waiting_ + wanted.open].sums.add(wanted.block,
                                                   sums_.at(wanted.place, wanted.size));
  }

  /// Moves the rows of small nodes to the processes that grow what is below; gives all subtrees.
  std::vector<Tree> grow_subtrees(int first_tree) {
    assign_owners(subtrees_, exchange_.size());
    auto const messages = exchange_.swap(write_messages());
    std::vector<Subtree> mine;
    std::vector<std::int32_t> numbers;
    for (std::size_t s = 0; s < subtrees_.size(); ++s) {
      if (subtrees_[s].owner != exchange_.rank()) continue;
      mine.push_back(subtrees_[s]);
      numbers.push_back(static_cast<std::int32_t>(s));
    }
    cost_.subtrees += std::ssize(subtrees_);
    Harvest harvest;
    try {
      harvest.grown = grow_mine(mine, messages, first_tree);
    } catch (Stopped const&) {
      harvest.is_stopped = true;
    }
    for (std::size_t s = 0; s < harvest.grown.size(); ++s) harvest.grown[s].subtree = numbers[s];
    return collect(harvest);
  }

  std::vector<Bytes> write_messages() {
    std::vector<Bytes> messages(static_cast<std::size_t>(exchange_.size()));
    for (auto const& subtree : subtrees_) {
      auto const samples = tree(subtree.tree).samples(subtree.node);
      write_rows(problem_.table, samples, messages[static_cast<std::size_t>(subtree.owner)]);
      if (subtree.owner != exchange_.rank()) cost_.rows_moved += std::ssize(samples);
    }
    return messages;
  }

  std::vector<GrownSubtree> grow_mine(std::vector<Subtree> const& mine,
                                      std::vector<Bytes> const& messages, int first_tree) {
    MovedRows moved{problem_.table, mine, messages};
    Problem const problem{moved.table, {}, problem_.parameters, whole_};
    return with_row_for(moved.table, [&](auto row) {
      return grow_in<decltype(row)>(problem, mine, moved, first_tree);
    });
  }

  template <class Compact>
  std::vector<GrownSubtree> grow_in(Problem const& problem, std::vector<Subtree> const& mine,
                                    MovedRows& moved, int first_tree) {
    // What has moved is used once, so a copy of the table would not pay.
    Workspace<Compact> memory{{problem.table, false}};
    std::vector<GrownSubtree> grown;
    for (std::size_t s = 0; s < mine.size(); ++s) {
      auto const& from = tree(mine[s].tree);
      auto const& node = from.node(mine[s].node);
      memory.bag.samples = std::move(moved.samples[s]);
      memory.bag.class_counts = from.bag().class_counts;
      memory.bag.class_weights = from.bag().class_weights;
      KeyedDraws draws{tree_key(key_, first_tree + mine[s].tree), problem.table.features()};
      throw_if_stopped(stop_);
      auto subtree = Grower{problem, score_of_(memory.bag), draws, stop_, memory}.grow_below(
          node.place, node.depth, node.counts);
      grown.push_back({0, {subtree.nodes.begin(), subtree.nodes.end()}, std::move(subtree.values)});
    }
    return grown;
  }

  /// Everybody's subtrees, in order.
  std::vector<Tree> collect(Harvest const& mine) {
    std::vector<Tree> all(subtrees_.size());
    bool is_stopped = false;
    for (auto const& bytes : exchange_.gather(to_bytes(mine))) {
      auto harvest = from_bytes<Harvest>(bytes);
      is_stopped = is_stopped || harvest.is_stopped;
      for (auto& grown : harvest.grown)
        all[static_cast<std::size_t>(grown.subtree)] = {static_cast<int>(classes_),
                                                        {grown.nodes.begin(), grown.nodes.end()},
                                                        std::move(grown.values)};
    }
    if (is_stopped) throw Stopped{};
    return all;
  }

  Shard const& shard_;
  Whole const& whole_;
  Problem const& problem_;
  ScoreOf score_of_;
  Key key_;
  Exchange& exchange_;
  StopToken const& stop_;
  ShardedOptions options_;
  std::size_t classes_;
  ShardedCost cost_;
  std::deque<WideTree<Impurity>> trees_;  ///< of the batch
  std::vector<Subtree> subtrees_;
  std::vector<Open> open_;
  std::size_t first_waiting_ = 0;  ///< among the open nodes: those that wait for this round's sums
  std::vector<Wanted> wanted_;
  Sums sums_;
  std::vector<std::uint16_t> counts_;
  std::vector<std::uint16_t> drawn_;
};

/// Fills in what is left to this room. Same on all processes.
ShardedOptions chosen(ShardedOptions options, Shard const& shard, Whole const& whole, int trees,
                      int processes) {
  auto const rows_each = static_cast<double>(whole.rows) / processes;
  if (options.trees_at_once == 0) {
    constexpr double memory = 1 << 29;
    constexpr double node_bytes_per_row = 20;  // of a full-grown tree, seen on forest cover
    auto const samples = 2 * sizeof(Sample);
    auto const moved = 3 * static_cast<double>(row_bytes(shard.table));
    auto const tree =
        rows_each * (samples + moved) + node_bytes_per_row * static_cast<double>(whole.rows);
    options.trees_at_once =
        static_cast<int>(std::clamp(memory / tree, 1.0, std::max(1.0, double(trees))));
  }
  if (options.most_rows_moved == 0) {
    constexpr double subtrees_per_process = 8;
    auto const share = rows_each * options.trees_at_once / subtrees_per_process;
    options.most_rows_moved = static_cast<std::uint32_t>(std::clamp(share, 4096.0, 65536.0));
  }
  return options;
}

}  // namespace

void check_sharded(ForestParameters const& parameters) {
  parameters.check();
  if (parameters.max_leaf_nodes)
    throw UserError{"--max-leaf-nodes is " + std::to_string(*parameters.max_leaf_nodes) +
                    " but rows are sharded: the best node goes first there, one after the other, "
                    "and here many are split at once; set --max-leaf-nodes None or deal trees "
                    "instead of rows"};
  if (parameters.rng == Rng::sklearn)
    throw UserError{
        "--rng is sklearn but rows are sharded: its one sequence of random numbers takes node "
        "after node, and here many are split at once; set --rng keyed or deal trees instead of "
        "rows"};
}

ShardedCost grow_trees_sharded(Shard const& shard, ForestParameters const& parameters, Key key,
                               int first_tree, int last_tree, Exchange& exchange,
                               TreeSink const& sink, StopToken const& stop,
                               ShardedOptions const& options) {
  assert(shard.rows.size() == shard.numbers.size() && std::ranges::is_sorted(shard.numbers));
  check_sharded(parameters);
  auto const whole = whole_of(shard, exchange, stop);
  Problem const problem{shard.table, shard.rows, parameters, whole};
  auto const settings = chosen(options, shard, whole, last_tree - first_tree, exchange.size());
  return with_score(problem, [&](auto score_of) {
    ShardedGrower grower{shard, whole, problem, score_of, key, exchange, stop, settings};
    for (int first = first_tree; first < last_tree; first += settings.trees_at_once)
      grower.grow_batch(first, std::min(first + settings.trees_at_once, last_tree), sink);
    return grower.cost();
  });
}

}  // namespace canopy::forest
