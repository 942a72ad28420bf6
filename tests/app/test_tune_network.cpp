#include <filesystem>
#include <fstream>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "canopy/app/train.hpp"
#include "canopy/app/tune.hpp"
#include "canopy/nn/model.hpp"

#include "app/out_file.hpp"
#include "app/run_text.hpp"

namespace canopy::app {
namespace {

namespace fs = std::filesystem;
using comm::Communicator;
using test::digest;
using test::OutFile;
using test::text_of;

TuneSettings small_search(OutFile const& out) {
  TuneSettings settings;
  settings.source.data = "synthetic:mnist,rows=240";
  settings.common.seed = 11;
  settings.common.quiet = true;
  settings.common.out = out.path();
  auto& search = settings.search;
  search.model = "mlp";
  search.trials = 8;
  search.folds = 3;
  search.verdict_repeats = 1;
  search.scheduler = "asha";
  search.min_resource = 1;
  search.max_resource = 4;
  search.eta = 2;
  search.lag = 4;
  search.space = tune::Space::from_toml_text(R"(
hidden = ["12", "16-8"]
lr = { type = "float", low = 0.003, high = 0.3, log = true }
momentum = [0, 0.9]
batch_size = [32, 64]
optimizer = ["sgd", "adam"]
)");
  return settings;
}

void take_scheduler_away(tune::SearchSettings& search) {
  tune::SearchSettings const plain;
  search.scheduler = plain.scheduler;
  search.eta = plain.eta;
  search.min_resource = plain.min_resource;
  search.max_resource = plain.max_resource;
  search.lag = plain.lag;
}

/// Everything of a record that must not depend on who computed what when.
std::string essence(record::RunRecord const& run) {
  std::ostringstream text;
  auto const& trials = *run.table("trials");
  for (auto const& column : trials.column_names()) {
    if (column.find("time") != std::string::npos) continue;
    text << column;
    for (std::size_t row = 0; row < trials.rows(); ++row) text << ' ' << trials.text(row, column);
    text << '\n';
  }
  for (auto const* name : {"rungs", "evaluation", "confusion", "verdict"})
    if (auto const* table = run.table(name)) text << text_of(*table);
  text << "model " << digest(run) << '\n';
  return text.str();
}

/// Collective. On the root the essence of what one process alone finds.
std::string const& alone(Communicator const& world) {
  static auto const text = [&] {
    OutFile const out{world};
    auto const part = world.split(world.is_root() ? 0 : 1);
    return world.is_root() ? essence(run(part, small_search(out))) : std::string{};
  }();
  return text;
}

TEST(TuneNetwork, FindsTheSameOnAnyNumberOfRanks) {
  auto const world = Communicator::world();
  OutFile const out{world};
  auto const& expected = alone(world);
  auto const run = app::run(world, small_search(out));
  EXPECT_EQ(run.exit_code, 0);
  if (!world.is_root()) return;
  EXPECT_EQ(essence(run), expected);
  EXPECT_EQ(essence(record::read(out.path())), expected) << "what was written";
  EXPECT_EQ(nn::Model::from_arrays(*run.model).sha256(), digest(run));
  EXPECT_FALSE(fs::exists(out.journal()));
}

TEST(TuneNetwork, GoesOnWhereItWasStopped) {
  auto const world = Communicator::world();
  OutFile const out{world};
  auto settings = small_search(out);
  settings.search.walltime = 1e-6;
  EXPECT_EQ(run(world, settings).exit_code, static_cast<int>(ExitCode::interrupted));
  settings.search.walltime = {};
  settings.common.resume = true;
  settings.search.ranks_per_trial = {2};
  auto const& expected = alone(world);
  auto const record = run(world, settings);
  EXPECT_EQ(record.exit_code, 0);
  if (world.is_root()) {
    EXPECT_EQ(essence(record), expected);
  }
}

/// The lowest rung with one rank a trial, those above with more, on as many as there are.
TEST(TuneNetwork, FindsTheSameHoweverManyRanksTrainTogether) {
  auto const world = Communicator::world();
  OutFile const out{world};
  auto settings = small_search(out);
  settings.search.ranks_per_trial = {1, 2, 4};
  auto const& expected = alone(world);
  auto const run = app::run(world, settings);
  EXPECT_EQ(run.exit_code, 0);
  if (!world.is_root()) return;
  EXPECT_EQ(essence(run), expected);
  EXPECT_EQ(run.table("ranks")->rows(), static_cast<std::size_t>(world.size()));
}

/// Which must come from the same parameters.
TEST(TuneNetwork, TheFinalModelIsThatOfTraining) {
  auto const world = Communicator::world();
  OutFile const out{world};
  auto settings = small_search(out);
  settings.search.model = "lenet";
  settings.search.trials = 1;
  take_scheduler_away(settings.search);
  settings.search.verdict_repeats = 0;
  settings.search.space = tune::Space::from_toml_text("epochs = 1");
  auto const tuned = run(world, settings);
  OutFile const trained_out{world};
  TrainSettings train;
  train.source = settings.source;
  train.common = settings.common;
  train.common.out = trained_out.path();
  train.model = "lenet";
  train.network.training.epochs = 1;
  auto const part = world.split(world.is_root() ? 0 : 1);
  if (!world.is_root()) return;
  auto const trained = run(part, train);
  EXPECT_EQ(digest(tuned), digest(trained));
  for (auto const* name : {"evaluation", "confusion", "model"}) {
    auto const table = [&](record::RunRecord const& r) {
      return std::string_view{name} == "model" ? text_of(*r.model_row) : text_of(*r.table(name));
    };
    EXPECT_EQ(table(tuned), table(trained)) << name;
  }
}

TEST(TuneNetwork, TakesTablesAndHoldsRowsOut) {
  auto const world = Communicator::world();
  OutFile const out{world};
  auto settings = small_search(out);
  settings.source.data = "synthetic:forest-cover,rows=300";
  settings.test_size = 0.2;
  settings.search.trials = 2;
  take_scheduler_away(settings.search);
  settings.search.space = tune::Space::from_toml_text("epochs = 2\nlr = [0.01, 0.02]");
  auto const run = app::run(world, settings);
  if (!world.is_root()) return;
  EXPECT_EQ(run.table("evaluation")->text(0, "rows_from"), "hold-out");
  EXPECT_EQ(run.table("evaluation")->text(0, "rows"), "60");
  EXPECT_EQ(run.model_row->text(0, "rows"), "240");
}

/// So many rows are held out that each rank gets a share of them to predict.
TEST(TuneNetwork, HeldOutRowsAreScoredTheSameWhoeverPredictsThem) {
  auto const world = Communicator::world();
  auto const search = [](Communicator const& ranks, OutFile const& out, int ranks_per_trial) {
    auto settings = small_search(out);
    settings.source.data = "synthetic:forest-cover,rows=6000";
    settings.test_size = 0.9;
    settings.search.scoring = "neg_log_loss";
    settings.search.trials = 2;
    take_scheduler_away(settings.search);
    settings.search.ranks_per_trial = {ranks_per_trial};
    settings.search.space = tune::Space::from_toml_text("epochs = 1\nlr = [0.01, 0.02]");
    return run(ranks, settings);
  };
  OutFile const out{world}, together{world}, in_pairs{world};
  auto const part = world.split(world.is_root() ? 0 : 1);
  auto const expected = world.is_root() ? essence(search(part, out, 1)) : std::string{};
  auto const one = search(world, together, 1);
  auto const two = search(world, in_pairs, 2);
  if (!world.is_root()) return;
  EXPECT_EQ(one.table("evaluation")->text(0, "rows"), "5400");
  EXPECT_EQ(essence(one), expected);
  EXPECT_EQ(essence(two), expected) << "two ranks per trial";
}

/// A list of layers in a file, which the root alone reads.
class LayerFile {
 public:
  LayerFile(Communicator const& world, std::string const& layers) : out_{world} {
    if (world.is_root()) std::ofstream{path()} << layers;
  }
  ~LayerFile() { fs::remove(path()); }
  std::string path() const { return out_.path() + ".toml"; }

 private:
  OutFile out_;
};

TEST(TuneNetwork, TakesAListOfLayersAsTrainingDoes) {
  auto const world = Communicator::world();
  LayerFile const file{world, "layers = [{dense = 12}, 'relu', {dense = 'classes'}]"};
  auto const searched = [&](std::string const& model) {
    OutFile const out{world};
    auto settings = small_search(out);
    settings.search.model = model;
    settings.search.space = tune::Space::from_toml_text("lr = [0.01, 0.1]\ndropout = [0, 0.3]");
    return run(world, settings);
  };
  auto const listed = searched(file.path());
  auto const named = searched("mlp:12");
  EXPECT_EQ(listed.exit_code, 0);
  if (!world.is_root()) return;
  EXPECT_EQ(text_of(*listed.table("rungs")), text_of(*named.table("rungs")));
  EXPECT_EQ(text_of(*listed.table("confusion")), text_of(*named.table("confusion")));
  EXPECT_EQ(listed.model_row->text(0, "kind"), file.path());
  EXPECT_EQ(nn::Model::from_arrays(*listed.model).arena,
            nn::Model::from_arrays(*named.model).arena);
}

TEST(TuneNetwork, OtherLayersAreAnotherSearch) {
  auto const world = Communicator::world();
  OutFile const out{world};
  LayerFile const file{world, "layers = [{dense = 12}, 'relu', {dense = 'classes'}]"};
  auto settings = small_search(out);
  settings.search.model = file.path();
  settings.search.space = tune::Space::from_toml_text("lr = [0.01, 0.1]");
  settings.search.walltime = 1e-6;
  EXPECT_EQ(run(world, settings).exit_code, static_cast<int>(ExitCode::interrupted));
  if (world.is_root()) std::ofstream{file.path()} << "layers = [{dense = 'classes'}]";
  settings.common.resume = true;
  try {
    run(world, settings);
    ADD_FAILURE() << "went on with other layers";
  } catch (UserError const& e) {
    if (world.is_root()) {
      EXPECT_THAT(e.what(), testing::HasSubstr("the layers of --model FILE.toml, are not those"));
    }
  }
}

TEST(TuneNetwork, BadSettingsLeaveNoFile) {
  auto const world = Communicator::world();
  OutFile const out{world};
  auto const refused = [&](char const* said, auto change) {
    auto settings = small_search(out);
    change(settings.search);
    try {
      run(world, settings);
      ADD_FAILURE() << "not refused: " << said;
    } catch (UserError const& e) {
      if (world.is_root()) {
        EXPECT_THAT(e.what(), testing::HasSubstr(said));
      }
    }
    EXPECT_FALSE(fs::exists(out.path()));
  };
  refused("did you mean 'momentum'",
          [](auto& s) { s.space = tune::Space::from_toml_text("momentm = [0, 0.9]"); });
  refused("gives out itself",
          [](auto& s) { s.space = tune::Space::from_toml_text("epochs = [1, 2]"); });
  refused("--ranks-per-trial is 2", [](auto& s) {
    s.model = "forest";
    s.space = {};
    s.ranks_per_trial = {2};
  });
  refused("--slices", [](auto& s) {
    take_scheduler_away(s);
    s.slices = true;
  });
  refused("no-such.toml: cannot be read", [](auto& s) { s.model = "no-such.toml"; });
}

}  // namespace
}  // namespace canopy::app
