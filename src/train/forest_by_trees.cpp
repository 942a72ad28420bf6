#include "canopy/train/forest_by_trees.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <stdexcept>
#include <utility>

#include "canopy/core/clock.hpp"
#include "canopy/forest/tree_arrays.hpp"

namespace canopy::train {

int count_grown(Trees const& trees) {
  return static_cast<int>(std::ranges::count_if(trees, [](auto const& t) { return t.size() > 0; }));
}

TreeDealer::TreeDealer(Trees const& trees, int ranks) : ranks_{ranks} {
  for (auto t = static_cast<int>(trees.size()); t-- > 0;) {
    if (trees[static_cast<std::size_t>(t)].size() > 0) continue;
    if (!gaps_.empty() && gaps_.back().first == t + 1)
      --gaps_.back().first;
    else
      gaps_.push_back({t, t + 1});
    ++left_;
  }
}

TreeBlock TreeDealer::take() {
  constexpr double seconds = 0.5;
  constexpr int blocks_per_rank = 3;  // that a rank still gets of what is left
  auto const by_speed = measured_seconds_ > 0 ? seconds * measured_trees_ / measured_seconds_ : 1.0;
  auto const fair = std::max(1, left_ / (blocks_per_rank * ranks_));
  auto& gap = gaps_.back();
  auto const most = std::min(gap.size(), fair);
  auto const size = std::max(1, static_cast<int>(std::min<double>(by_speed, most)));
  TreeBlock const block{gap.first, gap.first + size};
  gap.first += size;
  left_ -= size;
  if (gap.size() == 0) gaps_.pop_back();
  return block;
}

void TreeDealer::measured(TreeBlock block, double seconds) {
  measured_trees_ += block.size();
  measured_seconds_ += seconds;
}

namespace {

/// The coordinator of one fit.
class Fit {
 public:
  Fit(comm::Farm& farm, ForestJob const& job, Trees& trees)
      : farm_{farm},
        job_{job},
        trees_{trees},
        missing_{static_cast<int>(trees.size()) - count_grown(trees)},
        dealer_{trees, farm.workers() + (job.grow_here && !farm.alone() ? 1 : 0)} {}

  void run() {
    while (missing_ > 0) {
      deal();
      if (auto const block = own_block())
        grow(*block);
      else
        take_one(0.1);
      if (job_.interrupted()) give_up();
    }
    farm_.cancel_all();  // what two ranks were growing, and one has grown
  }

 private:
  bool has_workers() const { return !farm_.alone() || !job_.grow_here; }

  void deal() {
    while (has_workers() && !dealer_.empty() && farm_.wants_task()) {
      auto const block = dealer_.take();
      auto const id = job_.first_id + block.first;
      dealt_[id] = block;
      farm_.assign(id, job_.task(block));
    }
  }

  /// What the root is to grow itself: trees nobody has, or those that wait at a worker.
  std::optional<TreeBlock> own_block() {
    if (!job_.grow_here) return {};
    if (!dealer_.empty()) return dealer_.take();
    auto const waiting = farm_.waiting_task();
    return waiting ? std::optional{dealt_.at(*waiting)} : std::nullopt;
  }

  void grow(TreeBlock block) {
    auto const has_come = [&] { return trees_[static_cast<std::size_t>(block.first)].size() > 0; };
    Stopwatch const clock;
    try {
      farm_.do_here([&] {
        keep(block, job_.grow_here(block, [&] {
          look();
          return job_.interrupted() || has_come();
        }));
      });
      dealer_.measured(block, clock.seconds());
      farm_.withdraw(job_.first_id + block.first);
    } catch (Stopped const&) {  // the whole fit, or this block has come from a worker
    }
  }

  /// Between two moments of the root's own work.
  void look() {
    while (has_workers() && take_one(0)) continue;
    deal();
    job_.watch(trees_);
  }

  /// False when nothing came.
  bool take_one(double seconds) {
    auto const idle = [this] {
      job_.watch(trees_);
      if (job_.interrupted() && !given_up_) call_off();
    };
    auto const report = farm_.wait(seconds, idle);
    if (!report) return false;
    auto const block = dealt_.at(report->task);
    if (report->outcome == comm::TaskReport::Outcome::failed)
      throw std::runtime_error{"trees " + std::to_string(block.first) + " to " +
                               std::to_string(block.last - 1) + " could not be grown on rank " +
                               std::to_string(report->rank.value) + ": " + report->error};
    if (report->outcome == comm::TaskReport::Outcome::done) {
      keep(block, trees_from_bytes(report->result));
      dealer_.measured(block, report->finished - report->started);
    }
    return true;
  }

  void keep(TreeBlock block, Trees grown) {
    if (static_cast<int>(grown.size()) != block.size())
      throw std::logic_error{"a block of trees has come incomplete"};
    for (auto& tree : grown) {
      auto& place = trees_[static_cast<std::size_t>(block.first++)];
      missing_ -= place.size() == 0;
      place = std::move(tree);
    }
    job_.watch(trees_);
  }

  void call_off() {
    given_up_ = true;
    farm_.cancel_all();
  }

  [[noreturn]] void give_up() {
    if (!given_up_) call_off();
    while (farm_.outstanding() > 0) take_one(0.1);
    throw Stopped{};
  }

  comm::Farm& farm_;
  ForestJob const& job_;
  Trees& trees_;
  int missing_;
  TreeDealer dealer_;
  std::map<comm::TaskId, TreeBlock> dealt_;
  bool given_up_ = false;
};

}  // namespace

void grow_over(comm::Farm& farm, ForestJob const& job, Trees& trees) {
  Fit{farm, job, trees}.run();
}

// The receiver checks less than the reader of a file: these bytes come from the same program.
Bytes trees_to_bytes(Trees const& trees) {
  NamedArrays arrays;
  forest::put_trees(arrays, trees);
  return to_bytes(std::pair{trees.empty() ? 0 : trees.front().classes, std::move(arrays)});
}

Trees trees_from_bytes(Bytes const& bytes) {
  auto const [classes, arrays] = from_bytes<std::pair<int, NamedArrays>>(bytes);
  return forest::get_trees(arrays, std::numeric_limits<int>::max(), classes);
}

}  // namespace canopy::train
