#include "canopy/data/source.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <numeric>

#include "canopy/core/error.hpp"
#include "canopy/core/random.hpp"
#include "canopy/core/text.hpp"
#include "canopy/data/readers.hpp"

#include "columns.hpp"
#include "csv.hpp"
#include "gzip.hpp"
#include "synthetic.hpp"

namespace canopy::data {
namespace {

namespace fs = std::filesystem;

std::int64_t constexpr kaggle_rows = 15120;
std::int64_t constexpr mnist_rows = 60000;
std::int64_t constexpr most_rows = 100'000'000;
std::string const synthetic = "synthetic:";

/// A file that belongs to a named set: the first of `names` that is there.
std::optional<fs::path> first_of(fs::path const& folder, std::vector<std::string> const& names) {
  for (auto const& name : names)
    if (fs::exists(folder / name)) return folder / name;
  return {};
}

[[noreturn]] void not_fetched(std::string const& name, fs::path const& folder,
                              std::vector<std::string> const& looked_for) {
  auto const set = name == "forest-cover-full" ? "forest-cover" : name;
  auto const generator = set == "forest-cover" ? "synthetic:forest-cover" : "synthetic:mnist";
  throw DataError{name + ": the data is not there; looked for " + text::join(looked_for, " or ") +
                  " in " + folder.string() + "; run data/fetch.sh " + set + ", or use " +
                  generator};
}

fs::path require_file(Source const& source, fs::path const& folder,
                      std::vector<std::string> const& names) {
  if (auto const found = first_of(folder, names)) return *found;
  not_fetched(source.data, folder, names);
}

bool is_forest_cover(std::string const& name) {
  return name == "forest-cover" || name == "forest-cover-full";
}

fs::path forest_cover_file(Source const& source) {
  std::vector<std::string> names{"covtype.data.gz", "covtype.data"};
  if (source.data == "forest-cover") names.insert(names.begin(), "train.csv");
  return require_file(source, source.data_dir / "forest-cover", names);
}

std::int64_t rows_wanted(Source const& source) {
  return source.data == "forest-cover" ? kaggle_rows : CsvOptions{}.max_rows;
}

Loaded load_forest_cover(Source const& source, std::uint64_t) {
  auto const path = forest_cover_file(source);
  CsvOptions options;
  options.max_rows = rows_wanted(source);
  options.label = "Cover_Type";
  if (path.filename() == "train.csv") options.drop = {"Id"};
  return {read_csv(path, options), {}};
}

/// Train and test number the same classes, also when one lacks the highest.
void share_classes(Dataset& a, Dataset& b) {
  auto const& longer = a.classes() < b.classes() ? b.class_names : a.class_names;
  a.class_names = b.class_names = std::vector<std::string>{longer};
}

Dataset load_images(Source const& source, std::string const& part) {
  auto const folder = source.data_dir / source.data;
  auto const images = part + "-images-idx3-ubyte";
  auto const labels = part + "-labels-idx1-ubyte";
  auto const path = require_file(source, folder, {images + ".gz", images});
  require_file(source, folder, {labels + ".gz", labels});
  return read_idx(path);
}

Loaded load_digits(Source const& source, std::uint64_t) {
  Loaded loaded{load_images(source, "train"), load_images(source, "t10k")};
  share_classes(loaded.train, *loaded.test);
  return loaded;
}

std::int64_t synthetic_rows(Source const& source, std::int64_t initial) {
  auto const comma = source.data.find(',');
  if (comma == std::string::npos) return initial;
  auto const setting = source.data.substr(comma + 1);
  auto const rows = setting.starts_with("rows=") ? text::to_int(setting.substr(5)) : std::nullopt;
  if (!rows || *rows < 1 || *rows > most_rows)
    throw DataError{"--data is '" + source.data + "', expected ',rows=N' with N from 1 to " +
                    text::grouped(most_rows) + " after the generator's name"};
  return *rows;
}

Loaded make_forest_cover(Source const& source, std::uint64_t seed) {
  return {synthetic_forest_cover(synthetic_rows(source, kaggle_rows), Key{seed}.with("synthetic")),
          {}};
}

Loaded make_mnist(Source const& source, std::uint64_t seed) {
  auto [train, test] =
      synthetic_mnist(synthetic_rows(source, mnist_rows), Key{seed}.with("synthetic"));
  return {std::move(train), std::move(test)};
}

/// A named set and how to get it; `name` of a generator stands before any ",rows=N".
struct Entry {
  NamedSource about;
  Loaded (*load)(Source const&, std::uint64_t seed);
};

std::array<Entry, 6> const& table() {
  static std::array<Entry, 6> const entries{{
      {{"forest-cover", "Kaggle's forest cover training set: 15,120 rows, 54 features, 7 classes"},
       load_forest_cover},
      {{"forest-cover-full", "UCI's whole covertype set: 581,012 rows"}, load_forest_cover},
      {{"mnist", "handwritten digits: 60,000 + 10,000 images of 28 x 28"}, load_digits},
      {{"fashion-mnist", "clothes: 60,000 + 10,000 images of 28 x 28"}, load_digits},
      {{"synthetic:forest-cover", "generated in forest-cover's form; [,rows=N], 15,120 by default"},
       make_forest_cover},
      {{"synthetic:mnist", "generated in mnist's form; [,rows=N], 60,000 by default"}, make_mnist},
  }};
  return entries;
}

Entry const* find_entry(std::string const& data) {
  auto const name = data.starts_with(synthetic) ? data.substr(0, data.find(',')) : data;
  auto const found = std::ranges::find(table(), name, [](Entry const& e) { return e.about.name; });
  return found == table().end() ? nullptr : &*found;
}

[[noreturn]] void unknown(Source const& source) {
  std::vector<std::string> names;
  for (auto const& named : named_sources()) names.push_back(named.name);
  throw DataError{source.data + ": there is no such file or data set" +
                  text::did_you_mean(source.data, names) + ", expected a path or one of " +
                  text::join(names, ", ")};
}

/// What a file is, by its first bytes (after decompression).
enum class Kind { csv, idx, hdf5 };

Kind kind_of(fs::path const& path) {
  std::array<char, 8> head{};
  ByteSource source{path};
  auto const n = source.read(head.data(), head.size());
  std::string_view const start{head.data(), n};
  if (start == "\x89HDF\r\n\x1a\n") return Kind::hdf5;
  if (start.size() >= 4 && start[0] == '\0' && start[1] == '\0') return Kind::idx;
  return Kind::csv;
}

void require_labels(Source const& source, Dataset const& dataset) {
  if (dataset.has_labels()) return;
  throw DataError{
      source.data + ": there are no class labels, expected one for every row" +
      (dataset.label_name == "label" ? " in a file labels-idx1 beside the images" : "")};
}

/// For data that brings its label with it.
void check_label(Source const& source, Dataset const& dataset) {
  if (!source.label.empty() && source.label != dataset.label_name)
    throw DataError{source.data + ": --label is '" + source.label + "', expected '" +
                    dataset.label_name + "' or nothing: this data has its label fixed"};
}

void drop_columns(Source const& source, Dataset& dataset) {
  if (source.drop.empty()) return;
  std::vector<std::size_t> kept(dataset.feature_names.size());
  std::iota(kept.begin(), kept.end(), std::size_t{0});
  for (auto const& word : source.drop)
    std::erase(kept, require_column(source.data, dataset.feature_names, word, "--drop"));
  if (kept.empty()) throw DataError{source.data + ": --drop leaves no column"};
  select_columns(dataset, kept);
}

/// Everything but CSV, where label and dropped columns are settled while reading.
Loaded load_fixed(Source const& source, std::uint64_t seed) {
  if (auto const* entry = find_entry(source.data)) return entry->load(source, seed);
  if (kind_of(source.data) == Kind::idx) return {read_idx(source.data), {}};
  return {read_hdf5(source.data), {}};
}

void check_known(Source const& source) {
  if (source.data.empty()) throw DataError{"--data is empty, expected a data set's name or a path"};
  if (!find_entry(source.data) && !fs::exists(source.data)) unknown(source);
}

bool is_csv_file(Source const& source) {
  return !find_entry(source.data) && kind_of(source.data) == Kind::csv;
}

/// The plan of load_rows for a table with names.
void plan_by_name(CsvPlan& plan, fs::path const& path, CsvColumns const& columns,
                  std::vector<std::string> const& features, std::string const& label) {
  auto free = columns.names;  // a name that stands twice is two columns
  for (auto const& name : features) {
    auto const found = std::ranges::find(free, name);
    if (found == free.end())
      throw DataError{path.string() + ": line 1: there is no column '" + name +
                      "', expected every feature that the model was trained on" +
                      text::did_you_mean(name, columns.names)};
    plan.features.push_back(static_cast<std::size_t>(found - free.begin()));
    found->assign(1, '\0');  // equal to no name of a file
  }
  auto const found = std::ranges::find(free, label);
  if (!label.empty() && found != free.end())
    plan.label = static_cast<std::size_t>(found - free.begin());
}

/// The plan of load_rows for a table without: what is left after drop, id and label, in order.
void plan_by_place(CsvPlan& plan, fs::path const& path, CsvColumns const& columns,
                   Source const& source, std::size_t features) {
  std::vector<std::size_t> left(columns.names.size());
  std::iota(left.begin(), left.end(), std::size_t{0});
  for (auto const& word : source.drop)
    std::erase(left, require_column(path, columns.names, word, "--drop"));
  if (plan.id && left.size() > features) std::erase(left, *plan.id);
  if (left.size() == features + 1) {
    plan.label = source.label.empty()
                     ? left.back()
                     : require_column(path, columns.names, source.label, "the label (--label)");
    std::erase(left, *plan.label);
  }
  if (left.size() != features)
    throw DataError{path.string() + ": line 1: the line has " + std::to_string(left.size()) +
                    " columns to use, expected the model's " + std::to_string(features) +
                    " features, and perhaps its label as the last"};
  plan.features = std::move(left);
}

Unlabelled load_csv_rows(fs::path const& path, Source const& source,
                         std::vector<std::string> const& features, std::string const& label,
                         std::string const& id) {
  auto const choose = [&](CsvColumns const& columns) {
    CsvPlan plan;
    if (!id.empty()) plan.id = require_column(path, columns.names, id, "the id (--id)");
    if (columns.named)
      plan_by_name(plan, path, columns, features, label);
    else
      plan_by_place(plan, path, columns, source, features.size());
    return plan;
  };
  auto table = scan_csv(path, {}, rows_wanted(source), choose);
  table.dataset.feature_names = features;
  return {std::move(table.dataset), std::move(table.id)};
}

Unlabelled load_fixed_rows(Source const& source, std::vector<std::string> const& features,
                           std::string const& id, std::uint64_t seed) {
  if (!id.empty())
    throw DataError{source.data + ": there is no column '" + id +
                    "' for the id (--id), expected a CSV file that has one"};
  auto rows = load_fixed(source, seed).train;
  std::vector<std::size_t> places;
  for (auto const& name : features) {
    auto const place = find_column(rows.feature_names, name);
    if (!place)
      throw DataError{source.data + ": has no column '" + name +
                      "', which is a feature of the model; give rows with the columns that it was "
                      "trained on"};
    places.push_back(*place);
  }
  select_columns(rows, places);
  return {std::move(rows), {}};
}

}  // namespace

fs::path Source::default_dir() {
  auto const* given = std::getenv("CANOPY_DATA_DIR");
  return given && *given ? given : "data";
}

void Source::describe(Options& options) {
  options.group("Data");
  options.row("data", data, "data set by name, generator, or file (CSV, IDX, HDF5; .gz too)",
              any<std::string>("NAME|PATH"));
  options.row("data-dir", data_dir, "folder that holds the named sets ($CANOPY_DATA_DIR)",
              any<fs::path>("DIR"));
  options.row("label", label, "column of the class in a CSV file; the last when empty",
              any<std::string>("NAME|NUMBER"));
  options.row("drop", drop, "columns to leave out, such as an Id",
              any<std::vector<std::string>>("NAME|NUMBER,..."));
}

std::vector<NamedSource> const& named_sources() {
  static auto const sources = [] {
    std::vector<NamedSource> all;
    for (auto const& entry : table()) all.push_back(entry.about);
    return all;
  }();
  return sources;
}

Loaded load(Source const& source, std::uint64_t seed) {
  check_known(source);
  Loaded loaded;
  if (is_csv_file(source)) {
    loaded.train =
        read_csv(source.data, {.label = source.label, .drop = source.drop, .header = {}});
  } else {
    loaded = load_fixed(source, seed);
    check_label(source, loaded.train);
    drop_columns(source, loaded.train);
    if (loaded.test) drop_columns(source, *loaded.test);
  }
  require_labels(source, loaded.train);
  loaded.train.name = source.data;
  if (loaded.test) loaded.test->name = source.data;
  return loaded;
}

std::optional<DatasetPart> load_part(Source const& source, int part, int parts) {
  check_known(source);
  if (find_entry(source.data) || kind_of(source.data) != Kind::hdf5) return {};
  auto loaded = read_hdf5_part(source.data, part, parts);
  auto& rows = loaded.rows;
  check_label(source, rows);
  drop_columns(source, rows);
  if (rows.rows() > 0) require_labels(source, rows);
  rows.name = source.data;
  return loaded;
}

Unlabelled load_rows(Source const& source, std::vector<std::string> const& feature_names,
                     std::string const& label_name, std::string const& id, std::uint64_t seed) {
  check_known(source);
  auto loaded =
      is_forest_cover(source.data)
          ? load_csv_rows(forest_cover_file(source), source, feature_names, label_name, id)
      : is_csv_file(source) ? load_csv_rows(source.data, source, feature_names, label_name, id)
                            : load_fixed_rows(source, feature_names, id, seed);
  loaded.rows.name = source.data;
  return loaded;
}

}  // namespace canopy::data
