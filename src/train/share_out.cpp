#include "share_out.hpp"

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

namespace canopy::train {
namespace {

/// The coordinator of one prediction.
class Prediction {
 public:
  Prediction(PredictionPlace const& place, Sharing const& sharing)
      : farm_{place.farm},
        place_{place},
        sharing_{sharing},
        shares_{shares_of(sharing.rows, farm_.alone() ? 1 : farm_.workers() + 1, sharing.least,
                          sharing.grain)},
        parts_(shares_.size()) {}

  Eigen::MatrixXd run() {
    if (shares_.size() == 1) return sharing_.here(shares_.front(), stop());
    for (std::size_t s = 1; s < shares_.size(); ++s)
      farm_.assign(id(s), place_.task(sharing_.pack(shares_[s])));
    for (std::size_t s = 0; s < shares_.size(); ++s) {
      while (s > 0 && !parts_[s].came && !parts_[s].is_left) take_one(0.1);
      if (!parts_[s].came) predict(s);
    }
    return std::move(all_);
  }

 private:
  struct Part {
    bool came = false;
    bool is_left = false;  ///< to the coordinator
  };

  comm::TaskId id(std::size_t share) const {
    return place_.first_id + static_cast<comm::TaskId>(share);
  }

  /// For the coordinator's own work, which goes on beside the mailbox.
  StopToken stop() {
    return [this] {
      while (take_one(0)) continue;
      farm_.expect_silence();
      return given_up_;
    };
  }

  void predict(std::size_t share) {
    farm_.do_here([&] {
      auto const mine = sharing_.here(shares_[share], stop());
      keep(share, {mine.data(), static_cast<std::size_t>(mine.size())});
    });
  }

  /// False when nothing came.
  bool take_one(double seconds) try {
    if (place_.interrupted()) give_up();
    if (no_workers_) return false;
    auto const report = farm_.wait(seconds);
    if (!report) return false;
    auto const share = static_cast<std::size_t>(report->task - place_.first_id);
    if (share >= shares_.size()) return true;  // of something that was called off before
    if (report->outcome == comm::TaskReport::Outcome::done)
      keep(share, {reinterpret_cast<double const*>(report->result.data()),
                   report->result.size() / sizeof(double)});
    else
      parts_[share].is_left = true;
    return true;
  } catch (comm::NoWorkersLeft const&) {
    no_workers_ = true;
    for (auto& part : parts_) part.is_left = true;
    return false;
  }

  /// Column by column.
  void keep(std::size_t share, std::span<double const> probabilities) {
    auto const [first, last] = shares_[share];
    auto const rows = static_cast<Eigen::Index>(last - first);
    auto const classes = static_cast<Eigen::Index>(probabilities.size()) / rows;
    all_.resize(static_cast<Eigen::Index>(sharing_.rows), classes);
    all_.middleRows(static_cast<Eigen::Index>(first), rows) =
        Eigen::Map<Eigen::MatrixXd const>{probabilities.data(), rows, classes};
    parts_[share].came = true;
  }

  void give_up() {
    given_up_ = true;
    farm_.cancel_all();
    while (!no_workers_ && farm_.outstanding() > 0) farm_.wait(0.1);
    throw Stopped{};
  }

  comm::Farm& farm_;
  PredictionPlace const& place_;
  Sharing const& sharing_;
  std::vector<RowBlock> shares_;
  std::vector<Part> parts_;
  Eigen::MatrixXd all_;
  bool no_workers_ = false;
  bool given_up_ = false;
};

}  // namespace

std::vector<RowBlock> shares_of(std::size_t rows, int ranks, std::size_t least, std::size_t grain) {
  auto const grains = (rows + grain - 1) / grain;
  auto const most = std::min(rows / std::max<std::size_t>(1, least), grains);
  auto const number =
      std::clamp<std::size_t>(static_cast<std::size_t>(ranks), 1, std::max<std::size_t>(1, most));
  std::vector<RowBlock> shares;
  for (std::size_t s = 0; s < number; ++s)
    shares.push_back(
        {grains * s / number * grain, std::min(rows, grains * (s + 1) / number * grain)});
  return shares;
}

Eigen::MatrixXd share_out(PredictionPlace const& place, Sharing const& sharing) {
  return Prediction{place, sharing}.run();
}

Bytes result_of(Eigen::MatrixXd const& probabilities) {
  auto const* const first = reinterpret_cast<char const*>(probabilities.data());
  return {first, first + static_cast<std::size_t>(probabilities.size()) * sizeof(double)};
}

}  // namespace canopy::train
