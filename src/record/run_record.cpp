#include "canopy/record/run_record.hpp"

#include <algorithm>
#include <charconv>
#include <stdexcept>
#include <utility>

#include "canopy/store/arrays.hpp"

#include "schema.hpp"

namespace canopy::record {
namespace {

constexpr std::string_view own_groups[]{"environment", "model", "settings"};
constexpr std::string_view statuses[]{"complete", "interrupted", "failed"};

template <class Range>
bool is_in(Range const& all, std::string_view word) {
  return std::ranges::find(all, word) != std::ranges::end(all);
}

/// Runs `action`; core's errors, which know no file, get its name.
template <class Action>
auto naming(std::filesystem::path const& path, Action action) {
  try {
    return action();
  } catch (DataError const& e) {
    std::string const text = e.what();
    throw DataError{text.starts_with(path.string()) ? text : path.string() + ": " + text};
  }
}

void check(RunRecord const& run) {
  if (!is_in(statuses, run.status))
    throw std::logic_error{"run record: status '" + run.status + "' is not one"};
  if (run.model_row && run.model_row->rows() != 1)
    throw std::logic_error{"run record: the model's table has other than one row"};
  std::vector<std::string> names;
  for (auto const& table : run.tables) {
    if (table.name().empty() || table.name().find('/') != std::string::npos ||
        is_in(own_groups, table.name()) || is_in(names, table.name()))
      throw std::logic_error{"run record: table name '" + table.name() + "' cannot be used"};
    names.push_back(table.name());
  }
}

/// Files know signed numbers only; a seed beyond them stands as text.
NamedArrays::Attribute seed_attribute(std::uint64_t seed) {
  if (std::in_range<std::int64_t>(seed)) return static_cast<std::int64_t>(seed);
  return std::to_string(seed);
}

std::uint64_t seed_of(NamedArrays const& attributes) {
  auto const& value = attributes.attribute("seed");
  if (std::holds_alternative<std::string>(value)) {
    auto const& digits = std::get<std::string>(value);
    std::uint64_t seed = 0;
    auto const [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), seed);
    if (error == std::errc{} && end == digits.data() + digits.size()) return seed;
    throw DataError{"attribute 'seed' is '" + digits + "', expected a whole number"};
  }
  return static_cast<std::uint64_t>(attributes.int_attribute("seed"));
}

int small_int(NamedArrays const& attributes, std::string const& name) {
  auto const value = attributes.int_attribute(name);
  if (!std::in_range<int>(value)) throw DataError{"attribute '" + name + "' is out of range"};
  return static_cast<int>(value);
}

double real(NamedArrays const& attributes, std::string const& name) {
  auto const& value = attributes.attribute(name);
  if (auto const* number = std::get_if<double>(&value)) return *number;
  return static_cast<double>(attributes.int_attribute(name));
}

NamedArrays header_of(RunRecord const& run) {
  NamedArrays header;
  header.set_attribute("schema", std::string{schema});
  header.set_attribute("command", run.command);
  header.set_attribute("status", run.status);
  header.set_attribute("exit_code", std::int64_t{run.exit_code});
  header.set_attribute("version", run.version);
  header.set_attribute("git", run.git);
  header.set_attribute("started", run.started);
  header.set_attribute("finished", run.finished);
  header.set_attribute("wall_seconds", run.wall_seconds);
  header.set_attribute("seed", seed_attribute(run.seed));
  header.set_attribute("np", std::int64_t{run.np});
  header.set_attribute("nodes", std::int64_t{run.nodes});
  header.put("settings", std::vector<std::string>{run.settings});
  return header;
}

void read_header(RunRecord& run, NamedArrays const& header) {
  run.command = header.text_attribute("command");
  run.status = header.text_attribute("status");
  run.exit_code = small_int(header, "exit_code");
  run.version = header.text_attribute("version");
  run.git = header.text_attribute("git");
  run.started = header.text_attribute("started");
  run.finished = header.text_attribute("finished");
  run.wall_seconds = real(header, "wall_seconds");
  run.seed = seed_of(header);
  run.np = small_int(header, "np");
  run.nodes = small_int(header, "nodes");
}

std::string settings_in(store::File const& file) {
  auto const array = file.read_array("/", "settings");
  auto const* texts = std::get_if<std::vector<std::string>>(&array.data);
  if (texts == nullptr || texts->size() != 1) throw DataError{"'settings' is not a single text"};
  return texts->front();
}

void write_model(store::File& file, RunRecord const& run) {
  if (run.model_row) file.write("/model", run.model_row->to_arrays());
  if (run.model) file.write("/model/arrays", *run.model);
}

void read_tables(RunRecord& run, store::File const& file) {
  for (auto const& name : file.group_names("/"))
    if (!is_in(own_groups, name))
      run.tables.push_back(Table::from_arrays(name, file.read("/" + name)));
  if (file.has_group("/model") && !file.array_names("/model").empty())
    run.model_row = Table::from_arrays("model", file.read("/model"));
}

RunRecord read_from(store::File const& file, std::filesystem::path const& path) {
  RunRecord run;
  read_header(run, run_attributes(file, path));
  run.settings = settings_in(file);
  run.environment = file.read_attributes("/environment");
  read_tables(run, file);
  return run;
}

}  // namespace

NamedArrays run_attributes(store::File const& file, std::filesystem::path const& path) {
  auto attributes = file.read_attributes("/");
  if (!attributes.has_attribute("schema"))
    throw DataError{path.string() +
                    ": is an HDF5 file but no run file of canopy (it has no attribute 'schema')"};
  auto const found = naming(path, [&] { return attributes.text_attribute("schema"); });
  if (found != schema)
    throw DataError{path.string() + ": has schema '" + found + "', expected '" +
                    std::string{schema} + "'; read it with the version that wrote it"};
  auto const status = naming(path, [&] { return attributes.text_attribute("status"); });
  if (!is_in(statuses, status))
    throw DataError{path.string() + ": has the unknown status '" + status + "'"};
  return attributes;
}

Table const* RunRecord::table(std::string_view name) const {
  auto const found = std::ranges::find_if(tables, [&](auto const& t) { return t.name() == name; });
  return found == tables.end() ? nullptr : &*found;
}

void write(RunRecord const& run, std::filesystem::path const& path) {
  check(run);
  store::write_atomically(path, [&](store::File& file) {
    file.write("/", header_of(run));
    file.write("/environment", run.environment);
    for (auto const& table : run.tables) file.write("/" + table.name(), table.to_arrays());
    write_model(file, run);
  });
}

RunRecord read(std::filesystem::path const& path) {
  auto const file = store::File::open_read(path);
  return naming(path, [&] {
    auto run = read_from(file, path);
    if (file.has_group("/model/arrays")) run.model = file.read("/model/arrays");
    return run;
  });
}

RunRecord read_without_model(std::filesystem::path const& path) {
  auto const file = store::File::open_read(path);
  return naming(path, [&] { return read_from(file, path); });
}

NamedArrays read_model(std::filesystem::path const& path) {
  auto const file = store::File::open_read(path);
  auto const status = run_attributes(file, path).text_attribute("status");
  if (!file.has_group("/model/arrays"))
    throw DataError{path.string() + ": holds no model (status of the run: " + status +
                    "); give the run file of a finished run that trains one"};
  return file.read("/model/arrays");
}

}  // namespace canopy::record
