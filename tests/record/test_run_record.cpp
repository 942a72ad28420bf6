#include <bit>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <limits>

#include <gmock/gmock.h>

#include "canopy/record/run_record.hpp"
#include "canopy/store/arrays.hpp"

#include "children.hpp"
#include "temporary_folder.hpp"

namespace canopy::record {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

Table trials() {
  Table table{"trials"};
  table.column("id", Table::Type::integer)
      .column("mean_test_score", Table::Type::real)
      .column("status", Table::Type::text);
  table.add({std::int64_t{0}, 0.1 + 0.2, std::string{"complete"}});
  table.add({std::numeric_limits<std::int64_t>::min(), empty_cell, std::string{}});
  table.add({std::int64_t{2}, -0.0, std::string{"fölle, \"quoted\"\nline"}});
  return table;
}

Table model_row() {
  Table table{"model"};
  table.column("kind", Table::Type::text).column("trees", Table::Type::integer);
  table.add({std::string{"forest"}, std::int64_t{2}});
  return table;
}

NamedArrays model() {
  NamedArrays arrays;
  arrays.put("threshold", std::vector<float>{1.5F, -2.25F, 1e-40F});
  arrays.put("values", std::vector<double>{1, 2, 3, 4, 5, 6}, {3, 2});
  arrays.put("codes", std::vector<std::uint8_t>{0, 255});
  arrays.put("class_names", std::vector<std::string>{"a", "", "c"});
  arrays.set_attribute("criterion", std::string{"gini"});
  arrays.set_attribute("n_features", std::int64_t{54});
  return arrays;
}

RunRecord example() {
  RunRecord run;
  run.command = "tune";
  run.status = "interrupted";
  run.exit_code = 75;
  run.version = "0.1.0";
  run.git = "abc123";
  run.started = "2026-11-23T04:05:06Z";
  run.wall_seconds = 1.0 / 3;
  run.seed = 42;
  run.np = 4;
  run.nodes = 2;
  run.settings = "trials = 10\n[space]\nmax_depth = \"10-40\"\n";
  run.environment.set_attribute("cpu", std::string{"Some CPU"});
  run.environment.set_attribute("slurm_job", std::string{});
  Table nothing{"events"};
  nothing.column("time", Table::Type::real).column("text", Table::Type::text);
  run.tables = {trials(), nothing};
  run.model = model();
  run.model_row = model_row();
  return run;
}

void expect_same_bits(Table const& found, Table const& expected) {
  EXPECT_EQ(found.name(), expected.name());
  ASSERT_EQ(found.column_names(), expected.column_names());
  ASSERT_EQ(found.rows(), expected.rows());
  for (std::size_t row = 0; row < expected.rows(); ++row)
    for (std::size_t c = 0; c < expected.columns(); ++c) {
      auto const a = found.at(row, c);
      auto const b = expected.at(row, c);
      ASSERT_EQ(a.index(), b.index());
      if (auto const* real = std::get_if<double>(&b))
        EXPECT_EQ(std::bit_cast<std::uint64_t>(std::get<double>(a)),
                  std::bit_cast<std::uint64_t>(*real));
      else
        EXPECT_EQ(a, b);
    }
}

TEST(RunRecord, ComesBackBitForBit) {
  TemporaryFolder const folder;
  auto const run = example();
  write(run, folder / "run.h5");
  auto const back = read(folder / "run.h5");
  EXPECT_EQ(back.command, run.command);
  EXPECT_EQ(back.status, run.status);
  EXPECT_EQ(back.exit_code, run.exit_code);
  EXPECT_EQ(back.version, run.version);
  EXPECT_EQ(back.git, run.git);
  EXPECT_EQ(back.started, run.started);
  EXPECT_EQ(back.finished, "");
  EXPECT_EQ(back.wall_seconds, run.wall_seconds);
  EXPECT_EQ(back.seed, run.seed);
  EXPECT_EQ(back.np, run.np);
  EXPECT_EQ(back.nodes, run.nodes);
  EXPECT_EQ(back.settings, run.settings);
  EXPECT_EQ(back.environment, run.environment);
  ASSERT_EQ(back.tables.size(), 2U);
  expect_same_bits(back.tables[0], run.tables[0]);
  EXPECT_EQ(back.tables[1].name(), "events");
  EXPECT_EQ(back.tables[1].column_names(), run.tables[1].column_names());
  EXPECT_EQ(back.tables[1].rows(), 0U);
  EXPECT_EQ(back.model, run.model);
  EXPECT_EQ(back.model_row, run.model_row);
  EXPECT_EQ(read_model(folder / "run.h5"), *run.model);
}

TEST(RunRecord, ReadsWithoutTheModel) {
  TemporaryFolder const folder;
  write(example(), folder / "run.h5");
  auto const back = read_without_model(folder / "run.h5");
  EXPECT_EQ(back.command, "tune");
  EXPECT_EQ(back.settings, example().settings);
  ASSERT_EQ(back.tables.size(), 2U);
  expect_same_bits(back.tables[0], trials());
  EXPECT_EQ(back.model_row, model_row());
  EXPECT_FALSE(back.model);
}

TEST(RunRecord, KeepsTheTypesOfAnEmptyTable) {
  TemporaryFolder const folder;
  write(example(), folder / "run.h5");
  EXPECT_EQ(read(folder / "run.h5").tables[1], example().tables[1]);
}

TEST(RunRecord, ComesBackWithoutAModelOrATable) {
  TemporaryFolder const folder;
  write(RunRecord{}, folder / "run.h5");
  auto const back = read(folder / "run.h5");
  EXPECT_EQ(back.status, "complete");
  EXPECT_TRUE(back.tables.empty());
  EXPECT_FALSE(back.model);
  EXPECT_FALSE(back.model_row);
}

TEST(RunRecord, KeepsAModelWithoutItsRowAndARowWithoutModel) {
  TemporaryFolder const folder;
  RunRecord run;
  run.model = model();
  write(run, folder / "model.h5");
  EXPECT_FALSE(read(folder / "model.h5").model_row);
  EXPECT_EQ(read(folder / "model.h5").model, run.model);
  run.model.reset();
  run.model_row = model_row();
  write(run, folder / "row.h5");
  EXPECT_EQ(read(folder / "row.h5").model_row, run.model_row);
  EXPECT_FALSE(read(folder / "row.h5").model);
}

TEST(RunRecord, KeepsEverySeed) {
  TemporaryFolder const folder;
  for (std::uint64_t const seed : {std::uint64_t{0}, std::uint64_t{1} << 63, ~std::uint64_t{0}}) {
    RunRecord run;
    run.seed = seed;
    write(run, folder / "run.h5");
    EXPECT_EQ(read(folder / "run.h5").seed, seed);
    // Other readers must see the same number, not a negative one.
    auto const stored =
        store::File::open_read(folder / "run.h5").read_attributes("/").attribute("seed");
    EXPECT_EQ(std::visit([](auto const& v) { return testing::PrintToString(v); }, stored),
              seed == 0 ? "0" : '"' + std::to_string(seed) + '"');
  }
}

TEST(RunRecord, KeepsLongSettings) {
  TemporaryFolder const folder;
  RunRecord run;
  run.settings.assign(200'000, 'x');  // an HDF5 attribute would stop at 64 KiB
  write(run, folder / "run.h5");
  EXPECT_EQ(read(folder / "run.h5").settings, run.settings);
}

TEST(RunRecord, FindsTablesByName) {
  auto const run = example();
  ASSERT_NE(run.table("events"), nullptr);
  EXPECT_EQ(run.table("events")->name(), "events");
  EXPECT_EQ(run.table("trial"), nullptr);
}

TEST(RunRecord, RefusesWhatItCouldNotReadBack) {
  TemporaryFolder const folder;
  for (auto const* name : {"model", "environment", "settings", "a/b", "", "trials"}) {
    auto run = example();
    run.tables.emplace_back(name);
    EXPECT_THROW(write(run, folder / "run.h5"), std::logic_error) << name;
  }
  auto run = example();
  run.status = "done";
  EXPECT_THROW(write(run, folder / "run.h5"), std::logic_error);
  EXPECT_FALSE(std::filesystem::exists(folder / "run.h5"));
}

TEST(RunRecord, KeepsTheOldFileWhenTheDiskIsFull) {
  TemporaryFolder const folder;
  write(example(), folder / "run.h5");
  auto const status = status_of_child([&] {
    auto big = example();
    std::vector<double> noise(1'000'000);  // so that no filter makes it small
    for (std::size_t i = 0; i < noise.size(); ++i) noise[i] = std::sin(static_cast<double>(i));
    big.model->put("weights", noise);
    limit_file_size(100'000);
    try {
      write(big, folder / "run.h5");
    } catch (UserError const& e) {
      ::_exit(static_cast<int>(e.code));
    } catch (...) {
      ::_exit(4);
    }
  });
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 2) << "the user can make room";
  EXPECT_EQ(read(folder / "run.h5").model, example().model);
  EXPECT_FALSE(std::filesystem::exists(folder / "run.h5.part"));
}

TEST(RunRecord, NamesAMissingFile) {
  TemporaryFolder const folder;
  auto const message = HasSubstr("none.h5: there is no such file");
  EXPECT_THAT([&] { read(folder / "none.h5"); }, ThrowsMessage<DataError>(message));
  EXPECT_THAT([&] { read_model(folder / "none.h5"); }, ThrowsMessage<DataError>(message));
}

TEST(RunRecord, RefusesFilesOfOtherKinds) {
  TemporaryFolder const folder;
  std::ofstream{folder / "text.h5"} << "id,score\n";
  store::File::create(folder / "foreign.h5").close();
  auto newer = store::File::create(folder / "newer.h5");
  newer.set_attribute("/", "schema", std::string{"canopy-run/9"});
  newer.close();
  auto bare = store::File::create(folder / "bare.h5");
  bare.set_attribute("/", "schema", std::string{schema});
  bare.set_attribute("/", "status", std::string{"complete"});
  bare.close();
  EXPECT_THAT([&] { read(folder / "text.h5"); },
              ThrowsMessage<DataError>(HasSubstr("text.h5: cannot open it as an HDF5 file")));
  EXPECT_THAT([&] { read(folder / "foreign.h5"); },
              ThrowsMessage<DataError>(HasSubstr("foreign.h5: is an HDF5 file but no run file")));
  EXPECT_THAT([&] { read_model(folder / "newer.h5"); },
              ThrowsMessage<DataError>(HasSubstr("newer.h5: has schema 'canopy-run/9', expected")));
  EXPECT_THAT([&] { read(folder / "bare.h5"); },
              ThrowsMessage<DataError>(HasSubstr("bare.h5: there is no attribute 'command'")));
  EXPECT_THAT([&] { read_model(folder / "bare.h5"); },
              ThrowsMessage<DataError>(HasSubstr("bare.h5: holds no model")));
}

TEST(RunRecord, RefusesATruncatedFile) {
  TemporaryFolder const folder;
  write(example(), folder / "run.h5");
  auto const size = std::filesystem::file_size(folder / "run.h5");
  std::filesystem::resize_file(folder / "run.h5", size / 2);
  EXPECT_THROW(read(folder / "run.h5"), DataError);
  EXPECT_THROW(read_model(folder / "run.h5"), DataError);
}

TEST(RunRecord, WritesAFileForH5py) {
  auto const* path = std::getenv("CANOPY_H5PY_FILE");
  if (path == nullptr) GTEST_SKIP() << "only for test_h5py.py";
  write(example(), path);
  EXPECT_TRUE(std::filesystem::exists(path));
}

}  // namespace
}  // namespace canopy::record
