#include "canopy/tune/learner.hpp"

#include "canopy/nn/architecture.hpp"
#include "canopy/tune/forest_learner.hpp"
#include "canopy/tune/network_learner.hpp"

namespace canopy::tune {

std::span<std::uint16_t const> LearnerData::labels() const {
  return std::visit([](auto const& r) -> std::span<std::uint16_t const> { return r.labels(); },
                    rows);
}

int LearnerData::classes() const {
  return std::visit([](auto const& r) { return r.classes(); }, rows);
}

FoldScore Learner::fit_and_score_slices(Configuration const&, SliceAxes const&, data::Split const&,
                                        Key, StopToken const&) const {
  throw std::logic_error{"this model has no slices"};
}

Registry<Learner, LearnerData const&> const& learners() {
  static Registry<Learner, LearnerData const&> const list{
      {"forest", "random forest (Breiman 2001)",
       [](auto const& d) { return make_forest_learner(forest::Kind::random_forest, d); }},
      {"extra_trees", "extremely randomized trees (Geurts et al. 2006)",
       [](auto const& d) { return make_forest_learner(forest::Kind::extra_trees, d); }},
      {"softmax", "multinomial logistic regression",
       [](auto const& d) { return make_network_learner("softmax", d); }},
      {"mlp", "hidden layers of 64 and 32; mlp:200-200 for other widths",
       [](auto const& d) { return make_network_learner("mlp", d); }},
      {"lenet", "LeNet-5: two convolutions and three dense layers",
       [](auto const& d) { return make_network_learner("lenet", d); }},
      {"cnn", "convolutions of 32 and 64 channels and a dense layer of 128",
       [](auto const& d) { return make_network_learner("cnn", d); }},
  };
  return list;
}

std::unique_ptr<Learner> make_learner(std::string const& model, LearnerData const& data) {
  if (is_network(model)) return make_network_learner(model, data);
  return learners().make(model, data);
}

bool is_learner(std::string const& model) {
  auto const names = learners().names();
  return is_network(model) || std::ranges::find(names, model) != names.end();
}

bool is_network(std::string const& model) {
  return nn::is_network(model) || model.ends_with(".toml");
}

}  // namespace canopy::tune
