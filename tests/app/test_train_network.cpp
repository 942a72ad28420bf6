#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "canopy/app/train.hpp"
#include "canopy/nn/model.hpp"
#include "canopy/record/run_record.hpp"

#include "app/out_file.hpp"
#include "app/run_text.hpp"

namespace canopy::app {
namespace {

namespace fs = std::filesystem;
using comm::Communicator;
using record::RunRecord;
using test::digest;
using test::OutFile;
using test::text_of;

/// Eight shards, so that eight ranks can be replicas; the last batch of an epoch has 100 rows.
TrainSettings small_network(OutFile const& out, std::string const& model = "mlp:40") {
  TrainSettings settings;
  settings.source.data = "synthetic:mnist,rows=540";
  settings.common.seed = 11;
  settings.common.quiet = true;
  settings.common.out = out.path();
  settings.model = model;
  settings.network.training.epochs = 2;
  settings.network.training.batch_size = 128;
  settings.network.lr = 0.05;
  settings.network.validation_split = 0.1;
  return settings;
}

/// Everything of a record that must not depend on the layout.
std::string essence(RunRecord const& run) {
  std::ostringstream text;
  for (auto const* name : {"evaluation", "confusion"}) text << text_of(*run.table(name));
  auto const& epochs = *run.table("epochs");
  for (std::size_t row = 0; row < epochs.rows(); ++row)
    for (auto const* name : {"epoch", "lr", "loss", "accuracy", "val_loss", "val_accuracy"})
      text << epochs.text(row, name) << ' ';
  return text.str() + "model\n" + text_of(*run.model_row);
}

/// Collective. The essence of what one process alone gives.
std::string alone(Communicator const& world, TrainSettings settings) {
  auto const part = world.split(world.is_root() ? 0 : 1);
  OutFile const out{world};
  settings.common.out = out.path();
  train::StrategyOptions const plain;
  settings.network.strategy = plain;
  return world.broadcast(world.is_root() ? essence(run(part, settings)) : std::string{});
}

TEST(TrainNetwork, GivesTheSameModelOnAnyNumberOfRanks) {
  auto const world = Communicator::world();
  for (auto const* model : {"mlp:40", "lenet"}) {
    OutFile const out{world};
    auto const settings = small_network(out, model);
    auto const expected = alone(world, settings);
    auto const record = run(world, settings);
    EXPECT_EQ(record.exit_code, 0);
    EXPECT_EQ(record.status, "complete");
    if (!world.is_root()) continue;
    EXPECT_EQ(essence(record), expected) << model;
    EXPECT_EQ(essence(record::read(out.path())), expected) << "what was written";
    EXPECT_EQ(nn::Model::from_arrays(*record.model).sha256(), digest(record));
    EXPECT_FALSE(fs::exists(out.journal()));
  }
}

TEST(TrainNetwork, GivesTheSameModelByEveryStrategy) {
  auto const world = Communicator::world();
  auto const ranks = world.size();
  OutFile const reference{world};
  auto const expected = alone(world, small_network(reference, "lenet"));
  auto const expect_same = [&](char const* what, auto change) {
    OutFile const out{world};
    auto settings = small_network(out, "lenet");
    change(settings.network.strategy);
    auto const record = run(world, settings);
    if (world.is_root()) {
      EXPECT_EQ(essence(record), expected) << what;
    }
    return record;
  };
  expect_same("zero", [](auto& s) { s.reduction.zero = true; });
  if (ranks <= 5)  // layers
    for (auto const* schedule : {"gpipe", "1f1b", "zb-h1"}) {
      auto const record = expect_same(schedule, [&](auto& s) {
        s.parallel = "pipeline";
        s.schedule = schedule;
      });
      if (!world.is_root()) continue;
      auto const& pipeline = *record.table("pipeline");
      EXPECT_EQ(pipeline.text(0, "schedule"), schedule);
      for (auto const* name : {"first_layer", "last_layer"})
        for (std::size_t stage = 0; stage < pipeline.rows(); ++stage)
          EXPECT_EQ(pipeline.number(stage, name), record.table("layout")->number(stage, name));
      EXPECT_EQ(pipeline.number(0, "bubble_textbook"), (ranks - 1.0) / (8 + ranks - 1.0));
      EXPECT_GE(pipeline.number(0, "bubble"), 0);
    }
  if (ranks > 1) expect_same("ps", [](auto& s) { s.parallel = "ps"; });
  if (ranks > 2)
    expect_same("ps with two servers", [](auto& s) {
      s.parallel = "ps";
      s.servers = 2;
    });
  if (ranks % 2 == 0) expect_same("hybrid", [](auto& s) { s.parallel = "hybrid"; });
}

TEST(TrainNetwork, TheRecordTellsWhatWasDone) {
  auto const world = Communicator::world();
  OutFile const out{world};
  auto const record = run(world, small_network(out));
  if (!world.is_root()) return;
  auto const ranks = static_cast<std::size_t>(world.size());
  auto const& phases = *record.table("phases");
  std::vector<std::string> names;
  for (std::size_t row = 0; row < phases.rows(); ++row) names.push_back(phases.text(row, "name"));
  EXPECT_THAT(names, testing::ElementsAre("load", "pack", "share", "fit", "evaluate", "write"));
  auto const& epochs = *record.table("epochs");
  ASSERT_EQ(epochs.rows(), 2u);
  EXPECT_LT(epochs.number(1, "loss"), epochs.number(0, "loss"));
  for (auto const* name : {"samples_per_second", "compute_seconds", "val_loss"})
    EXPECT_GT(epochs.number(1, name), 0) << name;
  auto const& table = *record.table("ranks");
  ASSERT_EQ(table.rows(), ranks);
  double micro_batches = 0;
  for (std::size_t r = 0; r < ranks; ++r) {
    micro_batches += table.number(r, "tasks");
    EXPECT_GT(table.number(r, "busy_seconds"), 0);
    EXPECT_EQ(table.text(r, "role"), "replica");
  }
  EXPECT_EQ(micro_batches, 2 * 4 * 8) << "epochs x updates x shards";
  auto const& layout = *record.table("layout");
  ASSERT_EQ(layout.rows(), ranks);
  double shards = 0;
  for (std::size_t r = 0; r < ranks; ++r) shards += layout.number(r, "shards");
  EXPECT_EQ(shards, 8);
  for (std::size_t r = 0; r < ranks; ++r)
    for (auto const* name : {"tree_seconds", "free_seconds"}) {
      if (ranks == 1)
        EXPECT_TRUE(std::isnan(layout.number(r, name))) << "nothing is summed over ranks";
      else
        EXPECT_GT(layout.number(r, name), 0);
      EXPECT_TRUE(ranks == 1 || layout.number(r, name) < 1) << "seconds";
    }
  auto const& buckets = *record.table("buckets");
  EXPECT_EQ(buckets.rows(), ranks > 1 ? 1u : 0u);
  if (ranks > 1) {
    EXPECT_EQ(buckets.number(0, "bytes"), 4 * 31810);
    EXPECT_GT(buckets.number(0, "megabytes_per_second"), 0);
  }
  auto const& evaluation = *record.table("evaluation");
  EXPECT_EQ(evaluation.text(0, "rows_from"), "test set");
  EXPECT_EQ(evaluation.text(0, "rows"), "108");
  EXPECT_EQ(record.model_row->text(0, "kind"), "mlp:40");
  EXPECT_EQ(record.model_row->text(0, "parameters"), "31810");
  EXPECT_EQ(record.model_row->text(0, "rows"), "486");
}

TEST(TrainNetwork, BothOrdersOfSumsAreTimedWhateverAddsThemUp) {
  auto const world = Communicator::world();
  OutFile const reference{world};
  auto const expected = alone(world, small_network(reference));
  for (auto const order : {comm::Order::tree, comm::Order::free})
    for (auto const* allreduce : {"own", "mpi"})
      for (auto const wire : {comm::Wire::fp32, comm::Wire::fp16})
        for (auto const zero : {false, true}) {
          if (order == comm::Order::free && zero != (wire == comm::Wire::fp16)) continue;
          OutFile const out{world};
          auto settings = small_network(out);
          settings.network.strategy.reduction = {order, allreduce, wire, zero};
          auto const record = run(world, settings);
          if (!world.is_root()) continue;
          auto const& layout = *record.table("layout");
          EXPECT_EQ(layout.number(0, "tree_seconds") > 0, world.size() > 1) << allreduce;
          EXPECT_EQ(layout.number(0, "free_seconds") > 0, world.size() > 1) << allreduce;
          if (order == comm::Order::tree && wire == comm::Wire::fp32) {
            EXPECT_EQ(essence(record), expected) << allreduce << zero;
          }
        }
}

TEST(TrainNetwork, TheTraceShowsEveryRank) {
  auto const world = Communicator::world();
  OutFile const out{world};
  auto settings = small_network(out);
  settings.network.trace = out.path() + ".json";
  auto const record = run(world, settings);
  EXPECT_EQ(record.exit_code, 0);
  if (!world.is_root()) return;
  auto const* table = record.table("trace");
  ASSERT_NE(table, nullptr) << "its end is in the run file, for reports";
  std::ptrdiff_t last_passes = 0;
  for (std::size_t row = 0; row < table->rows(); ++row)
    last_passes += table->text(row, "doing") == "forward";
  EXPECT_EQ(last_passes, 2 * 8) << "updates x shards";
  auto const trace = nlohmann::json::parse(std::ifstream{settings.network.trace});
  std::map<int, int> forwards;
  for (auto const& span : trace) {
    if (span["name"] == "forward") ++forwards[span["pid"].get<int>()];
    if (span["ph"] == "X") {
      EXPECT_GE(span["dur"].get<double>(), 0);
      EXPECT_LT(std::abs(span["ts"].get<double>()), 1e9);
    }
  }
  EXPECT_EQ(std::ssize(forwards), world.size());
  int all = 0;
  for (auto const& [rank, number] : forwards) all += number;
  EXPECT_EQ(all, 2 * 4 * 8) << "epochs x updates x shards";
  fs::remove(settings.network.trace);
}

TEST(TrainNetwork, GoesOnFromAnInterruptedRunOnAnotherNumberOfRanks) {
  auto const world = Communicator::world();
  OutFile const out{world};
  auto settings = small_network(out);
  auto const expected = alone(world, settings);
  settings.walltime = 1e-6;
  auto const stopped = run(world, settings);
  EXPECT_EQ(stopped.exit_code, static_cast<int>(ExitCode::interrupted));
  EXPECT_EQ(stopped.status, "interrupted");
  EXPECT_THROW(run(world, settings), UserError) << "a file in the way";
  settings.walltime.reset();
  settings.common.resume = true;
  auto other = settings;
  other.network.lr = 0.01;
  EXPECT_THROW(run(world, other), UserError) << "another run";
  other = settings;
  other.source.data = "synthetic:mnist,rows=541";
  EXPECT_THROW(run(world, other), UserError) << "other data";
  // The root alone goes on with what all of them began.
  auto const part = world.split(world.is_root() ? 0 : 1);
  if (world.is_root()) {
    auto const resumed = run(part, settings);
    EXPECT_EQ(essence(resumed), expected);
    EXPECT_THAT(text_of(*resumed.table("events")),
                AllOf(testing::StartsWith(text_of(*stopped.table("events"))),
                      testing::HasSubstr("walltime"), testing::HasSubstr("from update 1;")));
    EXPECT_FALSE(fs::exists(out.journal()));
  }
  EXPECT_EQ(run(world, settings).status, "complete") << "nothing is left to do";
}

// The trace is the last thing that is written.
TEST(TrainNetwork, ATraceThatCannotBeWrittenIsRefusedBeforeTheWork) {
  auto const world = Communicator::world();
  OutFile const out{world};
  auto settings = small_network(out);
  settings.network.trace = fs::temp_directory_path();  // a folder
  EXPECT_THROW(run(world, settings), UserError);
  EXPECT_FALSE(world.is_root() && fs::exists(out.path()));
}

TEST(TrainNetwork, LearnsFromATableWithAFileOfLayers) {
  auto const world = Communicator::world();
  OutFile const out{world};
  auto const layers = out.path() + ".toml";
  if (world.is_root())
    std::ofstream{layers} << "layers = [{dense = 30}, \"batch_norm\", \"relu\", {dropout = 0.1}, "
                             "{dense = \"classes\"}]\n";
  world.barrier();
  auto settings = small_network(out, layers);
  settings.source.data = "synthetic:forest-cover,rows=700";
  settings.network.training.optimizer = "adam";
  settings.network.lr = 0.005;
  settings.network.training.epochs = 8;
  auto const expected = alone(world, settings);
  auto const record = run(world, settings);
  if (world.is_root()) {
    EXPECT_EQ(essence(record), expected);
    EXPECT_EQ(record.table("evaluation")->text(0, "rows_from"), "hold-out");
    EXPECT_GT(record.table("evaluation")->number(0, "accuracy"), 0.5);
    fs::remove(layers);
  }
}

TEST(TrainNetwork, RefusesWhatCannotBeAndLeavesNoFile) {
  auto const world = Communicator::world();
  OutFile const out{world};
  auto const refused = [&](std::string const& said, auto change) {
    auto settings = small_network(out);
    change(settings);
    try {
      run(world, settings);
      ADD_FAILURE() << "not refused: " << said;
    } catch (UserError const& e) {
      EXPECT_THAT(e.what(), testing::HasSubstr(said));
    }
    EXPECT_FALSE(fs::exists(out.path()));
    EXPECT_FALSE(fs::exists(out.journal()));
  };
  refused("--n-estimators", [](auto& s) { s.forest.n_estimators = 7; });
  refused("--lr", [](auto& s) { s.model = "forest"; });
  refused("--rows-sharded", [](auto& s) { s.rows_sharded = true; });
  refused("--early-stopping", [](auto& s) {
    s.network.validation_split = 0;
    s.network.fit.early_stopping = 2;
  });
  refused("no image", [](auto& s) {
    s.model = "cnn";
    s.source.data = "synthetic:forest-cover,rows=100";
  });
  refused("--validation-split 0.1 of 1 row",
          [](auto& s) { s.source.data = "synthetic:mnist,rows=1"; });
  refused("none is left", [](auto& s) {
    s.source.data = "synthetic:mnist,rows=1";
    s.test_size = 0.9;
  });
  refused("--trace", [](auto& s) { s.network.trace = "/dev/null/trace.json"; });
  refused("no-such-file.toml", [](auto& s) { s.model = "no-such-file.toml"; });
  refused("--servers", [](auto& s) { s.network.strategy.servers = 2; });
  refused("--lr-schedule", [](auto& s) { s.network.strategy.schedule = "gpipe"; });
  refused("--zero", [](auto& s) {
    s.network.training.optimizer = "lamb";
    s.network.strategy.reduction.zero = true;
  });
  if (world.size() > 1) refused("replicas", [](auto& s) { s.network.training.batch_size = 16; });
}

}  // namespace
}  // namespace canopy::app
