#include "canopy/core/array.hpp"

#include <algorithm>

#include "canopy/core/digest.hpp"

namespace canopy {
namespace {

template <class Pairs>
auto find_pair(Pairs& pairs, std::string_view name) {
  return std::ranges::find(pairs, name,
                           [](auto const& pair) -> std::string_view { return pair.first; });
}

template <class Pairs, class Value>
void put_pair(Pairs& pairs, std::string const& name, Value value) {
  auto const found = find_pair(pairs, name);
  if (found == pairs.end())
    pairs.emplace_back(name, std::move(value));
  else
    found->second = std::move(value);
}

void add(Sha256& hash, std::vector<std::string> const& words) {
  for (auto const& word : words) {
    hash.add_value(word.size());
    hash.add(word.data(), word.size());
  }
}

template <class T>
void add(Sha256& hash, std::vector<T> const& values) {
  hash.add(values.data(), values.size() * sizeof(T));
}

}  // namespace

void NamedArrays::put(std::string const& name, Array::Data data, std::vector<std::int64_t> shape) {
  put_pair(arrays_, name, Array{std::move(data), std::move(shape)});
}

Array const* NamedArrays::find(std::string_view name) const {
  auto const found = find_pair(arrays_, name);
  return found == arrays_.end() ? nullptr : &found->second;
}

Array const& NamedArrays::at(std::string_view name) const {
  if (auto const* array = find(name)) return *array;
  throw DataError{"there is no array '" + std::string{name} + "'"};
}

void NamedArrays::set_attribute(std::string const& name, Attribute value) {
  put_pair(attributes_, name, std::move(value));
}

bool NamedArrays::has_attribute(std::string_view name) const {
  return find_pair(attributes_, name) != attributes_.end();
}

NamedArrays::Attribute const& NamedArrays::attribute(std::string_view name) const {
  auto const found = find_pair(attributes_, name);
  if (found == attributes_.end())
    throw DataError{"there is no attribute '" + std::string{name} + "'"};
  return found->second;
}

std::string NamedArrays::text_attribute(std::string_view name) const {
  if (auto const* words = std::get_if<std::string>(&attribute(name))) return *words;
  throw DataError{"attribute '" + std::string{name} + "' is not text"};
}

std::int64_t NamedArrays::int_attribute(std::string_view name) const {
  if (auto const* number = std::get_if<std::int64_t>(&attribute(name))) return *number;
  throw DataError{"attribute '" + std::string{name} + "' is not a whole number"};
}

std::string NamedArrays::sha256() const {
  Sha256 hash;
  for (auto const& [name, array] : arrays_) {
    hash.add_value(name.size());
    hash.add(name.data(), name.size());
    hash.add_value(array.data.index());
    hash.add_value(array.size());
    add(hash, array.shape);
    std::visit([&](auto const& values) { add(hash, values); }, array.data);
  }
  return hash.hex();
}

}  // namespace canopy
