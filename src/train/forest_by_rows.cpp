#include "canopy/train/forest_by_rows.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "canopy/comm/collectives.hpp"
#include "canopy/comm/environment.hpp"
#include "canopy/core/clock.hpp"
#include "canopy/core/digest.hpp"
#include "canopy/train/forest_by_trees.hpp"

namespace canopy::train {
namespace {

using comm::Communicator;
using data::Dataset;
using data::RowIndex;

/// Counts what goes over the wire, and for how long.
class OverRanks : public forest::Exchange {
 public:
  OverRanks(Communicator const& comm, comm::RankUse& use) : comm_{comm}, use_{use} {}

  int rank() const override { return comm_.rank().value; }
  int size() const override { return comm_.size(); }
  void sum(std::span<std::uint32_t> numbers) override {
    Timed const timed{use_};
    comm::sum_in_place(comm_, numbers);
    if (size() == 1) return;
    use_.bytes_sent += numbers.size_bytes();
    use_.bytes_received += numbers.size_bytes();
  }
  std::vector<Bytes> swap(std::vector<Bytes> to) override {
    Timed const timed{use_};
    use_.bytes_sent += others(to);
    auto received = comm::all_to_all(comm_, std::move(to));
    use_.bytes_received += others(received);
    return received;
  }
  std::vector<Bytes> gather(Bytes mine) override {
    Timed const timed{use_};
    use_.bytes_sent += mine.size() * static_cast<std::size_t>(size() - 1);
    auto received = comm::all_gather(comm_, std::move(mine));
    use_.bytes_received += others(received);
    return received;
  }

 private:
  struct Timed {
    explicit Timed(comm::RankUse& use) : use_{use} {}
    ~Timed() { use_.comm_seconds += clock_.seconds(); }
    comm::RankUse& use_;
    Stopwatch clock_;
  };

  std::uint64_t others(std::vector<Bytes> const& messages) const {
    std::uint64_t bytes = 0;
    for (std::size_t r = 0; r < messages.size(); ++r)
      if (std::cmp_not_equal(r, rank())) bytes += messages[r].size();
    return bytes;
  }

  Communicator const& comm_;
  comm::RankUse& use_;
};

/// A data set without its rows.
struct About {
  std::string name;
  std::vector<std::string> feature_names;
  std::vector<std::string> class_names;
  std::string label_name;
  bool has_test = false;

  template <class Archive>
  void fields(Archive& archive) {
    archive(name, feature_names, class_names, label_name, has_test);
  }
  Dataset dataset() const { return {name, feature_names, {}, {}, class_names, label_name}; }
};

About about(Dataset const& dataset, bool has_test) {
  return {dataset.name, dataset.feature_names, dataset.class_names, dataset.label_name, has_test};
}

/// Rows on their way, column by column.
struct Columns {
  std::int64_t rows = 0;
  std::vector<float> features;
  std::vector<std::uint16_t> labels;

  template <class Archive>
  void fields(Archive& archive) {
    archive(rows, features, labels);
  }
};

Columns columns_of(Dataset const& dataset, int part, int parts) {
  auto const first = dataset.rows() * part / parts;
  auto const rows = dataset.rows() * (part + 1) / parts - first;
  Columns block{rows, std::vector<float>(static_cast<std::size_t>(rows * dataset.columns())), {}};
  Eigen::Map<Eigen::MatrixXf>{block.features.data(), rows, dataset.columns()} =
      dataset.features.middleRows(first, rows);
  if (dataset.has_labels())
    block.labels.assign(dataset.labels.begin() + first, dataset.labels.begin() + first + rows);
  return block;
}

/// Collective. The root's rows in blocks, each rank its own. The root's copy is gone afterwards.
Dataset deal_rows(Communicator const& comm, Dataset of_root, Dataset result) {
  auto block = from_bytes<Columns>(comm::scatter(
      comm, [&](int rank) { return to_bytes(columns_of(of_root, rank, comm.size())); }));
  of_root = {};
  result.features = Eigen::Map<Eigen::MatrixXf>{
      block.features.data(), block.rows, static_cast<Eigen::Index>(result.feature_names.size())};
  result.labels = std::move(block.labels);
  return result;
}

RowBlock read_and_deal(Communicator const& comm, data::Source const& source, std::uint64_t seed) {
  data::Loaded loaded;
  comm.together("load", [&] {
    if (comm.is_root()) loaded = data::load(source, seed);
  });
  auto const known = comm.broadcast(about(loaded.train, loaded.test.has_value()));
  auto const rows = comm.broadcast(loaded.train.rows());
  RowBlock block{deal_rows(comm, std::move(loaded.train), known.dataset()), {}, rows};
  if (known.has_test)
    block.test =
        deal_rows(comm, loaded.test ? std::move(*loaded.test) : Dataset{}, known.dataset());
  return block;
}

/// Summaries of all ranks' rows, from each rank's. Some columns at a time: their distinct values
/// may be many.
std::vector<data::ColumnSummary> merge(Communicator const& comm,
                                       std::vector<data::ColumnSummary> mine) {
  constexpr std::size_t at_once = 16;
  using Summaries = std::vector<data::ColumnSummary>;
  Summaries all;
  for (std::size_t first = 0; first < mine.size(); first += at_once) {
    auto const end = std::min(first + at_once, mine.size());
    Summaries some{std::make_move_iterator(mine.begin() + static_cast<std::ptrdiff_t>(first)),
                   std::make_move_iterator(mine.begin() + static_cast<std::ptrdiff_t>(end))};
    Summaries merged(some.size());
    for (auto& bytes : comm::all_gather(comm, to_bytes(some))) {
      auto const theirs = from_bytes<Summaries>(std::exchange(bytes, {}));
      for (std::size_t f = 0; f < merged.size(); ++f) merged[f].merge(theirs[f]);
    }
    std::ranges::move(merged, std::back_inserter(all));
  }
  return all;
}

/// What the root tells a rank about its part of a split.
struct Membership {
  RowIndex first_number = 0;          ///< training rows of the ranks before
  std::vector<std::uint8_t> is_test;  ///< by row of the rank

  template <class Archive>
  void fields(Archive& archive) {
    archive(first_number, is_test);
  }
};

/// On the root: the memberships of all ranks, from their labels.
std::vector<Membership> memberships(std::vector<std::vector<std::uint16_t>> const& labels,
                                    int classes, double test_size, Key key) {
  std::vector<std::uint16_t> all;
  for (auto const& of_rank : labels) all.insert(all.end(), of_rank.begin(), of_rank.end());
  auto const split = data::stratified_split(all, classes, test_size, key);
  std::vector<Membership> result;
  std::size_t row = 0;
  auto next_test = split.test.begin();
  for (auto const& of_rank : labels) {
    Membership membership{static_cast<RowIndex>(row - (next_test - split.test.begin())), {}};
    for (std::size_t i = 0; i < of_rank.size(); ++i, ++row) {
      bool const is_test = next_test != split.test.end() && *next_test == row;
      membership.is_test.push_back(is_test);
      next_test += is_test;
    }
    result.push_back(std::move(membership));
  }
  return result;
}

/// Runs what all ranks do in step. What stops all of them passes; a rank that fails alone ends the
/// job, for the others wait for it in the midst of a sum.
template <class Work>
auto in_step(Communicator const& comm, Work work) {
  try {
    return work();
  } catch (UserError const&) {
    throw;
  } catch (Stopped const&) {
    throw;
  } catch (std::exception const& e) {
    if (comm.size() == 1) throw;
    fmt::print(stderr, "canopy: rank {} on {} failed while growing: {}\n", comm.rank().value,
               comm::host_name(), e.what());
    comm::Environment::abort(1);
  }
}

data::Rows all_rows(data::EncodedTable const& table) {
  data::Rows rows(static_cast<std::size_t>(table.rows()));
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<RowIndex>(i);
  return rows;
}

std::int64_t rows_before(Communicator const& comm, std::int64_t mine) {
  std::int64_t before = 0;
  auto const all = comm::all_gather(comm, to_bytes(mine));
  for (int r = 0; r < comm.rank().value; ++r)
    before += from_bytes<std::int64_t>(all[static_cast<std::size_t>(r)]);
  return before;
}

std::uint64_t row_hash(data::EncodedTable const& table, std::int64_t row, std::int64_t number) {
  auto hash = static_cast<std::uint64_t>(number);
  auto const mix = [&hash](std::uint64_t code) {  // the finaliser of splitmix64 (Steele 2014)
    hash += code + 0x9e37'79b9'7f4a'7c15;
    hash = (hash ^ hash >> 30) * 0xbf58'476d'1ce4'e5b9;
    hash = (hash ^ hash >> 27) * 0x94d0'49bb'1331'11eb;
    hash ^= hash >> 31;
  };
  for (auto const& block : table.blocks()) mix(block.code(row));
  if (!table.labels().empty()) mix(table.labels()[static_cast<std::size_t>(row)]);
  return hash;
}

}  // namespace

RowBlock load_rows(Communicator const& comm, data::Source const& source, std::uint64_t seed) {
  std::optional<data::DatasetPart> part;
  comm.together("load", [&] { part = data::load_part(source, comm.rank().value, comm.size()); });
  if (!part) return read_and_deal(comm, source, seed);
  return {std::move(part->rows), {}, part->all};
}

data::EncodedTable encode_in_parts(Communicator const& comm, Dataset const& mine,
                                   std::int64_t rows) {
  if (rows > data::EncodedTable::most_rows)
    throw DataError{mine.name + ": " + std::to_string(rows) +
                    " rows are more than row numbers of 32 bits can tell apart; split the file"};
  std::vector<data::ColumnSummary> summaries;
  comm.together("encode", [&] { summaries = data::summarise(mine); });
  auto const plans = data::plan_blocks(merge(comm, std::move(summaries)), rows);
  data::EncodedTable table;
  comm.together("encode", [&] { table = data::EncodedTable::encode(mine, plans); });
  return table;
}

RowShard encode_rows(Communicator const& comm, RowBlock block) {
  RowShard shard{about(block.train, false).dataset(), {}, {}, block.rows};
  shard.table = encode_in_parts(comm, block.train, block.rows);
  comm.together("encode", [&] {
    if (block.test) shard.test = data::EncodedTable::encode(*block.test);
  });
  return shard;
}

RowSplit split_rows(Communicator const& comm, RowShard const& shard, double test_size, Key key) {
  auto const mine = shard.table.labels();
  auto const labels = comm.gather(std::vector<std::uint16_t>{mine.begin(), mine.end()});
  std::vector<Membership> all;
  comm.together("split", [&] {
    if (comm.is_root()) all = memberships(labels, shard.about.classes(), test_size, key);
  });
  auto const membership = from_bytes<Membership>(
      comm::scatter(comm, [&](int rank) { return to_bytes(all[static_cast<std::size_t>(rank)]); }));
  RowSplit split;
  for (std::size_t row = 0; row < membership.is_test.size(); ++row)
    (membership.is_test[row] ? split.test : split.train).push_back(static_cast<RowIndex>(row));
  for (std::size_t i = 0; i < split.train.size(); ++i)
    split.numbers.push_back(membership.first_number + static_cast<RowIndex>(i));
  return split;
}

std::string fingerprint(Communicator const& comm, RowShard const& shard) {
  auto const before = rows_before(comm, shard.table.rows());
  std::vector<std::uint32_t> sums(2);  // of a hash of each row: the same whoever adds it
  for (std::int64_t row = 0; row < shard.table.rows(); ++row) {
    auto const hash = row_hash(shard.table, row, before + row);
    sums[0] += static_cast<std::uint32_t>(hash);
    sums[1] += static_cast<std::uint32_t>(hash >> 32);
  }
  comm::sum_in_place(comm, sums);
  Sha256 hash;
  hash.add(sums.data(), sums.size() * sizeof sums[0]);
  for (auto const& block : shard.table.blocks())
    hash.add(block.values.data(), block.values.size_bytes());
  for (auto const& name : shard.about.feature_names) hash.add(name.data(), name.size());
  return hash.hex();
}

ForestByRows::ForestByRows(Communicator const& comm, RowShard const& shard, RowSplit const& split,
                           forest::ForestParameters const& parameters, Key key)
    : comm_{comm},
      shard_{shard},
      split_{split},
      parameters_{parameters},
      key_{key},
      test_rows_{shard.test ? all_rows(*shard.test) : split.test},
      votes_{Eigen::MatrixXd::Zero(std::ssize(test_rows_), shard.about.classes())} {
  forest::check_sharded(parameters);
  if (parameters.oob_score)
    throw UserError{
        "--oob-score is true but rows are sharded: it is worked out where all rows are; set "
        "--oob-score false or deal trees instead of rows"};
}

void ForestByRows::take_over(std::vector<forest::Tree> trees) {
  auto const number = comm_.broadcast(trees.size());
  for (std::size_t t = 0; t < number; ++t) {
    auto const one = comm_.is_root() ? trees_to_bytes({trees[t]}) : Bytes{};
    vote(std::move(trees_from_bytes(comm_.broadcast(one)).at(0)));
  }
}

void ForestByRows::grow(std::function<void()> const& progress, StopToken const& stop,
                        forest::ShardedOptions const& options) {
  Stopwatch const clock;
  auto const cpu = thread_cpu_seconds();
  auto const take = [&](int, forest::Tree tree) {
    vote(std::move(tree));
    ++use_.tasks;
    if (progress) progress();
  };
  OverRanks exchange{comm_, use_};
  cost_ = in_step(comm_, [&] {
    return forest::grow_trees_sharded({shard_.table, split_.train, split_.numbers}, parameters_,
                                      key_, grown_, parameters_.n_estimators, exchange, take, stop,
                                      options);
  });
  use_.total_seconds = clock.seconds();
  use_.busy_seconds = std::min(thread_cpu_seconds() - cpu, use_.total_seconds - use_.comm_seconds);
  use_.max_rss = max_resident_bytes();
}

/// One tree's probabilities are added at a time, in tree order: as the forest adds them.
void ForestByRows::vote(forest::Tree tree) {
  if (comm_.is_root()) trees_.push_back(tree);
  std::vector<forest::Tree> one;
  one.push_back(std::move(tree));
  votes_ += forest::Forest{parameters_, std::move(one), shard_.about.class_names,
                           shard_.about.feature_names}
                .predict_proba(test_table(), test_rows_);
  ++grown_;
}

data::ConfusionMatrix ForestByRows::test_confusion() const {
  std::vector<std::uint16_t> labels;
  for (auto const row : test_rows_) labels.push_back(test_table().labels()[row]);
  data::ConfusionMatrix const mine{labels, data::predicted_classes(test_probabilities()),
                                   shard_.about.classes()};
  std::vector<std::uint32_t> counts(mine.counts().begin(), mine.counts().end());
  comm::sum_in_place(comm_, counts);
  return data::ConfusionMatrix::from_counts({counts.begin(), counts.end()});
}

}  // namespace canopy::train
