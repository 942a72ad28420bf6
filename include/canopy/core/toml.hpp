#pragma once

#include <string>

#include <toml++/toml.h>

#include "canopy/core/error.hpp"

namespace canopy {

/// A table of a settings file and the name of that file, for messages.
struct TomlNode {
  toml::table const& table;
  std::string const& file;

  /// An error at `node`, as FILE: line N, column C: text.
  UserError error(toml::node const& node, std::string const& text) const {
    auto const at = node.source().begin;
    return UserError{file + ": line " + std::to_string(at.line) + ", column " +
                     std::to_string(at.column) + ": " + text};
  }
};

/// A scalar as the text that an option would be given: true, 3, 0.1, sqrt. Lists join by commas.
/// Throws UserError through `where` for anything else.
std::string toml_text(TomlNode const& where, toml::node const& value);

}  // namespace canopy
