#include <algorithm>

#include "canopy/train/network/evaluation.hpp"
#include "canopy/train/network/feed.hpp"
#include "canopy/train/predict_over.hpp"

#include "share_out.hpp"

namespace canopy::train {
namespace {

/// What travels.
struct NetworkShare {
  NamedArrays model;
  data::Rows rows;

  template <class Archive>
  void fields(Archive& archive) {
    archive(model, rows);
  }
};

/// Collective over the team. On its first rank class probabilities.
Eigen::MatrixXd predict(comm::Communicator const& team, nn::Model const& model,
                        data::Samples const& samples, std::span<data::RowIndex const> rows,
                        StopToken const& stop) {
  constexpr std::size_t some = 8 * Evaluator::piece_rows;  // between two looks at the token
  nn::Network const network{model.architecture};
  Feed const feed{samples, model.architecture.input, model.standardisation};
  Evaluator evaluator{team, network, feed};
  std::vector<float> all;
  for (std::size_t first = 0; first < rows.size(); first += some) {
    if (team.broadcast(stop && stop())) throw Stopped{};
    auto const part = evaluator.probabilities(
        model.arena, rows.subspan(first, std::min(some, rows.size() - first)));
    all.insert(all.end(), part.begin(), part.end());
  }
  return as_table(all, network.classes());
}

}  // namespace

Eigen::MatrixXd predict_over(PredictionPlace const& place, comm::Communicator const& alone,
                             nn::Model const& model, data::Samples const& samples,
                             std::span<data::RowIndex const> rows) {
  Sharing sharing;
  sharing.rows = rows.size();
  sharing.least = 8 * Evaluator::piece_rows;
  sharing.grain = Evaluator::piece_rows;
  sharing.pack = [&](RowBlock share) {
    auto const some = rows.subspan(share.first, share.size());
    return to_bytes(NetworkShare{model.to_arrays(), {some.begin(), some.end()}});
  };
  sharing.here = [&](RowBlock share, StopToken const& stop) {
    return predict(alone, model, samples, rows.subspan(share.first, share.size()), stop);
  };
  return share_out(place, sharing);
}

Bytes predict_network(Bytes const& share, comm::Communicator const& team,
                      data::Samples const& samples, StopToken const& stop) {
  auto const came = from_bytes<NetworkShare>(share);
  return result_of(predict(team, nn::Model::from_arrays(came.model), samples, came.rows, stop));
}

}  // namespace canopy::train
