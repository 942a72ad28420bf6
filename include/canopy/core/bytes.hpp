#pragma once

#include <cstring>
#include <map>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "canopy/core/array.hpp"

/// Values as bytes, for messages between ranks of equal architecture. A struct takes part by one
/// member, used in both directions:
///     template <class Archive> void fields(Archive& archive) { archive(id, fold, name); }
namespace canopy {

using Bytes = std::vector<char>;

class ByteWriter {
 public:
  template <class... T>
  void operator()(T const&... values) {
    (write(values), ...);
  }
  Bytes take() { return std::move(bytes_); }

 private:
  void raw(void const* data, std::size_t size) {
    auto const* first = static_cast<char const*>(data);
    bytes_.insert(bytes_.end(), first, first + size);
  }
  template <class T>
  void write(T const& value) {
    if constexpr (std::is_trivially_copyable_v<T>)
      raw(&value, sizeof value);
    else
      const_cast<T&>(value).fields(*this);  // `fields` only reads when it is given a writer
  }
  void write(std::string const& word) {
    write(word.size());
    raw(word.data(), word.size());
  }
  template <class T>
  void write(std::vector<T> const& values) {
    write(values.size());
    if constexpr (std::is_trivially_copyable_v<T>)
      raw(values.data(), values.size() * sizeof(T));
    else
      for (auto const& value : values) write(value);
  }
  template <class A, class B>
  void write(std::pair<A, B> const& pair) {
    (*this)(pair.first, pair.second);
  }
  template <class K, class V>
  void write(std::map<K, V> const& map) {
    write(map.size());
    for (auto const& entry : map) write(entry);
  }
  template <class... T>
  void write(std::variant<T...> const& value) {
    write(value.index());
    std::visit([this](auto const& held) { write(held); }, value);
  }
  void write(NamedArrays const& named);

  Bytes bytes_;
};

/// Reads what ByteWriter wrote, in the same order. Throws std::runtime_error on short input.
class ByteReader {
 public:
  explicit ByteReader(Bytes const& bytes) : at_{bytes.data()}, end_{at_ + bytes.size()} {}

  template <class... T>
  void operator()(T&... values) {
    (read(values), ...);
  }
  bool done() const { return at_ == end_; }

 private:
  void raw(void* data, std::size_t size) {
    if (static_cast<std::size_t>(end_ - at_) < size) throw std::runtime_error{"message too short"};
    if (size > 0) std::memcpy(data, at_, size);
    at_ += size;
  }
  std::size_t count(std::size_t element_size) {
    std::size_t n = 0;
    raw(&n, sizeof n);
    if (n > static_cast<std::size_t>(end_ - at_) / element_size)
      throw std::runtime_error{"message too short"};
    return n;
  }
  template <class T>
  void read(T& value) {
    if constexpr (std::is_trivially_copyable_v<T>)
      raw(&value, sizeof value);
    else
      value.fields(*this);
  }
  void read(std::string& word) {
    word.resize(count(1));
    raw(word.data(), word.size());
  }
  template <class T>
  void read(std::vector<T>& values) {
    if constexpr (std::is_trivially_copyable_v<T>) {
      values.resize(count(sizeof(T)));
      raw(values.data(), values.size() * sizeof(T));
    } else {
      values.resize(count(1));
      for (auto& value : values) read(value);
    }
  }
  template <class A, class B>
  void read(std::pair<A, B>& pair) {
    (*this)(pair.first, pair.second);
  }
  template <class K, class V>
  void read(std::map<K, V>& map) {
    for (auto left = count(1); left > 0; --left) {
      std::pair<K, V> entry;
      read(entry);
      map.insert(std::move(entry));
    }
  }
  template <class... T>
  void read(std::variant<T...>& value) {
    std::size_t index = 0;
    raw(&index, sizeof index);
    read_alternative<0>(value, index);
  }
  template <std::size_t I, class... T>
  void read_alternative(std::variant<T...>& value, std::size_t index) {
    if constexpr (I == sizeof...(T)) {
      throw std::runtime_error{"message holds an unknown kind of value"};
    } else if (I == index) {
      read(value.template emplace<I>());
    } else {
      read_alternative<I + 1>(value, index);
    }
  }
  void read(NamedArrays& named);

  char const* at_;
  char const* end_;
};

template <class T>
Bytes to_bytes(T const& value) {
  ByteWriter writer;
  writer(value);
  return writer.take();
}

template <class T>
T from_bytes(Bytes const& bytes) {
  T value{};
  ByteReader reader{bytes};
  reader(value);
  return value;
}

}  // namespace canopy
