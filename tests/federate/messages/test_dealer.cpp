#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "messages/dealer.hpp"

namespace canopy::federate {
namespace {

using testing::ElementsAre;
using testing::UnorderedElementsAre;

/// Children that keep what they are given.
struct Children {
  std::map<int, std::vector<Job>> jobs;

  Dealer::Hand hand() {
    return [this](int child, Job part) { jobs[child].push_back(std::move(part)); };
  }
  std::vector<int> clients_of(int child, std::size_t job = 0) {
    std::vector<int> clients;
    for (auto const& task : jobs[child].at(job).tasks) clients.push_back(task.client);
    return clients;
  }
  Outcome done(int child, std::size_t job = 0) {
    Outcome outcome;
    outcome.job = jobs[child].at(job).id;
    for (auto const& task : jobs[child].at(job).tasks) {
      Report report;
      report.client = task.client;
      outcome.reports.push_back(report);
    }
    return outcome;
  }
};

Job job_of(std::vector<double> const& costs, std::int64_t id = 1) {
  Job job;
  job.id = id;
  for (std::size_t k = 0; k < costs.size(); ++k) {
    Task task;
    task.client = static_cast<int>(k);
    task.cost = costs[k];
    job.tasks.push_back(task);
    job.states.push_back({task.client, {static_cast<float>(k)}});
  }
  return job;
}

TEST(Dealer, DealsByCostAndSendsStatesAlong) {
  Children children;
  Dealer dealer{2, children.hand()};
  dealer.begin(job_of({1, 5, 2, 2}));
  EXPECT_THAT(children.clients_of(0), ElementsAre(1));
  EXPECT_THAT(children.clients_of(1), ElementsAre(2, 3, 0));
  ASSERT_EQ(children.jobs[0][0].states.size(), 1u);
  EXPECT_EQ(children.jobs[0][0].states[0].client, 1);
}

TEST(Dealer, PutsOutcomesTogetherWhenTheLastOneIsBack) {
  Children children;
  Dealer dealer{2, children.hand()};
  dealer.begin(job_of({1, 1}));
  EXPECT_TRUE(dealer.awaits(0));
  EXPECT_FALSE(dealer.add(0, children.done(0)).has_value());
  EXPECT_FALSE(dealer.awaits(0));
  auto const whole = dealer.add(1, children.done(1));
  ASSERT_TRUE(whole.has_value());
  EXPECT_EQ(whole->reports.size(), 2u);
  EXPECT_TRUE(dealer.is_idle());
}

TEST(Dealer, GivesTheWorkOfALostChildToTheOthersAndForgetsWhatItSays) {
  Children children;
  Dealer dealer{3, children.hand()};
  dealer.begin(job_of({1, 1, 1}));
  dealer.add(0, children.done(0));
  dealer.lose(2);
  EXPECT_EQ(dealer.living(), 2);
  EXPECT_FALSE(dealer.add(2, children.done(2)).has_value()) << "too late";
  ASSERT_EQ(children.jobs[0].size(), 2u) << "the idle child takes over";
  auto const last = dealer.add(1, children.done(1));
  EXPECT_FALSE(last.has_value());
  auto const whole = dealer.add(0, children.done(0, 1));
  ASSERT_TRUE(whole.has_value());
  std::vector<int> clients;
  for (auto const& report : whole->reports) clients.push_back(report.client);
  EXPECT_THAT(clients, UnorderedElementsAre(0, 1, 2)) << "each once";
}

TEST(Dealer, AChildWithTwoPartsIsAwaitedTwice) {
  Children children;
  Dealer dealer{2, children.hand()};
  dealer.begin(job_of({1, 1}));
  dealer.lose(1);
  EXPECT_FALSE(dealer.add(0, children.done(0, 0)).has_value());
  EXPECT_TRUE(dealer.add(0, children.done(0, 1)).has_value());
}

TEST(Dealer, TheOwnerDoesItWhenAllAreLost) {
  Children children;
  Dealer dealer{1, children.hand()};
  dealer.begin(job_of({1, 1}));
  dealer.lose(0);
  EXPECT_THAT(children.clients_of(1), ElementsAre(0, 1));
  EXPECT_TRUE(dealer.add(1, children.done(1)).has_value());
}

// As in an asynchronous run: a job for each client.
TEST(Dealer, JobsOfOneTaskGoToDifferentChildren) {
  Children children;
  Dealer dealer{3, children.hand()};
  for (std::int64_t id = 1; id <= 6; ++id) dealer.begin(job_of({1}, id));
  for (int child = 0; child < 3; ++child) EXPECT_EQ(children.jobs[child].size(), 2u);
}

TEST(Dealer, SeveralJobsAreUnderWayAtOnce) {
  Children children;
  Dealer dealer{1, children.hand()};
  dealer.begin(job_of({1}, 1));
  dealer.begin(job_of({1}, 2));
  EXPECT_EQ(dealer.add(0, children.done(0, 1))->job, 2);
  EXPECT_EQ(dealer.add(0, children.done(0, 0))->job, 1);
}

}  // namespace
}  // namespace canopy::federate
