#include "pipeline/stage_worker.hpp"

#include <algorithm>
#include <stdexcept>

#include "canopy/core/clock.hpp"

#include "pipeline/lost.hpp"

namespace canopy::train {
namespace {

constexpr comm::Lane activations{1};
constexpr comm::Lane gradients{2};

using Buffers = std::vector<std::span<float>>;

/// The memory that `part` gives of each pass.
template <class Part>
Buffers buffers_of(std::vector<nn::Pass>& passes, Part part) {
  Buffers buffers;
  for (auto& pass : passes) buffers.push_back(part(pass));
  return buffers;
}

/// What a pass has computed, as an outlet wants it; it does not write there.
std::span<float> to_send(std::span<float const> computed) {
  return {const_cast<float*>(computed.data()), computed.size()};
}

}  // namespace

StageWorker::StageWorker(Assignment const& a, comm::Grid const& grid, ReplicaUpdate& update,
                         comm::Pulse& pulse, ActionList list, int in_flight)
    : grid_{grid},
      stage_{grid.stage()},
      network_{a.network},
      update_{update},
      trace_{a.trace},
      list_{std::move(list)},
      layers_{update.layers()},
      rows_{a.feed, a.plan, a.training.label_smoothing},
      most_rows_{a.plan.most_shard_rows()} {
  for (int i = 0; i < in_flight; ++i)
    passes_.emplace_back(network_, layers_.first, layers_.last, most_rows_).call_meanwhile([this] {
      poll();
    });
  auto const pipes = grid.stage_group().duplicate();
  if (stage_ > 0) {
    comm::Rank const before{stage_ - 1};
    activations_in_.emplace(pipes, before, activations,
                            buffers_of(passes_, [](auto& pass) { return pass.input(); }),
                            "receiving activations", pulse);
    gradients_out_.emplace(
        pipes, before, gradients,
        buffers_of(passes_, [](auto& pass) { return to_send(pass.input_gradient()); }),
        "sending gradients", pulse);
  }
  if (!is_last()) {
    comm::Rank const after{stage_ + 1};
    activations_out_.emplace(pipes, after, activations,
                             buffers_of(passes_, [](auto& pass) { return to_send(pass.output()); }),
                             "sending activations", pulse);
    gradients_in_.emplace(pipes, after, gradients,
                          buffers_of(passes_, [](auto& pass) { return pass.output_gradient(); }),
                          "receiving gradients", pulse);
  }
}

void StageWorker::perform(Update const& update, std::span<float const> arena) {
  auto const task_of = [&](Action action) {
    auto const shard = update_.block().first + action.micro_batch;
    return Task{update, arena, action, shard, rows_.rows(update, shard).empty()};
  };
  for (auto const action : list_) run(task_of(action));
  auto const last = task_of(list_.back());
  drain(activations_out_, last);
  drain(gradients_out_, last);
  first_pass_ = (first_pass_ + static_cast<std::size_t>(update_.block().count())) % passes_.size();
}

nn::Pass& StageWorker::pass_of(Action action) {
  return passes_[(first_pass_ + static_cast<std::size_t>(action.micro_batch)) % passes_.size()];
}

void StageWorker::run(Task const& task) {
  switch (task.action.act) {
    case Act::receive_activations:
      return take(activations_in_, task);
    case Act::forward:
      return forward(task);
    case Act::send_activations:
      return send(activations_out_, layers_.last);
    case Act::receive_gradient:
      return take(gradients_in_, task);
    case Act::backward:
      return backward(task);
    case Act::send_gradient:
      return send(gradients_out_, layers_.first);
    case Act::weights:
      return weights(task);
  }
}

// ---- work

void StageWorker::forward(Task const& task) {
  auto& pass = pass_of(task.action);
  vacate(activations_out_, pass.output().data(), task);
  if (task.is_empty) return;
  Stopwatch const clock;
  auto const begin = trace_.now();
  if (stage_ == 0) rows_.inputs(task.update, task.shard, pass.input());
  pass.begin(rows_.micro_batch(task.update, task.shard));
  for (int layer = layers_.first; layer < layers_.last; ++layer) {
    pass.forward_layer(layer, task.arena);
    poll();
  }
  if (is_last()) rows_.loss(task.update, task.shard, pass);
  trace_.add(Doing::forward, task.shard, begin);
  use_.forward += clock.seconds();
  ++use_.micro_batches;
}

void StageWorker::backward(Task const& task) {
  auto& pass = pass_of(task.action);
  vacate(gradients_out_, pass.input_gradient().data(), task);
  if (task.is_empty) return;
  Stopwatch const clock;
  auto const begin = trace_.now();
  for (int layer = layers_.last - 1; layer >= std::max(layers_.first, 1); --layer) {
    pass.backward_input(layer, task.arena);
    poll();
  }
  trace_.add(Doing::backward, task.shard, begin);
  use_.backward += clock.seconds();
}

void StageWorker::weights(Task const& task) {
  Stopwatch const clock;
  auto const begin = trace_.now();
  try {
    if (task.is_empty) {
      update_.skip(task.shard);
    } else {
      auto& pass = pass_of(task.action);
      auto const place = update_.place(task.shard);
      for (int layer = layers_.last - 1; layer >= layers_.first; --layer) {
        pass.backward_parameters(layer, task.arena, place.gradients, place.put);
        update_.layer_done(task.shard, layer);
        poll();
      }
      update_.shard_done(task.shard);
    }
  } catch (comm::LostPeer const& lost) {
    throw lost_rank(grid_, lost, task.update.number, "the sum of gradients waits for it");
  }
  if (activations_in_) activations_in_->release();
  if (gradients_in_) gradients_in_->release();
  trace_.add(Doing::weights, task.shard, begin);
  use_.weights += clock.seconds();
}

// ---- messages

template <class Wait>
void StageWorker::wait_for(Task const& task, Wait wait) {
  Stopwatch const clock;
  auto const begin = trace_.now();
  try {
    wait();
  } catch (comm::LostPeer const& lost) {
    throw lost_rank(grid_, lost, task.update.number, to_text(task.action) + " waits for it");
  }
  trace_.add(Doing::message, task.shard, begin);
  use_.waiting += clock.seconds();
}

void StageWorker::take(std::optional<comm::Inlet>& inlet, Task const& task) {
  wait_for(task, [&] { inlet->take(); });
}

/// Until the message that was in the pass before has left: it is written to next.
void StageWorker::vacate(std::optional<comm::Outlet>& outlet, float const* buffer,
                         Task const& task) {
  if (!outlet) return;
  wait_for(task, [&] {
    if (outlet->next().data() != buffer)
      throw std::logic_error{"pipeline: a stage sends what it computed before it computes more"};
  });
}

void StageWorker::send(std::optional<comm::Outlet>& outlet, int cut) {
  outlet->send();
  use_.bytes_sent += network_.cut_size(cut, most_rows_) * sizeof(float);
}

void StageWorker::drain(std::optional<comm::Outlet>& outlet, Task const& task) {
  if (outlet) wait_for(task, [&] { outlet->wait(); });
}

void StageWorker::poll() {
  update_.poll();
  if (activations_in_) activations_in_->poll();
  if (activations_out_) activations_out_->poll();
  if (gradients_in_) gradients_in_->poll();
  if (gradients_out_) gradients_out_->poll();
}

}  // namespace canopy::train
