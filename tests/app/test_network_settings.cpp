#include <gmock/gmock.h>

#include "canopy/app/network_settings.hpp"

#include "support/complaint.hpp"

namespace canopy::app {
namespace {

template <class Change>
std::string complaint(Change change) {
  NetworkSettings settings;
  change(settings);
  return test::complaint([&] { settings.check(); });
}

TEST(NetworkSettings, TheRateSuitsTheOptimizerUnlessItIsGiven) {
  NetworkSettings settings;
  std::vector<double> rates;
  for (auto const& optimizer : nn::optimizers().names()) {
    settings.training.optimizer = optimizer;
    rates.push_back(settings.training_options().lr);
    EXPECT_NE(rates.back(), nn::TrainingOptions{}.lr) << optimizer << " has no rate of its own";
    settings.lr = 0.123;
    EXPECT_EQ(settings.training_options().lr, 0.123) << optimizer;
    settings.lr.reset();
  }
  EXPECT_THAT(rates, testing::Contains(0.05)) << "of sgd, as --help says";
  EXPECT_EQ(settings.training_options().schedule, "cosine");
}

TEST(NetworkSettings, HaveOneRowForTheRate) {
  NetworkSettings settings;
  Options rows;
  settings.describe(rows);
  auto const names = rows.names();
  EXPECT_EQ(std::ranges::count(names, "lr"), 1);
  EXPECT_EQ(std::ranges::find(rows.rows(), "lr", &Options::Row::name)->initial, "None");
  for (auto const& name : names) EXPECT_EQ(std::ranges::count(names, name), 1) << name;
}

TEST(NetworkSettings, RowsTakeWhatTheRestOfTheProgramKnows) {
  NetworkSettings settings;
  Options rows;
  settings.describe(rows);
  for (auto const& strategy : train::strategies().names()) rows.set("parallel", strategy);
  for (auto const& way : comm::reductions().names()) rows.set("allreduce", way);
  for (auto const* staleness : {"0", "3", "inf"}) rows.set("staleness", staleness);
  for (auto const* staleness : {"-1", "1.5", "infinite", ""})
    EXPECT_THROW(rows.set("staleness", staleness), UserError) << staleness;
  rows.set("reduction", "free");
  rows.set("wire-format", "fp16");
  EXPECT_EQ(settings.strategy.reduction.order, comm::Order::free);
  EXPECT_EQ(settings.strategy.reduction.wire, comm::Wire::fp16);
  EXPECT_THROW(rows.set("validation-split", "0.95"), UserError);
}

TEST(NetworkSettings, WhatHasNoUseWithTheStrategyIsRefused) {
  using testing::HasSubstr;
  EXPECT_EQ(complaint([](auto&) {}), "none");
  EXPECT_THAT(complaint([](auto& s) { s.strategy.stages = 2; }),
              HasSubstr("--stages is 2 but --parallel is data"));
  EXPECT_THAT(complaint([](auto& s) { s.strategy.schedule = "gpipe"; }),
              HasSubstr("--lr-schedule"));
  EXPECT_THAT(complaint([](auto& s) { s.strategy.staleness = "3"; }),
              HasSubstr("set --parallel ps"));
  EXPECT_THAT(complaint([](auto& s) { s.strategy.ps_transport = "rma"; }),
              HasSubstr("--ps-transport is rma"));
  EXPECT_THAT(complaint([](auto& s) {
                s.strategy.parallel = "pipeline";
                s.strategy.servers = 2;
              }),
              HasSubstr("--servers is 2 but --parallel is pipeline"));
  EXPECT_EQ(complaint([](auto& s) {
              s.strategy.parallel = "hybrid";
              s.strategy.stages = 2;
              s.strategy.schedule = "gpipe";
            }),
            "none");
  EXPECT_EQ(complaint([](auto& s) {
              s.strategy.parallel = "ps";
              s.strategy.servers = 2;
              s.strategy.staleness = "inf";
            }),
            "none");
}

TEST(NetworkSettings, WhatCannotBeIsRefusedBeforeDataAreRead) {
  using testing::HasSubstr;
  EXPECT_THAT(complaint([](auto& s) { s.fit.early_stopping = 2; }),
              HasSubstr("set --validation-split 0.1"));
  EXPECT_EQ(complaint([](auto& s) {
              s.fit.early_stopping = 2;
              s.validation_split = 0.1;
            }),
            "none");
  EXPECT_THAT(complaint([](auto& s) { s.lr = -1; }), HasSubstr("--lr is '-1'"));
}

}  // namespace
}  // namespace canopy::app
