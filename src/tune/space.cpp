#include "canopy/tune/space.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "canopy/core/text.hpp"
#include "canopy/core/toml.hpp"

namespace canopy::tune {

std::string const* find(Configuration const& configuration, std::string_view name) {
  for (auto const& [key, value] : configuration)
    if (key == name) return &value;
  return nullptr;
}

void put(Configuration& configuration, std::string_view name, std::string_view value) {
  auto const found = std::ranges::find(configuration, name, &Configuration::value_type::first);
  if (found != configuration.end())
    found->second = value;
  else
    configuration.emplace_back(name, value);
}

Configuration defaults_of(Options const& options) {
  Configuration all;
  for (auto const& row : options.rows())
    all.emplace_back(text::replace_all(row.name, '-', '_'), row.initial);
  return all;
}

std::string to_text(Configuration const& configuration) {
  std::vector<std::string> words;
  for (auto const& [name, value] : configuration) words.push_back(name + "=" + value);
  return text::join(words, ", ");
}

std::string Parameter::at(double u) const {
  auto const scaled = u * static_cast<double>(parts());
  auto const part = std::min(static_cast<std::size_t>(scaled), parts() - 1);
  return at(Place{part, scaled - static_cast<double>(part)});
}

namespace {

/// The range of a parameter stretched from 0 to 1. An integer has all numbers from itself to the
/// next one.
struct Stretch {
  explicit Stretch(Parameter const& parameter)
      : low{parameter.low},
        high{parameter.high + (parameter.kind == Parameter::Kind::integer ? 1 : 0)},
        log{parameter.log} {}

  double at(double within) const {
    return log ? low * std::pow(high / low, within) : low + within * (high - low);
  }
  double within(double value) const {
    if (low == high) return 0.5;
    auto const place =
        log ? std::log(value / low) / std::log(high / low) : (value - low) / (high - low);
    return std::clamp(place, 0.0, 1.0);
  }

  double low;
  double high;
  bool log;
};

int step_at(Parameter const& parameter, double within) {
  return std::clamp(static_cast<int>(within * parameter.points), 0, parameter.points - 1);
}

double whole(Parameter const& parameter, double within) {
  return std::clamp(std::floor(Stretch{parameter}.at(within)), parameter.low, parameter.high);
}

}  // namespace

std::string Parameter::at(Place place) const {
  if (place.part < values.size()) return values[place.part];
  if (stepped) return step_value(step_at(*this, place.within));
  if (kind == Kind::integer)
    return std::to_string(static_cast<std::int64_t>(whole(*this, place.within)));
  return text::shortest(std::min(Stretch{*this}.at(place.within), high));
}

std::optional<Parameter::Place> Parameter::place(std::string_view value) const {
  auto const word = std::ranges::find(values, value);
  if (word != values.end()) return Place{static_cast<std::size_t>(word - values.begin()), 0.5};
  if (kind == Kind::list) return {};
  if (stepped) {
    for (int step = 0; step < points; ++step)
      if (step_value(step) == value) return Place{values.size(), (step + 0.5) / points};
    return {};
  }
  auto const number = text::to_double(value);
  if (!number || !(low <= *number && *number <= high)) return {};
  if (kind == Kind::real) return Place{values.size(), Stretch{*this}.within(*number)};
  if (std::floor(*number) != *number) return {};
  auto const [first, last] =
      std::pair{Stretch{*this}.within(*number), Stretch{*this}.within(*number + 1)};
  return Place{values.size(), (first + last) / 2};
}

std::pair<double, double> Parameter::cell(double within) const {
  if (stepped) {
    double const step = step_at(*this, within);
    return {step / points, (step + 1) / points};
  }
  if (kind != Kind::integer) return {within, within};
  auto const value = whole(*this, within);
  return {Stretch{*this}.within(value), Stretch{*this}.within(value + 1)};
}

std::string Parameter::step_value(int step) const {
  auto const share = points == 1 ? 0.5 : step / (points - 1.0);
  auto const value = log ? low * std::pow(high / low, share) : low + share * (high - low);
  return kind == Kind::integer ? std::to_string(std::llround(value))
                               : text::shortest(std::clamp(value, low, high));
}

std::vector<std::string> Parameter::grid() const {
  auto all = values;
  if (kind == Kind::list) return all;
  for (int step = 0; step < points; ++step) {
    auto word = step_value(step);
    if (std::ranges::find(all, word) == all.end()) all.push_back(std::move(word));
  }
  return all;
}

bool Parameter::is_active(Configuration const& earlier) const {
  if (!condition) return true;
  auto const* value = find(earlier, condition->parameter);
  return value != nullptr &&
         std::ranges::find(condition->values, *value) != condition->values.end();
}

namespace {

/// Reads one `name = { ... }` of the space.
class ParameterReader {
 public:
  ParameterReader(TomlNode const& space, std::string name, toml::table const& table)
      : space_{space}, name_{std::move(name)}, table_{table} {}

  Parameter read() const {
    refuse_unknown_keys();
    Parameter parameter;
    parameter.name = name_;
    auto const type = word("type");
    if (type != "int" && type != "float" && type != "categorical")
      throw error(fmt::format("type is '{}', expected int, float or categorical", type));
    if (type == "categorical") {
      parameter.values = words("values");
      if (parameter.values.empty()) throw error("values = [...] is missing or empty");
    } else {
      read_range(parameter, type == "int");
    }
    read_condition(parameter);
    return parameter;
  }

 private:
  UserError error(std::string const& text) const {
    return space_.error(table_, name_ + ": " + text);
  }

  void refuse_unknown_keys() const {
    static std::vector<std::string> const known{"type",    "low",  "high",   "log", "points",
                                                "stepped", "also", "values", "if",  "is"};
    for (auto const& [key, node] : table_)
      if (std::ranges::find(known, key.str()) == known.end())
        throw space_.error(
            node, fmt::format("{}: unknown key '{}'{}; known are {}", name_, key.str(),
                              text::did_you_mean(key.str(), known), text::join(known, ", ")));
  }

  void read_range(Parameter& parameter, bool integer) const {
    parameter.kind = integer ? Parameter::Kind::integer : Parameter::Kind::real;
    parameter.low = number("low");
    parameter.high = number("high");
    parameter.log = table_["log"].value_or(false);
    parameter.points = table_["points"].value_or(parameter.points);
    parameter.stepped = table_["stepped"].value_or(false);
    parameter.values = words("also");
    if (!(parameter.low <= parameter.high)) throw error("low is above high");
    if (parameter.log && parameter.low <= 0) throw error("a log range must begin above 0");
    if (parameter.points < 1) throw error("points is below 1");
    if (integer && (std::floor(parameter.low) != parameter.low ||
                    std::floor(parameter.high) != parameter.high))
      throw error("low and high of an int must be whole numbers");
  }

  void read_condition(Parameter& parameter) const {
    if (!table_.contains("if")) return;
    parameter.condition = {word("if"), words("is")};
    if (parameter.condition->values.empty()) throw error("`if` needs `is = [values]`");
  }

  std::string word(char const* key) const {
    auto const* node = table_.get(key);
    if (node == nullptr) throw error(std::string{key} + " is missing");
    return toml_text(space_, *node);
  }
  std::vector<std::string> words(char const* key) const {
    std::vector<std::string> result;
    auto const* node = table_.get(key);
    if (node == nullptr) return result;
    auto const* list = node->as_array();
    if (list == nullptr) return {toml_text(space_, *node)};
    for (auto const& item : *list) result.push_back(toml_text(space_, item));
    return result;
  }
  double number(char const* key) const {
    auto const value = table_[key].value<double>();
    if (!value || !std::isfinite(*value)) throw error(std::string{key} + " = NUMBER is missing");
    return *value;
  }

  TomlNode const& space_;
  std::string name_;
  toml::table const& table_;
};

std::string quoted_list(std::vector<std::string> const& words) {
  return fmt::format("[\"{}\"]", fmt::join(words, "\", \""));
}

std::string print(Parameter const& parameter) {
  std::string out;
  if (parameter.kind == Parameter::Kind::list) {
    out = fmt::format("type = \"categorical\", values = {}", quoted_list(parameter.values));
  } else {
    auto const integer = parameter.kind == Parameter::Kind::integer;
    out = fmt::format("type = \"{}\", low = {}, high = {}", integer ? "int" : "float",
                      text::shortest(parameter.low), text::shortest(parameter.high));
    if (parameter.log) out += ", log = true";
    if (parameter.points != Parameter{}.points)
      out += fmt::format(", points = {}", parameter.points);
    if (parameter.stepped) out += ", stepped = true";
    if (!parameter.values.empty()) out += ", also = " + quoted_list(parameter.values);
  }
  if (auto const& condition = parameter.condition)
    out +=
        fmt::format(", if = \"{}\", is = {}", condition->parameter, quoted_list(condition->values));
  return fmt::format("{} = {{ {} }}\n", parameter.name, out);
}

}  // namespace

Space Space::from_toml(TomlNode const& node) {
  Space space;
  std::vector<std::pair<toml::source_position, Parameter>> found;
  std::vector<std::pair<toml::source_position, Configuration::value_type>> fixed;
  for (auto const& [key, value] : node.table) {
    auto const name = text::replace_all(std::string{key.str()}, '-', '_');
    auto const at = value.source().begin;
    if (auto const* table = value.as_table()) {
      found.emplace_back(at, ParameterReader{node, name, *table}.read());
    } else if (auto const* list = value.as_array()) {
      if (list->empty()) throw node.error(value, name + ": the list of values is empty");
      Parameter parameter;
      parameter.name = name;
      for (auto const& item : *list) parameter.values.push_back(toml_text(node, item));
      found.emplace_back(at, std::move(parameter));
    } else {
      fixed.emplace_back(at, Configuration::value_type{name, toml_text(node, value)});
    }
  }
  // toml++ sorts keys by name; people expect the order they wrote.
  auto const place = [](auto const& item) { return std::pair{item.first.line, item.first.column}; };
  std::ranges::stable_sort(found, {}, place);
  std::ranges::stable_sort(fixed, {}, place);
  for (auto& [at, entry] : fixed) space.fixed_.push_back(std::move(entry));
  for (auto& [at, parameter] : found) {
    auto const known = [&](Parameter const& earlier) {
      return earlier.name == parameter.condition->parameter;
    };
    if (parameter.condition && std::ranges::none_of(space.searched_, known) &&
        find(space.fixed_, parameter.condition->parameter) == nullptr)
      throw UserError{fmt::format("{}: line {}: {}: `if = \"{}\"` names no parameter above it",
                                  node.file, at.line, parameter.name,
                                  parameter.condition->parameter)};
    space.searched_.push_back(std::move(parameter));
  }
  return space;
}

Space Space::from_toml_text(std::string const& text) {
  static std::string const file = "space";
  try {
    auto const table = toml::parse(text, file);
    return from_toml(TomlNode{table, file});
  } catch (toml::parse_error const& e) {
    auto const at = e.source().begin;
    throw UserError{
        fmt::format("{}: line {}, column {}: {}", file, at.line, at.column, e.description())};
  }
}

std::string Space::to_toml() const {
  std::string out = "[space]\n";
  for (auto const& parameter : searched_) out += print(parameter);
  for (auto const& [name, value] : fixed_) out += fmt::format("{} = \"{}\"\n", name, value);
  return out;
}

std::vector<std::string> Space::names() const {
  std::vector<std::string> names;
  for (auto const& parameter : searched_) names.push_back(parameter.name);
  for (auto const& [name, value] : fixed_) names.push_back(name);
  return names;
}

Configuration Space::at(std::span<double const> point) const {
  auto configuration = fixed_;
  for (std::size_t i = 0; i < searched_.size(); ++i)
    if (searched_[i].is_active(configuration))
      configuration.emplace_back(searched_[i].name, searched_[i].at(point[i]));
  return configuration;
}

Space Space::without(std::vector<std::string> const& names) const {
  auto rest = *this;
  auto const is_named = [&](std::string const& name) {
    return std::ranges::find(names, name) != names.end();
  };
  std::erase_if(rest.searched_, [&](Parameter const& p) { return is_named(p.name); });
  std::erase_if(rest.fixed_, [&](auto const& entry) { return is_named(entry.first); });
  return rest;
}

Space Space::stepped() const {
  auto steps = *this;
  for (auto& parameter : steps.searched_)
    parameter.stepped = parameter.kind != Parameter::Kind::list;
  return steps;
}

std::vector<Configuration> Space::grid() const {
  constexpr std::size_t most = 1'000'000;
  std::vector<Configuration> all{fixed_};
  for (auto const& parameter : searched_) {
    std::vector<Configuration> longer;
    auto const values = parameter.grid();
    for (auto const& configuration : all) {
      if (!parameter.is_active(configuration)) {
        longer.push_back(configuration);
        continue;
      }
      for (auto const& value : values) {
        longer.push_back(configuration);
        longer.back().emplace_back(parameter.name, value);
      }
      if (longer.size() > most)
        throw UserError{
            "the grid has more than a million points; lower `points` in [space] or use "
            "--search random"};
    }
    all = std::move(longer);
  }
  return all;
}

}  // namespace canopy::tune
