#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "canopy/core/error.hpp"
#include "canopy/federate/aggregator.hpp"

namespace canopy::federate {
namespace {

using Floats = std::vector<float>;
using testing::ElementsAre;
using testing::FloatEq;
using testing::FloatNear;
using testing::Pointwise;

constexpr Sizes sizes{3, 2, 4};  // two weights, one running statistic, four clients

std::unique_ptr<Aggregator> make(std::string const& name, AggregatorOptions const& options = {}) {
  return aggregators().make(name, options, sizes);
}

RoundSum round_of(Floats values, int clients = 2) {
  RoundSum round;
  round.values = std::move(values);
  for (int k = 0; k < clients; ++k) round.contributions.push_back({k, 1.0 / clients, 5, 0});
  return round;
}

Floats applied(Aggregator& aggregator, RoundSum const& round, Floats model = {1, 2, 3}) {
  aggregator.apply(round, model);
  return model;
}

// Every entry, present and future: the contract that the federation relies on.
TEST(Aggregators, KeepTheirContract) {
  for (auto const& entry : aggregators().entries()) {
    SCOPED_TRACE(entry.name);
    auto const one = make(entry.name);
    auto const other = make(entry.name);
    Floats state;
    auto upload = one->upload({{0.5f, -0.25f, 0.125f}, 10, 2, 0.1, 1.5}, 0.5, one->shared(), state);
    EXPECT_EQ(upload.values.size(), sizes.arena * static_cast<std::size_t>(one->vectors()));
    EXPECT_TRUE(std::isfinite(upload.weight) && std::isfinite(upload.number));
    if (one->has_client_states()) {
      EXPECT_EQ(state.size(), sizes.parameters);
    } else {
      EXPECT_TRUE(state.empty());
    }
    // A restored one goes on as the first one would.
    auto round = round_of(upload.values, 2);
    round.contributions[0].number = round.contributions[1].number = upload.number;
    round.updates = {upload.values, upload.values};
    Floats model{1, 2, 3};
    Floats const base{1, 1, 1};
    auto const step = [&](Aggregator& aggregator) {
      if (aggregator.is_asynchronous())
        aggregator.arrive({upload.values, base, 1}, model);
      else
        aggregator.apply(round, model);
    };
    step(*one);
    other->restore(one->state());
    auto const middle = model;
    step(*one);
    auto const expected = model;
    model = middle;
    step(*other);
    EXPECT_EQ(model, expected);
  }
}

TEST(Aggregators, UnknownNamesAreRefused) {
  AggregatorOptions options;
  options.aggregator = "fedavgg";
  EXPECT_THAT([&] { options.check(); },
              testing::ThrowsMessage<UserError>(testing::HasSubstr("did you mean 'fedavg'")));
}

TEST(FedAvg, AddsTheMeanUpdate) {
  EXPECT_THAT(applied(*make("fedavg"), round_of({0.5f, -1, 2})), ElementsAre(1.5f, 1.0f, 5.0f));
  AggregatorOptions options;
  options.server_lr = 0.5;
  EXPECT_THAT(applied(*make("fedavg", options), round_of({0.5f, -1, 2})),
              ElementsAre(1.25f, 1.5f, 4.0f));
}

TEST(FedAvgM, WithoutMomentumIsFedAvgAndWithItRemembers) {
  AggregatorOptions options;
  options.server_momentum = 0;
  EXPECT_EQ(applied(*make("fedavgm", options), round_of({0.5f, -1, 2})),
            applied(*make("fedavg"), round_of({0.5f, -1, 2})));
  options.server_momentum = 0.5;
  auto const aggregator = make("fedavgm", options);
  Floats model{0, 0, 0};
  for (int i = 0; i < 3; ++i) aggregator->apply(round_of({1, 0, 0}), model);
  EXPECT_FLOAT_EQ(model[0], 1 + 1.5f + 1.75f);
}

// One step by the formulas of Reddi et al. 2021, algorithm 2, from m = 0 and v = tau^2.
TEST(FedOpt, TakesTheStepOfItsPaper) {
  AggregatorOptions o;
  o.server_lr = 0.1;
  o.beta1 = 0.9;
  o.beta2 = 0.99;
  o.tau = 0.01;
  double const d = 0.5;
  auto const v0 = o.tau * o.tau;
  auto const m = (1 - o.beta1) * d;
  auto const step = [&](double momentum, double v) {
    return 1 + o.server_lr * momentum / (std::sqrt(v) + o.tau);
  };
  auto const first = [&](char const* name) {
    return applied(*make(name, o), round_of({0.5f, 0, 0}))[0];
  };
  EXPECT_NEAR(first("fedadam"), step(m, o.beta2 * v0 + (1 - o.beta2) * d * d), 1e-6);
  EXPECT_NEAR(first("fedyogi"), step(m, v0 + (1 - o.beta2) * d * d), 1e-6);  // v0 < d^2
  EXPECT_NEAR(first("fedadagrad"), step(d, v0 + d * d), 1e-6);
}

TEST(FedNova, WeighsUpdatesPerStep) {
  auto const aggregator = make("fednova");
  Floats none;
  auto const upload = aggregator->upload({{8, 4, 0}, 10, 4, 0.1, 0}, 0.25, {}, none);
  EXPECT_THAT(upload.values, ElementsAre(2, 1, 0));
  auto round = round_of({1, 1, 1});
  round.contributions[0].steps = 4;
  round.contributions[0].weight = 0.25;
  round.contributions[1].steps = 8;
  round.contributions[1].weight = 0.75;
  EXPECT_THAT(applied(*aggregator, round, {0, 0, 0}), ElementsAre(7, 7, 7)) << "0.25*4 + 0.75*8";
}

// Karimireddy et al. 2020, option II: c_k+ = c_k - c + (w - w_k) / (steps lr).
TEST(Scaffold, MovesTheControlVariates) {
  auto const aggregator = make("scaffold");
  Floats state{0.5f, 0};
  Floats const shared{0.25f, 1};
  EXPECT_THAT(aggregator->shift(shared, state), ElementsAre(-0.25f, 1.0f));
  auto const upload = aggregator->upload({{-1, 2, 9}, 10, 5, 0.1, 0}, 0.5, shared, state);
  EXPECT_THAT(state, ElementsAre(FloatEq(0.5f - 0.25f + 2), FloatEq(0 - 1 - 4)));
  // weight * values of the second arena is the change / clients
  EXPECT_FLOAT_EQ(0.5f * upload.values[3], 1.75f / 4);
  EXPECT_FLOAT_EQ(0.5f * upload.values[4], -5.0f / 4);
  Floats model{0, 0, 0};
  aggregator->apply(round_of({1, 1, 1, 0.5f, -0.5f, 0}), model);
  EXPECT_THAT(model, ElementsAre(1, 1, 1));
  EXPECT_THAT(aggregator->shared(), ElementsAre(0.5f, -0.5f));
}

// Acar et al. 2021, algorithm 1, by hand: alpha 0.5, two of four clients, mean update 1.
TEST(FedDyn, MovesBySumAndByH) {
  AggregatorOptions options;
  options.alpha = 0.5;
  auto const aggregator = make("feddyn", options);
  Floats state;
  aggregator->upload({{1, 2, 9}, 10, 5, 0.1, 0}, 0.5, {}, state);
  EXPECT_THAT(state, ElementsAre(-0.5f, -1.0f));
  EXPECT_THAT(aggregator->shift({}, state), ElementsAre(0.5f, 1.0f));
  EXPECT_EQ(aggregator->proximal(), 0.5);
  // h = -0.5 * 2/4 * 1 = -0.25; w = 0 + 1 - h / 0.5 = 1.5; running statistics have no h
  EXPECT_THAT(applied(*aggregator, round_of({1, 1, 1}), {0, 0, 0}), ElementsAre(1.5f, 1.5f, 1.0f));
}

TEST(QFfl, WithZeroIsTheMeanAndElseFavoursHighLosses) {
  AggregatorOptions options;
  options.q = 0;
  auto const plain = make("qffl", options);
  Floats none;
  auto const upload = plain->upload({{1, 2, 3}, 10, 5, 0.1, 0.7}, 0.5, {}, none);
  auto round = round_of(upload.values);
  for (auto& c : round.contributions) c.number = upload.number;
  EXPECT_THAT(applied(*plain, round, {0, 0, 0}), Pointwise(FloatNear(1e-6f), {1, 2, 3}));
  options.q = 2;
  auto const fair = make("qffl", options);
  auto const low = fair->upload({{1, 0, 0}, 10, 5, 0.1, 0.5}, 0.5, {}, none);
  auto const high = fair->upload({{1, 0, 0}, 10, 5, 0.1, 1.0}, 0.5, {}, none);
  EXPECT_NEAR(high.values[0] / low.values[0], 4, 1e-5);
  // h = q F^(q-1) |L delta|^2 + L F^q with L = 10
  EXPECT_NEAR(high.number, 2 * 1 * 100 + 10, 1e-3);
}

TEST(Robust, MedianAndTrimmedMeanLeaveOutTheExtremes) {
  auto round = round_of({});
  round.updates = {{1, 0, 0}, {2, 0, 5}, {3, 0, 5}, {1000, 0, 5}};
  EXPECT_THAT(applied(*make("median"), round, {0, 0, 0}), ElementsAre(2.5f, 0, 5));
  round.updates.push_back({-1000, 0, 5});
  EXPECT_THAT(applied(*make("median"), round, {0, 0, 0}), ElementsAre(2, 0, 5));
  AggregatorOptions options;
  options.trim = 0.2;
  EXPECT_THAT(applied(*make("trimmed-mean", options), round, {0, 0, 0}), ElementsAre(2, 0, 5));
  options.trim = 0;
  EXPECT_THAT(applied(*make("trimmed-mean", options), round, {0, 0, 0}),
              ElementsAre(FloatEq(6.0f / 5), 0, 4));
}

TEST(Robust, KrumTakesOneOfTheCrowd) {
  auto round = round_of({});
  round.updates = {{100, 0, 0}, {1, 0, 0}, {1.1f, 0, 0}, {1.2f, 0, 0}, {-50, 0, 0}};
  AggregatorOptions options;
  options.byzantine = 1;
  EXPECT_THAT(applied(*make("krum", options), round, {0, 0, 0}), ElementsAre(1.1f, 0, 0));
  round.updates = {{7, 8, 9}};
  options.byzantine = 0;
  EXPECT_THAT(applied(*make("krum", options), round, {0, 0, 0}), ElementsAre(7, 8, 9))
      << "one client: that client";
}

TEST(FedAsync, MixesByStaleness) {
  AggregatorOptions options;
  options.mixing = 0.5;
  options.staleness_a = 0.5;
  Floats const base{1, 1, 1};
  Floats const delta{1, 0, 0};
  auto const mixed = [&](std::int64_t staleness) {
    Floats model{0, 0, 0};
    EXPECT_TRUE(make("fedasync", options)->arrive({delta, base, staleness}, model));
    return model[0];
  };
  EXPECT_FLOAT_EQ(mixed(0), 1.0f);  // 0.5 * 2
  EXPECT_FLOAT_EQ(mixed(3), 0.5f);  // (3 + 1)^-0.5 = 1/2
  options.staleness_weight = StalenessWeight::hinge;
  options.staleness_b = 2;
  EXPECT_FLOAT_EQ(mixed(2), 1.0f);
  EXPECT_FLOAT_EQ(mixed(4), 0.5f);  // 1 / (0.5 * 2 + 1)
  options.staleness_weight = StalenessWeight::constant;
  EXPECT_FLOAT_EQ(mixed(100), 1.0f);
}

// I6: FedBuff with a buffer of one is FedAsync that mixes fully, but only while nothing is stale.
TEST(FedBuff, OfOneIsFedAsyncAtStalenessZeroOnly) {
  AggregatorOptions options;
  options.buffer_size = 1;
  options.mixing = 1;
  options.staleness_weight = StalenessWeight::constant;
  Floats const delta{1, -2, 3};
  auto const both = [&](Floats const& base, std::int64_t staleness) {
    Floats buffered{1, 2, 3};
    Floats mixed{1, 2, 3};
    make("fedbuff", options)->arrive({delta, base, staleness}, buffered);
    make("fedasync", options)->arrive({delta, base, staleness}, mixed);
    return std::pair{buffered, mixed};
  };
  auto const [fresh, fresh_mixed] = both({1, 2, 3}, 0);
  EXPECT_THAT(fresh, Pointwise(FloatNear(1e-6f), fresh_mixed));
  auto const [stale, stale_mixed] = both({0.5f, 2, 3}, 1);
  EXPECT_NE(stale, stale_mixed) << "FedAsync throws away what the server learnt meanwhile";
}

TEST(FedBuff, StepsWhenTheBufferIsFull) {
  AggregatorOptions options;
  options.buffer_size = 3;
  options.staleness_weight = StalenessWeight::constant;
  auto const aggregator = make("fedbuff", options);
  Floats model{0, 0, 0};
  Floats const base{0, 0, 0};
  EXPECT_FALSE(aggregator->arrive({Floats{3, 0, 0}, base, 0}, model));
  EXPECT_FALSE(aggregator->arrive({Floats{6, 0, 0}, base, 0}, model));
  EXPECT_EQ(model[0], 0);
  EXPECT_TRUE(aggregator->arrive({Floats{0, 0, 0}, base, 0}, model));
  EXPECT_FLOAT_EQ(model[0], 3);
}

}  // namespace
}  // namespace canopy::federate
