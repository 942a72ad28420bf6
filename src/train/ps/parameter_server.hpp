#pragma once

#include <memory>

#include "canopy/train/network/strategy.hpp"

namespace canopy::train {

/// --parallel ps. The last S ranks serve: each holds a slice of the arena and the optimizer for it.
/// The others work out gradients, each of its block of the virtual shards of every global batch, so
/// that an epoch sees each row once, whatever the staleness.
///
///   --staleness 0    An update waits for all workers; the servers add up in the order of the tree.
///                    The bits of `data`.
///   --staleness inf  A worker reads the slices, works out the mean gradient over its part of the
///                    batch, and the servers apply it as it comes, with lr x (rows of the part) /
///                    (rows of the batch). So the pushes of one batch together weigh as much as one
///                    synchronous update, decay too, and --lr, --batch-size, --epochs and schedules
///                    mean what they mean elsewhere. (With W workers, MXNet's dist_async and
///                    TensorFlow's parameter server take lr for each push: that is --lr times W.)
///                    Momentum and Adam's moments decay per push, W times per batch.
///   --staleness N    The same, but a worker waits before an update while it has finished more than
///                    N updates more than the slowest worker (SSP, Ho et al. 2013).
/// All ranks come together at the end of an epoch, and whenever whoever trains asks them to.
///
/// --ps-transport rma, for --staleness inf and plain SGD where MPI makes a window: workers read the
/// slices and add to them one-sidedly (comm::FloatWindow), servers only lend their memory and
/// poll. Workers wait inside MPI here, so a server that hangs is not noticed by them.
///
/// Reports: /staleness (rank, staleness, pushes), where the staleness of a gradient counts the
/// pushes that the server applied between handing out the weights and applying it; and /leads
/// (rank, lead, updates): how many updates a worker was ahead of the slowest when it began one.
/// The rank is that of the server that counted; with rma of the worker, which asks the first
/// server.
///
/// Collective. UserErrors as those of deal_roles(). A rank that shows no sign of life for `timeout`
/// seconds ends in LostPeer where others wait for it.
std::unique_ptr<Strategy> make_parameter_server(Assignment const& assignment, double timeout);

}  // namespace canopy::train
