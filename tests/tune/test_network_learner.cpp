#include <bit>
#include <numeric>

#include <gmock/gmock.h>

#include "canopy/core/text.hpp"
#include "canopy/data/source.hpp"
#include "canopy/nn/usual_lr.hpp"
#include "canopy/tune/network_learner.hpp"

namespace canopy::tune {
namespace {

using comm::Communicator;

void join(LearnerData& data, Communicator team) {
  data.team = [team]() -> Communicator const& { return team; };
}

/// Generated digits, and ways to learn from them.
struct Fixture {
  explicit Fixture(std::string const& source_name = "synthetic:mnist,rows=300") {
    data::Source source;
    source.data = source_name;
    auto const loaded = data::load(source, 7);
    auto const samples = data::Samples::pack(loaded.train);
    data = LearnerData{samples, loaded.train.class_names, loaded.train.feature_names};
    split = data::stratified_split(samples.labels(), samples.classes(), 0.3, Key{2});
    join(data, Communicator::world().split(Communicator::world().rank().value));
  }

  std::unique_ptr<Learner> learner(std::string const& model = "mlp:24") const {
    return make_learner(model, data);
  }

  LearnerData data;
  data::Split split;
};

std::vector<std::string> const all_models{"softmax", "mlp", "mlp:24", "lenet", "cnn"};

TEST(NetworkLearner, DefaultsAreThoseOfTraining) {
  auto const defaults = Fixture{}.learner("mlp")->defaults();
  EXPECT_EQ(*find(defaults, "epochs"), "10");
  EXPECT_EQ(*find(defaults, "batch_size"), "64");
  EXPECT_EQ(*find(defaults, "optimizer"), "sgd");
  EXPECT_EQ(*find(defaults, "momentum"), "0.9");
  EXPECT_EQ(*find(defaults, "lr_schedule"), "cosine");
  EXPECT_EQ(*find(defaults, "hidden"), "64-32");
  EXPECT_EQ(*find(Fixture{}.learner("mlp:9-8")->defaults(), "hidden"), "9-8");
  EXPECT_EQ(find(Fixture{}.learner("lenet")->defaults(), "hidden"), nullptr);
}

TEST(NetworkLearner, ItsOwnSpaceAndDefaultsMakeSense) {
  Fixture const fixture;
  for (auto const& model : all_models) {
    auto const learner = fixture.learner(model);
    auto const space = learner->default_space();
    auto const defaults = learner->defaults();
    EXPECT_NO_THROW(learner->check(defaults)) << model;
    EXPECT_NE(find(defaults, learner->resource()), nullptr);
    for (auto const& name : space.names()) EXPECT_NE(find(defaults, name), nullptr) << name;
    for (double const u : {0.0, 0.2, 0.4, 0.6, 0.8, 0.999})
      EXPECT_NO_THROW(learner->check(space.at(std::vector<double>(space.searched().size(), u))));
  }
}

TEST(NetworkLearner, SaysTheLearningRateOfTheOptimizer) {
  auto const learner = Fixture{}.learner();
  auto const rate = [&](Configuration const& configuration) {
    return *find(learner->spelled_out(configuration), "lr");
  };
  EXPECT_EQ(rate({{"lr", "None"}}), text::shortest(nn::usual_lr("sgd")));
  EXPECT_EQ(rate({{"optimizer", "adam"}, {"lr", "None"}}), text::shortest(nn::usual_lr("adam")));
  EXPECT_EQ(rate({{"lr", "0.2"}}), "0.2");
  EXPECT_EQ(find(learner->spelled_out({{"momentum", "0"}}), "lr"), nullptr);
}

TEST(NetworkLearner, RefusesWhatMakesNoSense) {
  auto const learner = Fixture{}.learner();
  for (Configuration const& wrong : {Configuration{{"epochs", "0"}},
                                     {{"lr", "fast"}},
                                     {{"optimizer", "sdg"}},
                                     {{"hidden", "64-"}},
                                     {{"dropout", "1"}},
                                     {{"nesterov", "true"}, {"optimizer", "adam"}},
                                     {{"n_estimators", "10"}}})
    EXPECT_THROW(learner->check(wrong), UserError) << to_text(wrong);
  EXPECT_THROW(make_learner("lenett", Fixture{}.data), UserError);
  EXPECT_THROW(Fixture{"synthetic:forest-cover,rows=200"}.learner("cnn")->check({}), UserError);
}

TEST(NetworkLearner, LearnsAndCountsWhatIsRight) {
  Fixture const fixture;
  auto const result =
      fixture.learner()->fit_and_score({{"epochs", "6"}}, fixture.split, Key{3}, {});
  EXPECT_GT(result.score, 0.6) << "of ten classes";
  ASSERT_EQ(result.confusion.size(), 100u);
  std::int64_t right = 0;
  for (std::size_t c = 0; c < 10; ++c) right += result.confusion[c * 11];
  EXPECT_EQ(std::accumulate(result.confusion.begin(), result.confusion.end(), std::int64_t{0}),
            std::ssize(fixture.split.test));
  EXPECT_DOUBLE_EQ(result.score,
                   static_cast<double>(right) / static_cast<double>(fixture.split.test.size()));
  std::int64_t bits = 0;
  for (auto const word : result.right) bits += std::popcount(word);
  EXPECT_EQ(bits, right);
}

TEST(NetworkLearner, LearnsFromTables) {
  Fixture const fixture{"synthetic:forest-cover,rows=600"};
  auto const result =
      fixture.learner("mlp")->fit_and_score({{"epochs", "8"}}, fixture.split, Key{3}, {});
  EXPECT_GT(result.score, 0.4) << "of seven classes";
}

TEST(NetworkLearner, ParametersMatter) {
  Fixture const fixture;
  auto const learner = fixture.learner();
  auto const right = [&](Configuration configuration, Key key = Key{3}) {
    configuration.emplace_back("epochs", "2");
    return learner->fit_and_score(configuration, fixture.split, key, {}).right;
  };
  auto const plain = right({});
  EXPECT_EQ(right({}), plain);
  EXPECT_EQ(right({{"hidden", "24"}, {"lr", "0.05"}}), plain);
  EXPECT_NE(right({}, Key{4}), plain);
  for (Configuration const& other : {Configuration{{"lr", "0.01"}},
                                     {{"hidden", "30"}},
                                     {{"dropout", "0.4"}},
                                     {{"batch_size", "16"}},
                                     {{"momentum", "0"}},
                                     {{"optimizer", "adam"}},
                                     {{"lr_schedule", "constant"}}})
    EXPECT_NE(right(other), plain) << to_text(other);
}

TEST(NetworkLearner, CostGrowsWithEpochsAndParameters) {
  auto const learner = Fixture{}.learner();
  auto const cost = [&](Configuration const& c) { return learner->cost(c); };
  EXPECT_DOUBLE_EQ(cost({{"epochs", "30"}}), 3 * cost({{"epochs", "10"}}));
  EXPECT_GT(cost({{"hidden", "200"}}), 4 * cost({{"hidden", "24"}}));
}

/// Rungs of 2, 4 and 8 epochs, with an optimizer that remembers much.
Configuration rung(char const* epochs, char const* lr = "0.002") {
  return {{"optimizer", "adam"}, {"lr", lr}, {"dropout", "0.1"}, {"epochs", epochs}};
}

LearnerData climbing(Fixture const& fixture) {
  auto data = fixture.data;
  data.trials_climb = true;
  data.most_resource = 8;
  return data;
}

TEST(NetworkLearner, GoingOnComesToTheBitsOfBeginningAfresh) {
  Fixture const fixture;
  auto const data = climbing(fixture);
  auto const going_on = make_learner("mlp:24", data);
  double afresh_time = 0, going_on_time = 0;
  for (auto const* epochs : {"2", "4", "8"})
    for (auto const* lr : {"0.002", "0.004"}) {
      auto const configuration = rung(epochs, lr);
      auto const expected =
          make_learner("mlp:24", data)->fit_and_score(configuration, fixture.split, Key{3}, {});
      auto const found = going_on->fit_and_score(configuration, fixture.split, Key{3}, {});
      EXPECT_EQ(found.right, expected.right) << to_text(configuration);
      EXPECT_EQ(found.score, expected.score);
      afresh_time += expected.fit_time;
      going_on_time += found.fit_time;
    }
  EXPECT_LT(going_on_time, 0.9 * afresh_time) << "8 epochs, not 14";
  auto const other = going_on->fit_and_score(rung("4"), fixture.split, Key{4}, {});
  EXPECT_EQ(other.right,
            make_learner("mlp:24", data)->fit_and_score(rung("4"), fixture.split, Key{4}, {}).right)
      << "another key is another fit";
}

TEST(NetworkLearner, ARungIsTheBeginningOfTheWholeFit) {
  Fixture const fixture;
  auto const learner = make_learner("mlp:24", climbing(fixture));
  auto const whole =
      make_learner("mlp:24", fixture.data)->fit_and_score(rung("8"), fixture.split, Key{3}, {});
  EXPECT_EQ(learner->fit_and_score(rung("8"), fixture.split, Key{3}, {}).right, whole.right);
  EXPECT_NE(learner->fit_and_score(rung("2"), fixture.split, Key{3}, {}).right,
            make_learner("mlp:24", fixture.data)
                ->fit_and_score(rung("2"), fixture.split, Key{3}, {})
                .right)
      << "its learning rate is still high";
}

/// With fits that any of the ranks may have begun.
TEST(NetworkLearner, ATeamComesToTheBitsOfOneRank) {
  auto const world = Communicator::world();
  Fixture const fixture;
  auto const alone = make_learner("mlp:24", climbing(fixture));
  auto data = climbing(fixture);
  join(data, world);
  auto const team = make_learner("mlp:24", data);
  for (auto const* epochs : {"2", "8"}) {
    auto const expected = alone->fit_and_score(rung(epochs), fixture.split, Key{3}, {});
    auto const found = team->fit_and_score(rung(epochs), fixture.split, Key{3}, {});
    if (!world.is_root()) continue;
    EXPECT_EQ(found.right, expected.right);
    EXPECT_EQ(found.score, expected.score);
  }
}

TEST(NetworkLearner, GivesUpWhenAsked) {
  Fixture const fixture;
  for (int asked : {0, 3}) {
    int times = 0;
    EXPECT_THROW(fixture.learner()->fit_and_score({{"epochs", "50"}}, fixture.split, Key{1},
                                                  [&] { return times++ >= asked; }),
                 Stopped);
  }
}

}  // namespace
}  // namespace canopy::tune
