#include <gmock/gmock.h>

#include "canopy/tune/learner.hpp"

#include "forest/tables.hpp"
#include "support/complaint.hpp"

namespace canopy::tune {
namespace {

using testing::HasSubstr;

TEST(Learners, AreForestsOrNetworksByName) {
  for (auto const* forest : {"forest", "extra_trees"}) {
    EXPECT_TRUE(is_learner(forest));
    EXPECT_FALSE(is_network(forest));
  }
  for (auto const* network : {"softmax", "mlp", "mlp:200-200", "lenet", "cnn", "layers.toml"}) {
    EXPECT_TRUE(is_learner(network)) << network;
    EXPECT_TRUE(is_network(network)) << network;
  }
  for (auto const* neither : {"", "tree", "layers.json"}) {
    EXPECT_FALSE(is_learner(neither)) << neither;
    EXPECT_FALSE(is_network(neither)) << neither;
  }
}

TEST(Learners, ALearnerWithoutSlicesHasNone) {
  auto const set = forest::test::mixed(60, 2, 5);
  LearnerData const data{data::Samples::pack(set), set.class_names, set.feature_names};
  auto const network = make_learner("softmax", data);
  EXPECT_TRUE(network->nested().empty());
  EXPECT_THROW(network->fit_and_score_slices({}, {}, {}, Key{1}, {}), std::logic_error);
  EXPECT_EQ(data.labels().size(), 60u);
  EXPECT_EQ(data.classes(), 2);
}

TEST(Learners, ALayerListMakesANetworkAndItsErrorsNameTheFile) {
  auto const set = forest::test::mixed(60, 2, 5);
  LearnerData data{data::Samples::pack(set), set.class_names, set.feature_names};
  data.layers = "layers = [{dense = 5}, 'relu', {dense = 'classes'}]";
  auto const network = make_learner("net.toml", data);
  EXPECT_EQ(find(network->defaults(), "hidden"), nullptr) << "the list says how wide";
  EXPECT_EQ(test::complaint([&] { network->check({{"dropout", "0.2"}}); }), "none");
  data.layers = "layers = [{dens = 5}]";
  EXPECT_THAT(test::complaint([&] { make_learner("net.toml", data)->check({}); }),
              HasSubstr("net.toml: line 1"));
}

}  // namespace
}  // namespace canopy::tune
