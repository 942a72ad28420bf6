#pragma once

#include <concepts>
#include <filesystem>
#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "canopy/core/error.hpp"
#include "canopy/core/rule.hpp"
#include "canopy/core/text.hpp"

namespace canopy {

struct TomlNode;  // canopy/core/toml.hpp

/// How one type of setting is written. Specialise for an enum by listing its names in order:
///     template <> struct Names<Criterion> { static constexpr std::array value{"gini", "entropy"};
///     };
template <class T>
struct Names;

template <class T>
struct TextForm {
  static std::optional<T> parse(std::string_view word) {
    if constexpr (std::is_enum_v<T>) {
      for (std::size_t i = 0; i < Names<T>::value.size(); ++i)
        if (word == Names<T>::value[i]) return static_cast<T>(i);
      return {};
    } else if constexpr (std::same_as<T, bool>) {
      if (word == "true" || word == "True") return true;
      if (word == "false" || word == "False") return false;
      return {};
    } else if constexpr (std::integral<T>) {
      auto const value = text::to_int(word);
      if (!value || !std::in_range<T>(*value)) return {};
      return static_cast<T>(*value);
    } else if constexpr (std::floating_point<T>) {
      return text::to_double(word);
    } else {
      return T{word};
    }
  }
  static std::string print(T const& value) {
    if constexpr (std::is_enum_v<T>)
      return Names<T>::value[static_cast<std::size_t>(value)];
    else if constexpr (std::same_as<T, bool>)
      return value ? "true" : "false";
    else if constexpr (std::integral<T>)
      return std::to_string(value);
    else if constexpr (std::floating_point<T>)
      return text::shortest(value);
    else
      return std::string{value};
  }
};

/// A setting that may be absent is written "None", scikit-learn's word.
template <class T>
struct TextForm<std::optional<T>> {
  static std::optional<std::optional<T>> parse(std::string_view word) {
    if (word == "None" || word == "none") return std::optional<T>{};
    auto value = TextForm<T>::parse(word);
    if (!value) return {};
    return std::optional<T>{std::move(value)};
  }
  static std::string print(std::optional<T> const& value) {
    return value ? TextForm<T>::print(*value) : "None";
  }
};

/// A list is written with commas.
template <class T>
struct TextForm<std::vector<T>> {
  static std::optional<std::vector<T>> parse(std::string_view words) {
    std::vector<T> values;
    if (words.empty()) return values;
    for (auto const& word : text::split(words, ',')) {
      auto value = TextForm<T>::parse(text::trim(word));
      if (!value) return {};
      values.push_back(std::move(*value));
    }
    return values;
  }
  static std::string print(std::vector<T> const& values) {
    std::vector<std::string> words;
    for (auto const& value : values) words.push_back(TextForm<T>::print(value));
    return text::join(words, ",");
  }
};

/// What to add to a rule for a word that is no T at all: 1e9 is at least 1, and 99999999999 too.
template <class T>
std::string how_to_write(std::string_view word) {
  if constexpr (requires { typename T::value_type; } && !std::same_as<T, std::string>) {
    return how_to_write<typename T::value_type>(word);
  } else if constexpr (std::integral<T> && !std::same_as<T, bool>) {
    auto const number = text::to_int(word);
    if (!number) return ", a whole number in digits";
    return *number > 0 ? ", up to " + std::to_string(std::numeric_limits<T>::max()) : "";
  } else {
    return "";
  }
}

/// A command has no option of that name; `all` are the names that were given together with it, in
/// one settings file, and tell whose it is.
struct UnknownOption : UserError {
  UnknownOption(std::string const& text, std::vector<std::string> names)
      : UserError{text}, all{std::move(names)} {}
  std::vector<std::string> all;
};

/// The options of one command, each said once: the command line, the TOML file, --help, the checks
/// and the record of a finished run are all read from these rows. A settings struct fills them in:
///
///     void describe(Options& o) {
///       o.group("Search");
///       o.row("trials", trials, "configurations to try, the default included", at_least(1));
///     }
///
/// The defaults are the struct's member initialisers. Rows refer to the struct they were made from,
/// so the struct must outlive the Options.
class Options {
 public:
  struct Row {
    std::string name;   ///< words joined by '-'
    std::string group;  ///< heading in --help
    std::string help;
    std::string range;        ///< the rule in words
    std::string initial;      ///< the default as text
    bool is_flag = false;     ///< --name alone means true
    bool is_text = false;     ///< written in quotes in TOML
    bool is_recorded = true;  ///< part of what makes a run repeatable
    bool is_positional = false;
    std::function<void(std::string const&)> set;  ///< parses and checks; throws UserError
    std::function<std::string()> get;
  };

  /// A TOML table with a shape of its own, such as a search space.
  struct Section {
    std::string name;
    std::string help;
    std::function<void(TomlNode const&)> read;
    std::function<std::string()> print;  ///< TOML text, heading lines included
  };

  Options& group(std::string heading) {
    group_ = std::move(heading);
    return *this;
  }

  template <class T>
  Row& row(std::string name, T& field, std::string help, std::type_identity_t<Rule<T>> rule) {
    auto spelling = "--" + name;
    return add(std::move(spelling), std::move(name), field, std::move(help), std::move(rule));
  }

  /// Given by place, not by name: `canopy show RUN.h5 TABLE`.
  template <class T>
  Row& positional(std::string name, T& field, std::string help,
                  std::type_identity_t<Rule<T>> rule) {
    auto& added = add(name, name, field, std::move(help), std::move(rule));
    added.is_positional = true;
    return added;
  }

  /// Takes back a row that one part described and the whole says in another way.
  void leave_out(std::string_view name) {
    std::erase_if(rows_, [name](Row const& row) { return row.name == name; });
  }

  void section(Section section) { sections_.push_back(std::move(section)); }

  /// Sets one option by name ('-' and '_' are the same); UnknownOption when there is none.
  void set(std::string_view name, std::string const& value);
  bool has(std::string_view name) const;
  /// Is this a name of an option or of a section? A settings file may hold both.
  bool takes(std::string_view name) const;
  std::vector<std::string> names() const;
  /// text::did_you_mean() of names of options, with the dashes that they are given with.
  static std::string did_you_mean(std::string_view name, std::vector<std::string> known);
  std::vector<Row> const& rows() const { return rows_; }
  std::vector<Section> const& sections() const { return sections_; }

  /// Reads a settings file; errors say FILE: line N, column C.
  void read_toml(std::filesystem::path const& file);
  void read_toml_text(std::string const& toml, std::string const& file);
  /// The effective settings; reading this back gives the same ones.
  std::string to_toml() const;

 private:
  UnknownOption unknown_section(std::string const& name) const;

  /// `spelling` is how the user gives it.
  template <class T>
  Row& add(std::string spelling, std::string name, T& field, std::string help, Rule<T> rule) {
    if constexpr (std::is_enum_v<T>)
      rule.names.assign(Names<T>::value.begin(), Names<T>::value.end());
    auto& added = rows_.emplace_back();
    added.name = std::move(name);
    added.group = group_;
    added.help = std::move(help);
    added.range = rule.text;
    added.initial = TextForm<T>::print(field);
    added.is_flag = std::same_as<T, bool>;
    added.is_text = !std::is_arithmetic_v<T>;
    added.get = [&field] { return TextForm<T>::print(field); };
    added.set = [&field, spelling = std::move(spelling),
                 rule = std::move(rule)](std::string const& word) {
      auto value = TextForm<T>::parse(word);
      if (!value || !rule.holds(*value))
        throw UserError{spelling + " is '" + word + "'" + text::did_you_mean(word, rule.names) +
                        ", expected " + rule.text + (value ? "" : how_to_write<T>(word))};
      field = std::move(*value);
    };
    return added;
  }

  std::string group_ = "Options";
  std::vector<Row> rows_;
  std::vector<Section> sections_;
};

/// What came of reading a command line.
struct CommandLine {
  std::optional<std::string> help;  ///< set when the user asked for --help: print it and leave
  std::vector<std::string> given;   ///< names of the options that were given, file or command line
};

/// Applies `--config FILE` first and then the words of the command line, so that the latter win.
/// Throws UserError for an unknown option (with the nearest known one) or a value out of range.
CommandLine read_command_line(std::string const& command, std::string const& summary,
                              Options& options, std::span<std::string const> words);

}  // namespace canopy
