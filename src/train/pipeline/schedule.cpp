#include "canopy/train/pipeline/schedule.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "canopy/core/error.hpp"
#include "canopy/core/text.hpp"

namespace canopy::train {
namespace {

/// One stage's list in the making: work with the messages that belong to it.
class Stage {
 public:
  Stage(int stage, int stages) : is_first_{stage == 0}, is_last_{stage + 1 == stages} {}

  void forward() {
    if (!is_first_) add(Act::receive_activations, forwards_);
    add(Act::forward, forwards_);
    if (!is_last_) add(Act::send_activations, forwards_);
    ++forwards_;
  }
  void backward() {
    if (!is_last_) add(Act::receive_gradient, backwards_);
    add(Act::backward, backwards_++);
  }
  void send_gradient() {
    if (!is_first_) add(Act::send_gradient, backwards_ - 1);
  }
  void weights() { add(Act::weights, weights_++); }
  /// Both gradients of a layer together, layer after layer, so what goes out is ready at the end.
  void whole_backward() { backward(), weights(), send_gradient(); }

  int forwards() const { return forwards_; }
  int backwards() const { return backwards_; }
  int weights_done() const { return weights_; }
  ActionList take() { return std::move(list_); }

 private:
  void add(Act act, int micro_batch) { list_.push_back({act, micro_batch}); }

  bool is_first_;
  bool is_last_;
  int forwards_ = 0;
  int backwards_ = 0;
  int weights_ = 0;
  ActionList list_;
};

ActionLists gpipe(int stages, int micro_batches) {
  ActionLists lists;
  for (int s = 0; s < stages; ++s) {
    Stage stage{s, stages};
    for (int m = 0; m < micro_batches; ++m) stage.forward();
    for (int m = 0; m < micro_batches; ++m) stage.whole_backward();
    lists.push_back(stage.take());
  }
  return lists;
}

ActionLists one_forward_one_backward(int stages, int micro_batches) {
  ActionLists lists;
  for (int s = 0; s < stages; ++s) {
    Stage stage{s, stages};
    for (int m = 0; m < std::min(stages - s, micro_batches); ++m) stage.forward();
    for (int m = 0; m < micro_batches; ++m) {
      stage.whole_backward();
      if (stage.forwards() < micro_batches) stage.forward();
    }
    lists.push_back(stage.take());
  }
  return lists;
}

/// As 1f1b, but stage s puts off its first s weights' gradients, and with them all later ones by as
/// much: they fill the gaps at the end, and the gradient goes out before them.
ActionLists zero_bubble(int stages, int micro_batches) {
  ActionLists lists;
  for (int s = 0; s < stages; ++s) {
    Stage stage{s, stages};
    for (int m = 0; m < std::min(stages - s - 1, micro_batches); ++m) stage.forward();
    while (stage.backwards() < micro_batches) {
      if (stage.forwards() < micro_batches) stage.forward();
      stage.backward(), stage.send_gradient();
      auto const ends = stage.forwards() == micro_batches;
      if (stage.backwards() > s || ends) stage.weights();
    }
    while (stage.weights_done() < micro_batches) stage.weights();
    lists.push_back(stage.take());
  }
  return lists;
}

}  // namespace

std::string to_text(Action action) {
  static constexpr std::array names{"receive of activations", "forward",  "send of activations",
                                    "receive of gradient",    "backward", "send of gradient",
                                    "weights' gradient"};
  return fmt::format("{} of micro-batch {}", names.at(static_cast<std::size_t>(action.act)),
                     action.micro_batch);
}

std::vector<PipelineSchedule> const& pipeline_schedules() {
  static std::vector<PipelineSchedule> const table{
      {"gpipe", "all forward, then all backward", gpipe,
       [](int, int, int micro_batches) { return micro_batches; }},
      {"1f1b", "forward and backward in turn: little memory", one_forward_one_backward,
       [](int stage, int stages, int micro_batches) {
         return std::min(stages - stage, micro_batches);
       }},
      {"zb-h1", "1f1b that computes the weights' gradients while it would wait", zero_bubble,
       [](int, int stages, int micro_batches) { return std::min(stages, micro_batches); }},
  };
  return table;
}

PipelineSchedule const& pipeline_schedule(std::string_view name) {
  std::vector<std::string> names;
  for (auto const& schedule : pipeline_schedules()) {
    if (schedule.name == name) return schedule;
    names.push_back(schedule.name);
  }
  throw UserError{fmt::format("--schedule is '{}'{}, expected one of {}", name,
                              text::did_you_mean(name, names), text::join(names, ", "))};
}

}  // namespace canopy::train
