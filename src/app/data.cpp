#include "canopy/app/data.hpp"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <span>
#include <vector>

#include <fmt/format.h>

#include "canopy/core/clock.hpp"
#include "canopy/core/options.hpp"
#include "canopy/core/output_file.hpp"
#include "canopy/data/encoded.hpp"
#include "canopy/data/readers.hpp"
#include "canopy/data/source.hpp"
#include "canopy/report/text_table.hpp"

namespace canopy::app {
namespace {

namespace fs = std::filesystem;
using data::Block;
using data::Dataset;
using data::EncodedTable;

constexpr std::size_t lines_unless_all = 60;  // MNIST has 784 columns

struct DataSettings {
  std::string action;
  data::Source source;
  std::string out;
  bool overwrite = false;
  std::uint64_t seed = 0;
  bool all = false;

  void describe(Options& o) {
    o.group("Data");
    o.positional("ACTION", action,
                 "describe: say what the data holds; convert: write it in Canopy's HDF5 form; "
                 "synth: the same for generated data",
                 one_of({"describe", "convert", "synth"}));
    source.describe(o);
    o.group("Describe");
    o.row("all", all, "print every column, however many there are", any<bool>("true or false"));
    o.group("Convert");
    o.row("out", out, "the file to write", any<std::string>("FILE.h5"));
    o.row("overwrite", overwrite, "replace the file if it is there", any<bool>("true or false"));
    o.row("seed", seed, "of generated data", at_least(std::uint64_t{0}));
  }
};

void print(std::string const& text) {
  std::fputs(text.c_str(), stdout);
}

/// A column, or a group of one-hot columns, as `describe` shows it.
struct Line {
  Block block;
  std::int64_t distinct;  ///< values, or categories that occur ("none of them" included)
  float lowest, highest;
};

Line line_of(Block const& block, std::int64_t rows) {
  if (!block.is_group()) return {block, block.codes, block.values.front(), block.values.back()};
  std::vector<bool> seen(block.codes);
  for (std::int64_t row = 0; row < rows; ++row) seen[block.code(row)] = true;
  auto const distinct = std::ranges::count(seen, true);
  bool const only_zeros = distinct == 1 && seen[static_cast<std::size_t>(block.features)];
  return {block, distinct, 0.0F, only_zeros ? 0.0F : 1.0F};
}

/// Columns of nothing but zeros also come as a group.
std::string kind_of(Line const& line) {
  if (line.distinct == 1) return "constant";
  if (line.block.is_group()) return fmt::format("one-hot group of {}", line.block.features);
  return line.distinct == 2 ? "binary" : "continuous";
}

std::string name_of(Block const& block, Dataset const& dataset) {
  auto const at = [&](int i) { return dataset.feature_names[static_cast<std::size_t>(i)]; };
  if (!block.is_group()) return at(block.first_feature);
  return at(block.first_feature) + " .. " + at(block.first_feature + block.features - 1);
}

/// In the order of the columns.
std::vector<Line> lines_of(EncodedTable const& table) {
  std::vector<Line> lines;
  for (auto const& block : table.blocks()) lines.push_back(line_of(block, table.rows()));
  std::ranges::sort(lines, {}, [](Line const& line) { return line.block.first_feature; });
  return lines;
}

std::string column_numbers(Block const& block) {
  auto const first = block.first_feature + 1;
  return block.features == 1 ? std::to_string(first)
                             : fmt::format("{}-{}", first, first + block.features - 1);
}

Table column_table(Dataset const& dataset, std::span<Line const> lines) {
  Table table{"columns"};
  table.column("column", Table::Type::text)
      .column("name", Table::Type::text)
      .column("kind", Table::Type::text)
      .column("lowest", Table::Type::real)
      .column("highest", Table::Type::real)
      .column("distinct", Table::Type::integer);
  for (auto const& line : lines)
    table.add({column_numbers(line.block), name_of(line.block, dataset), kind_of(line),
               static_cast<double>(line.lowest), static_cast<double>(line.highest), line.distinct});
  return table;
}

Table class_table(Dataset const& dataset) {
  std::vector<std::int64_t> counts(dataset.class_names.size());
  for (auto const label : dataset.labels) ++counts[label];
  Table table{"classes"};
  table.column("class", Table::Type::text)
      .column("rows", Table::Type::integer)
      .column("share", Table::Type::real);
  for (std::size_t c = 0; c < counts.size(); ++c)
    table.add({dataset.class_names[c], counts[c],
               static_cast<double>(counts[c]) / static_cast<double>(dataset.rows())});
  return table;
}

std::string kinds_in_words(std::span<Line const> lines) {
  std::int64_t continuous = 0, binary = 0, constant = 0, groups = 0, grouped = 0;
  for (auto const& line : lines) {
    if (line.distinct == 1) {
      constant += line.block.features;
    } else if (line.block.is_group()) {
      ++groups;
      grouped += line.block.features;
    } else {
      ++(line.distinct == 2 ? binary : continuous);
    }
  }
  return fmt::format("{} continuous, {} binary, {} constant, {} one-hot groups ({} columns)",
                     continuous, binary, constant, groups, grouped);
}

/// Does the column count the rows? Such a column tells the order of collection, often the class.
bool is_row_number(Eigen::MatrixXf::ConstColXpr column) {
  auto const rows = column.size();
  return rows > 2 && (column.tail(rows - 1).array() - column.head(rows - 1).array() == 1.0F).all();
}

void warn_of_row_numbers(Dataset const& dataset) {
  for (int c = 0; c < dataset.columns(); ++c)
    if (is_row_number(dataset.features.col(c))) {
      auto const& name = dataset.feature_names[static_cast<std::size_t>(c)];
      print(fmt::format("\nWARNING: column '{0}' looks like a row number: a leak; use --drop {0}\n",
                        name));
    }
}

void print_classes(Dataset const& dataset) {
  if (!dataset.has_labels()) return print("\nno labels\n");
  print(fmt::format("\nlabel {}\n", dataset.label_name));
  print(report::render(class_table(dataset), {.digits = 4, .width = {}}));
}

void describe_one(Dataset const& dataset, DataSettings const& settings, double reading) {
  Stopwatch watch;
  auto const encoded = EncodedTable::encode(dataset);
  auto const encoding = watch.seconds();
  auto const lines = lines_of(encoded);
  auto const shown = settings.all ? lines.size() : std::min(lines.size(), lines_unless_all);
  auto const matrix_bytes = static_cast<double>(dataset.features.size()) * sizeof(float);

  print(fmt::format("{}: {} rows, {} columns, {} classes\n", dataset.name,
                    text::grouped(dataset.rows()), dataset.columns(), dataset.classes()));
  print(fmt::format("columns  {}\n", kinds_in_words(lines)));
  print(fmt::format("memory   {} as float32, {} encoded\n", text::bytes(matrix_bytes),
                    text::bytes(static_cast<double>(encoded.bytes().size()))));
  print(fmt::format("time     {} to read, {} to encode\n\n", text::duration(reading),
                    text::duration(encoding)));
  print(report::render(column_table(dataset, std::span{lines}.first(shown)),
                       {.digits = 6, .width = {}}));
  if (shown < lines.size())
    print(fmt::format("... and {} more; --all prints them\n", lines.size() - shown));
  print_classes(dataset);
  warn_of_row_numbers(dataset);
}

int describe(DataSettings const& settings) {
  Stopwatch watch;
  auto const loaded = data::load(settings.source, settings.seed);
  auto const reading = watch.seconds();
  describe_one(loaded.train, settings, reading);
  if (loaded.test) {
    print(fmt::format("\n{}: a test set of {} rows comes with it\n", loaded.test->name,
                      text::grouped(loaded.test->rows())));
    print_classes(*loaded.test);
  }
  return 0;
}

void refuse_to_replace(fs::path const& file, DataSettings const& settings) {
  if (!settings.overwrite && fs::exists(file))
    throw UserError{file.string() + " is there already; give --overwrite or another --out"};
}

void write(Dataset const& dataset, fs::path const& file) {
  data::write_hdf5(file, dataset);
  print(fmt::format("{}: {} rows, {} columns, {} classes, {}\n", file.string(),
                    text::grouped(dataset.rows()), dataset.columns(), dataset.classes(),
                    text::bytes(static_cast<double>(fs::file_size(file)))));
}

int convert(DataSettings const& settings) {
  if (settings.out.empty()) throw UserError{"--out is missing: the file to write, as in out.h5"};
  fs::path const out = settings.out;
  check_output("--out", out, ".h5", {settings.source.data});
  refuse_to_replace(out, settings);
  auto const loaded = data::load(settings.source, settings.seed);
  auto const test_out =
      out.parent_path() / (out.stem().string() + "-test" + out.extension().string());
  if (loaded.test) refuse_to_replace(test_out, settings);
  write(loaded.train, out);
  if (loaded.test) write(*loaded.test, test_out);
  return 0;
}

int synth(DataSettings const& settings) {
  if (!settings.source.data.starts_with("synthetic:"))
    throw UserError{
        fmt::format("--data is '{}', but synth needs a generator: give one as in "
                    "--data synthetic:forest-cover,rows=10000",
                    settings.source.data)};
  return convert(settings);
}

}  // namespace

int run_data(std::span<std::string const> words) {
  DataSettings settings;
  Options options;
  settings.describe(options);
  auto const line = read_command_line(
      "data", "Describes a data set, or writes it in Canopy's HDF5 form.", options, words);
  if (line.help) {
    print(*line.help);
    return 0;
  }
  if (settings.action == "describe") return describe(settings);
  if (settings.action == "convert") return convert(settings);
  if (settings.action == "synth") return synth(settings);
  throw UserError{"what to do with the data? Say describe, convert or synth"};
}

}  // namespace canopy::app
