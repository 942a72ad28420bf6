#include <algorithm>
#include <map>
#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "canopy/core/options.hpp"

namespace canopy {
namespace {

/// "--max_depth=3" -> "--max-depth=3": the two spellings are one option.
std::string normalised(std::string word) {
  if (!word.starts_with("--")) return word;
  auto const end = std::min(word.find('='), word.size());
  std::replace(word.begin(), word.begin() + static_cast<std::ptrdiff_t>(end), '_', '-');
  return word;
}

/// Range and default stand in the description, so that the left column stays narrow.
class HelpPage : public CLI::Formatter {
 public:
  std::string make_option_opts(CLI::Option const* option) const override {
    return option->get_type_name().empty() ? "" : " " + option->get_type_name();
  }
};

class Parser {
 public:
  Parser(std::string const& command, std::string const& summary, Options const& options)
      : app_{summary, "canopy " + command}, options_{options} {
    auto page = std::make_shared<HelpPage>();
    page->column_width(30);
    app_.formatter(std::move(page));
    app_.set_help_flag("-h,--help", "print this page and leave");
    app_.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    for (auto const& row : options.rows()) add(row);
    app_.add_option("--config", config_, "read options from a TOML file; the command line wins")
        ->type_name("FILE")
        ->group("Settings file");
  }

  /// False when help was asked for.
  bool parse(std::span<std::string const> words) {
    std::vector<std::string> reversed;
    for (auto const& word : words) reversed.push_back(normalised(word));
    std::ranges::reverse(reversed);
    try {
      app_.parse(reversed);
    } catch (CLI::CallForHelp const&) {
      return false;
    } catch (CLI::ExtrasError const&) {
      refuse(app_.remaining());
    } catch (CLI::ParseError const& e) {
      throw UserError{std::string{e.what()} + "; `" + app_.get_name() +
                      " --help` lists the options"};
    }
    return true;
  }

  std::string help() const {
    auto page = app_.help();
    for (auto const& section : options_.sections())
      page += fmt::format("\n[{}] in the TOML file\n{}\n", section.name, section.help);
    return page;
  }

  std::string const& config() const { return config_; }
  std::map<std::string, std::string> const& given() const { return given_; }

 private:
  void add(Options::Row const& row) {
    auto const take = [this, name = row.name](CLI::results_t const& words) {
      given_[name] = words.back();
      return true;
    };
    auto const spelling = row.is_positional ? row.name : "--" + row.name;
    auto* option = app_.add_option(spelling, take, row.help);
    if (row.is_flag) option->expected(0, 1)->default_str("true");
    option->type_name(row.is_flag ? "[true|false]" : "VALUE")->group(row.group);
    option->description(fmt::format("{} ({}) [{}]", row.help, row.range, row.initial));
  }

  /// Throws for the first word that fits no option.
  [[noreturn]] void refuse(std::vector<std::string> words) const {
    if (words.size() > 1) std::erase(words, "--");
    auto const spelling = words.at(0).substr(0, words[0].find('='));
    auto const name = spelling.substr(std::min(spelling.find_first_not_of('-'), spelling.size()));
    if (name.empty() || !spelling.starts_with('-'))
      throw UserError{fmt::format("unexpected word '{}'; `{} --help` lists what is accepted",
                                  words[0], app_.get_name())};
    auto names = options_.names();
    names.emplace_back("config");
    throw UnknownOption{fmt::format("unknown option {}{}; `{} --help` lists all", spelling,
                                    Options::did_you_mean(name, names), app_.get_name()),
                        {name}};
  }

  CLI::App app_;
  Options const& options_;
  std::string config_;
  std::map<std::string, std::string> given_;
};

}  // namespace

CommandLine read_command_line(std::string const& command, std::string const& summary,
                              Options& options, std::span<std::string const> words) {
  Parser parser{command, summary, options};
  if (!parser.parse(words)) return {parser.help(), {}};
  CommandLine result;
  if (!parser.config().empty()) options.read_toml(parser.config());
  for (auto const& [name, value] : parser.given()) {
    options.set(name, value);
    result.given.push_back(name);
  }
  return result;
}

}  // namespace canopy
