#include "canopy/train/network/evaluation.hpp"

#include <algorithm>

#include "canopy/comm/watch.hpp"

namespace canopy::train {
namespace {

/// The loss of one piece, on its way to the root.
struct PieceLoss {
  double sum;
  std::int64_t correct;
};

}  // namespace

Evaluator::Evaluator(comm::Communicator const& comm, nn::Network const& network, Feed const& feed)
    : comm_{comm}, network_{network}, feed_{feed}, pass_{network, piece_rows} {}

template <class Look>
void Evaluator::pass_through(std::span<float const> arena, std::span<data::RowIndex const> rows,
                             Look look) {
  auto const pieces = (rows.size() + piece_rows - 1) / piece_rows;
  auto const ranks = static_cast<std::size_t>(comm_.size());
  auto const rank = static_cast<std::size_t>(comm_.rank().value);
  for (auto piece = pieces * rank / ranks; piece < pieces * (rank + 1) / ranks; ++piece) {
    auto const first = piece * piece_rows;
    auto const some = rows.subspan(first, std::min(piece_rows, rows.size() - first));
    feed_.inputs(some, pass_.input());
    pass_.forward(arena, {static_cast<int>(some.size()), {}, Key{0}, false});
    look(some);
    comm::beat(comm_);
  }
}

nn::Loss Evaluator::loss(std::span<float const> arena, std::span<data::RowIndex const> rows) {
  std::vector<PieceLoss> mine;
  std::vector<std::uint16_t> labels(piece_rows);
  pass_through(arena, rows, [&](std::span<data::RowIndex const> some) {
    auto const of_piece = std::span{labels}.first(some.size());
    feed_.labels(some, of_piece);
    auto const loss = pass_.evaluate(of_piece);
    mine.push_back({loss.sum, loss.correct});
  });
  PieceLoss total{};  // piece after piece, as one rank would add them
  for (auto const& of_rank : comm_.gather(mine))
    for (auto const& piece : of_rank) {
      total.sum += piece.sum;
      total.correct += piece.correct;
    }
  total = comm_.broadcast(total);
  return {total.sum, total.correct};
}

std::vector<float> Evaluator::probabilities(std::span<float const> arena,
                                            std::span<data::RowIndex const> rows) {
  std::vector<float> mine;
  auto const classes = static_cast<std::size_t>(network_.classes());
  pass_through(arena, rows, [&](std::span<data::RowIndex const> some) {
    auto const before = mine.size();
    mine.resize(before + some.size() * classes);
    pass_.probabilities(std::span{mine}.subspan(before));
  });
  std::vector<float> all;
  for (auto const& of_rank : comm_.gather(mine))
    all.insert(all.end(), of_rank.begin(), of_rank.end());
  return all;
}

Eigen::MatrixXd as_table(std::vector<float> const& probabilities, int classes) {
  using RowMajor = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  return Eigen::Map<RowMajor const>{probabilities.data(), std::ssize(probabilities) / classes,
                                    classes}
      .cast<double>();
}

}  // namespace canopy::train
