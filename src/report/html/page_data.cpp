#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>
#include <type_traits>
#include <variant>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "canopy/core/toml.hpp"
#include "canopy/report/page.hpp"
#include "canopy/report/page_tables.hpp"

namespace canopy::report {
namespace {

using json = nlohmann::ordered_json;  // columns and settings stay in their order

/// Seven digits say all that a chart can show, in half the bytes.
json short_number(double value) {
  if (!std::isfinite(value)) return nullptr;
  return std::strtod(fmt::format("{:.7g}", value).c_str(), nullptr);
}

/// JavaScript's numbers are doubles.
template <class Integer>
json whole_number(Integer value) {
  constexpr auto limit = std::int64_t{1} << 53;
  bool fits = value <= static_cast<Integer>(limit);
  if constexpr (std::is_signed_v<Integer>) fits = fits && value >= -limit;
  if (fits) return value;
  return std::to_string(value);
}

json json_of(std::int64_t value) {
  return whole_number(value);
}
json json_of(double value) {
  return short_number(value);
}
json json_of(std::string const& value) {
  return value;
}

json text_column(std::vector<std::string> const& values) {
  std::map<std::string, std::size_t> places;
  json words = json::array(), at = json::array();
  for (auto const& value : values) {
    auto const [place, is_new] = places.emplace(value, places.size());
    if (is_new) words.push_back(value);
    at.push_back(place->second);
  }
  if (2 * words.size() > values.size()) return values;
  return {{"words", std::move(words)}, {"at", std::move(at)}};
}

json json_of(Table const& table) {
  json columns = json::object();
  auto const arrays = table.to_arrays();
  for (auto const& [name, array] : arrays.arrays())
    columns[name] = std::visit(
        [](auto const& values) -> json {
          using Value = typename std::decay_t<decltype(values)>::value_type;
          if constexpr (std::is_same_v<Value, std::string>) {
            return text_column(values);
          } else {
            json cells = json::array();
            for (auto const value : values) {
              if constexpr (std::is_floating_point_v<Value>)
                cells.push_back(short_number(value));
              else
                cells.push_back(whole_number(std::int64_t{value}));
            }
            return cells;
          }
        },
        array.data);
  return columns;
}

json plain(toml::node const& node) {
  if (auto const* list = node.as_array()) {
    json values = json::array();
    for (auto const& value : *list) values.push_back(plain(value));
    return values;
  }
  if (auto const value = node.value_exact<std::string>()) return *value;
  if (auto const value = node.value_exact<bool>()) return *value;
  if (auto const value = node.value_exact<std::int64_t>()) return whole_number(*value);
  if (auto const value = node.value_exact<double>()) return *value;
  return nullptr;
}

void flatten(toml::table const& table, std::string const& prefix, json& out) {
  for (auto const& [key, node] : table) {
    auto const name = prefix + std::string{key.str()};
    if (auto const* inner = node.as_table())
      flatten(*inner, name + ".", out);
    else
      out[name] = plain(node);
  }
}

json settings_of(std::string const& settings) {
  json out = json::object();
  try {
    flatten(toml::parse(settings), "", out);
  } catch (toml::parse_error const&) {
    out["text"] = settings;  // the rest of the run may still be worth a look
  }
  return out;
}

json attributes_of(record::RunRecord const& run) {
  return {{"command", run.command},
          {"status", run.status},
          {"exit_code", run.exit_code},
          {"version", run.version},
          {"git", run.git},
          {"started", run.started},
          {"finished", run.finished},
          {"wall_seconds", short_number(run.wall_seconds)},
          {"seed", whole_number(run.seed)},
          {"np", run.np},
          {"nodes", run.nodes}};
}

json run_data(RunOnPage const& run, std::size_t max_cells) {
  auto const& record = run.record;
  auto const shown = page_tables(record, max_cells);
  json data{{"name", run.name},
            {"attributes", attributes_of(record)},
            {"settings", settings_of(record.settings)},
            {"environment", json::object()},
            {"tables", json::object()},
            {"notes", shown.notes}};
  for (auto const& [name, value] : record.environment.attributes())
    data["environment"][name] = std::visit([](auto const& held) { return json_of(held); }, value);
  for (auto const& table : shown.tables) data["tables"][table.name()] = json_of(table);
  if (record.model_row) data["tables"]["model"] = json_of(*record.model_row);
  return data;
}

}  // namespace

json page_data(std::span<RunOnPage const> runs, PageOptions const& options) {
  constexpr std::size_t most = 60'000, least = 15'000, together = 240'000;  // cells of a table
  auto const cells = std::clamp(together / std::max<std::size_t>(1, runs.size()), least, most);
  json data{{"runs", json::array()}, {"options", json::object()}};
  for (auto const& run : runs) data["runs"].push_back(run_data(run, cells));
  if (!options.data_url.empty())
    data["options"] = {{"data_url", options.data_url},
                       {"refresh_seconds", options.refresh_seconds}};
  if (!options.home_url.empty()) data["options"]["home_url"] = options.home_url;
  return data;
}

std::string page_data_text(std::span<RunOnPage const> runs, PageOptions const& options) {
  auto const text = page_data(runs, options).dump(-1, ' ', false, json::error_handler_t::replace);
  std::string safe;
  safe.reserve(text.size());
  for (char const c : text) {
    if (c == '<')
      safe += "\\u003c";  // stands in strings only
    else
      safe += c;
  }
  return safe;
}

}  // namespace canopy::report
