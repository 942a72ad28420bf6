#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "canopy/core/error.hpp"

namespace canopy {

/// A dense array of one of the element types that files and messages know. Row-major; an empty
/// shape means "one dimension, as long as the data".
struct Array {
  using Data =
      std::variant<std::vector<std::uint8_t>, std::vector<std::uint16_t>,
                   std::vector<std::uint32_t>, std::vector<std::int32_t>, std::vector<std::int64_t>,
                   std::vector<float>, std::vector<double>, std::vector<std::string>>;
  Data data;
  std::vector<std::int64_t> shape;

  std::size_t size() const {
    return std::visit([](auto const& values) { return values.size(); }, data);
  }
  friend bool operator==(Array const&, Array const&) = default;
};

/// How models and tables travel between rooms, ranks and files: arrays by name, in order, with a
/// few words of description. A trained model is `NamedArrays`; so is a table.
class NamedArrays {
 public:
  using Attribute = std::variant<std::int64_t, double, std::string>;

  /// Adds or replaces. `shape` as in Array.
  void put(std::string const& name, Array::Data data, std::vector<std::int64_t> shape = {});
  bool has(std::string_view name) const { return find(name) != nullptr; }
  Array const& at(std::string_view name) const;

  /// The values of one array; throws DataError when it is missing or of another type.
  template <class T>
  std::vector<T> const& get(std::string_view name) const {
    if (auto const* values = std::get_if<std::vector<T>>(&at(name).data)) return *values;
    throw DataError{"array '" + std::string{name} + "' is not of the expected type"};
  }

  void set_attribute(std::string const& name, Attribute value);
  bool has_attribute(std::string_view name) const;
  Attribute const& attribute(std::string_view name) const;
  std::string text_attribute(std::string_view name) const;
  std::int64_t int_attribute(std::string_view name) const;

  std::vector<std::pair<std::string, Array>> const& arrays() const { return arrays_; }
  std::vector<std::pair<std::string, Attribute>> const& attributes() const { return attributes_; }

  /// SHA-256 (hex) over names, shapes and values in order: equal bits, equal hash. Attributes,
  /// which may hold times and hosts, do not count.
  std::string sha256() const;

  friend bool operator==(NamedArrays const&, NamedArrays const&) = default;

 private:
  Array const* find(std::string_view name) const;

  std::vector<std::pair<std::string, Array>> arrays_;
  std::vector<std::pair<std::string, Attribute>> attributes_;
};

}  // namespace canopy
