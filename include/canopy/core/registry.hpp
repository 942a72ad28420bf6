#pragma once

#include <algorithm>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "canopy/core/error.hpp"
#include "canopy/core/text.hpp"

namespace canopy {

/// The named ways to do one thing. The list is written out in one .cpp file: a reader sees every
/// choice at a glance and nothing depends on the order in which objects are linked.
template <class Interface, class... Args>
class Registry {
 public:
  struct Entry {
    std::string name;
    std::string summary;
    std::function<std::unique_ptr<Interface>(Args...)> make;
  };

  Registry(std::initializer_list<Entry> entries) : entries_{entries} {}

  /// Throws UserError naming the known choices when there is none called `name`.
  std::unique_ptr<Interface> make(std::string_view name, Args... args) const {
    auto const found = std::ranges::find(entries_, name, &Entry::name);
    if (found == entries_.end())
      throw UserError{"no such choice '" + std::string{name} + "'" +
                      text::did_you_mean(name, names()) +
                      ", known are: " + text::join(names(), ", ")};
    return found->make(args...);
  }

  std::vector<std::string> names() const {
    std::vector<std::string> result;
    for (auto const& entry : entries_) result.push_back(entry.name);
    return result;
  }

  std::vector<Entry> const& entries() const { return entries_; }

 private:
  std::vector<Entry> entries_;
};

}  // namespace canopy
